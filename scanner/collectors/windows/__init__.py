"""What is read from a Windows computer over its registry and WMI; the tuples are written by hand."""

from __future__ import annotations

from scanner.collectors.base import WindowsCollector
from scanner.collectors.windows import antivirus, hardware, licences, office, system, uninstall, wmi_system
from scanner.session import WindowsSession

WINDOWS_COLLECTORS: tuple[WindowsCollector, ...] = (
    system.COLLECTOR,
    hardware.COLLECTOR,
    uninstall.COLLECTOR,
    office.COLLECTOR,
)
"""Over the registry."""

WMI_COLLECTORS: tuple[WindowsCollector, ...] = (
    licences.COLLECTOR,
    wmi_system.COLLECTOR,
    antivirus.COLLECTOR,
)
"""Over WMI. They come last: what the registry told of a computer stands before what WMI tells."""


def collectors_for(session: WindowsSession) -> tuple[WindowsCollector, ...]:
    """All that this session can serve; without WMI, its collectors are not run at all."""
    return WINDOWS_COLLECTORS if session.wmi is None else (*WINDOWS_COLLECTORS, *WMI_COLLECTORS)


__all__ = ["WINDOWS_COLLECTORS", "WMI_COLLECTORS", "collectors_for"]
