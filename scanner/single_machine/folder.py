"""The folder that a collector wrote: what belongs to it, whether it is whole, and who filled it in. Pure.

``digest.txt`` and ``sums.txt`` name the SHA-256 of every other file: the script's own computation, and that of the
computer's ``certutil`` where it has one. A file counts as whole when one of them fits.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from config.problems import BadInput
from scanner.model import Platform

SCHEMA = "hezheng.single-machine/1"
INFO, WHO, DIGEST, SUMS = "info.txt", "who.txt", "digest.txt", "sums.txt"
KNOWN = frozenset({
    INFO, WHO, "answers.txt", "errors.txt", "script.txt", "wmic.txt", "machine.reg", "people.reg", "installer.reg",
})  # fmt: skip
SUM_LINE = re.compile(r"(?P<sum>[0-9a-f]{64})[ *]+(?P<name>[a-z.]+)\s*")
SUMMED_FILE = re.compile(r"@@file (?P<name>[a-z.]+)\s*")
HEX_64 = re.compile(r"[0-9a-f]{64}")
PAIR = re.compile(r"(?P<name>[a-z]+)=(?P<value>.*)")
CODE_PAGE = re.compile(r"[:：]\s*(?P<number>\d{3,5})\s*$", re.MULTILINE)
ASKED = re.compile(r"^HZQ_(?P<name>ASSET|DEPARTMENT|PERSON)=", re.MULTILINE)
LONGEST = 100
LARGEST_MB = 64

Files = Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a folder says of itself. ``digest``: SHA-256 over the sorted digests of its files, hexadecimal."""

    inspection: str
    nonce: str
    platform: Platform
    digest: str
    asset_no: str = ""
    department: str = ""
    person: str = ""
    code_page: str = ""


def opened(files: Files) -> Envelope:
    """Check a folder against its digests and read who filled it in.

    Raises BadInput: ``single.too_large``, ``single.not_a_folder``, ``single.unfinished``, ``single.tampered``.
    """
    if sum(map(len, files.values())) > LARGEST_MB << 20:
        raise BadInput("single.too_large", limit=LARGEST_MB)
    info = text_of(files.get(INFO, b""))
    said = {pair["name"]: pair["value"].strip() for pair in PAIR.finditer(info)}
    if said.get("schema") != SCHEMA or said.get("platform") not in {platform.value for platform in Platform}:
        raise BadInput("single.not_a_folder", expected=SCHEMA)
    digest = check(files)
    page = CODE_PAGE.search(info)
    asked = people(text_of(files.get(WHO, b"")))
    return Envelope(
        inspection=said.get("inspection", ""),
        nonce=said.get("nonce", ""),
        platform=Platform(said["platform"]),
        digest=digest,
        asset_no=asked.get("ASSET", ""),
        department=asked.get("DEPARTMENT", ""),
        person=asked.get("PERSON", ""),
        code_page=page["number"] if page else "",
    )


def check(files: Files) -> str:
    """The digest of the whole folder. Raises BadInput by the file that does not fit, is missing, or was added."""
    listed = sums(text_of(files.get(DIGEST, b"")), text_of(files.get(SUMS, b"")))
    if not listed:
        raise BadInput("single.unfinished")
    own = {name: data for name, data in files.items() if name not in (DIGEST, SUMS)}
    for name in sorted(listed.keys() | own.keys()):
        if name not in own:
            raise BadInput("single.tampered", file=name, fault="missing")
        if name not in listed or name not in KNOWN:
            raise BadInput("single.tampered", file=name[:40], fault="added")
        if hashlib.sha256(own[name]).hexdigest() not in listed[name]:
            raise BadInput("single.tampered", file=name, fault="changed")
    lines = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in sorted(own.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def sums(sheet: str, printed: str) -> dict[str, set[str]]:
    """By file the digests that were computed of it: ``sha256sum`` lines, and what ``certutil`` printed.

    ``@@file info.txt`` / ``SHA256 hash of info.txt:`` / ``e3 b0 c4 …`` (Windows 7 puts blanks between the bytes)
    """
    found: dict[str, set[str]] = {}
    for line in SUM_LINE.finditer(sheet):
        found.setdefault(line["name"], set()).add(line["sum"])
    name = ""
    for line in printed.splitlines():
        plain = line.replace(" ", "").strip().lower()
        if marked := SUMMED_FILE.fullmatch(line):
            name = marked["name"]
        elif name and HEX_64.fullmatch(plain):
            found.setdefault(name, set()).add(plain)
    return found


def people(text: str) -> dict[str, str]:
    """What was typed, by question; only its visible characters, and not more of it than a name has."""
    pieces = ASKED.split(text)
    typed = zip(pieces[1::2], pieces[2::2], strict=True)
    return {
        name: " ".join("".join(c if c.isprintable() else " " for c in said).split())[:LONGEST] for name, said in typed
    }


def text_of(data: bytes, code_page: str = "") -> str:
    """UTF-16 where it begins or looks so, UTF-8 where it is valid, else the computer's code page, else GB 18030."""
    if data[:2] == b"\xff\xfe" or (len(data) > 1 and data[1:2] == b"\0"):
        return data.decode("utf-16-le", "replace").removeprefix("\ufeff")
    for name in ("utf-8", f"cp{code_page}" if code_page not in ("", "936", "65001") else "gb18030"):
        try:
            return data.decode(name)
        except (UnicodeDecodeError, LookupError):
            continue
    return data.decode("gb18030", "replace")
