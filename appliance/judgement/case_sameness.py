"""Two discovered hosts of a case that people say are one computer count once, as in an inspection."""

from __future__ import annotations

from collections.abc import Iterable

from appliance.judgement.declared import SameComputer
from appliance.judgement.roster import AuditHost
from appliance.model import Match
from appliance.recognition.sameness import Decided, Sameness, Seen, same_computers
from scanner.model import Identity


def joined(hosts: Iterable[AuditHost], words: Iterable[SameComputer]) -> Sameness:
    """What people's words join; a case's evidence joins nothing by itself, so that two systems of one computer stay."""
    seen = (Seen(host.id, host.address, known=Identity() if host.facts_id else None) for host in hosts)
    return same_computers(seen, (Decided(word.host_id, word.other_id, word.same) for word in words))


def standing_matches(matches: Iterable[Match], same: Sameness) -> list[Match]:
    """The matches of the hosts that stand for a computer; one off the ledger takes the asset of its other hosts."""
    every = {match.host_id: match for match in matches}
    found: list[Match] = []
    for host_id, match in every.items():
        if host_id in same.main:
            continue
        others = (every[other].asset for other in same.others(host_id) if other in every)
        asset = match.asset or next((asset for asset in others if asset), None)
        found.append(Match(host_id, asset) if asset != match.asset else match)
    return found
