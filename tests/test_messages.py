"""Every code that the source names has its Chinese sentence, with the parameters the sentence needs."""

from __future__ import annotations

import ast
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.message import Message
from config.messages import catalogue, render

ROOT = Path(__file__).parent.parent
ROOMS = ("config", "credentials", "scanner", "appliance", "api")
MAKERS = {
    "of", "BadInput", "NotFound", "Conflict", "Refused", "EnvironmentProblem", "Busy", "Negative", "Problem", "tell",
    "SessionError", "AccessDenied", "LogonRefused", "Unreachable", "TimedOut", "Unsupported", "Untrusted",
    "LimitExceeded",
}  # fmt: skip

ADDED_LATER = {"discovery": {"first", "last", "count"}}
"""Parameters that one function of a room adds to all its messages: which chunk of addresses it speaks of."""


def uses() -> Iterator[tuple[str, str, frozenset[str] | None]]:
    """``(place, code, parameter names)``; names are None where a call passes ``**something``."""
    for room in ROOMS:
        for file in sorted((ROOT / room).rglob("*.py")):
            tree = ast.parse(file.read_text("utf-8"))
            own = {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
            for node in ast.walk(tree):
                if isinstance(node, ast.Call) and (code := _code(node, own)):
                    names = frozenset(k.arg for k in node.keywords if k.arg)
                    spread = any(k.arg is None for k in node.keywords)
                    yield f"{file.relative_to(ROOT)}:{node.lineno}", code, None if spread else names


def _code(call: ast.Call, own: set[str]) -> str | None:
    """The code a call names. ``own``: classes of the file itself, which only share a name with ours."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name not in MAKERS - own or not call.args:
        return None
    first = call.args[0]
    return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else None


USES = list(uses())


def test_there_are_codes_to_check() -> None:
    assert len(USES) > 150


@pytest.mark.parametrize(("place", "code"), [(place, code) for place, code, _ in USES])
def test_every_code_has_a_sentence(place: str, code: str) -> None:
    assert code in catalogue(), place


@pytest.mark.parametrize(("place", "code", "names"), USES)
def test_every_sentence_gets_its_parameters(place: str, code: str, names: frozenset[str] | None) -> None:
    if names is not None:
        wanted = {field for _, field, _, _ in string.Formatter().parse(catalogue().get(code, "")) if field}
        assert wanted <= names | ADDED_LATER.get(code.partition(".")[0], set()), place


def test_sentences_are_chinese_and_say_something() -> None:
    for code, sentence in catalogue().items():
        assert any("\u4e00" <= c <= "\u9fff" for c in sentence), code


def test_an_unknown_code_is_shown_not_lost() -> None:
    assert render(Message.of("no.such_code", address="10.0.0.1")) == "no.such_code address=10.0.0.1"
