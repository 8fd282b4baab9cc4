"""On which medium a path lies: the device, what disks it is made of, and whether it outlives the power.

References:
    - proc_pid_mountinfo(5): ``36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw``
    - ``/sys/dev/block/<major>:<minor>``: a partition lies in its disk's folder; ``slaves/`` names what LVM, LUKS and
      RAID are made of
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from config.message import Message

MOUNTS = Path("/proc/self/mountinfo")
BLOCKS = Path("/sys/dev/block")
VOLATILE = frozenset({"tmpfs", "ramfs", "devtmpfs", "overlay"})


@dataclass(frozen=True, slots=True)
class Medium:
    """Device number as ``8:17``, file system type (empty when unknown), names of the disks beneath."""

    device: str
    filesystem: str
    disks: frozenset[str]

    @property
    def volatile(self) -> bool:
        """Whether what lies there is lost when the power is."""
        return self.filesystem in VOLATILE

    def shares(self, other: Medium) -> bool:
        """Whether one broken or stolen medium takes both."""
        return self.device == other.device or bool(self.disks & other.disks)


def medium_of(path: Path) -> Medium:
    """The medium below an existing path. Raises OSError."""
    number = path.stat().st_dev
    device = f"{os.major(number)}:{os.minor(number)}"
    filesystems = _filesystems(MOUNTS.read_text("utf-8", "replace"))
    return Medium(device, filesystems.get(device, ""), frozenset(_disks(BLOCKS / device)))


def low_disk(folder: Path, wanted_mb: int) -> Message | None:
    """What to say when less than ``wanted_mb`` is free where ``folder`` lies."""
    free_mb = shutil.disk_usage(folder).free >> 20
    return Message.of("scan.low_disk", free_mb=free_mb, wanted_mb=wanted_mb) if free_mb < wanted_mb else None


def _filesystems(mounts: str) -> dict[str, str]:
    """Device number → file system type."""
    found: dict[str, str] = {}
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        found[before.split()[2]] = after.split()[0]
    return found


def _disks(block: Path) -> set[str]:
    """Whole disks beneath a block device; none for what is no block device (network, memory)."""
    if not block.exists():
        return set()
    real = block.resolve()
    if (real / "partition").exists():
        return {real.parent.name}
    slaves = sorted((real / "slaves").iterdir()) if (real / "slaves").is_dir() else []
    return {disk for slave in slaves for disk in _disks(slave)} or {real.name}
