"""From a 100,000 × 12 固定资产 workbook to its preview through the limited child, against openpyxl reading the file."""

from __future__ import annotations

import statistics
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import openpyxl

from appliance.ledger import importing, reading
from appliance.ledger.model import LedgerKind
from config import settings
from config.clock import SystemClock
from scanner import process

ROWS = 100_000
ROUNDS = 3
HEADER = [
    "资产编号",
    "资产名称",
    "分类代码",
    "品牌",
    "型号",
    "序列号",
    "MAC地址",
    "IP地址",
    "使用部门",
    "使用人",
    "状态",
    "是否信创",
]
_NAMES = (("台式计算机", "2010104"), ("便携式计算机", "2010105"), ("服务器", "2010103"), ("一体机", "2010104"))
_MAKES = (("联想", "启天M450"), ("清华同方", "超翔Z8000"), ("戴尔", "OptiPlex 7090"), ("华为", "擎云L410"))
_SPACE = "http://schemas.openxmlformats.org/"
_MAIN = f"{_SPACE}spreadsheetml/2006/main"
_OFFICE = f"{_SPACE}officeDocument/2006/relationships"
_PACKAGE = f"{_SPACE}package/2006"
_PARTS = {
    "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="xml" ContentType='
    '"application/xml"/><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships'
    '+xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.'
    'spreadsheetml.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="application/vnd.'
    'openxmlformats-officedocument.spreadsheetml.worksheet+xml"/><Override PartName="/xl/sharedStrings.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"/></Types>',
    "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" '
    f'Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets><sheet name="资产" sheetId="1" '
    'r:id="rId1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" '
    f'Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" '
    f'Type="{_OFFICE}/sharedStrings" Target="sharedStrings.xml"/></Relationships>',
}


def rows(count: int) -> Iterator[Sequence[str]]:
    """The header and ``count`` computers, each with numbers of its own."""
    yield HEADER
    for n in range(count):
        name, code = _NAMES[n % 7 % 4]
        brand, model = _MAKES[n % 5 % 4]
        mac = "-".join(f"{part:02X}" for part in (0, 0x1A, 0x2B, n >> 16 & 255, n >> 8 & 255, n & 255))
        address = f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}"
        state, xinchuang = ("在用", "闲置")[n % 50 == 0], ("否", "是")[n % 3 == 0]
        people = [f"第{n % 120}科室", f"张{n % 4999}", state, xinchuang]
        yield [
            f"ZC{2015 + n % 10}-{n:06d}",
            name,
            code,
            brand,
            model,
            f"PF{n * 7919 % 10**8:08X}",
            mac,
            address,
            *people,
        ]


def write_workbook(path: Path, count: int = ROWS) -> Path:
    """An .xlsx with a shared string table, as Excel and WPS write it."""
    table: dict[str, int] = {}
    lines: list[str] = []
    for r, row in enumerate(rows(count), 1):
        cells = (
            f'<c r="{chr(65 + c)}{r}" t="s"><v>{table.setdefault(text, len(table))}</v></c>'
            for c, text in enumerate(row)
        )
        lines.append(f'<row r="{r}" spans="1:12">{"".join(cells)}</row>')
    strings = "".join(f"<si><t>{escape(text)}</t></si>" for text in table)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=4) as out:
        for name, content in _PARTS.items():
            out.writestr(name, content)
        out.writestr("xl/sharedStrings.xml", f'<sst xmlns="{_MAIN}" uniqueCount="{len(table)}">{strings}</sst>')
        sheet = f'<dimension ref="A1:L{count + 1}"/><sheetData>{"".join(lines)}</sheetData>'
        out.writestr("xl/worksheets/sheet1.xml", f'<worksheet xmlns="{_MAIN}">{sheet}</worksheet>')
    return path


def ours(path: Path) -> int:
    """Rows accepted into the preview."""
    found = importing.preview(LedgerKind.ASSETS, reading.read_table(path, LIMITS, CLOCK), "bench")
    return found.rows_accepted


def peer(path: Path) -> int:
    """Rows of cells that openpyxl loads."""
    return _openpyxl(path, read_only=False)


def streaming_peer(path: Path) -> int:
    """Rows of cells that openpyxl streams, in its faster mode without merged areas."""
    return _openpyxl(path, read_only=True)


def _openpyxl(path: Path, read_only: bool) -> int:
    book = openpyxl.load_workbook(path, read_only=read_only, data_only=True)
    count = sum(1 for _ in book.worksheets[0].iter_rows(values_only=True))
    book.close()
    return count - 1


CLOCK = SystemClock()
LIMITS = settings.load(environment={}).ledger


def _seconds(work: Callable[[Path], int], path: Path) -> float:
    started = CLOCK.monotonic()
    if (found := work(path)) != ROWS:
        raise SystemExit(f"{work.__name__} found {found} rows instead of {ROWS}")
    return CLOCK.monotonic() - started


def main() -> dict[str, Any]:
    """Medians of alternating runs, in seconds."""
    process.preload(("appliance.ledger.child",))
    with tempfile.TemporaryDirectory() as folder:
        path = write_workbook(Path(folder) / "固定资产.xlsx")
        runs = [[_seconds(work, path) for work in (ours, peer, streaming_peer)] for _ in range(ROUNDS)]
    mine, theirs, streamed = (statistics.median(times) for times in zip(*runs, strict=True))
    return {
        "name": "ledger-100k",
        "ours": round(mine, 2),
        "peer": round(theirs, 2),
        "ratio": round(theirs / mine, 2),
        "unit": "s",
        "how": f"{ROWS} x {len(HEADER)} .xlsx: file to preview of typed records through the limited child "
        f"({LIMITS.child_memory_mb} MB), against openpyxl loading the file and reading its cells (its read_only mode "
        f"takes {streamed:.2f} s); medians of {ROUNDS} alternating runs",
    }
