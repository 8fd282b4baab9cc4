"""Whether a 可使用版本 cell covers an installed version. Only what can be compared can contradict.

A cell says ``2016``, ``V10``, ``11.8``, ``2016-2021``, ``2019及以下``, ``全部版本``. A year is never compared with
a file version such as ``16.0.4266``: the catalogue already found the product by its name.
"""

from __future__ import annotations

import re
from enum import StrEnum

NUMBER = re.compile(r"\d+(?:\.\d+)*")
RANGE = re.compile(r"(\d+(?:\.\d+)*)\s*(?:-|–|—|~|～|至|到)\s*v?(\d+(?:\.\d+)*)", re.IGNORECASE)
# Numbers that are no version: word sizes, service packs, Windows releases (22H2), seats and years bought.
OTHER_NUMBERS = re.compile(
    r"(?:32|64)\s*(?:位|-?bit)|x(?:64|86)|sp\s*\d+|\d\dh[12]|\d+\s*(?:用户|点|套|台|个|年期)", re.IGNORECASE
)
ANY_VERSION = ("全部", "所有", "任意", "不限", "各版本", "*")
AND_BELOW = ("及以下", "以下", "及更低", "<=", "≤")
AND_ABOVE = ("及以上", "以上", "及更高", ">=", "≥")
YEARS = range(1990, 2100)

Numbers = tuple[int, ...]


class Fit(StrEnum):
    """Result of a comparison."""

    COVERED = "covered"
    OUTSIDE = "outside"
    NOT_COMPARABLE = "not_comparable"


def fit(usable: tuple[str, ...], installed: tuple[str, ...]) -> Fit:
    """Compare the cells of a row with all installed versions of one copy; every version must be covered.

    >>> fit(("2016", "2019"), ("2019",)), fit(("2016",), ("2019",)), fit(("2016",), ("16.0.4266",))
    (<Fit.COVERED: 'covered'>, <Fit.OUTSIDE: 'outside'>, <Fit.NOT_COMPARABLE: 'not_comparable'>)
    """
    if not any(cell.strip() for cell in usable):
        return Fit.COVERED
    cells = tuple(cell for cell in usable if _numbers(cell) or any(word in cell for word in ANY_VERSION))
    if not cells:
        return Fit.NOT_COMPARABLE  # words without a number, such as an edition, state no version
    fits = {_fit_one(cells, version) for version in installed} or {Fit.NOT_COMPARABLE}
    return next(kind for kind in (Fit.OUTSIDE, Fit.NOT_COMPARABLE, Fit.COVERED) if kind in fits)


def named_in(cell: str, product_name: str) -> bool:
    """Whether the product's own name carries the release that the cell states (``11`` in ``Windows 11``)."""
    stated = _numbers(cell)
    return bool(stated) and stated[0] in {int(found.split(".")[0]) for found in NUMBER.findall(product_name)}


def older(licensed: str, installed: tuple[str, ...]) -> bool:
    """Whether every installed version is known to be older than the licensed one.

    >>> older("2019", ("2016",)), older("2019", ("2019",)), older("2019", ("16.0.1",)), older("V10", ("V4",))
    (True, False, False, True)
    """
    bound = _numbers(licensed)
    return bool(bound and installed) and all(
        _comparable(have := _numbers(v), bound) and have[: len(bound)] < bound[: len(have)] for v in installed
    )


def _comparable(have: Numbers, bound: Numbers) -> bool:
    return bool(have and bound) and (have[0] in YEARS) == (bound[0] in YEARS)


def _fit_one(cells: tuple[str, ...], version: str) -> Fit:
    fits = {_fit_cell(cell, version) for cell in cells}
    return next(kind for kind in (Fit.COVERED, Fit.NOT_COMPARABLE, Fit.OUTSIDE) if kind in fits)


def _fit_cell(cell: str, version: str) -> Fit:
    if any(word in cell for word in ANY_VERSION):
        return Fit.COVERED
    have = _numbers(version)
    if span := RANGE.search(cell):
        low, high = _numbers(span[1]), _numbers(span[2])
        return _answer(have, low, _at_least(have, low) and _at_most(have, high))
    bound = _numbers(cell)
    if any(word in cell for word in AND_BELOW):
        return _answer(have, bound, _at_most(have, bound))
    if any(word in cell for word in AND_ABOVE):
        return _answer(have, bound, _at_least(have, bound))
    return _answer(have, bound, _starts_alike(have, bound))


def _answer(have: Numbers, bound: Numbers, inside: bool) -> Fit:
    if not _comparable(have, bound):
        return Fit.NOT_COMPARABLE
    return Fit.COVERED if inside else Fit.OUTSIDE


def _numbers(text: str) -> Numbers:
    found = NUMBER.search(OTHER_NUMBERS.sub(" ", text))
    return tuple(int(part) for part in found[0].split(".")) if found else ()


def _starts_alike(left: Numbers, right: Numbers) -> bool:
    shared = min(len(left), len(right))
    return left[:shared] == right[:shared]


def _at_most(have: Numbers, bound: Numbers) -> bool:
    return have[: len(bound)] <= bound


def _at_least(have: Numbers, bound: Numbers) -> bool:
    return have[: len(bound)] >= bound[: len(have)]
