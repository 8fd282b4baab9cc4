"""Put one host's service back as a cut-off scan had found it. Runs in a limited child, like every reading.

Messages up: ``{"change": line}``, each answered before anything is done; ``{"refused": error}`` when it did not come
to the end.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from config.clock import SystemClock
from scanner.process import Job, Upwards
from scanner.raw import error_from_json, error_to_json
from scanner.remote_registry import Entry, Write, restore
from scanner.scope import install_guard
from scanner.service_state import Line, Rung
from scanner.session import SessionError
from scanner.transports.smb import SmbLimits, SmbTarget, logged_on


def restore_host(job: Job, upwards: Upwards) -> None:
    """``{"address", "port", "username", "domain", "secret", "limits", "lines", "age_seconds"}``. Process target."""
    install_guard(job["address"], frozenset({job["port"]}))
    names = ("address", "port", "username", "domain", "secret")
    target = SmbTarget(**{name: job[name] for name in names})
    entry = Entry(announcing(upwards), [Line(line["step"], line) for line in job["lines"]])
    changes = entry.lines[0].details["rung"] != Rung.TRIGGER
    try:
        with (
            logged_on(target, SmbLimits(**job["limits"]), SystemClock()) as doors,
            doors.service(changes=changes) as service,
        ):
            restore(service, entry, job["age_seconds"])
    except SessionError as error:
        upwards({"refused": error_to_json(error)})


def announcing(upwards: Upwards) -> Write:
    """A journal whose lines the parent makes durable: the child has no files."""

    def write(line: Mapping[str, Any]) -> None:
        answer = upwards.ask({"change": dict(line)})
        if "refused" in answer:
            raise error_from_json(answer["refused"])

    return write
