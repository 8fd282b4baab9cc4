"""Software names as they are compared: folded, and without version, architecture and language at the end."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field

MARKS = re.compile(r"[®™©]|\((?:r|tm|c)\)", re.IGNORECASE)
MARK_BEGINNINGS = ("(", "®", "™", "©")  # without one of them there is no mark to take away
BRACKETED = r"[(\[【][^()\[\]【】]*[)\]】]"
NUMBER = r"(?:version|ver\.?|build|release|update|v|r|sp)?[ .]?\d[\d.+_\-a-z]*"
MACHINE = r"x64|x86|amd64|arm64|64[ -]?bit|32[ -]?bit|64位|32位"
LANGUAGE = r"english|chinese|simplified|[a-z]{2}-[a-z]{2}|简体中文|中文版|中文"
LOOSE = r"version|edition|remove only|stable|正式版"
TAIL = re.compile(rf"[ \-_,]*(?:{BRACKETED}|(?<![a-z\d.]){NUMBER}|(?<=[a-z\u4e00-\u9fff])v?\d[\d.]*|"
                  rf"(?<![a-z])(?:{MACHINE}|{LANGUAGE}|{LOOSE}))[ \-_,]*$")  # fmt: skip
TOKEN = re.compile(r"[a-z]+|\d+|[\u3400-\u9fff]+")
YEAR = re.compile(r"(?<![\d.])(?:19[89]\d|20[0-4]\d)(?![\d.]*\d)")


def fold(text: str) -> str:
    """NFKC, without trade marks, case-folded, single spaces: the form in which names are compared.

    >>> fold("Ｊａｖａ(TM)  SE　运行时®")
    'java se 运行时'
    """
    if text.isascii() and "(" not in text:
        return " ".join(text.lower().split())
    if any(mark in text for mark in MARK_BEGINNINGS):
        text = MARKS.sub("", text)
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def bare(folded: str) -> str:
    """The name without what follows it: version, architecture, language, brackets.

    >>> bare("mozilla firefox 57.0.2 (x64 zh-cn)")
    'mozilla firefox'
    """
    while (shorter := TAIL.sub("", folded)) and shorter != folded:
        folded = shorter
    return folded


def tokens(folded: str) -> set[str]:
    """Latin words, numbers, and every two neighbouring Chinese characters: what an index looks names up by."""
    found: set[str] = set()
    for token in TOKEN.findall(folded):
        if token.isascii():
            found.add(token)
        else:
            found.update(token[i : i + 2] for i in range(max(1, len(token) - 1)))
    return found


def first_token(folded: str) -> str:
    """One token that every text holding ``folded`` as whole words has too."""
    token = TOKEN.search(folded)
    if token is None:
        return ""
    return token[0] if token[0].isascii() else token[0][:2]


def _joins(left: str, right: str) -> bool:
    """Whether two neighbouring characters belong to one word or one number."""
    return (left.isascii() and right.isascii()) and (
        (left.isalpha() and right.isalpha()) or (left.isdigit() and right.isdigit())
    )


def ends_word(text: str, end: int) -> bool:
    """Whether a word may end before ``text[end]``: ``autocad`` does in ``autocad2020``, not in ``autocadlt``."""
    return end >= len(text) or not _joins(text[end - 1], text[end])


def holds(text: str, part: str) -> bool:
    """Whether ``part`` stands in ``text`` as whole words."""
    start = text.find(part)
    while start >= 0:
        end = start + len(part)
        if ends_word(text, end) and (start == 0 or not _joins(text[start - 1], text[start])):
            return True
        start = text.find(part, start + 1)
    return False


def year(text: str) -> str:
    """The year in a product name (``Office 2016`` → ``2016``), or ``""``; never part of a longer version number."""
    found = YEAR.search(text)
    return found[0] if found else ""


@dataclass(slots=True)
class Words:
    """Folded words and phrases that are looked for in many texts, found by their first token."""

    by_token: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])

    @classmethod
    def of(cls, phrases: Iterable[str]) -> Words:
        """Index the phrases; a phrase without a letter or number is never found."""
        index = cls()
        for phrase in dict.fromkeys(phrases):
            token = first_token(phrase)
            index.by_token[token] = (*index.by_token.get(token, ()), phrase)
        return index

    def held_by(self, text: str) -> frozenset[str]:
        """Those that stand in a folded text as whole words.

        >>> sorted(Words.of(("realtek", "hp inc", "hp")).held_by("hp inc."))
        ['hp', 'hp inc']
        """
        found = tokens(text) & self.by_token.keys()
        return frozenset(phrase for token in found for phrase in self.by_token[token] if holds(text, phrase))
