"""A computer in the short form of ``case.toml``: a host, its facts and its asset row, what is plain left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from appliance.judgement.case_faults import FILE, bad_value, unknown_key, wrong
from appliance.judgement.roster import AuditHost
from appliance.ledger.model import Asset, AssetState, RowRef
from config.problems import BadInput
from scanner import facts as facts_json
from scanner.model import (
    FACTS_SCHEMA,
    Antivirus,
    DeviceKind,
    FloatingLicence,
    HostFacts,
    InstalledSoftware,
    LicenceState,
    OperatingSystem,
    Outcome,
    Platform,
    Trace,
)

Table = dict[str, Any]
DAYS = ("evaluation_end", "valid_until", "service_until", "installed_on")
ASSET_KEYS = ("department", "computer_no", "brand", "xinchuang", "state", "user")
IDENTITY_KEYS = ("serial", "maker", "smbios_uuid", "model", "chassis", "macs")
MAKER = "LENOVO"
GROUPS: Mapping[str, type] = {
    "os": OperatingSystem,
    "software": InstalledSoftware,
    "licence": LicenceState,
    "traces": Trace,
    "antivirus": Antivirus,
    "floating": FloatingLicence,
}
"""Keys whose tables are records of ``hezheng.facts/1``."""


class _Row(BaseModel):
    """The keys of a ``[[computers]]`` table."""

    model_config = ConfigDict(extra="forbid")

    host: str = Field(min_length=1)
    listed: bool = True
    asset: str = ""
    asset_serial: str = ""
    department: str = ""
    computer_no: str = ""
    brand: str = ""
    user: str = ""
    xinchuang: bool = False
    state: AssetState = AssetState.IN_USE
    serial: str = ""
    maker: str = ""
    smbios_uuid: str = ""
    model: str = ""
    chassis: str = ""
    macs: list[str] = []
    address: str = ""
    kind: DeviceKind = DeviceKind.COMPUTER
    in_scope: bool = True
    outcome: Outcome = Outcome.READ
    platform: Platform = Platform.WINDOWS
    os: str | Table = ""
    software: list[str | Table] = []
    licence: list[Table] = []
    traces: list[Table] = []
    antivirus: list[Table] = []
    floating: list[Table] = []


def known_keys(where: str, row: Table, kind: type[Any], *more: str) -> None:
    """Raise BadInput ``case.unknown_key`` for a key that ``kind`` does not have."""
    known = {one.name for one in fields(kind)} | set(more)
    for key in sorted(row.keys() - known):
        raise unknown_key(where, key, known)


def dates_as_text(row: Table) -> Table:
    """TOML dates as ``hezheng.facts/1`` and records by hand write them: in ISO 8601."""
    return {key: value.isoformat() if isinstance(value, date) else value for key, value in row.items()}


@dataclass(frozen=True, slots=True)
class CaseComputer:
    """What one ``[[computers]]`` table stands for."""

    host: AuditHost
    facts: HostFacts | None
    asset: Asset | None
    asset_no: str | None


def computer_facts(row: Table, as_of: date, n: int) -> CaseComputer:
    """Read the ``n``-th table. Raises BadInput ``case.bad_file`` naming the key."""
    where = f"computers[{n}]"
    _check_row(where, row)
    name = str(row["host"])
    outcome = Outcome(row.get("outcome", "READ"))
    read = outcome is Outcome.READ or "software" in row
    try:
        facts = facts_json.from_json(_document(name, row, outcome, as_of)) if read else None
    except BadInput as refused:
        params = refused.message.params
        raise BadInput("case.bad_file", **{**params, "file": FILE, "where": f"{where} {params['field']}"}) from refused
    host = AuditHost(
        id=name,
        address=str(row.get("address", name)),
        kind=DeviceKind(row.get("kind", "computer")),
        hostname=name,
        in_scope=bool(row.get("in_scope", True)),
        outcome=outcome,
        reason=None,
        facts_id=f"f-{name}" if read else "",
    )
    asset = _asset(name, row) if row.get("listed", True) and "asset" not in row else None
    return CaseComputer(host, facts, asset, row.get("asset") or (asset.asset_no if asset else None))


def _check_row(where: str, row: Table) -> None:
    """Raise BadInput for keys and values that a computer cannot have."""
    try:
        _Row.model_validate(row)
    except ValidationError as error:
        unknown = error.errors()[0]["type"] == "extra_forbidden"
        raise (
            unknown_key(where, str(error.errors()[0]["loc"][0]), _Row.model_fields)
            if unknown
            else bad_value(where, error)
        ) from error
    for key, kind in GROUPS.items():
        value = row.get(key, ())
        for m, item in enumerate((value,) if key == "os" else value, 1):
            place = f"{where} {key}" if key == "os" else f"{where} {key}[{m}]"
            if isinstance(item, dict):
                known_keys(place, cast(Table, item), kind)
                _check_dates(place, dates_as_text(cast(Table, item)))
            elif key == "software" and not str(item).partition("|")[0].strip():
                raise wrong(place, "blank")


def _check_dates(where: str, item: Table) -> None:
    """Days that rules compare: one that is none would be compared in silence."""
    for key in DAYS:
        if text := str(item.get(key) or ""):
            try:
                date.fromisoformat(text[:10])
            except ValueError as error:
                raise wrong(f"{where} {key}", "date_parsing") from error


def _asset(name: str, row: Table) -> Asset:
    serials = (str(row["asset_serial"]),) if "asset_serial" in row else ()
    values = {key: row[key] for key in ASSET_KEYS if key in row}
    values |= {"state": AssetState(row["state"])} if "state" in row else {}
    return Asset(RowRef("case.toml", "computers", 1), f"ZC-{name}", hostname=name, serials=serials, **values)


def _document(name: str, row: Table, outcome: Outcome, as_of: date) -> Table:
    """The facts as ``hezheng.facts/1``."""
    moment = f"{as_of.isoformat()}T09:00:00+08:00"
    platform = row.get("platform", "windows")
    document: Table = {
        "schema": FACTS_SCHEMA,
        "id": f"f-{name}",
        "outcome": outcome.value,
        "origin": "network",
        "started_at": moment,
        "finished_at": moment,
        "platform": platform,
        "address": str(row.get("address", name)),
        "identity": {"hostname": name, "maker": MAKER, **{key: row[key] for key in IDENTITY_KEYS if key in row}},
        "installations": [_software(n, item) for n, item in enumerate(row.get("software", ()), 1)],
    }
    if system := row.get("os"):
        shown = {"name": system} if isinstance(system, str) else system
        document["os"] = {"family": platform, "observation": "os", **dates_as_text(shown)}
    groups = {"licence_states": "licence", "traces": "traces", "antivirus": "antivirus"}
    for group, key in {**groups, "floating_licences": "floating"}.items():
        if key in row:
            document[group] = [_sourced(group, n, item) for n, item in enumerate(row[key], 1)]
    return document


def _software(n: int, item: str | Table) -> Table:
    """``"WPS Office|11.1.0|Kingsoft"`` or a table of ``hezheng.facts/1``."""
    if isinstance(item, str):
        name, version, publisher = (*item.split("|"), "", "")[:3]
        item = {"name": name, "version": version or None, "publisher": publisher or None}
    return {"source": f"entry {n}", "scope": "machine", "observation": f"s{n}", **dates_as_text(item)}


def _sourced(group: str, n: int, item: Table) -> Table:
    names: Table = {"name": str(item.get("application", ""))} if group == "licence_states" else {}
    source: Table = {} if group == "floating_licences" else {"source": f"{group} {n}"}
    return {**names, **source, "observation": f"{group[0]}{n}", **dates_as_text(item)}
