"""Settings: ``defaults.toml``, then ``DATA/hezheng.toml``, then the environment (``HEZHENG_SECTION__KEY``)."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, IPvAnyAddress, ValidationError, field_validator

from config.invalid import fault
from config.problems import BadInput

DEFAULTS = Path(__file__).parent / "defaults.toml"
PREFIX = "HEZHENG_"

Positive = Annotated[int, Field(gt=0)]
Port = Annotated[int, Field(gt=0, lt=65536)]


class Section(BaseModel):
    """A table of the settings file; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Server(Section):
    host: IPvAnyAddress
    port: Annotated[int, Field(ge=0, lt=65536)]
    threads: Annotated[int, Field(ge=2, le=64)]

    @field_validator("host")
    @classmethod
    def _loopback(cls, value: IPvAnyAddress) -> IPvAnyAddress:
        if not value.is_loopback:
            raise ValueError("只允许本机回环地址，如 127.0.0.1")
        return value


class Scan(Section):
    workers: Annotated[int, Field(ge=1, le=64)]
    host_deadline_seconds: Positive
    worker_cpu_seconds: Positive
    worker_memory_mb: Annotated[int, Field(ge=256)]
    host_bytes_limit_mb: Positive
    line_limit_mb: Positive
    connect_timeout_seconds: Positive
    answer_timeout_seconds: Positive
    lanes: Annotated[int, Field(ge=1, le=32)]
    gentle: bool
    registry_value_limit_kb: Positive
    registry_keys_limit: Positive


class Discovery(Section):
    chunk_addresses: Annotated[int, Field(ge=1, le=256)]
    parallel_chunks: Annotated[int, Field(ge=1, le=8)]
    host_packets_per_second: Positive
    sweep_packets_per_second: Annotated[int, Field(ge=0, le=10_000)]
    ports: tuple[Port, ...]
    never_connect_ports: tuple[Port, ...]
    chunk_timeout_seconds: Positive


class Ledger(Section):
    file_limit_mb: Positive
    rows_limit: Positive
    columns_limit: Positive
    cells_limit: Positive
    child_memory_mb: Positive
    child_seconds: Positive


class Bundle(Section):
    child_memory_mb: Annotated[int, Field(ge=512)]
    child_seconds: Positive
    child_seconds_per_mb: Annotated[int, Field(ge=0)]


class Vault(Section):
    argon2_memory_mib: Annotated[int, Field(ge=8, le=1024)]
    argon2_iterations: Annotated[int, Field(ge=1, le=10)]
    argon2_lanes: Annotated[int, Field(ge=1, le=16)]
    auto_lock_seconds: Positive


class Schedule(Section):
    tick_seconds: Positive
    start_within_minutes: Positive
    zone: str


class Storage(Section):
    min_free_mb: Annotated[int, Field(ge=0)]


class Seal(Section):
    cms: bool
    sm2: bool


class Policy(Section):
    profile: str


class Settings(Section):
    """All settings, checked."""

    server: Server
    scan: Scan
    discovery: Discovery
    ledger: Ledger
    bundle: Bundle
    vault: Vault
    storage: Storage
    seal: Seal
    policy: Policy
    schedule: Schedule


def load(data: Path | None = None, environment: Mapping[str, str] | None = None) -> Settings:
    """Read and check the settings. Raises BadInput naming the key and the file."""
    merged = _read(DEFAULTS)
    file = data / "hezheng.toml" if data else None
    if file and file.exists():
        _merge(merged, _read(file))
    shown = str(file or DEFAULTS)
    _merge(merged, _from_environment(os.environ if environment is None else environment))
    try:
        return Settings.model_validate(merged)
    except ValidationError as error:
        raise BadInput("settings.bad_key", file=shown, **fault(error)) from error


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput("settings.bad_file", file=str(file), detail=str(error)) from error


def _merge(into: dict[str, Any], extra: Mapping[str, Any]) -> None:
    for key, value in extra.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = value


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    """``HEZHENG_SCAN__LANES=8`` → ``{"scan": {"lanes": 8}}``; values are TOML, plain words are strings."""
    found: dict[str, Any] = {}
    for name, text in environment.items():
        section, _, key = name.removeprefix(PREFIX).lower().partition("__")
        if name.startswith(PREFIX) and key:
            found.setdefault(section, {})[key] = _toml_value(text)
    return found


def _toml_value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
