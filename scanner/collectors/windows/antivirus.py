"""Antivirus as Windows Security Center knows it. Servers have no Security Center: nothing is said about them here.

``productState`` is documented nowhere; its bytes are read as Security Center's own displays show them: bits 12-15 are 1
while the protection is on, bits 4-7 are 0 while its signatures are current.

References:
    - https://learn.microsoft.com/windows/win32/api/wscapi/ne-wscapi-wsc_security_product_state (the states)
"""

from __future__ import annotations

from collections.abc import Iterator

from scanner.collectors.base import Collector
from scanner.collectors.windows.wmi_values import wmi_of
from scanner.model import Antivirus, Platform, Record
from scanner.session import WindowsSession, WmiRow
from scanner.wmi_classes import ANTIVIRUS

ON, SNOOZED_OR_OFF = 1, (0, 2, 3)


def collect(session: WindowsSession) -> Iterator[Record]:
    """Yield one Antivirus a registered product. Raises ClassAbsent on a server, SessionError."""
    for row in wmi_of(session).rows(ANTIVIRUS):
        if name := row.text("displayName"):
            yield parse_product(name, row)


def parse_product(name: str, row: WmiRow) -> Antivirus:
    """``productState=0x041000``: on and current; ``0x060110``: off, out of date."""
    state = row.number("productState")
    return Antivirus(
        name=name,
        source=row.source,
        enabled=is_on(state),
        up_to_date=None if state is None else not state >> 4 & 0xF,
        observation=row.observation,
    )


def is_on(state: int | None) -> bool | None:
    """Whether it protects; None for a state that no display names."""
    if state is None:
        return None
    return {ON: True, **dict.fromkeys(SNOOZED_OR_OFF, False)}.get(state >> 12 & 0xF)


COLLECTOR = Collector("windows.antivirus", 1, Platform.WINDOWS, collect)
