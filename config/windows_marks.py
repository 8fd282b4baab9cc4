"""What is looked for by name on a Windows computer: ``windows_marks.toml``, the activators' words, the probe paths."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from config.probe_paths import probe_paths
from config.problems import BadInput
from config.toml_place import syntax_line

FOLDER = Path(__file__).parent
FILE = FOLDER / "windows_marks.toml"
ACTIVATORS = FOLDER / "traces" / "activators.toml"
TABLES = ("antivirus_services", "activator_files", "licence_servers")


@dataclass(frozen=True, slots=True)
class WindowsMarks:
    """Plain data of the collection plan. Paths lie below a drive; words, services and variables are folded."""

    words: tuple[str, ...] = ()  # of activators, in names of services and tasks
    activator_files: tuple[str, ...] = ()
    antivirus_services: Mapping[str, str] = field(default_factory=dict[str, str])
    licence_servers: Mapping[str, str] = field(default_factory=dict[str, str])
    portable: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])

    def to_json(self) -> dict[str, Any]:
        """As it travels to a worker."""
        portable = {product: list(paths) for product, paths in self.portable.items()}
        return {**self.recorded(), "activator_files": list(self.activator_files), "portable": portable}

    def recorded(self) -> dict[str, Any]:
        """What a replay needs of them: it finds the recorded files whatever is looked for today."""
        return {
            "words": list(self.words),
            "antivirus_services": dict(self.antivirus_services),
            "licence_servers": dict(self.licence_servers),
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> WindowsMarks:
        """Inverse of :meth:`to_json` and, as far as it goes, of :meth:`recorded`; what is missing is empty."""
        return cls(
            tuple(kept.get("words", ())),
            tuple(kept.get("activator_files", ())),
            dict(kept.get("antivirus_services", {})),
            dict(kept.get("licence_servers", {})),
            {product: tuple(paths) for product, paths in kept.get("portable", {}).items()},
        )


NO_MARKS = WindowsMarks()


@cache
def windows_marks(file: Path = FILE, activators: Path = ACTIVATORS) -> WindowsMarks:
    """Read the data. Raises BadInput ``catalogue.bad_file``."""
    content = _read(file)
    if content.keys() != set(TABLES):
        raise BadInput("catalogue.bad_file", file=file.name, line=1, key="", detail=f"the tables are {TABLES}")
    words = [word.casefold() for entry in _read(activators)["activators"] for word in entry["words"]]
    return WindowsMarks(
        tuple(sorted(set(words))),
        tuple(content["activator_files"]["paths"]),
        {name.casefold(): product for name, product in content["antivirus_services"].items()},
        {name.casefold(): product for name, product in content["licence_servers"].items()},
        probe_paths(),
    )


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        detail = str(error)
        raise BadInput("catalogue.bad_file", file=file.name, line=syntax_line(error), key="", detail=detail) from error
