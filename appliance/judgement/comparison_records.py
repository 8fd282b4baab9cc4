"""Asset ledger, licence ledger and computers of two visits: what came, went and changed. Pure.

Rows are known by 资产编号 and 软件编号, never by their place in a file: a ledger that is imported again, in another
order or with other columns, changes nothing by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from appliance.judgement.comparison_computers import Links, SeenComputer

ASSET_FIELDS = (
    "quantity",
    "name",
    "brand",
    "model",
    "serials",
    "macs",
    "addresses",
    "computer_no",
    "department",
    "user",
    "state",
)
LICENCE_FIELDS = (
    "name",
    "version",
    "software_type",
    "licence_type",
    "quantity",
    "usable_versions",
    "valid_until",
    "perpetual",
)
COMPUTER_FIELDS = ("hostname", "address", "asset_no", "department", "user", "serial", "uuid", "macs")


class RecordChange(NamedTuple):
    """``area``: asset, licence, computer or software. ``change``: added, removed, changed … ``fields``: [old, new]."""

    area: str
    change: str
    subject: str
    fields: Mapping[str, tuple[Any, Any]]


def asset_changes(before: Iterable[Mapping[str, Any]], after: Iterable[Mapping[str, Any]]) -> Iterator[RecordChange]:
    """固定资产 rows, as JSON objects."""
    return _changes("asset", "asset_no", ASSET_FIELDS, before, after)


def licence_changes(before: Iterable[Mapping[str, Any]], after: Iterable[Mapping[str, Any]]) -> Iterator[RecordChange]:
    """附件7 rows, as JSON objects."""
    return _changes("licence", "software_no", LICENCE_FIELDS, before, after)


def _changes(
    area: str,
    known_by: str,
    fields: tuple[str, ...],
    before: Iterable[Mapping[str, Any]],
    after: Iterable[Mapping[str, Any]],
) -> Iterator[RecordChange]:
    old, new = ({str(row[known_by]): row for row in rows if row.get(known_by)} for rows in (before, after))
    for number in sorted(old.keys() | new.keys()):
        if number not in new:
            yield RecordChange(area, "removed", number, {"name": (old[number].get("name", ""), "")})
        elif number not in old:
            yield RecordChange(area, "added", number, {"name": ("", new[number].get("name", ""))})
        elif differing := _differing(old[number], new[number], fields):
            yield RecordChange(area, "changed", number, differing)


def _differing(old: Mapping[str, Any], new: Mapping[str, Any], fields: Iterable[str]) -> dict[str, tuple[Any, Any]]:
    pairs = ((name, _plain(old.get(name)), _plain(new.get(name))) for name in fields)
    return {name: (was, now) for name, was, now in pairs if was != now}


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, list | tuple) else value


def computer_changes(
    before: Iterable[SeenComputer], after: Iterable[SeenComputer], links: Links
) -> Iterator[RecordChange]:
    """Computers that came, went, or are known by another name, address, owner or part; ``subject`` is a host id."""
    old, new = {one.host_id: one for one in before}, {one.host_id: one for one in after}
    back = {other: host for host, other in links.to.items()}
    for host in sorted(old):
        if host not in links.to:
            yield RecordChange("computer", "removed", host, {"address": (old[host].address, "")})
    for host in sorted(new):
        if host not in back:
            yield RecordChange("computer", "added", host, {"address": ("", new[host].address)})
            continue
        was, now = old[back[host]], new[host]
        pairs = ((name, _plain(getattr(was, name)), _plain(getattr(now, name))) for name in COMPUTER_FIELDS)
        # What one visit could not read has not changed by that.
        if differing := {name: (a, b) for name, a, b in pairs if a != b and a and b}:
            yield RecordChange("computer", "changed", host, differing)
