"""What changed on one computer between two visits, and what was changed only just before the second one. Pure.

A computer's software is kept as lines, sorted, each with its fields between U+001F, so that two visits are compared as
sets of lines and only what differs is ever taken apart: ``name, publisher, version, key's last write, file time,
files present ("" not looked, "0", "1"), install date, package format``. Updates and other parts of a program are left
out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from config.clock import parse_rfc3339
from config.message import Message
from scanner.model import HostFacts, InstalledSoftware

SEPARATOR = "\x1f"
BLANK = str.maketrans({SEPARATOR: " ", "\n": " ", "\r": " "})


class Entry(NamedTuple):
    """One line, taken apart."""

    name: str
    publisher: str
    version: str
    key_time: str
    file_time: str
    files: str
    installed_on: str
    form: str


class Software(NamedTuple):
    """The software of one computer at one visit. ``lines`` as above, joined with newlines; times are RFC 3339."""

    lines: str
    os_installed_at: str = ""
    read_at: str = ""
    platform: str = ""


NOTHING_READ = Software("")


def software_of(facts: HostFacts) -> Software:
    """The lines of a computer."""
    whole = (e for e in facts.installations or () if not (e.parent_key or e.release_type))
    installed_at = (facts.os and facts.os.installed_at) or ""
    return Software("\n".join(sorted(set(map(_line, whole)))), installed_at, facts.finished_at, facts.platform or "")


def _line(entry: InstalledSoftware) -> str:
    files = "" if entry.files_present is None else str(int(entry.files_present))
    found = (entry.name, entry.publisher, entry.version, entry.key_last_write, entry.file_time, files)
    fields = [field or "" for field in (*found, entry.installed_on, entry.package_format)]
    line = SEPARATOR.join(fields)
    if line.count(SEPARATOR) < len(fields) and "\n" not in line and "\r" not in line:
        return line  # as nearly all are
    return SEPARATOR.join([field.translate(BLANK) for field in fields])


class Changed(NamedTuple):
    """One product of one computer: what it was and what it is; None where it was not or is not there."""

    product_id: str
    old: Entry | None
    new: Entry | None

    @property
    def kind(self) -> str:
        """``installed``, ``removed``, ``left_over`` (its files gone, its key there), ``updated`` or ``touched``."""
        if self.new is None:
            return "removed"
        if self.new.files == "0" and (self.old is None or self.old.files != "0"):
            return "left_over"
        if self.old is None:
            return "installed"
        return "updated" if self.old.version != self.new.version else "touched"


Recognise = Callable[[Entry, str], str]
"""Entry and platform → product id, or ``""`` for noise and unknown software."""


def changes(old: Software, new: Software, recognise: Recognise) -> list[Changed]:
    """Products that changed on one computer, by product id; what is neither a product nor new is left out."""
    if old.lines == new.lines:
        return []
    left, right = set(old.lines.split("\n")) - {""}, set(new.lines.split("\n")) - {""}
    was = _by_product(left - right, old.platform, recognise)
    now = _by_product(right - left, new.platform, recognise)
    one_sided = was.keys() ^ now.keys()
    same = one_sided and one_sided & _by_product(left & right, new.platform, recognise).keys()  # a twin stayed
    return [Changed(one, was.get(one), now.get(one)) for one in sorted((was.keys() | now.keys()) - same)]


def _by_product(lines: Iterable[str], platform: str, recognise: Recognise) -> dict[str, Entry]:
    """The first entry of each product, in order of lines."""
    found: dict[str, Entry] = {}
    for line in sorted(lines):
        entry = Entry(*line.split(SEPARATOR))
        if product := recognise(entry, platform):
            found.setdefault(product, entry)
    return found


def just_before(changed: Iterable[Changed], old: Software, new: Software, hours: int) -> Iterator[tuple[str, Message]]:
    """``(product id, sign)``: what was installed, changed or removed within ``hours`` before the computer was read.

    The id is empty for the system itself. A key's last write and a file's time are the witnesses; a time after the
    reading, or one that cannot be read, is none.
    """
    if new.os_installed_at != old.os_installed_at and (at := _within(new.os_installed_at, new.read_at, hours)):
        yield "", Message.of("follow_up.reinstalled_before", hours=hours, at=at)
    for one in changed:
        if one.new is not None and one.kind != "touched":
            yield from ((one.product_id, sign) for sign in _sign(one, one.new, new.read_at, hours))


def _sign(one: Changed, entry: Entry, read_at: str, hours: int) -> Iterator[Message]:
    for source, text in (("key_last_write", entry.key_time), ("file_time", entry.file_time)):
        at = _within(text, read_at, hours)
        if at is None:
            continue
        if one.kind == "left_over":
            yield Message.of("follow_up.left_before", name=entry.name, hours=hours, at=at)
        elif one.kind == "installed":
            yield Message.of("follow_up.installed_before", name=entry.name, hours=hours, at=at, source=source)
        else:
            yield Message.of("follow_up.changed_before", name=entry.name, hours=hours, at=at, source=source)
        return


def _within(text: str, read_at: str, hours: int) -> str | None:
    moment, reading = _moment(text), _moment(read_at)
    if moment is None or reading is None or not timedelta(0) <= reading - moment <= timedelta(hours=hours):
        return None
    return text


def _moment(text: str) -> datetime | None:
    try:
        return parse_rfc3339(text)
    except ValueError:
        return None
