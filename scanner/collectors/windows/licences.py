"""Whether Windows and Office are activated, by which channel, against which KMS: only WMI says so.

Four results are kept apart. A class that the computer lacks and a query that failed are SkippedEntries with different
reasons; a Microsoft 365 licence that belongs to the user who is signed in has no status and
``subscription_on_device=False``; a copy that the computer itself calls unlicensed has that status.

References:
    - https://learn.microsoft.com/previous-versions/windows/desktop/sppwmi/softwarelicensingproduct
    - channel words in Description: slmgr.vbs and ospp.vbs as Microsoft ships them print the same text
    - https://learn.microsoft.com/office/vlt/tools-to-manage-volume-activation-of-office (ApplicationID of Office)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from config.message import Message
from scanner.collectors.base import Collector
from scanner.collectors.windows.wmi_values import cim_date, rows_if_any, rows_or_skipped, wmi_of
from scanner.model import LicenceState, LicenceStatus, Platform, Record, SkippedEntry
from scanner.session import WindowsSession, WmiRow
from scanner.wmi_classes import LICENSING_PRODUCT, LICENSING_SERVICE, OFFICE_PRODUCT

STATUSES = (
    LicenceStatus.UNLICENSED,
    LicenceStatus.LICENSED,
    LicenceStatus.OOB_GRACE,
    LicenceStatus.OOT_GRACE,
    LicenceStatus.NON_GENUINE_GRACE,
    LicenceStatus.NOTIFICATION,
    LicenceStatus.EXTENDED_GRACE,
)
"""LicenseStatus 0 to 6."""
NOT_RUNNING = (LicenceStatus.UNLICENSED, LicenceStatus.NOTIFICATION)

APPLICATIONS = {
    "55c92734-d682-4d71-983e-d6ec3f16059f": "windows",
    "0ff1ce15-a989-479d-af46-f275c6370663": "office",
    "59a52881-a989-479d-af46-f275c6370663": "office",
}
"""ApplicationID; the last one is Office 2010."""

CHANNEL = re.compile(r"(?P<channel>[A-Z][A-Z0-9_-]*(?:\([A-Za-z]+\))?) channel", re.ASCII)
CHANNELS = (
    (re.compile(r"OEM_COA"), "OEM_COA"),
    (re.compile(r"OEM_NONSLP"), "OEM_COA"),
    (re.compile(r"RETAIL\(MAK\)"), "VOLUME_MAK"),
    (re.compile(r"RETAIL\("), "RETAIL"),
    (re.compile(r"TIMEBASED_SUB"), "SUBSCRIPTION"),
    (re.compile(r"VOLUME_KMS(?!CLIENT)"), "VOLUME_KMS"),
)
"""Words of Description that come in variants, and the one word for all of them."""
KEY_CHANNELS = {
    "volume:gvlk": "VOLUME_KMSCLIENT",
    "volume:mak": "VOLUME_MAK",
    "volume:csvlk": "VOLUME_KMS",
    "retail": "RETAIL",
    "oem:dm": "OEM_DM",
    "oem:slp": "OEM_SLP",
    "oem:coa": "OEM_COA",
    "oem:nonslp": "OEM_COA",
    "retail:tb:eval": "TIMEBASED_EVAL",
    "retail:tb:sub": "SUBSCRIPTION",
}
"""ProductKeyChannel, folded."""
EVALUATION = "TIMEBASED_EVAL"
EDITION = re.compile(r"[^,]*, (?P<edition>.+?)(?: edition)?", re.IGNORECASE)
ADD_ON = re.compile(r"\badd-on\b|-ESU-", re.IGNORECASE)
PER_USER = re.compile(r"O365", re.IGNORECASE)


def collect(session: WindowsSession) -> Iterator[Record]:
    """Yield one LicenceState a product that holds a key. Raises SessionError."""
    wmi = wmi_of(session)
    service: WmiRow | None = None
    for found in rows_or_skipped(wmi, LICENSING_SERVICE):
        if isinstance(found, SkippedEntry):
            yield found
        else:
            service = service or found
    yield from _states(rows_or_skipped(wmi, LICENSING_PRODUCT), service)
    for row in rows_if_any(wmi, OFFICE_PRODUCT):
        yield from parse_product(row, None)


def _states(found: Iterable[WmiRow | SkippedEntry], service: WmiRow | None) -> Iterator[Record]:
    count = 0
    for row in found:
        count += 1
        if isinstance(row, SkippedEntry):
            yield row
        else:
            yield from parse_product(row, service)
    if not count:
        yield SkippedEntry(LICENSING_PRODUCT.path, Message.of("wmi.no_licence_rows"))


def parse_product(row: WmiRow, service: WmiRow | None) -> Iterator[LicenceState | SkippedEntry]:
    """``Description="Windows(R) Operating System, VOLUME_KMSCLIENT channel"``, ``LicenseStatus=1``."""
    name = row.text("Name") or row.text("ID") or row.source
    channel = channel_of(row.text("Description"), row.text("ProductKeyChannel"))
    status = status_of(row.number("LicenseStatus"), channel)
    if status is None:
        number = row.number("LicenseStatus")
        yield SkippedEntry(row.source, Message.of("wmi.unknown_status", name=name, status=number), row.observation)
    application = "other" if is_add_on(row) else application_of(row)
    per_user = is_per_user(row, application, status, channel)
    of_windows = service if application == "windows" else None
    description = of_windows.text("OA3xOriginalProductKeyDescription") if of_windows else None
    asked = of_windows is not None and "OA3xOriginalProductKeyDescription" in of_windows.values
    yield LicenceState(
        source=row.source,
        name=name,
        application=application,
        status=None if per_user else status,
        status_reason=_hexadecimal(row.number("LicenseStatusReason")),
        channel=channel,
        description=row.text("Description"),
        activation_id=row.text("ID"),
        licence_family=row.text("LicenseFamily"),
        edition=edition_of(row.text("Name")) if application == "windows" else None,
        delivered_edition=description,
        firmware_key_present=description is not None if asked else None,
        key_tail=row.text("PartialProductKey"),
        grace_minutes_remaining=row.number("GracePeriodRemaining"),
        evaluation_end=cim_date(row.text("EvaluationEndDate")),
        genuine_status=row.number("GenuineStatus"),
        kms_host=row.text("KeyManagementServiceMachine") or _text(of_windows, "KeyManagementServiceMachine"),
        kms_port=row.number("KeyManagementServicePort") or _number(of_windows, "KeyManagementServicePort"),
        kms_discovered_host=row.text("DiscoveredKeyManagementServiceMachineName"),
        kms_discovered_address=row.text("DiscoveredKeyManagementServiceMachineIpAddress"),
        is_kms_host=of_windows.flag("IsKeyManagementServiceMachine") if of_windows else None,
        subscription_on_device=_on_device(per_user, channel),
        observation=row.observation,
    )


def channel_of(description: str | None, key_channel: str | None) -> str | None:
    """The channel's word, from Description or else ProductKeyChannel.

    >>> channel_of("Windows(R) Operating System, OEM_COA_NSLP channel", None)
    'OEM_COA'
    >>> channel_of("Office 16, RETAIL(MAK) channel", "Retail"), channel_of(None, "OEM:DM"), channel_of(None, None)
    ('VOLUME_MAK', 'OEM_DM', None)
    """
    found = CHANNEL.search(description or "")
    if not found:
        return KEY_CHANNELS.get((key_channel or "").casefold())
    word = found["channel"]
    return next((name for pattern, name in CHANNELS if pattern.match(word)), word)


def status_of(number: int | None, channel: str | None) -> LicenceStatus | None:
    """LicenseStatus in words; an evaluation is a trial whatever its number says. None for numbers not documented."""
    if number is None or not 0 <= number < len(STATUSES):
        return None
    status = STATUSES[number]
    if channel == EVALUATION:
        return LicenceStatus.TRIAL_EXPIRED if status in NOT_RUNNING else LicenceStatus.TRIAL
    return status


def application_of(row: WmiRow) -> str:
    """``windows``, ``office`` or ``other``."""
    return APPLICATIONS.get((row.text("ApplicationID") or "").casefold(), "other")


def is_add_on(row: WmiRow) -> bool:
    """Whether this licence extends another one (extended security updates): it does not speak for the product."""
    return bool(row.flag("LicenseIsAddon")) or ADD_ON.search(row.text("Name") or "") is not None


def is_per_user(row: WmiRow, application: str, status: LicenceStatus | None, channel: str | None) -> bool:
    """Whether this row says nothing: Microsoft 365 keeps the licence with the user, and leaves a row in grace here."""
    names = f"{row.text('LicenseFamily') or ''} {row.text('Name') or ''}"
    of_365 = application == "office" and (channel == "SUBSCRIPTION" or PER_USER.search(names) is not None)
    return of_365 and status is not LicenceStatus.LICENSED


def _on_device(per_user: bool, channel: str | None) -> bool | None:
    if per_user:
        return False
    return True if channel == "SUBSCRIPTION" else None


def edition_of(name: str | None) -> str | None:
    """``Windows(R), Professional edition`` → ``Professional``."""
    found = EDITION.fullmatch(name or "")
    return found["edition"] if found else None


def _hexadecimal(number: int | None) -> str | None:
    return None if number is None else f"0x{number & 0xFFFFFFFF:08X}"


def _text(row: WmiRow | None, name: str) -> str | None:
    return row.text(name) if row else None


def _number(row: WmiRow | None, name: str) -> int | None:
    return row.number(name) if row else None


COLLECTOR = Collector("windows.licences", 1, Platform.WINDOWS, collect)
