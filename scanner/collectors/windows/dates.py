"""Install dates that contradict each other. Pure.

Three clocks tell when a program came: the date its installer wrote (and anybody may rewrite), the last write of the
key that holds it, and the creation of its folder. A key is never older than what stands in it, and a program is not
installed before its folder is made by the very installer that writes the key. Honest histories are left alone: an
update rewrites the key later; a copied disk makes folders younger than the keys; a date that is absent says nothing.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

TOLERANCE = timedelta(days=2)
"""A written date has no time and no zone, and one day may pass while an installer runs."""

IN_FUTURE, AFTER_KEY_WRITE, BEFORE_FOLDER = "in_future", "after_key_write", "before_folder"


def conflict(installed_on: str | None, key_write: str | None, folder_made: str | None, now: str | None) -> str | None:
    """Which rule the dates break, or None. ``installed_on`` is an ISO date, the others RFC 3339.

    >>> conflict("2019-05-06", "2026-11-19T08:00:00+00:00", "2026-11-19T08:00:00+00:00", "2026-11-20T08:00:00+00:00")
    'before_folder'
    """
    installed, written, made, today = _day(installed_on), _moment(key_write), _moment(folder_made), _moment(now)
    known = [moment for moment in (installed, written, made) if moment is not None]
    if today is not None and any(moment - today > TOLERANCE for moment in known):
        return IN_FUTURE
    if installed is None or written is None:
        return None
    if installed - written > TOLERANCE:
        return AFTER_KEY_WRITE
    if made is not None and made - installed > TOLERANCE >= made - written:
        return BEFORE_FOLDER
    return None


def _day(text: str | None) -> datetime | None:
    if text is None:
        return None
    day = date.fromisoformat(text)
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).astimezone(UTC)
