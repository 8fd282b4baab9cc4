"""What a file is by its content; its extension says nothing. Text files: encoding and delimiter."""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import re
import zipfile
from collections.abc import Iterator

from config.problems import BadInput

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ZIP = b"PK"
DELIMITERS = ",\t;"
SAMPLE = 20_000

_OTHERS: tuple[tuple[bytes, str], ...] = (
    (b"%PDF", "PDF"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG", "PNG"),
    (b"GIF8", "GIF"),
    (b"Rar!", "RAR"),
    (b"7z\xbc\xaf", "7z"),
    (b"\x1f\x8b", "gzip"),
    (b"{\\rtf", "RTF"),
    (b"MZ", "EXE"),
    (b"\x7fELF", "ELF"),
    (b"BM", "BMP"),
)
_MARKUP = re.compile(rb"\s*<(?:!doctype|html|head|meta|table|\?xml|style|body|workbook)\b", re.IGNORECASE)
_MHTML = re.compile(rb"\s*MIME-Version:", re.IGNORECASE)


def refuse_disguised(data: bytes) -> None:
    """Raise BadInput ``ledger.disguised`` for content that is neither workbook nor text table."""
    head = data.removeprefix(codecs.BOM_UTF8)[:512]
    for magic, name in _OTHERS:
        if head.startswith(magic) and (len(magic) > 2 or b"\0" in data[:4096]):
            raise BadInput("ledger.disguised", found=name)
    if _MARKUP.match(head) or _MHTML.match(head):
        raise BadInput("ledger.disguised", found="HTML/XML")


def zip_format(archive: zipfile.ZipFile) -> str:
    """``xlsx``, ``xlsb`` or ``ods``. Raises BadInput ``ledger.disguised`` naming what else the container holds."""
    names = {name.lower() for name in archive.namelist()}
    if "xl/workbook.bin" in names:
        return "xlsb"
    if any(name.startswith("xl/") for name in names):
        return "xlsx"
    if {"content.xml", "mimetype"} <= names and _is_spreadsheet(archive):
        return "ods"
    if any(name.startswith("word/") for name in names):
        raise BadInput("ledger.disguised", found="Word")
    raise BadInput("ledger.disguised", found="PowerPoint" if any(n.startswith("ppt/") for n in names) else "ZIP")


def _is_spreadsheet(archive: zipfile.ZipFile) -> bool:
    with archive.open("mimetype") as stream:
        return b"opendocument.spreadsheet" in stream.read(200)


def decode(data: bytes) -> tuple[str, str]:
    """Text and encoding: a byte order mark decides, then strict UTF-8, then strict GB18030.

    Charset detectors take short GBK tables for Korean. Raises BadInput ``truncated``, ``unknown_encoding``.
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _strict(data, "utf-16"), "utf-16"
    if b"\0" in data:
        raise BadInput("ledger.disguised", found="binary")
    try:
        return data.decode("utf-8-sig"), "utf-8"
    except UnicodeDecodeError as error:
        if data.startswith(codecs.BOM_UTF8) or (error.start > len(data) - 4 and error.start > 16):
            raise BadInput("ledger.truncated") from error
    return _strict(data, "gb18030"), "gb18030"


def _strict(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise BadInput("ledger.unknown_encoding", offset=error.start) from error


def delimiter(text: str) -> str:
    """The delimiter that cuts the first rows most alike; comma when none cuts."""
    sample = list(itertools.islice(io.StringIO(text[:SAMPLE], newline=""), 40))
    return max(DELIMITERS, key=lambda mark: _agreement(sample, mark))


def _agreement(sample: list[str], mark: str) -> tuple[int, int]:
    """How many rows share the commonest width above one, and that width."""
    widths = [len(row) for row in csv.reader(sample, delimiter=mark) if len(row) > 1]
    if not widths:
        return (0, 0)
    common = max(set(widths), key=lambda width: (widths.count(width), width))
    return (widths.count(common), common)


def text_rows(text: str) -> Iterator[list[str | None]]:
    """The records of a text table; empty fields are None. Raises BadInput ``ledger.malformed``."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter(text), strict=True)
    try:
        for record in reader:
            yield [field if field.strip() else None for field in record]
    except csv.Error as error:
        raise BadInput("ledger.malformed", detail=f"{reader.line_num}: {error}") from error
