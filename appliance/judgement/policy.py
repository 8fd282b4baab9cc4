"""Policy profiles: every switch on which provinces disagree or no text decides, with its source and effective date.

A profile is ``config/policies/<id>.toml``; it may extend another. A campaign brings its own beside them, which extends
one of them. The whole profile is frozen into each audit.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from appliance.ledger.model import ProofLevel
from appliance.model import Category, Decision
from config.problems import BadInput
from config.toml_place import line_of, syntax_line

FOLDER = Path(__file__).parents[2] / "config" / "policies"
PROFILE_NAME = re.compile(r"[a-z0-9-]{1,64}")


class Switches(BaseModel):
    """The values of all switches; what each means stands beside it in ``national.toml``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    audited_categories: frozenset[Category]
    proof_required: ProofLevel
    commercial_outside_audit: Literal["judge", "exclude"]
    unlisted_in_rates: bool
    scrapped_in_base: bool
    personal_antivirus: Decision
    inbox_antivirus: bool
    inbox_antivirus_names: tuple[str, ...]
    junk_makers: frozenset[str]
    oem_home: Decision
    administrative_departments: tuple[str, ...]
    legal_rate_mode: Literal["copy", "computer"]
    power_on_base: Literal["listed", "clients"]
    justified_in_asset_match: bool
    check_clients: tuple[str, ...]


class Switch(BaseModel):
    """One switch as a profile states it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    value: Any
    source: str
    quote: str = ""  # the sentence of the source; empty where no text decides (口径约定)
    effective: date


class Profile(BaseModel):
    """The shape of a profile's file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_: Literal["hezheng.policy/1"]
    id: str
    title: str
    extends: str = ""
    switches: dict[str, Switch]
    rate_definitions: dict[str, str] = {}  # a campaign's own sentence of a rate, by its name


@dataclass(frozen=True, slots=True)
class Policy:
    """One profile, resolved. ``stated`` is what the files say, switch by switch, to be frozen into the audit."""

    id: str
    title: str
    switches: Switches
    stated: Mapping[str, Switch]
    rate_definitions: Mapping[str, str] = field(default_factory=dict[str, str])

    def to_json(self) -> dict[str, Any]:
        """Shape ``{id, title, switches: {name: {value, source, quote, effective}}, rate_definitions}``."""
        stated = {name: switch.model_dump(mode="json") for name, switch in sorted(self.stated.items())}
        return {"id": self.id, "title": self.title, "switches": stated, "rate_definitions": dict(self.rate_definitions)}


def profiles(folder: Path = FOLDER) -> tuple[str, ...]:
    """The ids of the profiles that are there."""
    return tuple(sorted(path.stem for path in folder.glob("*.toml")))


def load_policy(name: str, folder: Path = FOLDER, own: Path | None = None) -> Policy:
    """Read a profile and what it extends; ``own``: a folder of a campaign's profiles, which extend those of ``folder``.

    Raises BadInput ``policy.unknown_profile``, ``policy.bad_file``.
    """
    places = [folder, *([own] if own else [])]
    at = next((place for place in places if PROFILE_NAME.fullmatch(name) and (place / f"{name}.toml").is_file()), None)
    if at is None:
        known = "、".join(known for place in places for known in profiles(place))
        raise BadInput("policy.unknown_profile", profile=name, known=known)
    files = [at / f"{name}.toml"]
    chain = [_read(files[0])]
    while parent := chain[-1].extends:
        file = folder / f"{parent}.toml"
        if parent in {profile.id for profile in chain} or not PROFILE_NAME.fullmatch(parent) or not file.is_file():
            raise _bad(files[-1], ("extends",), parent)
        files.append(file)
        chain.append(_read(file))
    stated: dict[str, Switch] = {}
    definitions: dict[str, str] = {}
    for profile in reversed(chain):
        stated.update(profile.switches)
        definitions.update(profile.rate_definitions)
    switches = _switches(list(zip(files, chain, strict=True)), stated)
    return Policy(chain[0].id, chain[0].title, switches, stated, definitions)


def _read(file: Path) -> Profile:
    try:
        content = tomllib.loads(file.read_text("utf-8"))
        return Profile.model_validate({"schema_" if key == "schema" else key: v for key, v in content.items()})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput("policy.bad_file", file=file.name, line=syntax_line(error), key="", detail=str(error)) from error
    except ValidationError as error:
        first = error.errors()[0]
        raise _bad(file, tuple(first["loc"]), first["msg"]) from error


def _switches(chain: Sequence[tuple[Path, Profile]], stated: Mapping[str, Switch]) -> Switches:
    try:
        return Switches.model_validate({key: switch.value for key, switch in stated.items()})
    except ValidationError as error:
        first = error.errors()[0]
        says = next((file for file, profile in chain if str(first["loc"][0]) in profile.switches), chain[0][0])
        raise _bad(says, ("switches", *first["loc"][:1], "value"), first["msg"]) from error


def _bad(file: Path, where: tuple[int | str, ...], detail: str) -> BadInput:
    line = line_of(file.read_text("utf-8"), where)
    return BadInput("policy.bad_file", file=file.name, line=line, key=".".join(map(str, where)), detail=detail)
