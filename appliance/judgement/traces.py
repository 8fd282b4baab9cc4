"""What is publicly known of activators, KMS hosts and generic keys; the names are data in ``config/traces/``."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from config.problems import BadInput
from scanner.model import Trace

FILE = Path(__file__).parents[2] / "config" / "traces" / "activators.toml"


class Activator(BaseModel):
    """One known activator: its name, words of its traces, and what it acts on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    words: tuple[str, ...]
    acts_on: tuple[str, ...]


class _Kms(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    public: tuple[str, ...]
    decoys: tuple[str, ...]
    decoy_ranges: tuple[str, ...]


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_: str
    activators: tuple[Activator, ...]
    kms: _Kms
    generic_keys: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class KnownTraces:
    """What is publicly known of activators, KMS hosts and generic keys."""

    activators: tuple[Activator, ...] = ()
    public_kms: frozenset[str] = frozenset()
    decoy_kms: frozenset[str] = frozenset()
    decoy_ranges: tuple[str, ...] = ()
    generic_tails: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])

    def named(self, trace: Trace) -> Activator | None:
        """The activator that a trace's source or value names."""
        text = f"{trace.source}\n{trace.value or ''}".casefold()
        return next((entry for entry in self.activators if any(word in text for word in entry.words)), None)


NO_TRACES = KnownTraces()


@cache
def known_traces(file: Path = FILE) -> KnownTraces:
    """Read the data. Raises BadInput ``policy.bad_traces`` naming the file and the key."""
    try:
        content: dict[str, Any] = tomllib.loads(file.read_text("utf-8"))
        read = _File.model_validate({"schema_" if key == "schema" else key: value for key, value in content.items()})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, ValidationError) as error:
        raise BadInput("policy.bad_traces", file=file.name, detail=str(error).splitlines()[0]) from error
    return KnownTraces(
        read.activators,
        frozenset(read.kms.public),
        frozenset(read.kms.decoys),
        read.kms.decoy_ranges,
        {name: frozenset(tails) for name, tails in read.generic_keys.items()},
    )
