"""A stranger's file is read whole, or refused with a sentence that says what to do."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import pytest

from appliance.ledger.reading import Merge, Workbook, read_table
from config import settings
from config.clock import SystemClock
from config.messages import render
from config.problems import BadInput
from tests.appliance.ledger import files
from tests.appliance.ledger.make_ledgers import FOLDER, file_of

GRID = [["资产编号", "资产名称", "数量"], ["GD-001", "台式机", 1], ["GD-002", "便携式计算机", 2]]
TEN_O_CLOCK = datetime.fromisoformat("2021-03-05T10:00:00")  # a spreadsheet knows no zone
LIMITS = settings.load(environment={}).ledger.model_copy(update={"child_seconds": 30})


def read(path: Path, password: str | None = None, **limits: int) -> Workbook:
    return read_table(path, LIMITS.model_copy(update=limits), SystemClock(), password)


def refusal(path: Path, password: str | None = None, **limits: int) -> str:
    """The code of the refusal; its sentence must be there and complete."""
    with pytest.raises(BadInput) as caught:
        read(path, password, **limits)
    sentence = render(caught.value.message)
    assert not sentence.startswith("ledger.")
    assert "（未知）" not in sentence
    return caught.value.message.code


def test_cells_keep_their_types_places_and_row_numbers(tmp_path: Path) -> None:
    grid = [[], [None, "名称", None], [None, 30, 2021.3, True, date(2021, 3, 5), TEN_O_CLOCK, "  "]]
    sheet = read(files.xlsx(tmp_path / "a.xlsx", {"资产": grid}, {"资产": ["B2:C2"]})).sheets[0]
    assert sheet.name == "资产"
    assert sheet.rows == (
        (1, ()),
        (2, (None, "名称")),
        (3, (None, 30.0, 2021.3, True, date(2021, 3, 5), TEN_O_CLOCK)),
    )
    assert sheet.merges == (Merge(2, 1, 2, 2),)


@pytest.mark.parametrize("write", [files.xls, files.ods], ids=["xls", "ods"])
def test_other_workbook_formats_are_read_by_content_whatever_the_extension(
    tmp_path: Path, write: Callable[[Path, files.Grid], Path]
) -> None:
    book = read(write(tmp_path / "台账.et", GRID))
    assert book.sheets[0].rows[0][1] == ("资产编号", "资产名称", "数量")
    assert [str(cells[2]).removesuffix(".0") for _, cells in book.sheets[0].rows[1:]] == ["1", "2"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "gbk", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", "\t", ";"], ids=["comma", "tab", "semicolon"])
def test_text_tables_are_read_in_every_usual_encoding_and_delimiter(
    tmp_path: Path, encoding: str, delimiter: str
) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(files.csv_text([["某局固定资产台账"], *GRID], delimiter).encode(encoding))
    book = read(path)
    assert book.sheets[0].rows[1:] == (
        (2, ("资产编号", "资产名称", "数量")),
        (3, ("GD-001", "台式机", "1")),
        (4, ("GD-002", "便携式计算机", "2")),
    )
    assert book.encoding == {"utf-8-sig": "utf-8", "gbk": "gb18030"}.get(encoding, encoding)


def test_line_breaks_and_quotes_inside_a_csv_cell_stay_in_the_cell(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('资产编号,MAC\nGD-1,"00-11-22-33-44-55\n66-77-88-99-AA-BB"\nGD-2,"24""屏"\n', "utf-8")
    assert [cells[1] for _, cells in read(path).sheets[0].rows[1:]] == [
        "00-11-22-33-44-55\n66-77-88-99-AA-BB",
        '24"屏',
    ]


def test_an_encrypted_workbook_asks_for_the_password_and_opens_with_it(tmp_path: Path) -> None:
    path = files.encrypted(tmp_path / "a.xlsx", GRID, "密码123")
    assert refusal(path) == "ledger.encrypted"
    assert refusal(path, "错") == "ledger.wrong_password"
    assert len(read(path, "密码123").sheets[0].rows) == 3


def test_styles_without_content_at_the_edge_of_the_sheet_do_no_harm(tmp_path: Path) -> None:
    assert len(read(files.styled_to_the_edge(tmp_path / "a.xlsx", GRID)).sheets[0].rows) == 3


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert refusal(tmp_path / "没有.xlsx") == "ledger.no_file"


Bad = Callable[[Path], object]


def _truncated(path: Path) -> None:
    data = files.xlsx(path, {"Sheet1": GRID}).read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])


def _damaged_inside(path: Path) -> None:
    data = bytearray(files.xlsx(path, {"Sheet1": [["文字" * 50] * 20] * 200}).read_bytes())
    at = data.find(b"xl/worksheets/sheet1.xml") + 60
    data[at : at + 40] = b"\xff" * 40
    path.write_bytes(data)


def _word(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as out:
        out.writestr("word/document.xml", "<w/>")


def _plain_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as out:
        out.writestr("台账.txt", "x")


def _many_entries(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as out:
        for n in range(2_100):
            out.writestr(f"xl/{n}.xml", "")


def _truncated_xls(path: Path) -> None:
    data = files.xls(path, [["编号", "文字" * 200]] * 60).read_bytes()
    path.write_bytes(data[:1400])


HTML = "<html><table><tr><td>资产编号</td></tr></table></html>"
BAD: dict[str, tuple[Bad, str]] = {
    "nothing in it": (lambda p: p.write_bytes(b""), "ledger.empty"),
    "only blank lines": (lambda p: p.write_bytes(b" \r\n"), "ledger.empty"),
    "an empty workbook": (lambda p: files.xlsx(p, {"Sheet1": []}), "ledger.empty"),
    "a web page called xls": (lambda p: p.write_text(HTML, "utf-8"), "ledger.disguised"),
    "an XML spreadsheet called xls": (lambda p: p.write_text('<?xml version="1.0"?><Workbook/>'), "ledger.disguised"),
    "a single-file web page": (lambda p: p.write_text("MIME-Version: 1.0\n"), "ledger.disguised"),
    "a PDF": (lambda p: p.write_bytes(b"%PDF-1.7\n"), "ledger.disguised"),
    "a photo": (lambda p: p.write_bytes(b"\xff\xd8\xff\xe0" + b"\0" * 99), "ledger.disguised"),
    "a program": (lambda p: p.write_bytes(b"MZ\x90\0" + b"\0" * 99), "ledger.disguised"),
    "a Word document": (_word, "ledger.disguised"),
    "binary rubbish": (lambda p: p.write_bytes(bytes(range(256)) * 9), "ledger.disguised"),
    "cut off": (_truncated, "ledger.truncated"),
    "an old workbook cut off": (_truncated_xls, "ledger.truncated"),
    "damaged inside": (_damaged_inside, "ledger.truncated"),
    "text cut off in a character": (
        lambda p: p.write_bytes("资产编号,名称\n1,台式机".encode()[:-1]),
        "ledger.truncated",
    ),
    "no known encoding": (lambda p: p.write_bytes(b"a,b\r\n\x81\xff\x81,\xff\r\nc,d\r\n"), "ledger.unknown_encoding"),
    "a quote never closed": (lambda p: p.write_text('编号,名称\n1,"台式机\n2,x\n', "utf-8"), "ledger.malformed"),
    "broken XML": (
        lambda p: files.with_part(p, GRID, files.SHEET1, b"<worksheet><sheetData><row></x>"),
        "ledger.malformed",
    ),
    "an OLE file that is no workbook": (
        lambda p: p.write_bytes(
            files.xls(p, GRID).read_bytes().replace("Workbook".encode("utf-16-le"), "Worqbook".encode("utf-16-le"))
        ),
        "ledger.malformed",
    ),
    "two far-apart cells": (lambda p: files.far_apart(p, GRID, "A1", "XFD1048576"), "ledger.far_cell"),
    "one stray cell far below": (lambda p: files.far_apart(p, GRID, "A1", "B1048576"), "ledger.far_cell"),
    "a zip bomb": (lambda p: files.bomb(p, GRID), "ledger.bomb"),
    "a zip bomb with a lying directory": (lambda p: files.lying_bomb(p, GRID), "ledger.truncated"),
    "a compressed archive": (lambda p: p.write_bytes(b"\x1f\x8b\x08\0" + b"\0" * 60), "ledger.disguised"),
    "a 7z archive": (lambda p: p.write_bytes(b"7z\xbc\xaf\x27\x1c" + b"\0" * 60), "ledger.disguised"),
    "a RAR archive": (lambda p: p.write_bytes(b"Rar!\x1a\x07\0" + b"\0" * 60), "ledger.disguised"),
    "rich text": (lambda p: p.write_bytes(b"{\\rtf1\\ansi x}"), "ledger.disguised"),
    "a zip without a workbook": (_plain_zip, "ledger.disguised"),
    "an OLE header and nothing more": (lambda p: p.write_bytes(bytes.fromhex("d0cf11e0a1b11ae1")), "ledger.truncated"),
    "too many parts": (_many_entries, "ledger.bomb"),
    "one long text shown in every cell": (lambda p: files.shared_string_flood(p, GRID), "ledger.too_much_text"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_refused_with_what_to_do(name: str) -> None:
    assert refusal(file_of("bad", name)) == BAD[name][1]


def test_thirty_bad_ledgers_are_stored_and_a_bad_file_costs_the_limits_of_the_product_at_most() -> None:
    assert len(list((FOLDER / "bad").iterdir())) == len(BAD) >= 30
    shipped = settings.load(environment={}).ledger
    assert (shipped.child_seconds, shipped.child_memory_mb) == (5, 512)


def test_cells_far_apart_that_the_check_cannot_see_end_the_child_and_nothing_else(tmp_path: Path) -> None:
    rows = '<row r="1"><c><v>1</v></c></row><row r="1048576">' + "<c><v>1</v></c>" * 150 + "</row>"
    path = files.with_part(tmp_path / "a.xlsx", GRID, files.SHEET1, files.sheet_xml(rows))
    assert refusal(path) in {"ledger.too_much_memory", "ledger.too_many_rows"}


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        ({"rows_limit": 2}, "ledger.too_many_rows"),
        ({"columns_limit": 2}, "ledger.too_many_columns"),
        ({"cells_limit": 5}, "ledger.too_many_cells"),
    ],
)
def test_limits_are_kept_and_named(tmp_path: Path, limits: dict[str, int], code: str) -> None:
    path = files.xlsx(tmp_path / "a.xlsx", {"Sheet1": GRID})
    assert refusal(path, None, **limits) == code


def test_a_file_over_the_size_limit_is_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"a,b\n" * 600_000)
    assert refusal(path, file_limit_mb=2) == "ledger.file_too_big"


def test_a_reader_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    grid = io.StringIO()
    for n in range(400_000):
        grid.write(f"{n},a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p\n")
    path = tmp_path / "a.csv"
    path.write_text(grid.getvalue())
    assert refusal(path, child_seconds=1, rows_limit=10**6) == "ledger.too_slow"
