r"""Maker, model, serial and UUID: from the raw SMBIOS table, with ``HARDWARE\DESCRIPTION`` beside it."""

from __future__ import annotations

from collections.abc import Iterator

from config.message import Message
from scanner.collectors.base import Collector
from scanner.collectors.windows import smbios
from scanner.collectors.windows.keys import HARDWARE, SERVICES, text
from scanner.collectors.windows.smbios import Firmware
from scanner.model import Identity, Platform, Record, SkippedEntry
from scanner.session import RegistryKey, Unsupported, WindowsSession

BIOS = rf"{HARDWARE}\BIOS"
SMBIOS = rf"{SERVICES}\mssmbios\Data"
VIRTUAL_MAKERS = ("vmware", "qemu", "innotek", "xen", "parallels", "bochs", "red hat", "nutanix", "openstack")
VIRTUAL_MODELS = ("virtual machine", "virtualbox", "kvm", "hvm domu", "vmware", "cloud server", "elastic compute")


def collect(session: WindowsSession) -> Iterator[Record]:
    """Yield one Identity; an unreadable SMBIOS table is a SkippedEntry beside it. Raises SessionError."""
    bios = session.registry.key(BIOS)
    table = session.registry.key(SMBIOS)
    if bios is None and table is None:
        raise Unsupported("windows.no_hardware_keys")
    firmware = _firmware(table)
    if isinstance(firmware, SkippedEntry):
        yield firmware
        firmware = Firmware()
    yield parse_identity(bios, firmware, table)


def _firmware(table: RegistryKey | None) -> Firmware | SkippedEntry:
    raw = table.binary("SMBiosData") if table else None
    observation = table.observation if table else ""
    if raw is None:
        return SkippedEntry(SMBIOS, Message.of("windows.no_smbios"), observation)
    try:
        return smbios.parse(raw)
    except ValueError:
        return SkippedEntry(SMBIOS, Message.of("windows.bad_smbios", size=len(raw)), observation)


def parse_identity(bios: RegistryKey | None, firmware: Firmware, table: RegistryKey | None) -> Identity:
    """``SystemManufacturer="LENOVO"``, ``SystemProductName="10SGS2AL00"`` and the firmware's own words."""
    maker = firmware.maker or text(bios, "SystemManufacturer")
    model = firmware.model or text(bios, "SystemProductName")
    return Identity(
        smbios_uuid=firmware.uuid,
        serial=firmware.serial,
        board_serial=firmware.board_serial,
        maker=maker,
        model=model,
        chassis=firmware.chassis,
        virtual=is_virtual(maker, model),
        observation=next((key.observation for key in (table, bios) if key), ""),
    )


def is_virtual(maker: str | None, model: str | None) -> bool | None:
    """Whether maker or model name a hypervisor; None when neither is known. ``Microsoft`` alone also makes laptops."""
    if maker is None and model is None:
        return None
    makers, models = (maker or "").casefold(), (model or "").casefold()
    return any(word in makers for word in VIRTUAL_MAKERS) or any(word in models for word in VIRTUAL_MODELS)


COLLECTOR = Collector("windows.hardware", 1, Platform.WINDOWS, collect)
