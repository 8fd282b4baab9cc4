"""What the tool is made of: versions, and a bill of materials that scanners read.

References:
    - CycloneDX 1.6, https://cyclonedx.org/docs/1.6/json/
    - package URLs, https://github.com/package-url/purl-spec (type ``pypi``)
"""

from __future__ import annotations

import platform
import re
import sqlite3
import ssl
from importlib.metadata import Distribution, PackageMetadata, distributions
from typing import Any

from appliance.version import VERSION

LONGEST_LICENCE = 80
"""Some packages put the whole text of their licence into the field for its name."""


def versions() -> dict[str, Any]:
    """Versions of ours, of Python and of what is below, and of every installed distribution."""
    return {
        "hezheng": VERSION,
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "openssl": ssl.OPENSSL_VERSION,
        "platform": platform.platform(),
        "distributions": {one.metadata["Name"]: one.version for one in _installed()},
    }


def bill_of_materials() -> dict[str, Any]:
    """A CycloneDX document of every installed distribution."""
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "application", "name": "hezheng", "version": VERSION}},
        "components": [_component(one) for one in _installed() if one.metadata["Name"] != "hezheng"],
    }


def _installed() -> list[Distribution]:
    by_name = {one.metadata["Name"]: one for one in distributions()}
    return [by_name[name] for name in sorted(by_name)]


def _component(one: Distribution) -> dict[str, Any]:
    name = one.metadata["Name"]
    normal = re.sub(r"[-_.]+", "-", name).lower()
    component = {"type": "library", "name": name, "version": one.version, "purl": f"pkg:pypi/{normal}@{one.version}"}
    licence = _licence(one.metadata)
    return {**component, "licenses": [{"license": {"name": licence}}]} if licence else component


def _licence(metadata: PackageMetadata) -> str:
    stated = next((metadata[name] for name in ("License-Expression", "License") if name in metadata), "")
    if stated and "\n" not in stated and len(stated) <= LONGEST_LICENCE:
        return stated
    marks = [line for line in metadata.get_all("Classifier") or [] if line.startswith("License ::")]
    return marks[0].rpartition(" :: ")[2] if marks else ""
