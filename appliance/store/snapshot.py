"""A consistent copy of a database that may be in use, and what is in it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from config.durable import sync_folder
from config.problems import BadInput, EnvironmentProblem

BUSY_SECONDS = 10
BEFORE = ".before-"


def take(source: Path, target: Path) -> None:
    """Copy ``source`` to ``target`` (0600, on disk) as it stands between two transactions.

    Raises EnvironmentProblem; no half copy is left then.
    """
    try:
        target.unlink(missing_ok=True)
        target.touch(mode=0o600)
        with closing(sqlite3.connect(source, timeout=BUSY_SECONDS)) as reading, closing(sqlite3.connect(target)) as new:
            reading.backup(new)
        descriptor = os.open(target, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
    except (sqlite3.OperationalError, OSError) as error:
        target.unlink(missing_ok=True)
        raise EnvironmentProblem("data.no_copy", file=source.name, detail=str(error)) from error


def keep_before(path: Path, step: str) -> None:
    """Keep a copy of a database beside it before a migration changes it. Raises EnvironmentProblem."""
    aside = path.with_name(f"{path.name}.copy")
    take(path, aside)
    aside.replace(path.with_name(path.name + BEFORE + step))
    sync_folder(path.parent)


def forget_older(path: Path, step: str) -> None:
    """Of the copies made before migrations the newest stays."""
    for copy in path.parent.glob(f"{path.name}{BEFORE}*"):
        if copy.name != path.name + BEFORE + step:
            copy.unlink()


def counts(path: Path) -> Mapping[str, int]:
    """Rows by table, after SQLite's own check of the whole file. Raises BadInput when it is damaged."""
    try:
        with closing(sqlite3.connect(path, timeout=BUSY_SECONDS)) as db:
            (verdict,) = db.execute("PRAGMA integrity_check(1)").fetchone()
            if verdict != "ok":
                raise BadInput("backup.damaged", name=path.name)
            names = db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall()
            return {name: db.execute(f'SELECT COUNT(*) FROM "{name}"').fetchone()[0] for (name,) in names}  # noqa: S608
    except sqlite3.DatabaseError as error:
        raise BadInput("backup.damaged", name=path.name) from error
