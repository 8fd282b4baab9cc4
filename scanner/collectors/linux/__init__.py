"""What is read from a Linux computer over SSH; the tuples are written by hand."""

from __future__ import annotations

from scanner.collectors.base import LinuxCollector
from scanner.collectors.linux import activation, applications, hardware, os, packages
from scanner.collectors.linux.commands import COMMANDS

LINUX_COLLECTORS: tuple[LinuxCollector, ...] = (
    os.COLLECTOR,
    packages.COLLECTOR,
    hardware.COLLECTOR,
    activation.COLLECTOR,
    applications.COLLECTOR,
)

__all__ = ["COMMANDS", "LINUX_COLLECTORS"]
