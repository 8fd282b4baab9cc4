"""Look at a zip container before it is unpacked: bombs, and cells so far apart that their grid has no room."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator

from config.problems import BadInput
from config.settings import Ledger

MIB = 1 << 20
ENTRIES = 2_000
UNPACKED = 300 * MIB
"""A 100,000-row ledger unpacks to about 60 MB."""

RATIO = 200
"""Spreadsheet XML packs 5 to 40 times; a deflate bomb about 1,000 times."""

SMALL = 4 * MIB
"""Up to this size the ratio says nothing: blank templates pack very well."""

_CHUNK = MIB
_OVERLAP = 4096
_SHEET = re.compile(r"xl/worksheets/[^/]+\.xml")
_FAR_CELL = re.compile(
    rb"""\sr=["'](?:([A-Z]{2,3})([0-9]{1,7})|([A-Z])([0-9]{6,7}))["'][^<>]*(?<!/)>\s*<(?:\w+:)?(?:v|is|f)\b"""
)
"""A filled cell beyond column Z or row 99,999. Styled empty cells out there are common, and harmless."""


def open_archive(data: bytes) -> zipfile.ZipFile:
    """Open and check the directory. Raises BadInput ``ledger.truncated`` or ``ledger.bomb``."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, ValueError, NotImplementedError, UnicodeDecodeError) as error:
        raise BadInput("ledger.truncated") from error
    _check_directory(archive.infolist(), len(data))
    return archive


def _check_directory(entries: list[zipfile.ZipInfo], size: int) -> None:
    unpacked = sum(entry.file_size for entry in entries)
    packed = sum(entry.compress_size for entry in entries)
    ratio = unpacked // max(1, size)
    overlapping = packed > size
    if len(entries) > ENTRIES or unpacked > UNPACKED or overlapping or (unpacked > SMALL and ratio > RATIO):
        raise BadInput("ledger.bomb", size_mb=unpacked // MIB, ratio=ratio)


def check_cells(archive: zipfile.ZipFile, settings: Ledger) -> None:
    """Refuse filled cells beyond the limits. Raises BadInput ``ledger.far_cell``, ``bomb``, ``truncated``.

    The reader lays out a dense grid from the first to the last filled cell and aborts the process when there is no
    memory for it: two cells are enough.
    """
    for entry in archive.infolist():
        if _SHEET.fullmatch(entry.filename.lower()):
            _check_sheet(archive, entry, settings)


def _check_sheet(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, settings: Ledger) -> None:
    last_row, last_column = 1, 1
    for row, column, name in _far_cells(_chunks(archive, entry)):
        last_row, last_column = max(last_row, row), max(last_column, column)
        too_far = column > settings.columns_limit or row > settings.rows_limit
        if too_far or last_row * last_column > settings.cells_limit:
            rows, columns = settings.rows_limit, settings.columns_limit
            raise BadInput("ledger.far_cell", cell=name, rows=rows, columns=columns)


def _chunks(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    """The entry's bytes, never more than its directory promised."""
    read = 0
    try:
        with archive.open(entry) as stream:
            while chunk := stream.read(_CHUNK):
                read += len(chunk)
                if read > UNPACKED:
                    raise BadInput("ledger.bomb", size_mb=read // MIB, ratio=read // max(1, entry.compress_size))
                yield chunk
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise BadInput("ledger.truncated") from error


def _far_cells(chunks: Iterator[bytes]) -> Iterator[tuple[int, int, str]]:
    tail = b""
    for chunk in chunks:
        window = tail + chunk
        for match in _FAR_CELL.finditer(window):
            letters = (match[1] or match[3]).decode()
            digits = (match[2] or match[4]).decode()
            yield int(digits), _column_number(letters), letters + digits
        tail = window[-_OVERLAP:]


def _column_number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number
