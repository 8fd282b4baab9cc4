r"""Which Office products Click-to-Run delivered: release ids, which no Uninstall key tells.

The registry says what was installed, never whether it is activated: the status of these records stays None.

References:
    - https://learn.microsoft.com/office/troubleshoot/installation/product-ids-supported-office-deployment-click-to-run
"""

from __future__ import annotations

from collections.abc import Iterator

from scanner.collectors.base import Collector
from scanner.collectors.windows.keys import text
from scanner.model import LicenceState, Platform, Record
from scanner.session import RegistryKey, WindowsSession

CONFIGURATION = r"HKLM\SOFTWARE\Microsoft\Office\ClickToRun\Configuration"
SUBSCRIPTION = "O365"


def collect(session: WindowsSession) -> Iterator[Record]:
    """Yield one LicenceState a release id; nothing where Office did not come by Click-to-Run. Raises SessionError."""
    key = session.registry.key(CONFIGURATION)
    if key is not None:
        yield from parse_releases(key)


def parse_releases(key: RegistryKey) -> Iterator[LicenceState]:
    """``ProductReleaseIds="ProPlus2021Volume,VisioPro2021Volume"``, ``VersionToReport="16.0.14332.20763"``."""
    for release in (text(key, "ProductReleaseIds") or "").split(","):
        if name := release.strip():
            yield LicenceState(
                source=key.path,
                name=name,
                application="office",
                description=_description(key),
                licence_family=name,
                subscription_on_device=False if name.upper().startswith(SUBSCRIPTION) else None,
                observation=key.observation,
            )


def _description(key: RegistryKey) -> str | None:
    parts = (text(key, name) for name in ("VersionToReport", "Platform"))
    return " ".join(part for part in parts if part) or None


COLLECTOR = Collector("windows.office", 1, Platform.WINDOWS, collect)
