"""A Windows prefix of Wine with a prepared registry and files, in which a collector's batch file runs.

Wine's own ``cmd``, ``reg`` and ``cscript`` are the peers: no Windows machine is at hand here. What Wine lacks (folders
listed by scripts, times of folders, ``certutil``) is named in the tests that would need it.
"""

from __future__ import annotations

import os
import re
import select
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.lab.plans import RegistryScalar

SERVER = "wineserver"
HIVES = {"HKLM": "HKEY_LOCAL_MACHINE", "HKU": "HKEY_USERS"}
ESCAPES = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass(frozen=True)
class Wine:
    """``prefix`` is made at the first start."""

    prefix: Path

    @classmethod
    def start(cls, prefix: Path) -> Wine:
        wine = cls(prefix)
        prefix.mkdir(parents=True)
        wine.run([SERVER, "-p"])  # hives of other people live only as long as the server does
        wine.run(["wine", "wineboot", "-i"])
        return wine

    @property
    def environment(self) -> dict[str, str]:
        own = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
        return own | {
            "WINEPREFIX": str(self.prefix),
            "WINEDEBUG": "-all",
            "WINEDLLOVERRIDES": "mscoree,mshtml=;winemenubuilder.exe=d",
            "HOME": str(self.prefix.parent),
            "LC_ALL": "C.UTF-8",
        }

    def run(self, command: Sequence[str], timeout: float = 120) -> subprocess.CompletedProcess[bytes]:
        """Raises CalledProcessError."""
        return subprocess.run(
            command,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # a server that stays would keep a pipe open
            stderr=subprocess.DEVNULL,
            timeout=timeout,
            check=True,
        )

    def stop(self) -> None:
        """End this prefix's own server, and wait for it."""
        self.run([SERVER, "-k"])

    def drive(self, letter: str) -> Path:
        """The folder that stands for a drive; made where it is not there yet."""
        link = self.prefix / "dosdevices" / f"{letter.lower()}:"
        folder = self.prefix / f"drive_{letter.lower()}"
        folder.mkdir(exist_ok=True)
        if not link.exists():
            link.symlink_to(folder)
        return folder

    def put(self, files: Mapping[str, bytes | None]) -> None:
        """``C:\\…`` → content, None for a folder. Names that are there in other case are used as they are."""
        for path, content in files.items():
            place = self.drive(path[0])
            for part in path[3:].split("\\"):
                place = next((at for at in place.iterdir() if at.name.casefold() == part.casefold()), place / part)
                if place.parent.is_dir() and not place.exists() and not (content is not None and path.endswith(part)):
                    place.mkdir()
            if content is not None:
                place.write_bytes(content)

    def registry(self, keys: Mapping[str, Mapping[str, RegistryScalar]]) -> None:
        """Bring keys into the registry with Wine's own ``reg import``."""
        text = "Windows Registry Editor Version 5.00\r\n\r\n" + "\r\n".join(_lines(keys)) + "\r\n"
        file = self.prefix.parent / "prepared.reg"
        file.write_bytes(text.encode("utf-16"))
        self.run(["wine", "reg", "import", f"Z:{file}".replace("/", "\\")])

    def batch(self, file: Path, answers: Iterable[bytes], timeout: float = 120) -> bytes:
        """Run a batch file and type one line at each question; returns what it printed. Raises TimeoutExpired."""
        with subprocess.Popen(
            ["wine", "cmd", "/c", file.name],
            cwd=file.parent,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as process:
            assert process.stdin
            assert process.stdout
            printed = b""
            for line in answers:
                printed += _until(process, b"): ", timeout)
                process.stdin.write(line + b"\r\n")
                process.stdin.flush()
            rest, _ = process.communicate(b"\r\n", timeout)
            return ESCAPES.sub(b"", printed + rest)


def _until(process: subprocess.Popen[bytes], mark: bytes, timeout: float) -> bytes:
    assert process.stdout
    seen = b""
    while not seen.endswith(mark):
        if not select.select([process.stdout], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired("wine", timeout, seen)
        byte = os.read(process.stdout.fileno(), 1)
        if not byte:
            raise EOFError(seen)
        seen += byte
    return seen


def _lines(keys: Mapping[str, Mapping[str, RegistryScalar]]) -> Iterator[str]:
    for path, values in keys.items():
        hive, _, rest = path.partition("\\")
        yield f"[{HIVES[hive]}\\{rest}]"
        for name, data in values.items():
            yield f'"{_escaped(name)}"={_data(data)}'
        yield ""


def _data(data: RegistryScalar) -> str:
    if isinstance(data, str):
        return f'"{_escaped(data)}"'
    if isinstance(data, int):
        return f"dword:{data:08x}"
    if isinstance(data, bytes):
        return "hex:" + ",".join(f"{byte:02x}" for byte in data)
    return "hex(7):" + ",".join(
        f"{byte:02x}" for byte in "".join(f"{part}\0" for part in (*data, "")).encode("utf-16-le")
    )


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
