"""What is wrong with a case folder, as problems that name the file, the place in it and what to do."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from config.invalid import fault
from config.message import Param
from config.problems import BadInput

FILE = "case.toml"
TYPES = ("str", "dict[str,any]")  # pydantic's names of a union's arms: no keys of the file
_ROW = re.compile(r"(\w+)\[(\d+)\]")
_PLACE = re.compile(r"\(at line (\d+), column (\d+)\)")


def text_of(path: Path, shown: str) -> str:
    """The text of a file, with or without BOM. Raises BadInput ``case.no_file`` and ``case.not_utf8``."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadInput("case.no_file", file=shown) from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise BadInput("case.not_utf8", file=shown, line=line) from error


def bad_toml(text: str, error: tomllib.TOMLDecodeError) -> BadInput:
    """The line and column where the text stops being TOML; an impossible date stops it too."""
    found = _PLACE.search(str(error))
    line, column = (int(found[1]), int(found[2])) if found else (text.count("\n") + 1, 1)
    return BadInput("case.bad_toml", file=FILE, line=line, column=column)


def bad_value(where: str, error: ValidationError, file: str = FILE) -> BadInput:
    """The first value that does not fit; ``where``: the table it stands in, or empty for the file itself."""
    loc = error.errors(include_url=False, include_input=False)[0]["loc"]
    return _bad(file, " ".join(part for part in (where, key_of(loc)) if part), fault(error))


def wrong(where: str, kind: str, file: str = FILE, **values: Param) -> BadInput:
    """A value that does not fit, ``kind`` being a code of ``invalid.toml`` and ``values`` what its sentence names."""
    return _bad(file, where, {**values, "detail": kind})


def _bad(file: str, where: str, params: Mapping[str, Param]) -> BadInput:
    return BadInput("case.bad_file", **{**params, "file": file, "where": where})


def key_of(loc: Sequence[str | int]) -> str:
    """Pydantic's place as the file counts: ``licences[2].quantity``.

    >>> key_of(("licences", 1, "quantity"))
    'licences[2].quantity'
    """
    text = ""
    for part in loc:
        if isinstance(part, int):
            text += f"[{part + 1}]"
        elif part.casefold() not in TYPES:
            text += f".{part}" if text else part
    return text


def unknown_key(where: str, key: str, known: Iterable[str]) -> BadInput:
    """A key that the format does not have: a misspelt key would change a verdict in silence."""
    code = "case.unknown_key" if where else "case.unknown_top_key"
    return BadInput(code, file=FILE, where=where, key=key, known="、".join(sorted(known)))


def located(refused: BadInput, path: Path) -> BadInput:
    """The same problem with the line in ``case.toml`` where the row, or its key, stands: ``case.toml:12``."""
    params = refused.message.params
    if params.get("file") != FILE or "where" not in params or not path.is_file():
        return refused
    key = params.get("key") or str(params["where"]).split(" ")[-1].rpartition(".")[2]
    line = _line_of(path.read_text("utf-8-sig", errors="replace").splitlines(), str(params["where"]), str(key))
    return BadInput(refused.message.code, **{**params, "file": f"{FILE}:{line}"}) if line else refused


def _line_of(lines: Sequence[str], where: str, key: str) -> int:
    """Line of ``key`` in the row that ``where`` names (``licences[2] quantity``), else of the row; 0 for neither."""
    first, last = 0, len(lines)
    if row := _ROW.match(where):
        headers = [n for n, line in enumerate(lines) if re.match(rf"\s*\[\[\s*{row[1]}\s*\]\]", line)]
        if len(headers) < int(row[2]):
            return 0
        first = headers[int(row[2]) - 1]
        last = next((n for n in range(first + 1, last) if re.match(r"\s*\[", lines[n])), last)
    wanted = re.compile(rf"\s*{re.escape(key.partition('[')[0])}\s*=")
    return next((n + 1 for n in range(first, last) if wanted.match(lines[n])), first + 1 if row else 0)


def not_negative(where: str, row: Mapping[str, Any]) -> None:
    """Raise BadInput for a number below zero: no count and no amount of a case can be one."""
    for key, value in row.items():
        if isinstance(value, int) and value < 0:
            raise wrong(f"{where} {key}", "greater_than_equal", ge=0)
