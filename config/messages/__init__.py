"""Render message codes as Chinese sentences. Imported only by ``api`` and ``appliance.forms``."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from config.message import Message, Param

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
    return str(value)


def render(message: Message) -> str:
    """Return the sentence of ``message``; an unknown code is shown as itself, never lost."""
    sentence = catalogue().get(message.code)
    params = {name: _Word(_shown(value)) for name, value in message.params.items()}
    if sentence is None:
        return message.code + "".join(f" {name}={value}" for name, value in params.items())
    return sentence.format_map(_Missing(params))


class _Word(str):
    """A parameter; ``{status:label.licence_status}`` shows a stored value by its word, an unknown value as it is."""

    __slots__ = ()

    def __format__(self, group: str) -> str:
        return catalogue().get(f"{group}.{self}", str(self)) if group else str(self)


class _Missing(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "（未知）"
