"""Stored codes become Chinese sentences here: every message in a document gets its ``text``."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import Any

from config.message import Message
from config.messages import render

MESSAGE_FIELDS = {"code", "params"}


def shown(document: Any) -> Any:
    """A copy of ``document`` with ``text`` beside each ``{"code", "params"}`` and untrusted text made displayable."""
    if isinstance(document, dict):
        copy = {clean(str(name)): shown(value) for name, value in document.items()}
        if document.keys() == MESSAGE_FIELDS:
            copy["text"] = clean(render(Message.from_json(document)))
        return copy
    if isinstance(document, list | tuple):
        return [shown(item) for item in document]
    return clean(document) if isinstance(document, str) else document


def clean(text: str) -> str:
    """NFC text without control, bidi and zero-width characters; line breaks and tabs stay."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(c for c in unicodedata.normalize("NFC", text) if c in "\n\t" or not _invisible(c))


def _invisible(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")


def page(rows: list[Any], limit: int, cursor: Callable[[Any], Any]) -> dict[str, Any]:
    """The contract's list ``{items, next}``. ``rows`` holds one more than ``limit`` when there is a next page."""
    items = rows[:limit]
    return {"items": shown(items), "next": cursor(items[-1]) if len(rows) > limit else None}
