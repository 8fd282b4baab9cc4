"""What the end of a worker means: for the credential it used, and for its host; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from config.message import Message
from credentials.selection import LoginResult
from scanner import process
from scanner.model import CollectorResult, HostFacts, Outcome

REASONS: Mapping[str, Outcome] = {
    "selection.no_login_port": Outcome.UNSUPPORTED,
    "selection.untrusted": Outcome.FAILED,
}
"""Outcome of a host that is not logged in to; DENIED for every other reason."""

RESULTS: Mapping[str, LoginResult] = {
    "login.refused": LoginResult.REFUSED,
    "login.locked": LoginResult.LOCKED,
    "login.disabled": LoginResult.DISABLED,
    "login.expired": LoginResult.EXPIRED,
    "login.must_change": LoginResult.MUST_CHANGE,
    "ssh.cut_at_login": LoginResult.UNANSWERED,
    "smb.logon_restricted": LoginResult.RESTRICTED,
    "smb.no_logon_server": LoginResult.RESTRICTED,
    "smb.ntlm_blocked": LoginResult.RESTRICTED,
    "smb.busy": LoginResult.RESTRICTED,
}
"""By reason code. The last four are answers that are given without looking at the password, or after it was right."""

FINAL_RESULTS = (LoginResult.UNREACHABLE, LoginResult.UNANSWERED, LoginResult.ACCEPTED)
"""After these a host is not tried with another credential."""


def login_result(kind: str, code: str) -> LoginResult:
    """What an error of a worker says about the credential it used, before its login was accepted."""
    if code in RESULTS:
        return RESULTS[code]
    if kind == "LogonRefused":
        return LoginResult.REFUSED
    if kind == "Untrusted":
        return LoginResult.UNTRUSTED
    return LoginResult.UNREACHABLE


def cause_of(ended: process.ChildEnded, deadline_seconds: int) -> tuple[Outcome, Message]:
    """Outcome and reason of a host whose worker did not finish."""
    if isinstance(ended, process.DeadlinePassed):
        return Outcome.TIMED_OUT, Message.of("worker.deadline", seconds=deadline_seconds)
    if isinstance(ended, process.TooMuchOutput):
        return Outcome.FAILED, Message.of("worker.too_much")
    assert isinstance(ended, process.ChildCrashed)
    if ended.out_of_memory:
        return Outcome.FAILED, Message.of("worker.out_of_memory")
    if ended.out_of_time:
        return Outcome.TIMED_OUT, Message.of("worker.out_of_time")
    detail = ended.trace.strip().rpartition("\n")[2][:200] or str(ended.exit_code)
    code = "worker.out_of_scope" if "OutOfScope" in detail else "worker.crashed"
    return Outcome.FAILED, Message.of(code, detail=detail)


def cut_short(found: HostFacts, outcome: Outcome, reason: Message) -> HostFacts:
    """Facts of a host whose worker died: why it did stands beside what had been read, also when that was enough."""
    worker = CollectorResult("worker", 1, outcome, reason)
    cut = replace(found, collectors=(*found.collectors, worker))
    return cut if found.outcome is Outcome.READ else replace(cut, outcome=outcome, reason=reason)
