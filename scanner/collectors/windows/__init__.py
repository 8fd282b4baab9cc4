"""What is read from a Windows computer over its remote registry; the tuple is written by hand."""

from __future__ import annotations

from scanner.collectors.base import WindowsCollector
from scanner.collectors.windows import hardware, office, system, uninstall

WINDOWS_COLLECTORS: tuple[WindowsCollector, ...] = (
    system.COLLECTOR,
    hardware.COLLECTOR,
    uninstall.COLLECTOR,
    office.COLLECTOR,
)

__all__ = ["WINDOWS_COLLECTORS"]
