"""R27: "not collected (off, refused, no credential, segment not visited) → no verdict; 未采集, never in a numerator".

"An empty package list, a refused login or a UAC-filtered token is *not collected*, never 'no software'" (counting
rules).
"""

from __future__ import annotations

from config.message import Message
from scanner.model import HostFacts, Outcome


def fully_collected(facts: HostFacts) -> bool:
    """Whether everything asked was read and the list of software is not empty."""
    return facts.outcome is Outcome.READ and bool(facts.installations)


def has_evidence(facts: HostFacts) -> bool:
    """Whether there is anything to judge: a partly read computer is judged on what was read."""
    return bool(facts.installations) or (facts.outcome is Outcome.READ and facts.os is not None)


def why(outcome: Outcome | None, reason: Message | None, *, partly: bool) -> tuple[Message, ...]:
    """The reasons of a 未采集 finding."""
    state = "finding.partly_collected" if partly else "finding.not_collected"
    first = Message.of(state, outcome=(outcome or Outcome.UNREACHABLE).value)
    return (first, reason) if reason else (first,)
