"""Writes ``tests/data/ledgers`` from the cases of the tests: ``python -m tests.appliance.ledger.make_ledgers``.

Each messy ledger is one file, in turn in every format that units hand in; where a format cannot hold what the case is
about (merged areas, dates, numbers as numbers), in the next one that can. Each bad file is one file as well.
"""

from __future__ import annotations

import csv
import io
import re
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from xml.sax.saxutils import escape

from tests.appliance.ledger import files
from tests.appliance.ledger.messy import Messy

FOLDER = Path(__file__).parents[2] / "data" / "ledgers"
PASSWORD = "密码123"
Write = Callable[[Path, Messy], object]


def _xlsx(path: Path, case: Messy) -> object:
    return files.xlsx(path, {"表": case.grid}, {"表": case.merges})


def _xls(path: Path, case: Messy) -> object:
    return files.xls(path, case.grid)


def _ods(path: Path, case: Messy) -> object:
    return files.ods(path, [["" if cell is None else escape(str(cell)) for cell in row] for row in case.grid])


def _encrypted(path: Path, case: Messy) -> object:
    return files.encrypted(path, case.grid, PASSWORD)


def _text(encoding: str, delimiter: str = ",") -> Write:
    def write(path: Path, case: Messy) -> object:
        text = io.StringIO()
        csv.writer(text, delimiter=delimiter).writerows(case.grid)
        return path.write_bytes(text.getvalue().encode(encoding))

    return write


FORMATS: Mapping[str, Write] = {
    "gbk.csv": _text("gbk"),
    "xls": _xls,
    "bom.csv": _text("utf-8-sig"),
    "encrypted.xlsx": _encrypted,
    "tab.csv": _text("gbk", "\t"),
    "xlsx": _xlsx,
    "et": _xls,
    "utf8.csv": _text("utf-8"),
    "ods": _ods,
}


def slug(name: str) -> str:
    """The name of a case as a name of a file."""
    return re.sub(r"[^\w信创成员附件机关事业单位]+", "-", name.lower()).strip("-")


def file_of(kind: str, name: str) -> Path:
    """The stored file of one case; ``kind``: ``messy`` or ``bad``."""
    found = [path for path in (FOLDER / kind).iterdir() if path.name.partition(".")[0] == slug(name)]
    assert len(found) == 1, (name, found)
    return found[0]


def password_of(path: Path) -> str | None:
    """What opens a stored file."""
    return PASSWORD if path.name.endswith("encrypted.xlsx") else None


def write_messy(case: Messy, name: str, first: int, holds: Callable[[Path, Messy], bool]) -> Path:
    """The first format from ``first`` on whose file gives what the case expects."""
    formats = list(FORMATS)
    for ending in ("xlsx",) if _needs_a_workbook(case) else (*formats[first:], *formats[:first]):
        path = FOLDER / "messy" / f"{slug(name)}.{ending}"
        try:
            FORMATS[ending](path, case)
        except (UnicodeEncodeError, ValueError):
            fits = False
        else:
            fits = holds(path, case)
        if fits:
            return path
        path.unlink(missing_ok=True)
    raise ValueError(f"{name}: no format holds it")


def _needs_a_workbook(case: Messy) -> bool:
    """Merged areas, days and truth values of their own kind."""
    return bool(case.merges) or any(isinstance(cell, date | bool) for row in case.grid for cell in row)


def main(arguments: Sequence[str]) -> int:
    """Write everything anew; 2 when there are arguments."""
    from tests.appliance.ledger.test_importing import MESSY, as_expected
    from tests.appliance.ledger.test_reading import BAD

    if arguments:
        return 2
    for kind in ("messy", "bad"):
        shutil.rmtree(FOLDER / kind, ignore_errors=True)
        (FOLDER / kind).mkdir(parents=True)
    for number, (name, case) in enumerate(MESSY.items()):
        sys.stdout.write(f"{write_messy(case, name, number % len(FORMATS), as_expected).name}\n")
    for name, (write, _) in BAD.items():
        write(FOLDER / "bad" / f"{slug(name)}.xls")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
