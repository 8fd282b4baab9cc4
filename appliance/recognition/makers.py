"""Whether two texts name the same computer maker; synonyms are data in ``config/makers.toml``."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path

from appliance.recognition.names import fold
from config.problems import BadInput

FILE = Path(__file__).parents[2] / "config" / "makers.toml"


@cache
def makers(file: Path = FILE) -> tuple[tuple[str, ...], ...]:
    """Groups of synonyms. Raises BadInput ``policy.bad_makers``."""
    try:
        groups: list[list[str]] = tomllib.loads(file.read_text("utf-8"))["makers"]
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError) as error:
        raise BadInput("policy.bad_makers", file=file.name, detail=str(error)) from error
    return tuple(tuple(map(fold, group)) for group in groups)


@cache
def group_of(text: str) -> int | None:
    """Which group of synonyms a text names, by its whole Latin words or its Chinese; None when it is not known."""
    folded = fold(text)
    for number, group in enumerate(makers()):
        if any(_names(folded, name) for name in group):
            return number
    return None


def differ(one: str, other: str) -> bool:
    """Whether both are known makers, and not the same one.

    >>> differ("联想 ThinkCentre", "LENOVO"), differ("联想", "HP"), differ("某品牌", "HP")
    (False, True, False)
    """
    left, right = group_of(one), group_of(other)
    return left is not None and right is not None and left != right


def _names(folded: str, name: str) -> bool:
    if not name.isascii():
        return name in folded
    return re.search(rf"(?<![a-z]){re.escape(name)}(?![a-z])", folded) is not None
