"""The only file that knows sqlite-utils. Opens a database with the settings that make a commit durable.

A rollback journal with ``synchronous=EXTRA`` is used, not WAL: the WAL-reset bug is fixed in SQLite 3.51.3 only
(https://sqlite.org/wal.html#walresetbug), and system Pythons link older ones.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

from sqlite_utils import Database, Migrations

from appliance.store import snapshot
from config.problems import EnvironmentProblem, NotFound

Row = dict[str, Any]
Step = Callable[["Db"], None]
BUSY_SECONDS = 10
MIGRATING = Lock()
DISK_ERRORS = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN)


class Schema:
    """Named migration steps, applied in order, each in a transaction; forward only."""

    def __init__(self, name: str, steps: Sequence[tuple[str, Step]]) -> None:
        self.names = tuple(step for step, _ in steps)
        self._migrations = Migrations(name)
        for step, function in steps:
            self._migrations(name=step)(_on_database(function))

    def apply(self, database: Database, path: Path) -> None:
        """Bring ``database`` up to date; a copy of what it was is kept beside it.

        Raises EnvironmentProblem for a newer schema, and when there is no room for the copy: nothing is changed then.
        """
        if self._applied(database) == self.names:
            return
        with MIGRATING:  # another thread may have opened it at the same moment
            self._bring_up(database, path)

    def _applied(self, database: Database) -> tuple[str, ...]:
        return tuple(migration.name for migration in self._migrations.applied(database))

    def _bring_up(self, database: Database, path: Path) -> None:
        applied = self._applied(database)
        unknown = [name for name in applied if name not in self.names]
        if unknown:
            raise EnvironmentProblem("data.newer_schema", file=path.name, found=unknown[-1], known=self.names[-1])
        if len(applied) < len(self.names):
            if not applied:
                self._migrations.apply(database)
                return
            first = next(name for name in self.names if name not in applied)
            snapshot.keep_before(path, first)
            self._migrations.apply(database)
            snapshot.forget_older(path, first)


def _on_database(function: Step) -> Callable[[Database], None]:
    def step(database: Database) -> None:
        function(Db(database))

    return step


class Db:
    """A small face of sqlite-utils: rows in, rows out, one transaction at a time. One object a thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def atomic(self) -> Generator[None]:
        """One transaction, a writer's from its first line on; nested ones are savepoints.

        What is read inside stays as it was read until its end; of two that read before they write, SQLite would turn
        the second away (https://sqlite.org/lang_transaction.html, BEGIN IMMEDIATE).
        """
        connection = self._database.conn
        if connection.in_transaction:
            with self._database.atomic():
                yield
        else:
            connection.execute("BEGIN IMMEDIATE")
            with connection:
                yield

    @property
    def changed_by_others(self) -> int:
        """Another number as soon as another connection has changed something; asked within :meth:`atomic` after a
        write, nothing can change any more before its end (https://sqlite.org/pragma.html#pragma_data_version).
        """
        return int(self.value("PRAGMA data_version"))

    def script(self, sql: str) -> None:
        """Run the statements of a migration step."""
        for statement in sql.split(";"):
            if statement.strip():
                self._database.execute(statement)

    def insert(self, table: str, row: Mapping[str, Any]) -> None:
        """Insert one row."""
        self.insert_many(table, [row])

    def insert_many(self, table: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Insert rows of the same columns in one transaction."""
        self._write("INSERT", table, rows)

    def replace(self, table: str, row: Mapping[str, Any]) -> None:
        """Insert one row, or replace the row of the same key."""
        self._write("INSERT OR REPLACE", table, [row])

    def _write(self, verb: str, table: str, rows: Iterable[Mapping[str, Any]]) -> None:
        # sqlite-utils' insert_all() looks at the schema for each batch; executemany is far faster for bulk rows.
        iterator = iter(rows)
        first = next(iterator, None)
        if first is None:
            return
        columns = ", ".join(f'"{name}"' for name in first)
        marks = ", ".join("?" for _ in first)
        sql = f'{verb} INTO "{table}" ({columns}) VALUES ({marks})'
        with self._database.atomic():
            self._database.conn.execute(sql, tuple(first.values()))
            self._database.conn.executemany(sql, (tuple(row.values()) for row in iterator))

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """Run one changing statement; returns the number of rows changed."""
        with self._database.atomic():
            return int(self._database.execute(sql, list(parameters)).rowcount)

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """All rows of a query."""
        return list(self._database.query(sql, list(parameters)))

    def stream(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[Row]:
        """The rows of a query, one at a time."""
        yield from self._database.query(sql, list(parameters))

    def first(self, sql: str, parameters: Sequence[Any] = ()) -> Row | None:
        """The first row, or None."""
        return next(iter(self._database.query(sql, list(parameters))), None)

    def value(self, sql: str, parameters: Sequence[Any] = ()) -> Any:
        """The only value of a one-row query."""
        row = self.first(sql, parameters)
        return next(iter(row.values())) if row else None


@contextmanager
def opened(path: Path, schema: Schema, *, create: bool = False) -> Generator[Db]:
    """Open a database for reading and writing and close it again. Raises NotFound when it is not there."""
    if not create and not path.exists():
        raise NotFound("inspection.not_found", id=path.parent.name)
    if create:
        path.touch(mode=0o600)
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS)
    try:
        database = Database(connection)
        for pragma in ("journal_mode = TRUNCATE", "synchronous = EXTRA", "secure_delete = ON", "foreign_keys = ON"):
            database.execute(f"PRAGMA {pragma}").fetchall()
        schema.apply(database, path)
        yield Db(database)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
            raise EnvironmentProblem("data.locked", file=path.name) from error
        if error.sqlite_errorcode & 0xFF not in DISK_ERRORS:
            raise
        raise EnvironmentProblem("data.cannot_store", file=path.name, detail=str(error)) from error
    finally:
        connection.close()


def check_sqlite() -> None:
    """Refuse pysqlite3, which sqlite-utils silently prefers, unless its SQLite has the WAL-reset fix."""
    module = Database.__init__.__globals__["sqlite3"]
    if module.__name__ != "sqlite3" and tuple(module.sqlite_version_info) < (3, 51, 3):
        raise EnvironmentProblem("data.bad_sqlite", version=module.sqlite_version)


def dumps(document: Any) -> str:
    """Compact JSON for a document column."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def loads(text: str) -> Any:
    """A document column's value."""
    return json.loads(text)
