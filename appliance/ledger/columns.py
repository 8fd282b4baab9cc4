"""Header synonyms and word lists: ``config/ledger_columns.toml``, checked."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

import config
from appliance.ledger.model import (
    AssetCategory,
    AssetState,
    CodeEdition,
    InstallAction,
    LedgerKind,
    LicenceType,
    ProofLevel,
    ServerKind,
    SoftwareType,
    Standing,
)
from appliance.ledger.text import key
from config.problems import BadInput
from config.toml_place import line_of, syntax_line

FILE = Path(config.__file__).parent / "ledger_columns.toml"

_FIELDS: Mapping[LedgerKind, str] = {
    LedgerKind.ASSETS: "row_no asset_no quantity name classification_code brand model serials macs addresses hostname "
    "computer_no department user state xinchuang",
    LedgerKind.LICENCES: "row_no software_no name version software_type commercial_mark oem_mark free_mark "
    "purchased_on amount licence_type quantity usable_versions term serial installed_count remark",
    LedgerKind.FREE_LIST: "row_no software_no name version source vendor vendor_contact departments reason remark",
    LedgerKind.ALLOCATIONS: "row_no department user computer_no brand software_no software_name version term "
    "software_type commercial_mark oem_mark free_mark installed_on remark",
    LedgerKind.INSTALL_LOG: "row_no install_mark uninstall_mark action computer_no brand user department version "
    "done_on quantity software_no software_name remark",
    LedgerKind.LEADERS: "row_no role name department post phone fax remark",
    LedgerKind.SUBUNITS: "row_no name parent system region xinchuang_computers other_computers clients_deployed "
    "contact phone remark",
    LedgerKind.PROOFS: "row_no software_no name kind number level issued_on quantity amount remark",
    LedgerKind.SERVERS: "row_no kind address port software_no software seats peak remark",
    LedgerKind.LINKS: "row_no computer_no asset_no hostname addresses remark",
    LedgerKind.CLIENT_EXPORT: "row_no hostname addresses macs department user product version publisher category "
    "standing seen_on remark",
    LedgerKind.BASELINE: "row_no kind computer department user software detail found_on closed remark",
}
FIELDS: Mapping[LedgerKind, frozenset[str]] = {kind: frozenset(names.split()) for kind, names in _FIELDS.items()}
"""The fields of each ledger that is a table."""

T = TypeVar("T")
Word = Annotated[str, Field(min_length=1)]
WordList = Annotated[tuple[Word, ...], Field(min_length=1)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Form(_Table):
    title: Word
    required: tuple[Word, ...]
    other_forms: tuple[Word, ...]
    fill_down: tuple[Word, ...]
    carry_down: tuple[Word, ...] = ()
    every_sheet: bool = False
    wins_ties: bool = False
    one_of: tuple[Word, ...] = ()
    told_by: tuple[Word, ...] = ()
    columns: dict[str, WordList]
    head: dict[str, WordList] = {}


class _Words(_Table):
    blank: WordList
    yes: WordList
    no: WordList
    perpetual: WordList
    site: WordList
    whole_unit: WordList
    dynamic_address: WordList
    junk_serials: WordList
    total: WordList
    note: WordList
    example: WordList
    states: dict[AssetState, WordList]
    software_types: dict[SoftwareType, WordList]
    licence_types: dict[LicenceType, WordList]
    actions: dict[InstallAction, WordList]
    server_kinds: dict[ServerKind, WordList]
    standings: dict[Standing, WordList]
    proof_levels: dict[ProofLevel, WordList]
    closed: dict[Literal["yes", "no"], WordList]


class _Computers(_Table):
    code_prefixes: WordList
    code_pattern: str
    editions: dict[CodeEdition, dict[Word, AssetCategory]]
    kinds: dict[AssetCategory, WordList]
    other_anywhere: WordList
    other_words: WordList
    words: WordList

    @field_validator("code_pattern")
    @classmethod
    def _compiles(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(str(error)) from error
        return value


class _File(_Table):
    assets: _Form
    licences: _Form
    free_list: _Form
    allocations: _Form
    install_log: _Form
    leaders: _Form
    subunits: _Form
    proofs: _Form
    servers: _Form
    links: _Form
    client_export: _Form
    baseline: _Form
    words: _Words
    computers: _Computers


@dataclass(frozen=True, slots=True)
class Form:
    """One ledger's columns. ``by_header`` maps a header's comparison key to its field and rank (0 first)."""

    kind: LedgerKind
    title: str
    required: tuple[str, ...]
    other_forms: frozenset[str]
    fill_down: frozenset[str]
    labels: Mapping[str, str]
    by_header: Mapping[str, tuple[str, int]]
    carry_down: frozenset[str]
    every_sheet: bool
    wins_ties: bool  # against another form that fits as well
    one_of: tuple[str, ...]  # of these fields one at least must be there
    told_by: tuple[str, ...]  # without these a file is this form only when somebody says so
    head: Mapping[str, tuple[str, int]]  # headers of what stands once above the table


@dataclass(frozen=True, slots=True)
class Words:
    """Word lists by comparison key (:func:`appliance.ledger.text.key`)."""

    blank: frozenset[str]
    blank_openers: frozenset[str]  # no text that begins with another ASCII character is blank
    yes_no: Mapping[str, bool]
    perpetual: tuple[str, ...]
    site: frozenset[str]
    whole_unit: frozenset[str]
    dynamic_address: frozenset[str]
    junk_serials: frozenset[str]
    total: frozenset[str]
    note: frozenset[str]
    example: frozenset[str]
    states: Mapping[str, AssetState]
    software_types: Mapping[str, SoftwareType]
    licence_types: Mapping[str, LicenceType]
    actions: Mapping[str, InstallAction]
    server_kinds: Mapping[str, ServerKind]
    standings: Mapping[str, Standing]
    proof_levels: tuple[tuple[ProofLevel, tuple[str, ...]], ...]  # the strongest first
    closed: Mapping[str, bool]


@dataclass(frozen=True, slots=True, eq=False)  # compared and hashed by identity: it is a cache key on a hot path
class Computers:
    """What tells a computer from other assets."""

    code_prefixes: tuple[str, ...]
    code_pattern: re.Pattern[str]
    editions: Mapping[CodeEdition, Mapping[str, AssetCategory]]  # edition → code → kind
    kinds: tuple[tuple[AssetCategory, tuple[str, ...]], ...]  # in the order in which they are looked for
    other_anywhere: tuple[str, ...]
    other_words: tuple[str, ...]
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Columns:
    """The whole file."""

    forms: Mapping[LedgerKind, Form]
    words: Words
    computers: Computers


@cache
def standard() -> Columns:
    """The columns that the appliance ships with."""
    return load(FILE)


def load(file: Path) -> Columns:
    """Read and check a columns file. Raises BadInput ``ledger.bad_columns`` (file, line, key, detail)."""
    try:
        raw = _File.model_validate(tomllib.loads(file.read_text("utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(
            "ledger.bad_columns", file=file.name, line=syntax_line(error), key="", detail=str(error)
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        raise _bad(file, tuple(first["loc"]), first["msg"]) from error
    forms = {kind: _form(kind, getattr(raw, kind.value), file) for kind in FIELDS}
    return Columns(forms, _words(raw.words), _computers(raw.computers))


def _form(kind: LedgerKind, table: _Form, file: Path) -> Form:
    for where, names in (
        ("columns", tuple(table.columns)),
        ("required", table.required),
        ("fill_down", table.fill_down),
        ("carry_down", table.carry_down),
        ("head", tuple(table.head)),
        ("one_of", table.one_of),
        ("told_by", table.told_by),
    ):
        if unknown := [name for name in names if name not in FIELDS[kind]]:
            raise _bad(file, (kind.value, where), f"unknown field {unknown[0]}")
    if missing := [name for name in table.required if name not in table.columns]:
        raise _bad(file, (kind.value, "required"), f"{missing[0]} has no header")
    return Form(
        kind=kind,
        title=table.title,
        required=table.required,
        other_forms=frozenset(map(key, table.other_forms)),
        fill_down=frozenset(table.fill_down),
        labels={name: headers[0] for name, headers in table.columns.items()},
        by_header=_by_header(kind, table.columns, file),
        carry_down=frozenset(table.carry_down),
        every_sheet=table.every_sheet,
        wins_ties=table.wins_ties,
        one_of=table.one_of,
        told_by=table.told_by,
        head=_by_header(kind, table.head, file),
    )


def _by_header(kind: LedgerKind, columns: Mapping[str, tuple[str, ...]], file: Path) -> Mapping[str, tuple[str, int]]:
    found: dict[str, tuple[str, int]] = {}
    for name, headers in columns.items():
        for rank, header in enumerate(headers):
            other, _ = found.setdefault(key(header), (name, rank))
            if other != name:
                raise _bad(file, (kind.value, "columns", name), f"{header} also names {other}")
    return found


def _bad(file: Path, where: tuple[int | str, ...], detail: str) -> BadInput:
    line = line_of(file.read_text("utf-8"), where)
    return BadInput("ledger.bad_columns", file=file.name, line=line, key=".".join(map(str, where)), detail=detail)


def _words(raw: _Words) -> Words:
    return Words(
        blank=frozenset(map(key, raw.blank)),
        blank_openers=frozenset(letter for word in raw.blank for letter in (word[:1].lower(), word[:1].upper()))
        | frozenset(("", " ", "_")),
        yes_no={**dict.fromkeys(map(key, raw.yes), True), **dict.fromkeys(map(key, raw.no), False)},
        perpetual=tuple(map(key, raw.perpetual)),
        site=frozenset(map(key, raw.site)),
        whole_unit=frozenset(map(key, raw.whole_unit)),
        dynamic_address=frozenset(map(key, raw.dynamic_address)),
        junk_serials=frozenset(map(key, raw.junk_serials)),
        total=frozenset(map(key, raw.total)),
        note=frozenset(map(key, raw.note)),
        example=frozenset(map(key, raw.example)),
        states=_meanings(raw.states),
        software_types=_meanings(raw.software_types),
        licence_types=_meanings(raw.licence_types),
        actions=_meanings(raw.actions),
        server_kinds=_meanings(raw.server_kinds),
        standings=_meanings(raw.standings),
        proof_levels=tuple((level, tuple(map(key, words))) for level, words in sorted(raw.proof_levels.items())[::-1]),
        closed={word: answer == "yes" for word, answer in _meanings(raw.closed).items()},
    )


def _meanings(table: Mapping[T, tuple[str, ...]]) -> dict[str, T]:
    return {key(word): meaning for meaning, words in table.items() for word in words}


def _computers(raw: _Computers) -> Computers:
    return Computers(
        code_prefixes=tuple(map(key, raw.code_prefixes)),
        code_pattern=re.compile(raw.code_pattern, re.IGNORECASE),
        editions={
            edition: {key(code): kind for code, kind in codes.items()} for edition, codes in raw.editions.items()
        },
        kinds=tuple((kind, tuple(map(key, words))) for kind, words in raw.kinds.items()),
        other_anywhere=tuple(map(key, raw.other_anywhere)),
        other_words=tuple(map(key, raw.other_words)),
        words=tuple(map(key, raw.words)),
    )
