"""Zips as a hostile or a broken hand makes them, out of a good one; and what may be said of them."""

from __future__ import annotations

import io
import struct
import warnings
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

from appliance.evidence.verify import verify_bundle
from config.problems import BadInput, Exit
from tests.appliance.evidence.sample import SIGNER, Dice

Malform = Callable[[bytes, Dice], bytes]
NAMES = ("../evil", "/etc/evil", "data/../../evil", "data\\..\\evil", "C:\\evil", "data/\x00evil", "data//evil", "")
BIG = (0, 1, 0x7FFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF)


def directory_of(good: bytes) -> int:
    """Offset of the central directory."""
    return int(struct.unpack("<L", good[-6:-2])[0])


def _place(content: bytes, dice: Dice) -> int:
    """Half of the faults hit the directory, where parsers are fragile."""
    start = directory_of(content) if dice.below(2) else 0
    return start + dice.below(len(content) - start)


def flip(good: bytes, dice: Dice) -> bytes:
    place = _place(good, dice)
    return good[:place] + bytes([good[place] ^ 1 << dice.below(8)]) + good[place + 1 :]


def cut_out(good: bytes, dice: Dice) -> bytes:
    place = _place(good, dice)
    return good[:place] + good[place + 1 + dice.below(40) :]


def truncate(good: bytes, dice: Dice) -> bytes:
    return good[: dice.below(len(good))]


def insert(good: bytes, dice: Dice) -> bytes:
    place = _place(good, dice)
    return good[:place] + bytes(dice.below(256) for _ in range(1 + dice.below(20))) + good[place:]


def repeat(good: bytes, dice: Dice) -> bytes:
    start, place = _place(good, dice), _place(good, dice)
    return good[:place] + good[start : start + 1 + dice.below(200)] + good[place:]


def claim(good: bytes, dice: Dice) -> bytes:
    """A number of a header says something enormous, or nothing."""
    marks = (b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06")
    mark = marks[dice.below(3)]
    places = [n for n in range(len(good)) if good.startswith(mark, n)]
    place = places[dice.below(len(places))] + 4 + dice.below(40)
    number = struct.pack("<L", BIG[dice.below(len(BIG))])
    return (good[:place] + number + good[place + 4 :])[: max(len(good), place + 4)]


def rename(good: bytes, dice: Dice) -> bytes:
    """One member more, under a name that leads elsewhere or is there already."""
    buffer = io.BytesIO(good)
    with zipfile.ZipFile(buffer, "a") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        name = NAMES[dice.below(len(NAMES))] if dice.below(4) else archive.namelist()[0]
        member = zipfile.ZipInfo(name or "data/")
        member.external_attr = (0o100644, 0o120777, 0o020644, 0o010644)[dice.below(4)] << 16
        archive.writestr(member, b"x")
    return buffer.getvalue()


def splice(good: bytes, dice: Dice) -> bytes:
    first, second = _place(good, dice), _place(good, dice)
    return good[:first] + good[second:]


MALFORMS: tuple[Malform, ...] = (flip, cut_out, truncate, insert, repeat, claim, rename, splice)


def accepted(file: Path, content: Mapping[str, bytes]) -> bool:
    """Whether a zip is called intact; then it must hold ``content`` to the byte. Anything but an answer is an error."""
    try:
        found = verify_bundle(file, [SIGNER.fingerprint], None)
    except BadInput as problem:
        assert problem.message.code == "evidence.not_a_bundle"  # noqa: PT017  either answer is right
        return False
    if found.exit is not Exit.DONE:
        assert found.problems
        return False
    with zipfile.ZipFile(file) as archive:
        assert {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")} == content
    return True
