"""Where in a TOML file a key stands, so that an error names file, line and key."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence

_AT_LINE = re.compile(r"\(at line (\d+)")
_HEADER = re.compile(r"\s*\[\[?\s*([^\]]+?)\s*\]\]?")
_KEY = re.compile(r"""\s*("[^"]*"|'[^']*'|[\w.-]+)\s*=""")


def syntax_line(error: tomllib.TOMLDecodeError | UnicodeDecodeError) -> int:
    """The line that a parser's error names; 1 when it names none (a file that is not UTF-8)."""
    found = _AT_LINE.search(str(error))
    return int(found[1]) if found else 1


def line_of(text: str, path: Sequence[str | int]) -> int:
    """The line of the key at ``path``, or of the deepest table or key above it that the text has; 1 for neither."""
    wanted = [str(part) for part in path]
    best, depth = 1, 0
    table: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.fullmatch(line.split("#")[0].rstrip()):
            table = _parts(header[1])
            here = table
        elif key := _KEY.match(line):
            here = [*table, *_parts(key[1])]
        else:
            continue
        if len(here) > depth and wanted[: len(here)] == here:
            best, depth = number, len(here)
    return best


def _parts(dotted: str) -> list[str]:
    return [part.strip().strip("\"'") for part in dotted.split(".")]
