"""From a name to the few rules that may speak about it, most important and most specific first.

A rule is found by a literal: the start of a name, a whole name, words inside it, or a package name. What else the rule
asks (a pattern, a publisher) is looked at only then, so the cost hardly grows with the number of rules.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import product

from appliance.recognition.names import bare, ends_word, first_token, fold, holds, tokens


@dataclass(frozen=True, slots=True)
class Rule:
    """One recognition rule. ``product`` is empty when what it finds is noise. Literals are folded."""

    id: str
    product: str
    priority: int
    starts: tuple[str, ...] = ()
    exact: tuple[str, ...] = ()
    has: tuple[str, ...] = ()
    package: tuple[str, ...] = ()
    os: tuple[str, ...] = ()
    distribution: tuple[str, ...] = ()
    matching: re.Pattern[str] | None = None
    unless: re.Pattern[str] | None = None
    publisher: tuple[str, ...] = ()
    edition: str = ""
    version: str = ""

    def accepts(self, text: str, publisher: str) -> bool:
        """Whether the conditions beyond the literal hold; an unknown publisher contradicts nothing."""
        if self.matching and not self.matching.search(text):
            return False
        if self.unless and self.unless.search(text):
            return False
        return not (publisher and self.publisher) or any(part in publisher for part in self.publisher)


CHINESE = "\u3400-\u9fff"
JOINT = re.compile(rf"(?<=[a-z0-9]) ?(?=[{CHINESE}])|(?<=[{CHINESE}]) ?(?=[a-z0-9])")
MOST_JOINTS = 4  # parts of a literal beyond which it is taken as it is written
HEAD = 2  # characters of a literal by which the lengths to try are looked up

Found = tuple[int, str]
"""Rank of a rule's literal (0 speaks first), and the literal."""


@dataclass(slots=True)
class Prefixes:
    """Literals by the start of a text."""

    table: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    lengths: dict[str, list[int]] = field(default_factory=dict[str, list[int]])  # by the first two characters

    def add(self, literal: str, rank: int) -> None:
        """Add one literal; call :meth:`close` after the last."""
        self.table.setdefault(literal, []).append(rank)

    def close(self) -> None:
        """Fix the lengths that a look-up has to try for each beginning."""
        for literal in sorted(self.table, key=len):
            lengths = self.lengths.setdefault(literal[:HEAD], [])
            if len(literal) not in lengths:
                lengths.append(len(literal))

    def find(self, text: str) -> Iterator[tuple[int, list[int]]]:
        """Yield (length, ranks) of every literal that ``text`` starts with."""
        for head in (text[:1], text[:HEAD]) if len(text) > 1 else (text,):
            for length in self.lengths.get(head, ()):
                if length > len(text):
                    break
                if ranks := self.table.get(text[:length]):
                    yield length, ranks


class Index:
    """All rules, ready to be asked. Ranks are by priority, then by length of the literal, then by id."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        ordered = _ordered(rules)
        self._rules = [rule for rule, _, _ in ordered]
        self._starts, self._os = Prefixes(), Prefixes()
        self._package_starts, self._package_ends = Prefixes(), Prefixes()
        self._exact: dict[str, list[int]] = {}
        self._exact_heads: set[str] = set()
        self._package: dict[str, list[int]] = {}
        self._distribution: dict[str, list[int]] = {}
        self._has: dict[str, list[Found]] = {}
        for rank, (_, kind, literal) in enumerate(ordered):
            self._add(kind, literal, rank)
        self._exact_heads = {literal[:HEAD] for literal in self._exact}
        for prefixes in (self._starts, self._os, self._package_starts, self._package_ends):
            prefixes.close()

    def _add(self, kind: str, literal: str, rank: int) -> None:
        adders: dict[str, Callable[[], None]] = {
            "starts": lambda: self._starts.add(literal, rank),
            "os": lambda: self._os.add(literal, rank),
            "exact": lambda: self._exact.setdefault(literal, []).append(rank),
            "has": lambda: self._has.setdefault(first_token(literal), []).append((rank, literal)),
            "distribution": lambda: self._distribution.setdefault(literal, []).append(rank),
            "package": lambda: self._add_package(literal, rank),
        }
        adders[kind]()

    def _add_package(self, literal: str, rank: int) -> None:
        if literal.endswith("*"):
            self._package_starts.add(literal[:-1], rank)
        elif literal.startswith("*"):
            self._package_ends.add(literal[:0:-1], rank)
        else:
            self._package.setdefault(literal, []).append(rank)

    def program(self, text: str, publisher: str) -> Rule | None:
        """The rule for a program's folded display name."""
        found = list(self._exact.get(text, ()))
        if text[:HEAD] in self._exact_heads and (short := bare(text)) != text:
            found += self._exact.get(short, ())
        for length, ranks in self._starts.find(text):
            if ends_word(text, length):
                found += ranks
        for token in tokens(text) & self._has.keys():
            found += [rank for rank, literal in self._has[token] if holds(text, literal)]
        return self._first(found, text, publisher)

    def package(self, text: str) -> Rule | None:
        """The rule for a folded package name."""
        found = list(self._package.get(text, ()))
        for _, ranks in self._package_starts.find(text):
            found += ranks
        for _, ranks in self._package_ends.find(text[::-1]):
            found += ranks
        return self._first(found, text, "")

    def system(self, text: str, distribution: str = "") -> Rule | None:
        """The rule for an operating system's folded name, or its os-release ``ID``."""
        found = list(self._distribution.get(distribution, ()))
        for length, ranks in self._os.find(text):
            if ends_word(text, length):
                found += ranks
        return self._first(found, text, "")

    def _first(self, ranks: list[int], text: str, publisher: str) -> Rule | None:
        for rank in sorted(ranks):
            if (rule := self._rules[rank]).accepts(text, publisher):
                return rule
        return None


def _ordered(rules: Iterable[Rule]) -> list[tuple[Rule, str, str]]:
    entries = [(rule, kind, literal) for rule in rules for kind, literal in _literals(rule)]
    return sorted(entries, key=lambda e: (-e[0].priority, -len(e[2]), e[0].id, e[1], e[2]))


def _literals(rule: Rule) -> Iterator[tuple[str, str]]:
    groups = (
        ("starts", [spelling for literal in rule.starts for spelling in _spellings(fold(literal))]),
        ("exact", [spelling for literal in rule.exact for spelling in _spellings(fold(literal))]),
        ("has", rule.has),
        ("package", rule.package),
        ("os", rule.os),
        ("distribution", rule.distribution),
    )
    for kind, literals in groups:
        yield from ((kind, fold(literal)) for literal in literals)


def _spellings(literal: str) -> Iterator[str]:
    """The literal with and without a space wherever Chinese meets Latin: ``中望cad 机械``, ``中望 cad机械``."""
    parts = JOINT.split(literal)
    if len(parts) > MOST_JOINTS:
        yield literal
        return
    for gaps in product(("", " "), repeat=len(parts) - 1):
        yield parts[0] + "".join(gap + part for gap, part in zip(gaps, parts[1:], strict=True))
