"""The file ``case.toml``: its shape, and what it expects to come out. Format: ``docs/cases.md``."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import fields
from datetime import date
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from appliance.judgement.case_faults import FILE, bad_toml, bad_value, text_of, unknown_key
from appliance.judgement.case_names import unknown_id
from appliance.judgement.declared import Declared, UnitKind
from appliance.judgement.policy import profiles
from appliance.model import Phase
from config.problems import BadInput

SCHEMA = "hezheng.case/1"
Table = dict[str, Any]


class Expected(BaseModel):
    """One verdict worked out by hand. ``why`` is the reason in words; ``says`` are codes that must be among it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    product: str
    decision: Literal["licensed", "unlicensed", "to_verify", "excluded", "none"]
    rule: str = Field("", pattern="^(R([1-9]|[12][0-9]|3[01]))?$")  # empty: not compared
    why: str = ""
    host: str = ""
    quantity: int = 1
    software_no: str | None = None
    says: tuple[str, ...] = ()


class ExpectedRate(BaseModel):
    """Integers of one rate; what is left out is not compared."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    n: int | None = None
    d: int | None = None
    lower: int | None = None
    upper: int | None = None
    excluded: int | None = None
    final: bool | None = None


class ExpectedFinding(BaseModel):
    """A finding that must be there; without ``subject`` any of its kind."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str
    subject: str = ""


class ExpectedPosition(BaseModel):
    """A licence position; what is left out is not compared."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    software_no: str
    product_id: str | None = None
    installs: int | None = None
    quantity: int | None = None
    gap: int | None = None
    idle: int | None = None
    at_least: bool | None = None
    ended: bool | None = None


class CaseFile(BaseModel):
    """The shape of ``case.toml``; every list may be left out."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_: Literal["hezheng.case/1"] = SCHEMA
    title: str = ""
    unit: str = "某单位"
    unit_kind: UnitKind = UnitKind.GOVERNMENT
    as_of: date
    phase: Phase = Phase.ON_SITE
    policy: str = "national"
    window: tuple[date, date] | None = None
    policy_switches: Table = {}
    computers: tuple[Table, ...] = ()
    assets: tuple[Table, ...] = ()
    licences: tuple[Table, ...] = ()
    free_list: tuple[Table, ...] = ()
    proofs: tuple[Table, ...] = ()
    declared: Mapping[str, tuple[Table, ...]] = {}
    expect: tuple[Expected, ...] = ()
    expect_rates: Mapping[str, ExpectedRate] = {}
    expect_findings: tuple[ExpectedFinding, ...] = ()
    expect_positions: tuple[ExpectedPosition, ...] = ()


def read_file(path: Path) -> CaseFile:
    """Read ``case.toml``; everything that is no key of its own is a list of declared records."""
    if not path.exists():
        raise BadInput("case.missing", folder=path.parent.name)
    text = text_of(path, FILE)
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise bad_toml(text, error) from error
    known = {name for name in CaseFile.model_fields if name not in ("schema_", "declared")}
    declared = {field.name for field in fields(Declared)}
    for name in content.keys() - known - declared - {"schema"}:
        raise unknown_key("", name, known | declared | {"schema"})
    shaped = {name: value for name, value in content.items() if name in known}
    shaped["schema_"] = content.get("schema", SCHEMA)
    shaped["declared"] = {name: value for name, value in content.items() if name in declared}
    try:
        return _checked(CaseFile.model_validate(shaped))
    except ValidationError as error:
        raise bad_value("", error) from error


def _checked(file: CaseFile) -> CaseFile:
    """What pydantic cannot see: a profile that is there, and a window that does not end before it begins."""
    known = profiles()
    if file.policy not in known:
        raise unknown_id("policy", file.policy, known)
    if file.window and file.window[0] > file.window[1]:
        first, last = (day.isoformat() for day in file.window)
        raise BadInput("case.window", file=FILE, first=first, last=last)
    return file
