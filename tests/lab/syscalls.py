"""What a child asks of the kernel: recorded with every byte, or refused as a full disk would. Needs strace and root.

``strace -f -y -xx`` writes ``PID call(args) = result`` with strings in hex and descriptors as ``3<path in hex>``.
"""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.lab.stream import child

WRITES = "write,pwrite64,writev,pwritev,ftruncate,truncate,fallocate"
NAMES = "openat,mkdir,mkdirat,rename,renameat,renameat2,unlink,unlinkat,rmdir,link,linkat,symlink,symlinkat"
SYNCS = "fsync,fdatasync,sync_file_range,syncfs"
HELPERS = "close,lseek,dup,dup2,dup3"
LINE = re.compile(r"^(?:\d+ +)?(\w+)\((.*)\) += (-?\d+)")
ARGUMENT = re.compile(r' *(?:"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?|(AT_FDCWD|\d+)<([^>]*)>(?:\(deleted\))?|([^,]+))')
ATTACH_SECONDS = 60
LONGEST = 1 << 22


@dataclass(frozen=True, slots=True)
class Call:
    """One call that succeeded. Arguments are bytes, a path by descriptor, or the text as written."""

    name: str
    arguments: tuple[bytes | Path | str, ...]
    descriptors: tuple[int, ...]  # the numbers of arguments that are descriptors, in order
    result: int

    def touches(self, root: Path) -> bool:
        """Whether it names something below ``root``, by path or by descriptor."""
        paths = [os.fsencode(one) if isinstance(one, Path) else one for one in self.arguments[:2]]
        return any(isinstance(path, bytes) and path.startswith(os.fsencode(root) + b"/") for path in paths)


def recorded(work: Callable[[], object], log: Path) -> Iterator[Call]:
    """Run ``work`` in a child and yield what it asked of the kernel, in order."""
    calls = ",".join((WRITES, NAMES, SYNCS, HELPERS))
    options = ["-y", "-xx", "-s", str(LONGEST), "-e", f"trace={calls}", "-e", "signal=none", "-o", str(log)]
    with traced(work, *options) as pid:
        _, status = os.waitpid(pid, 0)
    assert status == 0, status
    with log.open(encoding="ascii") as lines:
        for line in lines:
            if (found := LINE.match(line)) and int(found[3]) >= 0:
                yield _call(found[1], found[2], int(found[3]))


@contextmanager
def traced(work: Callable[[], object], *options: str) -> Generator[int]:
    """A forked child that begins ``work`` once strace is attached; its pid."""
    reading, writing = os.pipe()

    def begin() -> None:
        os.close(writing)
        os.read(reading, 1)
        os.close(reading)
        work()

    with child(begin) as pid:
        os.close(reading)
        tracer = subprocess.Popen(["strace", "-f", "-q", *options, "-p", str(pid)], stderr=subprocess.DEVNULL)
        try:
            _await_tracer(pid, tracer)
            os.close(writing)
            yield pid
        finally:
            tracer.wait()


def _await_tracer(pid: int, tracer: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + ATTACH_SECONDS
    while "TracerPid:\t0\n" in Path(f"/proc/{pid}/status").read_text():
        assert tracer.poll() is None, "strace did not attach"
        assert time.monotonic() < deadline, "strace did not attach"
        time.sleep(0.001)


def _call(name: str, text: str, result: int) -> Call:
    arguments: list[bytes | Path | str] = []
    descriptors: list[int] = []
    for found in ARGUMENT.finditer(text):
        if found[1] is not None:
            assert not found[2], "a string was cut short"
            arguments.append(_bytes(found[1]))
        elif found[3] is not None:
            arguments.append(Path(os.fsdecode(_bytes(found[4]) if "\\x" in found[4] else found[4].encode())))
            descriptors.append(int(found[3]) if found[3].isdigit() else -1)
        elif found[5].strip():
            arguments.append(found[5].strip())
    return Call(name, tuple(arguments), tuple(descriptors), result)


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))
