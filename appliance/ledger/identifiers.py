"""Pure readers of cells that identify a computer or a licence: MACs, addresses, serials, product keys.

One cell may hold several. What cannot be read is left out with a note; it never rejects the row.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata

from appliance.ledger.cells import Reading, is_blank
from appliance.ledger.columns import Words
from appliance.ledger.text import Cell, clean, folded, key

TAIL = 5
"""Characters of a product key that are kept."""

_HEX = "[0-9a-f]"
_MAC = re.compile(
    rf"(?<![0-9a-f])(?:{_HEX}{{2}}([-:. ]){_HEX}{{2}}(?:\1{_HEX}{{2}}){{4}}"
    rf"|{_HEX}{{4}}([-:. ]){_HEX}{{4}}\2{_HEX}{{4}}"
    rf"|{_HEX}{{6}}[-:]{_HEX}{{6}}"
    rf"|{_HEX}{{12}})(?![0-9a-f])"
)
_USUAL_MAC = re.compile(r"[0-9A-Fa-f]{2}([-:])[0-9A-Fa-f]{2}(?:\1[0-9A-Fa-f]{2}){4}")
_USUAL_ADDRESS = re.compile(r"(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}", re.ASCII)
_MAC_LABELS = re.compile(r"(?:(?:有线|无线|网卡|以太网|wi-?fi|wlan|lan|mac|eth|地址)\d?|[、,;/|:()\s])*")
_NO_MACS = frozenset({"00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff"})
_ADDRESS_BREAK = re.compile(r"[、,;|\s]+|/(?!\d{1,3}(?:$|[^\d.:]))")
_PADDING = re.compile(r"(?<![0-9a-f])0+(?=\d)")
_STRONG_BREAK = re.compile(r"[、,;/|]+")
_SERIAL_LABEL = re.compile(r"(?<![0-9A-Z])(?:S/?N|序列号|主机|出厂编号)\s*:\s*", re.IGNORECASE)


def read_macs(cell: Cell, words: Words) -> Reading[tuple[str, ...]]:
    """MAC addresses in any notation as ``aa:bb:cc:dd:ee:ff``."""
    if isinstance(cell, str) and _USUAL_MAC.fullmatch(cell):
        mac = cell.lower().replace("-", ":")
        return Reading((), ("ledger.bad_mac",)) if mac in _NO_MACS else Reading((mac,))
    if is_blank(cell, words):
        return Reading(())
    text = folded(cell).lower().translate({ord(c): "-" for c in "‐‑‒–—−"})
    digits = (re.sub(r"[^0-9a-f]", "", match[0]) for match in _MAC.finditer(text))
    found = list(dict.fromkeys(":".join(d[i : i + 2] for i in range(0, 12, 2)) for d in digits))
    good = tuple(mac for mac in found if mac not in _NO_MACS)
    rest = _MAC.sub("", text)
    fault = len(good) < len(found) or not (key(rest) in words.dynamic_address or _MAC_LABELS.fullmatch(rest))
    return Reading(good, ("ledger.bad_mac",) if fault else ())


def read_addresses(cell: Cell, words: Words) -> Reading[tuple[str, ...]]:
    """IPv4 and IPv6 addresses; zero-padded octets and a prefix length are understood, DHCP means none."""
    if isinstance(cell, str) and _USUAL_ADDRESS.fullmatch(cell):
        return Reading((cell,))
    if is_blank(cell, words) or key(folded(cell)) in words.dynamic_address:
        return Reading(())
    parts = [part for part in _ADDRESS_BREAK.split(folded(cell)) if part]
    found = [_address(part) for part in parts]
    good = tuple(dict.fromkeys(address for address in found if address))
    return Reading(good, ("ledger.bad_address",) if None in found else ())


def read_serials(cell: Cell, words: Words) -> Reading[tuple[str, ...]]:
    """Serial numbers, split on 、 , ; / | and white space; makers' place-holders are dropped with a note."""
    if isinstance(cell, str) and cell.isascii() and cell.isalnum() and cell[0] not in words.blank_openers:
        # one serial: not blank, no label, nothing to fold
        return Reading((), ("ledger.junk_serial",)) if is_junk_serial(cell, words) else Reading((cell,))
    if is_blank(cell, words):
        return Reading(())
    if is_junk_serial(folded(cell), words):
        return Reading((), ("ledger.junk_serial",))
    good: list[str] = []
    junk = False
    for part in _STRONG_BREAK.split(_SERIAL_LABEL.sub("", folded(cell))):
        words_of_part = [part.strip()] if is_junk_serial(part, words) else part.split()
        for serial in words_of_part:
            if is_junk_serial(serial, words):
                junk = True
            elif not is_blank(serial, words):
                good.append(serial)
    return Reading(tuple(dict.fromkeys(good)), ("ledger.junk_serial",) if junk else ())


def is_junk_serial(text: str, words: Words) -> bool:
    """Whether a serial is a maker's place-holder: a listed word, or one character repeated."""
    plain = key(text)
    return plain in words.junk_serials or (len(plain) > 1 and plain == plain[0] * len(plain))


def read_key_tail(cell: Cell, words: Words) -> Reading[str]:
    """The last five characters of each product key, joined by ``,``; a short serial keeps at most its second half.

    ``****-7K2QD``, masked by the unit itself, keeps what is shown.
    """
    if is_blank(cell, words):
        return Reading("")
    raw = cell if isinstance(cell, str) else clean(cell)
    parts = re.split(r"[、,;|\n]+", unicodedata.normalize("NFKC", raw))
    tails = (_tail(part) for part in parts)
    return Reading(",".join(dict.fromkeys(tail for tail in tails if tail)))


def _tail(part: str) -> str:
    characters = re.sub(r"[^0-9A-Za-z]", "", part)
    kept = TAIL if "*" in part else min(TAIL, len(characters) // 2)
    return characters[-kept:].upper() if kept else ""


def _address(part: str) -> str | None:
    bare = part.partition("/")[0].strip("()[]")
    unpadded = _PADDING.sub("", bare) if ":" not in bare else bare
    try:
        return str(ipaddress.ip_address(unpadded))
    except ValueError:
        return None


_HOST = re.compile(r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_]([a-z0-9_-]{0,62}))*", re.IGNORECASE)


def is_host(text: str) -> bool:
    """Whether the text is an IP address or could be a host's name (RFC 1123, with the underscore of Windows names)."""
    if _address(text):
        return True
    return _HOST.fullmatch(text) is not None and not re.fullmatch(r"[\d.]+", text)
