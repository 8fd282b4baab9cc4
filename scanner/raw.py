"""The raw record ``hezheng.raw/1``: one JSON line for each answer a host gave, as it gave it (after redaction).

Shape: ``{"schema", "id", "collector", "at", "channel", "request": {"op", …}, "answer": …, "error": {…} | absent}``.
Values of the registry are ``{"kind": int}`` plus one of ``text``, ``number``, ``list``, ``hex``; a row of WMI is an
object of its columns, NULL as null.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from config.message import Message
from scanner import session
from scanner.model import Outcome
from scanner.session import (
    FileSeen,
    FileState,
    RegistryKey,
    RegistryValue,
    SessionError,
    ShellAnswer,
    WmiRow,
    WmiValue,
)

RAW_SCHEMA = "hezheng.raw/1"

_ERRORS: Mapping[str, type[SessionError]] = {
    kind.__name__: kind
    for kind in (
        session.AccessDenied,
        session.LogonRefused,
        session.Unreachable,
        session.TimedOut,
        session.Unsupported,
        session.ClassAbsent,
        session.Untrusted,
        session.LimitExceeded,
        SessionError,
    )
}


@dataclass(frozen=True, slots=True)
class RawRecord:
    """One question and its answer, or its error."""

    id: str
    collector: str
    at: str
    channel: str
    request: Mapping[str, Any]
    answer: Any = None
    error: SessionError | None = None

    def to_json(self) -> dict[str, Any]:
        """The line as a JSON object."""
        line: dict[str, Any] = {
            "schema": RAW_SCHEMA,
            "id": self.id,
            "collector": self.collector,
            "at": self.at,
            "channel": self.channel,
            "request": dict(self.request),
            "answer": self.answer,
        }
        if self.error is not None:
            line["error"] = error_to_json(self.error)
        return line

    @classmethod
    def from_json(cls, line: Mapping[str, Any]) -> RawRecord:
        """Inverse of :meth:`to_json`; unknown fields are ignored."""
        error = line.get("error")
        return cls(
            line["id"],
            line["collector"],
            line["at"],
            line["channel"],
            line["request"],
            line.get("answer"),
            error_from_json(error) if error else None,
        )


def error_to_json(error: SessionError) -> dict[str, Any]:
    """``{"kind", "outcome", "reason"}``."""
    return {"kind": type(error).__name__, "outcome": error.outcome, "reason": error.reason.to_json()}


def error_from_json(value: Mapping[str, Any]) -> SessionError:
    """The error a recorded attempt ended with."""
    reason = Message.from_json(value["reason"])
    error = _ERRORS.get(value["kind"], SessionError)(reason.code, **reason.params)
    error.outcome = Outcome(value["outcome"])
    return error


def key_to_json(key: RegistryKey) -> dict[str, Any]:
    """``{"path", "last_write", "values": {name: value}}``."""
    values = {name: value_to_json(value) for name, value in key.values.items()}
    return {"path": key.path, "last_write": key.last_write, "values": values}


def key_from_json(value: Mapping[str, Any], observation: str) -> RegistryKey:
    """Inverse of :func:`key_to_json`."""
    values = {name: value_from_json(v) for name, v in value["values"].items()}
    return RegistryKey(value["path"], values, value.get("last_write"), observation)


def value_to_json(value: RegistryValue) -> dict[str, Any]:
    """One registry value; bytes are hexadecimal."""
    data = value.data
    if isinstance(data, str):
        return {"kind": value.kind, "text": data}
    if isinstance(data, int):
        return {"kind": value.kind, "number": data}
    if isinstance(data, bytes):
        return {"kind": value.kind, "hex": data.hex()}
    return {"kind": value.kind, "list": list(data)}


def value_from_json(value: Mapping[str, Any]) -> RegistryValue:
    """Inverse of :func:`value_to_json`."""
    kind = value["kind"]
    if "text" in value:
        return RegistryValue(kind, value["text"])
    if "number" in value:
        return RegistryValue(kind, value["number"])
    if "hex" in value:
        return RegistryValue(kind, bytes.fromhex(value["hex"]))
    return RegistryValue(kind, tuple(value["list"]))


def shell_to_json(answer: ShellAnswer) -> dict[str, Any]:
    """``{"exit", "stdout", "stderr"}``; output that is not UTF-8 is kept as ``{"base64": …}``."""
    return {
        "exit": answer.exit_status,
        "stdout": _text_or_base64(answer.stdout),
        "stderr": _text_or_base64(answer.stderr),
    }


def shell_from_json(value: Mapping[str, Any], observation: str) -> ShellAnswer:
    """Inverse of :func:`shell_to_json`."""
    return ShellAnswer(_to_bytes(value["stdout"]), _to_bytes(value["stderr"]), value["exit"], observation)


def row_to_json(row: WmiRow) -> dict[str, Any]:
    """Column → value; arrays are lists."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in row.values.items()}


def row_from_json(source: str, value: Mapping[str, Any], observation: str) -> WmiRow:
    """Inverse of :func:`row_to_json`."""
    values: dict[str, WmiValue] = {name: tuple(v) if isinstance(v, list) else v for name, v in value.items()}
    return WmiRow(source, values, observation)


def file_to_json(seen: FileSeen) -> dict[str, Any]:
    """``{"path", "state"}``, and what its attributes tell where it is there."""
    found: dict[str, Any] = {"path": seen.path, "state": seen.state}
    if seen.state is FileState.PRESENT:
        found |= {"folder": seen.folder, "size": seen.size, "created": seen.created, "written": seen.written}
    return found


def file_from_json(value: Mapping[str, Any], observation: str) -> FileSeen:
    """Inverse of :func:`file_to_json`."""
    known = {name: value[name] for name in ("folder", "size", "created", "written") if name in value}
    return FileSeen(value["path"], FileState(value["state"]), **known, observation=observation)


def _text_or_base64(data: bytes) -> str | dict[str, str]:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode("ascii")}


def _to_bytes(value: str | Mapping[str, str]) -> bytes:
    return value.encode("utf-8") if isinstance(value, str) else base64.b64decode(value["base64"])
