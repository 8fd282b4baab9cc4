"""The files that go on the stick: made from the templates, the plan, and what is looked for by name.

The batch file is GB2312: no byte of a Chinese character is below 0xA1, so that no code page makes a command of one. The
paths and the WMI questions are UTF-16, which the script host reads everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from config.windows_marks import WindowsMarks
from scanner.collectors.linux.commands import COLLECT
from scanner.collectors.windows import msi
from scanner.single_machine import plan
from scanner.wmi_classes import CLASSES

TEMPLATES = Path(__file__).parent / "templates"
WINDOWS, LINUX = "hezheng-windows.cmd", "hezheng-linux.sh"
INNER = "hezheng"
SAFE = re.compile(r"[0-9A-Za-z-]+")


def files(inspection: str, nonce: str, marks: WindowsMarks) -> dict[str, bytes]:
    """Path on the stick → content. ``inspection`` and ``nonce`` are letters and digits."""
    for word in (inspection, nonce):
        if not SAFE.fullmatch(word):
            raise ValueError(f"not fit for a script: {word!r}")
    return {
        WINDOWS: batch(inspection, nonce),
        f"{INNER}/collect.js": _template("collect.js").replace("\n", "\r\n").encode("ascii"),
        f"{INNER}/places.txt": places(marks),
        LINUX: shell(inspection, nonce),
    }


def batch(inspection: str, nonce: str) -> bytes:
    """The collector for Windows."""
    text = _filled(_template("windows.cmd"), inspection, nonce)
    text = text.replace("@STEPS@", "\n".join(plan.registry_steps())).replace("@USERDATA@", msi.USER_DATA)
    text = text.replace("@PERSONAL@", "\n".join(plan.personal_steps()))
    return text.replace("@WMIC@", "\n".join(plan.wmic_steps())).replace("\n", "\r\n").encode("gb2312")


def shell(inspection: str, nonce: str) -> bytes:
    """The collector for Linux: the very command that is sent over SSH."""
    return _filled(_template("linux.sh"), inspection, nonce).replace("@COLLECT@", COLLECT).encode()


def places(marks: WindowsMarks) -> bytes:
    """What the script looks for: ``find|path below a drive``, ``wmi|namespace|class|where|columns|older columns``."""
    return ("\r\n".join(_place_lines(marks)) + "\r\n").encode("utf-16")


def _place_lines(marks: WindowsMarks) -> Iterator[str]:
    for wanted in CLASSES:
        yield f"wmi|{wanted.namespace}|{wanted.name}|{wanted.where}|{','.join(wanted.columns)}|{','.join(wanted.older)}"
    paths = [*(path for paths in marks.portable.values() for path in paths), *marks.activator_files]
    yield from (f"find|{path}" for path in dict.fromkeys(paths))


def _filled(text: str, inspection: str, nonce: str) -> str:
    return text.replace("@INSPECTION@", inspection).replace("@NONCE@", nonce)


def _template(name: str) -> str:
    return (TEMPLATES / name).read_text("utf-8")
