"""The values by which a computer is known, made comparable; values that name no computer are dropped."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from appliance.recognition.names import fold
from config.problems import BadInput

JUNK = Path(__file__).parents[2] / "config" / "identity_junk.toml"
PUNCTUATION = re.compile(r"[\W_]+")
SHORTEST_SERIAL = 4


@dataclass(frozen=True, slots=True)
class Junk:
    """Values that count for nothing."""

    serials: frozenset[str]
    macs: frozenset[str]
    mac_prefixes: tuple[str, ...]
    hostnames: frozenset[str]


@cache
def junk(file: Path = JUNK) -> Junk:
    """Read the junk values. Raises BadInput ``matching.bad_junk_file`` naming file and key."""
    try:
        data = tomllib.loads(file.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput("matching.bad_junk_file", file=file.name, key=str(error)) from error
    lists: dict[str, list[str]] = {}
    for key in ("serials", "macs", "hostnames"):
        if not isinstance(values := data.get(key), list):
            raise BadInput("matching.bad_junk_file", file=file.name, key=key)
        lists[key] = [str(value) for value in values]
    return Junk(
        serials=frozenset(map(_plain, lists["serials"])),
        macs=frozenset(mac for mac in lists["macs"] if not mac.endswith(":")),
        mac_prefixes=tuple(mac for mac in lists["macs"] if mac.endswith(":")),
        hostnames=frozenset(lists["hostnames"]),
    )


def serial(text: str | None) -> str:
    """A serial number without case, spaces and punctuation; ``""`` when it is junk (``Default string``, ``0000``)."""
    plain = _plain(text or "")
    if len(plain) < SHORTEST_SERIAL or len(set(plain)) == 1 or plain in junk().serials:
        return ""
    return plain


def mac(text: str | None) -> str:
    """A MAC address as ``aa:bb:cc:dd:ee:ff``; ``""`` when malformed or shared by many computers."""
    digits = re.sub(r"[^0-9a-f]", "", (text or "").lower())
    if len(digits) != 12:
        return ""
    plain = ":".join(digits[i : i + 2] for i in range(0, 12, 2))
    values = junk()
    return "" if plain in values.macs or plain.startswith(values.mac_prefixes) else plain


def hostname(text: str | None) -> str:
    """A host name without its domain and case; ``""`` when it is an installer's default."""
    plain = fold(text or "").partition(".")[0]
    return "" if plain in junk().hostnames else plain


def address(text: str | None) -> str:
    """An IP address as text."""
    return (text or "").strip()


def distinct(values: Iterable[str]) -> tuple[str, ...]:
    """The values that are not empty, once each, sorted."""
    return tuple(sorted({value for value in values if value}))


def _plain(text: str) -> str:
    return PUNCTUATION.sub("", fold(text))
