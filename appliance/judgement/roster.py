"""Who counts: A (listed computers not disposed of), what each host is on the asset ledger, and what is missing.
Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from appliance.judgement.declared import Declared, Ground
from appliance.judgement.policy import Switches
from appliance.ledger.model import Asset, AssetState
from appliance.model import Match
from config.message import Message
from scanner.model import DeviceKind, Outcome

JUSTIFIED = (Ground.LEASED, Ground.OUTSOURCED, Ground.CLOUD)
UNLISTED = Match("", None)


@dataclass(frozen=True, slots=True)
class AuditHost:
    """One discovered host as the audit sees it. ``facts_id`` is empty when nothing was read."""

    id: str
    address: str
    kind: DeviceKind
    hostname: str
    in_scope: bool
    outcome: Outcome | None
    reason: Message | None
    facts_id: str
    mac: str = ""  # as discovery saw it


@dataclass(frozen=True, slots=True)
class Roster:
    """Hosts in scope that are computers, brought to the asset ledger."""

    base: Mapping[str, Asset]  # A by asset_no, in order
    hosts: tuple[AuditHost, ...]  # in scope, computers or collected, by id
    matches: Mapping[str, Match]  # by host id
    disposed: Mapping[str, str] = field(default_factory=dict[str, str])  # asset number → its disposal paper
    justified: frozenset[str] = frozenset()  # ids of hosts off the ledger with a stated reason: 租赁, 外包, 云主机

    def asset_of(self, host_id: str) -> Asset | None:
        """The asset in A that a host was matched to; None = 实有账无."""
        number = self.matches.get(host_id, UNLISTED).asset
        return self.base.get(number) if number is not None else None

    def size(self) -> int:
        """A, counted by 数量."""
        return sum(asset.quantity for asset in self.base.values())


def build_roster(
    hosts: Iterable[AuditHost],
    matches: Iterable[Match],
    assets: Iterable[Asset],
    declared: Declared,
    switches: Switches,
) -> Roster:
    """``declared`` brings disposal papers and notes about single computers."""
    disposed = {disposal.asset_no: disposal.paper for disposal in declared.disposals}
    base = {
        asset.asset_no: asset
        for asset in sorted(assets, key=lambda asset: (asset.asset_no, asset.ref.text()))
        if asset.is_computer and asset.asset_no not in disposed and _counts(asset, switches)
    }
    mine = (host for host in hosts if host.in_scope and (host.kind is DeviceKind.COMPUTER or host.facts_id))
    return Roster(
        base=base,
        hosts=tuple(sorted(mine, key=lambda host: host.id)),
        matches={match.host_id: match for match in matches},
        disposed=disposed,
        justified=frozenset(note.host_id for note in declared.host_notes if note.ground in JUSTIFIED),
    )


def _counts(asset: Asset, switches: Switches) -> bool:
    return asset.state is not AssetState.SCRAPPED or switches.scrapped_in_base


def found_by_asset(roster: Roster, host_ids: Iterable[str]) -> dict[str, int]:
    """How many of these hosts stand behind each asset of A, never more than its 数量."""
    found = dict.fromkeys(roster.base, 0)
    for host_id in host_ids:
        if asset := roster.asset_of(host_id):
            found[asset.asset_no] = min(asset.quantity, found[asset.asset_no] + 1)
    return found
