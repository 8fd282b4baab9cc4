"""Ledger files as units hand them in, and as nobody should: how they are written."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import openpyxl
from msoffcrypto.format.ooxml import OOXMLFile
from openpyxl.styles import PatternFill

Grid = Sequence[Sequence[Any]]

LICENCE_HEADER = [
    "序号",
    "软件编号",
    "软件名称",
    "软件版本",
    "软件类型",
    "采购时间",
    "采购金额(单位:元)",
    "许可类型",
    "许可数量",
    "可使用版本",
    "许可期限",
    "序列号",
    "安装数量",
]
FREE_HEADER = [
    "序号",
    "软件编号",
    "软件名称",
    "软件版本",
    "软件来源",
    "软件厂商名称",
    "软件厂商 客服联系方式",
    "使用部门",
    "使用原因",
]


def xlsx(path: Path, sheets: Mapping[str, Grid], merges: Mapping[str, Sequence[str]] | None = None) -> Path:
    """Write one workbook; ``merges`` names areas a sheet (``B2:B4``)."""
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for name, grid in sheets.items():
        sheet = book.create_sheet(name)
        for row in grid:
            sheet.append(list(row))
        for area in (merges or {}).get(name, ()):
            sheet.merge_cells(area)
    book.save(path)
    return path


def csv_text(grid: Grid, delimiter: str = ",") -> str:
    return "".join(delimiter.join(str(cell) for cell in row) + "\r\n" for row in grid)


def encrypted(path: Path, grid: Grid, password: str) -> Path:
    """An .xlsx under agile encryption, as Excel and WPS write it."""
    plain = io.BytesIO(xlsx(path, {"Sheet1": grid}).read_bytes())
    with path.open("wb") as file:
        OOXMLFile(plain).encrypt(password, file)
    return path


def with_part(path: Path, grid: Grid, part: str, content: bytes) -> Path:
    """An .xlsx in which one part is replaced."""
    plain = zipfile.ZipFile(io.BytesIO(xlsx(path, {"Sheet1": grid}).read_bytes()))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for name in plain.namelist():
            out.writestr(name, content if name == part else plain.read(name))
    return path


SHEET1 = "xl/worksheets/sheet1.xml"
_SHEET_XML = (
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>%s</sheetData></worksheet>'
)


def sheet_xml(rows: str) -> bytes:
    return (_SHEET_XML % rows).encode()


def far_apart(path: Path, grid: Grid, *cells: str) -> Path:
    """Filled cells at these places and nothing between: 5 kB that asks for a grid of 17 thousand million cells."""
    rows = "".join(
        f'<row r="{cell.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")}"><c r="{cell}"><v>1</v></c></row>' for cell in cells
    )
    return with_part(path, grid, SHEET1, sheet_xml(rows))


def bomb(path: Path, grid: Grid) -> Path:
    """200 kB that unpack to 200 MB."""
    return with_part(path, grid, SHEET1, sheet_xml("<row><c><v>1</v></c></row>") + b" " * (200 << 20))


def lying_bomb(path: Path, grid: Grid) -> Path:
    """The same bomb with a directory that claims 4 kB."""
    data = bytearray(bomb(path, grid).read_bytes())
    size = struct.pack("<I", len(sheet_xml("<row><c><v>1</v></c></row>")) + (200 << 20))
    while (at := data.find(size)) >= 0:
        data[at : at + 4] = struct.pack("<I", 4096)
    path.write_bytes(data)
    return path


def shared_string_flood(path: Path, grid: Grid) -> Path:
    """One long shared string shown in every cell: small on disk, 135 MB as text."""
    rows = "".join(f'<row r="{n}"><c r="A{n}" t="s"><v>0</v></c></row>' for n in range(1, 1_500))
    with_part(path, grid, SHEET1, sheet_xml(rows))
    plain = zipfile.ZipFile(io.BytesIO(path.read_bytes()))
    space = "http://schemas.openxmlformats.org/"
    kind = f"{space}officeDocument/2006/relationships/sharedStrings"
    relation = f'<Relationship Id="rId99" Type="{kind}" Target="sharedStrings.xml"/></Relationships>'
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for name in plain.namelist():
            content = plain.read(name)
            if name == "xl/_rels/workbook.xml.rels":
                content = content.replace(b"</Relationships>", relation.encode())
            out.writestr(name, content)
        text = "长" * 30_000
        out.writestr(
            "xl/sharedStrings.xml", f'<sst xmlns="{space}spreadsheetml/2006/main"><si><t>{text}</t></si></sst>'
        )
    return path


def styled_to_the_edge(path: Path, grid: Grid) -> Path:
    """A real ledger whose last row was coloured out to the edge of the sheet: styles, no content."""
    xlsx(path, {"Sheet1": grid})
    book = openpyxl.load_workbook(path)
    for cell in ("XFD3", "A1048576", "XFD1048576"):
        book.worksheets[0][cell].fill = PatternFill("solid", fgColor="FFFF00")
    book.save(path)
    return path


def ods(path: Path, grid: Grid) -> Path:
    """A minimal OpenDocument spreadsheet."""
    rows = "".join(
        "<table:table-row>"
        + "".join(
            f'<table:table-cell office:value-type="string"><text:p>{cell}</text:p></table:table-cell>' for cell in row
        )
        + "</table:table-row>"
        for row in grid
    )
    space = "urn:oasis:names:tc:opendocument:xmlns:"
    content = (
        f'<?xml version="1.0"?><office:document-content xmlns:office="{space}office:1.0" '
        f'xmlns:table="{space}table:1.0" xmlns:text="{space}text:1.0"><office:body><office:spreadsheet>'
        f'<table:table table:name="台账">{rows}</table:table>'
        "</office:spreadsheet></office:body></office:document-content>"
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        out.writestr("META-INF/manifest.xml", "<manifest/>")
        out.writestr("content.xml", content)
    return path


def xls(path: Path, grid: Grid) -> Path:
    """A minimal Excel 97 workbook, the format of .xls and WPS .et ([MS-XLS] inside [MS-CFB])."""
    path.write_bytes(_compound_file(_biff8(grid)))
    return path


def _record(kind: int, body: bytes) -> bytes:
    return struct.pack("<HH", kind, len(body)) + body


def _biff8(grid: Grid) -> bytes:
    bof = struct.pack("<HHHHII", 0x0600, 0x0005, 0, 0, 0, 6)
    name = "Sheet1"
    head = _record(0x0809, bof)
    sheet_at = len(head) + 4 + 8 + len(name) + 4  # BOUNDSHEET and EOF stand before the sheet
    head += _record(0x0085, struct.pack("<IBBBB", sheet_at, 0, 0, len(name), 0) + name.encode()) + _record(0x000A, b"")
    sheet = _record(0x0809, struct.pack("<HHHHII", 0x0600, 0x0010, 0, 0, 0, 6))
    for r, row in enumerate(grid):
        for c, cell in enumerate(row):
            if isinstance(cell, int | float):
                sheet += _record(0x0203, struct.pack("<HHHd", r, c, 0, cell))
            elif cell:
                text = str(cell).encode("utf-16-le")
                sheet += _record(0x0204, struct.pack("<HHHHB", r, c, 0, len(str(cell)), 1) + text)
    return head + sheet + _record(0x000A, b"")


def _compound_file(stream: bytes) -> bytes:
    """One stream ``Workbook`` in a version 3 compound file: header, FAT, directory, data."""
    stream += b"\0" * (-len(stream) % 512)
    stream += b"\0" * max(0, 4096 - len(stream))
    sectors = len(stream) // 512
    end, free, fat_mark, none = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD, 0xFFFFFFFF
    chain = [fat_mark, end, *(n + 3 for n in range(sectors - 1)), end]
    fat = struct.pack("<128I", *(chain + [free] * (128 - len(chain))))
    header = bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 16 + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + b"\0" * 6
    header += struct.pack("<IIIIIIIII", 0, 1, 1, 0, 4096, end, 0, end, 0) + struct.pack("<109I", 0, *[free] * 108)
    root = _directory_entry("Root Entry", 5, none, none, 1, end, 0)
    book = _directory_entry("Workbook", 2, none, none, none, 2, len(stream))
    empty = _directory_entry("", 0, none, none, none, 0, 0)
    return header + fat + root + book + empty * 2 + stream


def _directory_entry(name: str, kind: int, left: int, right: int, child: int, start: int, size: int) -> bytes:
    text = name.encode("utf-16-le")
    length = len(text) + 2 if name else 0
    fields = struct.pack("<HBBIII", length, kind, 1, left, right, child)
    return text.ljust(64, b"\0") + fields + b"\0" * 36 + struct.pack("<IQ", start, size)
