"""What the WMI collectors share: CIM dates, and asking a class that a computer may not have."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

from config.clock import rfc3339
from scanner.model import SkippedEntry
from scanner.session import ClassAbsent, SessionError, Unsupported, WindowsSession, WmiQuery, WmiRow
from scanner.wmi_classes import WmiClass

CIM_DATE = re.compile(r"(?P<digits>\d{14})\.(?P<micro>\d{6})(?P<sign>[+-])(?P<minutes>\d{3})", re.ASCII)
NEVER = 1601  # the year that stands for "no date"


def wmi_of(session: WindowsSession) -> WmiQuery:
    """The session's WMI. Raises Unsupported where it was not asked for."""
    if session.wmi is None:
        raise Unsupported("wmi.not_opened")
    return session.wmi


def rows_or_skipped(wmi: WmiQuery, wanted: WmiClass) -> Iterator[WmiRow | SkippedEntry]:
    """The rows of a class; when they could not be read, that, with its reason. A connection that ended is raised."""
    try:
        yield from wmi.rows(wanted)
    except SessionError as error:
        if error.reason.code not in ("wmi.class_absent", "wmi.query_failed"):
            raise
        yield SkippedEntry(wanted.path, error.reason)


def rows_if_any(wmi: WmiQuery, wanted: WmiClass) -> tuple[WmiRow, ...]:
    """The rows of a class that only some computers have, none where it is absent. Raises SessionError."""
    try:
        return wmi.rows(wanted)
    except ClassAbsent:
        return ()


def cim_date(text: str | None) -> str | None:
    """``20230115083000.000000+480`` (minutes east of UTC) → RFC 3339; None when there is none, or 1601."""
    found = CIM_DATE.fullmatch(text or "")
    if not found or found["digits"].startswith(str(NEVER)):
        return None
    offset = timedelta(minutes=int(found["sign"] + found["minutes"]))
    try:
        moment = datetime.strptime(found["digits"], "%Y%m%d%H%M%S")  # noqa: DTZ007 - the zone follows
        return rfc3339(moment.replace(tzinfo=timezone(offset), microsecond=int(found["micro"])))
    except ValueError:
        return None
