"""One change after the other: two requests that change the same inspection never run side by side.

A use case looks at what is there, decides, and writes. Two clicks, or a page and a command, are two threads of the
server: without turns both look before either writes. Long work is a job and takes no turn; what a job does beside a
request is held apart by the database's transactions (:meth:`appliance.store.database.Db.atomic`) and ``Jobs.deciding``.
"""

from __future__ import annotations

from threading import Lock

from flask import Flask, g, request

from api.auth import SAFE_METHODS
from config.ids import is_ulid
from config.problems import Conflict

PATIENCE_SECONDS = 60
"""A ledger takes seconds to read; who waits longer is told so, and keeps no thread of the server."""
FREE = frozenset(
    {
        # They must take effect at once.
        "scans.pause_scan",
        "scans.continue_scan",
        "scans.cancel_scan",
        "system.lock_vault",
        # They only ask, take long, or see to their turns themselves.
        "catalogue.recognise",
        "imports.hand_in",
        "imports.look",
        "imports.list_conflicts",
        "imports.merge",
        "schedules.look",
        "system.open_session",
    }
)
"""Endpoints that take no turn."""


def register(app: Flask) -> None:
    """Give every request that changes something its turn: by inspection, and one for all that name none."""
    turns: dict[str, Lock] = {}

    def take() -> None:
        if request.method in SAFE_METHODS or request.endpoint in FREE:
            return
        named = str((request.view_args or {}).get("inspection_id", ""))
        turn = turns.setdefault(named if is_ulid(named) else "", Lock())
        if not turn.acquire(timeout=PATIENCE_SECONDS):
            raise Conflict("http.turn")
        g.turn = turn

    def give_back(_error: BaseException | None) -> None:
        turn = g.pop("turn", None)
        if turn is not None:
            turn.release()

    app.before_request(take)
    app.teardown_request(give_back)
