"""Whether an asset is a computer, and which kind: by its code (GB/T 14885), then by the words of its name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from functools import lru_cache

from appliance.ledger.cells import Reading
from appliance.ledger.columns import Computers
from appliance.ledger.model import AssetCategory, CodeEdition
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


@lru_cache(maxsize=CACHED)
def read_category(code: str, name: str, make: str, table: Computers) -> Reading[tuple[AssetCategory, CodeEdition]]:
    """The kind of a computer, and the edition of GB/T 14885 by which its code was read.

    Seven digits are of 2010. A code with ``A`` is read by 2022; where the name says otherwise and the 采购品目 of 2013
    (numbered like 2010) agrees with the name, by that. A name that agrees with neither wins, and is noted.
    """
    named = _kind_named(key(name), table) or _kind_named(key(make), table)
    readings = list(_by_code(key(code), table))
    if not readings:
        return Reading((named or AssetCategory.OTHER, CodeEdition.UNKNOWN))
    kind, edition = next((one for one in readings if one[0] is named), readings[0])
    if named in (None, kind) or kind is AssetCategory.OTHER:
        return Reading((named or kind, edition))
    return Reading((named, edition), ("ledger.category_conflict",))


def _by_code(plain: str, table: Computers) -> Iterator[tuple[AssetCategory, CodeEdition]]:
    """What the code is by each edition it can be of, the likeliest first. Purchases write ``A`` before the code."""
    if not plain.startswith(table.code_prefixes):
        return
    of_2010, of_2022 = CodeEdition.OF_2010, CodeEdition.OF_2022
    if plain.startswith("2"):
        yield _kind_of(plain, of_2010, table)
        return
    letter = plain if plain.startswith("a") else f"a{plain}"
    yield _kind_of(letter, of_2022, table)
    yield _kind_of(letter.removeprefix("a0"), of_2010, table)


def _kind_of(code: str, edition: CodeEdition, table: Computers) -> tuple[AssetCategory, CodeEdition]:
    kinds = table.editions.get(edition, {})
    found = next((kinds[code[:length]] for length in (len(code), 9, 7) if code[:length] in kinds), AssetCategory.OTHER)
    return found, edition


def _kind_named(plain: str, table: Computers) -> AssetCategory | None:
    return next((kind for kind, words in table.kinds if any(word in plain for word in words)), None)


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
