"""Render message codes as Chinese sentences. Imported only by ``api`` and ``appliance.forms``."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from config.message import Message, Param

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
FOLDER = Path(__file__).parent / "zh_CN"


@cache
def catalogue() -> Mapping[str, str]:
    """All sentences by code. File ``scan.toml`` holds the codes ``scan.*``, one per line."""
    sentences: dict[str, str] = {}
    for file in sorted(FOLDER.glob("*.toml")):
        for key, sentence in tomllib.loads(file.read_text("utf-8")).items():
            sentences[f"{file.stem}.{key}"] = sentence
    return sentences


def _shown(value: Param) -> str:
    if value is None:
        return "（无）"
    if isinstance(value, bool):
        return "是" if value else "否"
    return local_time(value) if isinstance(value, str) else str(value)


def local_time(text: str) -> str:
    """An instant (RFC 3339) as ``2026-11-21 19:12`` of this machine's clock; any other text as it is."""
    if not INSTANT.fullmatch(text):
        return text
    try:
        return f"{datetime.fromisoformat(text).astimezone():%Y-%m-%d %H:%M}"
    except (ValueError, OverflowError):  # shaped like an instant, and none: 0001-01-01T00:00:00+08:00
        return text


def render(message: Message) -> str:
    """Return the sentence of ``message``; an unknown code is shown as itself, never lost."""
    sentence = catalogue().get(message.code)
    plain = {name: _shown(value) for name, value in message.params.items()}
    params = {name: _Word(value, plain) for name, value in plain.items()}
    if sentence is None:
        return message.code + "".join(f" {name}={value}" for name, value in params.items())
    return sentence.format_map(_Missing(params))


class _Word(str):
    """A parameter; ``{status:label.licence_status}`` shows a stored value by its word, an unknown value as it is, and
    several values joined by ``、`` each by its own.

    The word may name other parameters of the message, as in ``{detail:invalid}`` for "at most {max_length} items".
    """

    __slots__ = ("_others",)
    _others: Mapping[str, str]

    def __new__(cls, value: str, others: Mapping[str, str]) -> _Word:
        word = super().__new__(cls, value)
        word._others = others
        return word

    def __format__(self, group: str) -> str:
        return "、".join(self._word(group, part) for part in self.split("、")) if group else str(self)

    def _word(self, group: str, value: str) -> str:
        word = catalogue().get(f"{group}.{value}")
        return value if word is None else word.format_map(_Missing(self._others))


class _Missing(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "（未知）"
