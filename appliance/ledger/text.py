"""Text of one cell: what is shown, and what is compared. Product keys never leave here whole."""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime
from functools import lru_cache

Cell = str | int | float | bool | date | datetime | None

EXACT_FLOAT = 10**15
"""A spreadsheet number keeps 15 digits; a longer one has lost its tail."""

_INVISIBLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_SPACES = re.compile(r"[^\S\n]+")
_PRODUCT_KEY = re.compile(r"(?<![0-9A-Z])(?:[0-9A-Z]{5}[-‐-―− ]){4}([0-9A-Z]{5})(?![0-9A-Z])", re.IGNORECASE)
_KEY_LENGTH = 29

CACHED = 4096
"""Names, departments and words repeat row after row, and each cell is looked at several times."""

_SHORT = 25
"""Only shorter texts are cached: a product key has 25 characters, and must not linger in memory."""


def clean(cell: Cell) -> str:
    """The cell as one line of text: no control or bidi characters, single spaces, product keys masked."""
    if not isinstance(cell, str):
        return _number_text(cell)
    return _short_line(cell) if len(cell) < _SHORT else _line(cell)


def _line(text: str) -> str:
    text = lines(text)
    return text if text.isprintable() else " ".join(text.split())


def lines(cell: Cell) -> str:
    """As :func:`clean`, with line breaks kept as ``\\n``."""
    if not isinstance(cell, str):
        return _number_text(cell)
    if cell.isprintable() and "  " not in cell:
        return mask_keys(cell.strip())
    text = _INVISIBLE.sub("", cell.replace("\r\n", "\n").replace("\r", "\n"))
    return mask_keys(_SPACES.sub(" ", text).strip())


def folded(cell: Cell) -> str:
    """:func:`clean` in compatibility form (NFKC: full-width digits and letters become plain): for numbers and ids."""
    if isinstance(cell, str) and len(cell) < _SHORT:
        if cell.isascii() and cell.isprintable() and "  " not in cell:
            return cell.strip()
        return _short_folded(cell)
    return _compatible(clean(cell))


def key(text: str) -> str:
    """A word as it is compared: NFKC, no case, no spaces."""
    return text.lower() if text.isascii() and text.isalnum() else _key(text)


@lru_cache(maxsize=CACHED)
def _key(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def _compatible(text: str) -> str:
    return text if text.isascii() else " ".join(unicodedata.normalize("NFKC", text).split())


@lru_cache(maxsize=CACHED)
def _short_line(text: str) -> str:
    return _line(text)


@lru_cache(maxsize=CACHED)
def _short_folded(text: str) -> str:
    return _compatible(_line(text))


def mask_keys(text: str) -> str:
    """Replace every 5×5 product key by its last five characters."""
    if len(text) < _KEY_LENGTH:
        return text
    plain = unicodedata.normalize("NFKC", text)
    return _PRODUCT_KEY.sub(r"*****-\1", plain) if _PRODUCT_KEY.search(plain) else text


def lost_digits(cell: Cell) -> bool:
    """Whether an identifier was typed as a number and its last digits are gone (``1.23457E+17``)."""
    if isinstance(cell, str):
        return "+" in cell and re.fullmatch(r"\d(?:\.\d+)?E\+\d+", cell.strip(), re.IGNORECASE) is not None
    return isinstance(cell, float) and abs(cell) >= EXACT_FLOAT


def _number_text(cell: int | float | bool | date | datetime | None) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() else repr(cell)
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == datetime.min.time() else cell.isoformat(" ", "seconds")
    return cell.isoformat() if isinstance(cell, date) else str(cell)
