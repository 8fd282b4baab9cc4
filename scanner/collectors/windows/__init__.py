"""What is read from a Windows computer over its registry and WMI; the tuples are written by hand."""

from __future__ import annotations

from scanner.collectors.base import WindowsCollector
from scanner.collectors.windows import (
    antivirus,
    editions,
    files,
    hardware,
    licences,
    msi,
    office,
    profiles,
    services,
    store,
    system,
    uninstall,
    wmi_system,
)
from scanner.session import WindowsSession

WINDOWS_COLLECTORS: tuple[WindowsCollector, ...] = (
    system.COLLECTOR,
    hardware.COLLECTOR,
    uninstall.COLLECTOR,
    msi.COLLECTOR,
    store.COLLECTOR,
    office.COLLECTOR,
    editions.COLLECTOR,
    services.COLLECTOR,
)
"""Over the registry. The Uninstall keys come before everything that leaves out what they claim."""

FILE_COLLECTORS: tuple[WindowsCollector, ...] = (
    profiles.COLLECTOR,
    files.COLLECTOR,
)
"""Over the administrative shares."""

WMI_COLLECTORS: tuple[WindowsCollector, ...] = (
    licences.COLLECTOR,
    wmi_system.COLLECTOR,
    antivirus.COLLECTOR,
)
"""Over WMI. They come last: what the registry told of a computer stands before what WMI tells."""


def collectors_for(session: WindowsSession) -> tuple[WindowsCollector, ...]:
    """All that this session can serve; without WMI or files, their collectors are not run at all."""
    over_files = FILE_COLLECTORS if session.files is not None else ()
    return (*WINDOWS_COLLECTORS, *over_files, *(WMI_COLLECTORS if session.wmi is not None else ()))


__all__ = ["FILE_COLLECTORS", "WINDOWS_COLLECTORS", "WMI_COLLECTORS", "collectors_for"]
