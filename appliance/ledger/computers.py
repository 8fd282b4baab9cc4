"""Whether an asset is a computer: by its code (GB/T 14885), then by the words of its name."""

from __future__ import annotations

import re
from enum import Enum
from functools import lru_cache

from appliance.ledger.cells import Reading
from appliance.ledger.columns import Computers
from appliance.ledger.text import CACHED, key

_ACCESSORIES = re.compile(r"\(.*?\)|【.*?】|\[.*?\]|[含带配+].*$")


class _Says(Enum):
    COMPUTER = "computer"
    OTHER = "other"
    NOTHING = "nothing"


@lru_cache(maxsize=CACHED)
def read_is_computer(code: str, name: str, make: str, networked: bool, table: Computers) -> Reading[bool]:
    """``make`` is brand and model; ``networked`` whether the row has a MAC or a host name.

    One witness for a computer is enough unless the name says otherwise and no code speaks; a contradiction is noted.
    A name that nobody knows counts as a computer only with a network identity, and is noted when it does not count.
    """
    by_code, by_name = _code_says(code, table), _name_says(name, make, table)
    says = {by_code, by_name}
    if says == {_Says.COMPUTER, _Says.OTHER}:
        return Reading(True, ("ledger.computer_conflict",))
    if _Says.COMPUTER in says:
        return Reading(True)
    if _Says.OTHER in says:
        return Reading(False)
    if not name or networked:
        return Reading(True)
    return Reading(False, ("ledger.computer_unknown",))


def _code_says(code: str, table: Computers) -> _Says:
    plain = key(code)
    if plain.startswith(table.code_prefixes):
        return _Says.COMPUTER
    return _Says.OTHER if table.code_pattern.match(plain) else _Says.NOTHING


def _name_says(name: str, make: str, table: Computers) -> _Says:
    plain = key(name)
    if any(word in plain for word in table.other_anywhere):
        return _Says.OTHER
    plain = _ACCESSORIES.sub("", plain) or plain
    computer, other = _last(plain, table.words), _last(plain, table.other_words)
    if computer == other == (-1, 0):
        return _Says.COMPUTER if _last(key(make), table.words) > (-1, 0) else _Says.NOTHING
    return _Says.COMPUTER if computer > other else _Says.OTHER


def _last(text: str, words: tuple[str, ...]) -> tuple[int, int]:
    """End and length of the word that ends last in the text; the longer one wins a tie."""
    ends = ((text.rfind(word) + len(word), len(word)) for word in words if word in text)
    return max(ends, default=(-1, 0))
