r"""What runs beside Windows: antivirus by its service (servers have no Security Center), and signs of activators.

A name proves nothing by itself: services, tasks and hooks that match are recorded as they are and judged later.

References:
    - Image File Execution Options: https://learn.microsoft.com/windows-hardware/drivers/debugger/gflags-overview
    - start types of services: https://learn.microsoft.com/windows/win32/api/winsvc/nf-winsvc-createservicew
"""

from __future__ import annotations

from collections.abc import Iterator

from scanner.collectors.base import Collector
from scanner.collectors.windows.keys import NT, SERVICES, key_if_any, number, text
from scanner.model import Antivirus, Platform, Record, Trace
from scanner.session import RegistryKey, WindowsSession

TASKS = rf"{NT}\Schedule\TaskCache\Tree"
HOOKS = rf"{NT}\Image File Execution Options"
LICENSING_PROGRAMS = ("SppExtComObj.exe", "sppsvc.exe", "osppsvc.exe")
HOOK_VALUES = ("Debugger", "VerifierDlls", "KMS_Emulation", "KMS_HostName")
PROTECTION = (
    (rf"{NT}\SoftwareProtectionPlatform", "windows"),
    (r"HKLM\SOFTWARE\Microsoft\OfficeSoftwareProtectionPlatform", "office"),
)
KMS_NAME = "KeyManagementServiceName"
DISABLED = 4


def collect(session: WindowsSession) -> Iterator[Record]:
    """Yield Antivirus and Trace records. Raises SessionError."""
    yield from _services(session)
    for name in session.registry.names(TASKS):
        if is_marked(name, session.marks.words):
            yield Trace("task", rf"{TASKS}\{name}", name)
    for program in LICENSING_PROGRAMS:
        for key in key_if_any(session, rf"{HOOKS}\{program}"):
            yield from parse_hook(key) if isinstance(key, RegistryKey) else (key,)
    for path, product in PROTECTION:
        for key in key_if_any(session, path):
            yield from parse_kms(key, product) if isinstance(key, RegistryKey) else (key,)


def _services(session: WindowsSession) -> Iterator[Record]:
    for name in session.registry.names(SERVICES):
        product = session.marks.antivirus_services.get(name.casefold())
        marked = is_marked(name, session.marks.words)
        if product or marked:
            for key in key_if_any(session, rf"{SERVICES}\{name}"):
                yield parse_service(key, product) if isinstance(key, RegistryKey) else key


def is_marked(name: str, words: tuple[str, ...]) -> bool:
    """Whether a name holds a word of a known activator."""
    folded = name.casefold()
    return any(word in folded for word in words)


def parse_service(key: RegistryKey, antivirus: str | None) -> Antivirus | Trace:
    """``ekrn`` with ``Start=2`` is an antivirus; ``KMSEmulator`` a sign. Disabled ones are not active."""
    off = number(key, "Start") == DISABLED
    if antivirus:
        return Antivirus(antivirus, key.path, False if off else None, observation=key.observation)
    return Trace(
        "service",
        key.path,
        text(key, "ImagePath"),
        active=False if off else None,
        modified_at=key.last_write,
        observation=key.observation,
    )


def parse_hook(key: RegistryKey) -> Iterator[Trace]:
    """``SppExtComObj.exe`` with ``VerifierDlls="SppExtComObjHook.dll"``: Windows itself never writes these values."""
    for name in HOOK_VALUES:
        if value := text(key, name):
            yield Trace(
                "image_hook", key.path, f"{name}={value}", modified_at=key.last_write, observation=key.observation
            )


def parse_kms(key: RegistryKey, product: str) -> Iterator[Trace]:
    """``KeyManagementServiceName="kms.example.org"``: the host that the computer is told to ask."""
    if host := text(key, KMS_NAME):
        yield Trace("kms_host", key.path, host, product, modified_at=key.last_write, observation=key.observation)


COLLECTOR = Collector("windows.services", 1, Platform.WINDOWS, collect)
