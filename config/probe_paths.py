"""Where the main programs of portable copies lie: ``config/catalogue/probe_paths.toml``, checked and written out."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from config.problems import BadInput
from config.toml_place import line_of, syntax_line

FILE = Path(__file__).parent / "catalogue" / "probe_paths.toml"
PROGRAM_FILES = "%ProgramFiles%"
FOLDERS = ("Program Files", "Program Files (x86)")
PRODUCT = re.compile(r"[a-z0-9][a-z0-9-]*")
FORBIDDEN = re.compile(r'[<>:"/|?\x00-\x1f]')  # no drive, no URL, no pattern but the star
LONGEST = 240  # characters; Windows refuses more than 260 with the drive


def probe_paths(file: Path = FILE) -> Mapping[str, tuple[str, ...]]:
    r"""Product id → program files below the root of a local drive, with backslashes; "Program Files" in both forms.

    At most one ``*`` stands in a path, for any rest of one folder's name. Nothing ends elsewhere than in ``.exe``.
    Raises BadInput ``catalogue.bad_file`` (file, line, key, detail).
    """
    try:
        text = file.read_text("utf-8")
        content = tomllib.loads(text)
    except FileNotFoundError as error:
        raise _bad(file, 1, "", "file is missing") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise _bad(file, syntax_line(error), "", str(error)) from error
    table: object = content.get("paths")
    if content.keys() != {"paths"} or not isinstance(table, dict):
        raise _bad(file, 1, "paths", "the file holds one table, paths")
    found: dict[str, tuple[str, ...]] = {}
    for product, paths in content["paths"].items():
        if detail := _fault_of_entry(product, paths):
            raise _bad(file, line_of(text, ["paths", product]), f"paths.{product}", detail)
        found[product] = tuple(dict.fromkeys(whole for path in paths for whole in _written_out(path)))
    return MappingProxyType(found)


def fault(path: str) -> str:
    r"""What is wrong with a path; ``""`` for a good one.

    >>> fault(r"%ProgramFiles%\\7-Zip\\7zFM.exe"), fault(r"C:\\x\\y.exe"), fault(r"a\\..\\b.exe")
    ('', 'a drive or a forbidden character', 'an empty, dotted or spaced part')
    """
    parts = path.removeprefix(PROGRAM_FILES + "\\").split("\\")
    if FORBIDDEN.search(path) or len(path) > LONGEST:
        return "a drive or a forbidden character"
    if any(not part or part != part.strip() or part.endswith(".") for part in parts):
        return "an empty, dotted or spaced part"
    if len(path.split("\\")) < 2 or not parts[-1].lower().endswith(".exe"):
        return "not a program in a folder"
    if path.count("*") > 1 or "*" in parts[-1] or path.startswith("*"):
        return "more than one star, or a star for the program or the first folder"
    return ""


def _fault_of_entry(product: str, paths: object) -> str:
    if not PRODUCT.fullmatch(product):
        return "no product id"
    if not isinstance(paths, list) or not paths:
        return "no list of paths"
    for path in paths:  # pyright: ignore[reportUnknownVariableType]
        if not isinstance(path, str):
            return "a path is no text"
        if wrong := fault(path):
            return f"{path}: {wrong}"
    return ""


def _written_out(path: str) -> Iterator[str]:
    inside = path.removeprefix(PROGRAM_FILES)
    yield from (folder + inside for folder in FOLDERS) if inside != path else (path,)


def _bad(file: Path, line: int, key: str, detail: str) -> BadInput:
    return BadInput("catalogue.bad_file", file=file.name, line=line, key=key, detail=detail)
