"""As much WQL as an inventory needs: ``SELECT a,b FROM C WHERE x = 'y' AND z IS NOT NULL``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from tests.lab.dcom.wmio import CimValue

SELECT = re.compile(r"\s*select\s+(.+?)\s+from\s+(\w+)(?:\s+where\s+(.+))?\s*", re.IGNORECASE | re.DOTALL)
TERM = re.compile(r"(\w+)\s*(?:(=|<>|!=)\s*(?:'([^']*)'|\"([^\"]*)\"|(\w+))|is\s+(not\s+)?null)", re.IGNORECASE)


class BadQuery(ValueError):
    """Not a query that this peer understands."""


@dataclass(frozen=True, slots=True)
class Query:
    """``columns`` is None for ``*``."""

    name: str
    columns: tuple[str, ...] | None
    terms: tuple[tuple[str | None, ...], ...]

    def matches(self, row: Mapping[str, CimValue]) -> bool:
        folded = {name.casefold(): value for name, value in row.items()}
        return all(_holds(term, folded) for term in self.terms)


def parse(text: str) -> Query:
    """Raises BadQuery."""
    found = SELECT.fullmatch(text)
    if not found:
        raise BadQuery(text)
    columns, name, where = found.groups()
    terms = [TERM.fullmatch(part.strip()) for part in re.split(r"\s+and\s+", where or "", flags=re.IGNORECASE) if part]
    if not all(terms):
        raise BadQuery(text)
    listed = None if columns.strip() == "*" else tuple(column.strip() for column in columns.split(","))
    return Query(name, listed, tuple(term.groups() for term in terms if term))


def _holds(term: tuple[str | None, ...], row: Mapping[str, CimValue]) -> bool:
    name, operator, single, double, bare, negated = term
    value = row.get((name or "").casefold())
    if operator is None:
        return (value is not None) == bool(negated)
    if value is None:
        return False
    wanted = next(text for text in (single, double, bare) if text is not None)
    return (str(value).casefold() == wanted.casefold()) == (operator == "=")
