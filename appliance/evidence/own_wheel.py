"""The program that judged, as a wheel that goes into the bundle: years later the same rules can be installed again.

References:
    - binary distribution format, https://packaging.python.org/specifications/binary-distribution-format/
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import zipfile
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import distribution
from pathlib import Path

from appliance.version import VERSION

ROOT = Path(__file__).parents[2]
PACKAGES = ("api", "appliance", "config", "credentials", "scanner")
NAME = f"hezheng-{VERSION}-py3-none-any.whl"
INFO = f"hezheng-{VERSION}.dist-info"
WHEEL = "Wheel-Version: 1.0\nGenerator: hezheng\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
EPOCH = (1980, 1, 1, 0, 0, 0)
FILE_MODE = 0o100644


@cache
def built() -> bytes:
    """The wheel of what runs; the same sources give the same bytes."""
    files = dict(_sources()) | _info()
    files[f"{INFO}/RECORD"] = _record(files)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            member = zipfile.ZipInfo(path, EPOCH)
            member.compress_type, member.create_system = zipfile.ZIP_DEFLATED, 3
            member.external_attr = FILE_MODE << 16
            archive.writestr(member, content)
    return buffer.getvalue()


def _sources() -> Iterator[tuple[str, bytes]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path.relative_to(ROOT).as_posix(), path.read_bytes()


def _info() -> dict[str, bytes]:
    """What pip needs, as it stands in the installation that runs; a checkout has PKG-INFO in place of METADATA."""
    installed = distribution("hezheng")
    texts = {
        "METADATA": installed.read_text("METADATA") or installed.read_text("PKG-INFO") or "",
        "entry_points.txt": installed.read_text("entry_points.txt") or "",
        "WHEEL": WHEEL,
    }
    return {f"{INFO}/{name}": text.encode() for name, text in texts.items()}


def _record(files: Mapping[str, bytes]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for path, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
        writer.writerow((path, f"sha256={digest}", len(content)))
    writer.writerow((f"{INFO}/RECORD", "", ""))
    return text.getvalue().encode()
