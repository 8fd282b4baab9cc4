"""What is said, without saying it in any language: a code and its parameters.

Reasons, outcomes and problems are stored as ``Message``; the Chinese words live in
``config/messages/zh_CN/*.toml`` and are rendered only in ``api/`` and ``appliance/forms/``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Param = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Message:
    """A code such as ``scope.window_closed`` and the values its sentence needs."""

    code: str
    params: Mapping[str, Param] = field(default_factory=dict[str, Param])

    @classmethod
    def of(cls, code: str, **params: Param) -> Message:
        """Build a message; the code's sentence must exist in ``config/messages`` (a test checks it)."""
        return cls(code, params)

    def to_json(self) -> dict[str, Any]:
        """Shape ``{"code": str, "params": {str: scalar}}``."""
        return {"code": self.code, "params": dict(self.params)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Message:
        """Inverse of :meth:`to_json`."""
        return cls(str(value["code"]), dict(value.get("params", {})))
