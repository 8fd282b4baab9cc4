"""What is read from a Linux computer over SSH; the tuples are written by hand."""

from __future__ import annotations

from scanner.collectors.base import LinuxCollector
from scanner.collectors.linux import activation, applications, hardware, os, packages, sudo
from scanner.collectors.linux.commands import COMMANDS
from scanner.session import LinuxSession

LINUX_COLLECTORS: tuple[LinuxCollector, ...] = (
    os.COLLECTOR,
    packages.COLLECTOR,
    hardware.COLLECTOR,
    activation.COLLECTOR,
    applications.COLLECTOR,
)


def collectors_for(session: LinuxSession) -> tuple[LinuxCollector, ...]:
    """What is read over this session; with an elevation, root's answer is asked for first."""
    return (sudo.COLLECTOR, *LINUX_COLLECTORS) if session.elevation else LINUX_COLLECTORS


__all__ = ["COMMANDS", "LINUX_COLLECTORS", "collectors_for"]
