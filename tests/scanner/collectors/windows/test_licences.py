"""The licence state: channels, trials, KMS, and the four kinds of "no"."""

from __future__ import annotations

from typing import Any

import pytest

from scanner.collectors.windows import licences
from scanner.collectors.windows.licences import channel_of, edition_of
from scanner.model import LicenceState, LicenceStatus, Outcome, Record, SkippedEntry
from scanner.runner import run_one
from scanner.session import SessionError, TimedOut, Unsupported, WmiValue
from tests.lab.dcom.machines import OFFICE, WINDOWS
from tests.scanner.collectors.windows.wmi import Answer, session

SERVICE = [{"Version": "10.0", "IsKeyManagementServiceMachine": 0, "OA3xOriginalProductKeyDescription": None}]


def product(**values: WmiValue) -> dict[str, WmiValue]:
    return {
        "Name": "Windows(R), Professional edition",
        "Description": "Windows(R) Operating System, OEM_DM channel",
        "ApplicationID": WINDOWS,
        "PartialProductKey": "AAAAA",
        "LicenseStatus": 1,
        "EvaluationEndDate": "16010101000000.000000-000",
        **values,
    }


def office(**values: WmiValue) -> dict[str, WmiValue]:
    return product(
        **{
            "Name": "Office 16, Office16ProPlusVL_KMS_Client edition",
            "Description": "Office 16, VOLUME_KMSCLIENT channel",
            "ApplicationID": OFFICE,
            "LicenseFamily": "Office16ProPlusVL_KMS_Client",
            **values,
        }
    )


def read(products: Answer, **more: Answer) -> list[Record]:
    answers = {"SoftwareLicensingProduct": products, "SoftwareLicensingService": SERVICE, **more}
    return list(licences.collect(session(answers)))


def state(row: dict[str, WmiValue], **more: Any) -> LicenceState:
    found = read([row], **more)
    assert len(found) == 1
    assert isinstance(found[0], LicenceState)
    return found[0]


@pytest.mark.parametrize(
    ("description", "key_channel", "channel"),
    [
        ("Windows(R) Operating System, OEM_DM channel", "OEM:DM", "OEM_DM"),
        ("Windows(R) Operating System, OEM_SLP channel", None, "OEM_SLP"),
        ("Windows(R) Operating System, OEM_COA_SLP channel", None, "OEM_COA"),
        ("Windows(R) Operating System, OEM_COA_NSLP channel", None, "OEM_COA"),
        ("Windows(R) Operating System, RETAIL channel", "Retail", "RETAIL"),
        ("Windows(R) Operating System, VOLUME_MAK channel", "Volume:MAK", "VOLUME_MAK"),
        ("Windows(R) Operating System, VOLUME_KMSCLIENT channel", "Volume:GVLK", "VOLUME_KMSCLIENT"),
        ("Windows(R) Operating System, VOLUME_KMS_2012-R2 channel", None, "VOLUME_KMS"),
        ("Office 16, RETAIL(MAK) channel", None, "VOLUME_MAK"),
        ("Office 16, RETAIL(Grace) channel", None, "RETAIL"),
        ("Office 16, TIMEBASED_SUB channel", None, "SUBSCRIPTION"),
        ("", "Volume:GVLK", "VOLUME_KMSCLIENT"),
        ("", "", None),
        (None, "something new", None),
    ],
)
def test_the_channel_is_one_word(description: str | None, key_channel: str | None, channel: str | None) -> None:
    assert channel_of(description, key_channel) == channel


@pytest.mark.parametrize(("number", "status"), list(enumerate(list(LicenceStatus)[:7])))
def test_the_seven_states_are_named(number: int, status: LicenceStatus) -> None:
    assert state(product(LicenseStatus=number)).status is status


def test_a_state_that_nobody_documented_is_no_state_and_is_told() -> None:
    skipped, found = read([product(LicenseStatus=9)])
    assert isinstance(skipped, SkippedEntry)
    assert skipped.reason.code == "wmi.unknown_status"
    assert isinstance(found, LicenceState)
    assert found.status is None


@pytest.mark.parametrize(
    ("number", "status"), [(1, LicenceStatus.TRIAL), (5, LicenceStatus.TRIAL_EXPIRED), (0, LicenceStatus.TRIAL_EXPIRED)]
)
def test_an_evaluation_is_a_trial_with_its_end(number: int, status: LicenceStatus) -> None:
    row = product(
        Description="Windows(R) Operating System, TIMEBASED_EVAL channel",
        LicenseStatus=number,
        EvaluationEndDate="20270301000000.000000+480",
    )
    found = state(row)
    assert found.status is status
    assert found.evaluation_end == "2027-03-01T00:00:00.000+08:00"


def test_a_kms_client_names_its_host_and_how_long_it_has() -> None:
    row = product(
        Description="Windows(R) Operating System, VOLUME_KMSCLIENT channel",
        GracePeriodRemaining=259_000,
        KeyManagementServiceMachine="127.0.0.2",
        KeyManagementServicePort=1688,
        DiscoveredKeyManagementServiceMachineName="kms.unit.example",
        DiscoveredKeyManagementServiceMachineIpAddress="10.1.1.5",
    )
    found = state(row)
    assert (found.kms_host, found.kms_port, found.grace_minutes_remaining) == ("127.0.0.2", 1688, 259_000)
    assert (found.kms_discovered_host, found.kms_discovered_address) == ("kms.unit.example", "10.1.1.5")


def test_the_kms_set_for_the_whole_computer_is_that_of_windows_and_not_of_office() -> None:
    service = [{"KeyManagementServiceMachine": "kms.unit.example", "KeyManagementServicePort": 1688}]
    found = read([product(), office()], SoftwareLicensingService=service)
    assert [item.kms_host for item in found if isinstance(item, LicenceState)] == ["kms.unit.example", None]


def test_the_firmware_says_which_edition_was_delivered() -> None:
    service = [{"OA3xOriginalProductKeyDescription": "[4.0] Professional OEM:DM"}]
    found = state(product(), SoftwareLicensingService=service)
    assert (found.delivered_edition, found.firmware_key_present) == ("[4.0] Professional OEM:DM", True)
    assert found.edition == "Professional"


def test_a_computer_without_a_firmware_key_is_told_apart_from_one_that_was_not_asked() -> None:
    assert state(product()).firmware_key_present is False
    failed = SessionError("wmi.query_failed", name="SoftwareLicensingService", status="0x80041001")
    found = [item for item in read([product()], SoftwareLicensingService=failed) if isinstance(item, LicenceState)]
    assert found[0].firmware_key_present is None


def test_windows_7_says_its_edition_too() -> None:
    assert edition_of("Windows(R) 7, Ultimate edition") == "Ultimate"
    assert edition_of("Windows(R), CoreCountrySpecific edition") == "CoreCountrySpecific"
    assert edition_of(None) is None


def test_office_2010_has_a_class_of_its_own() -> None:
    old = office(ApplicationID="59a52881-a989-479d-af46-f275c6370663", Name="Microsoft Office 2010")
    found = read([product()], OfficeSoftwareProtectionProduct=[old])
    assert [item.application for item in found if isinstance(item, LicenceState)] == ["windows", "office"]


@pytest.mark.parametrize(
    "more", [{"LicenseIsAddon": True}, {"Name": "Windows(R), Professional-ESU-Year1 add-on for Professional"}]
)
def test_an_add_on_does_not_speak_for_windows(more: dict[str, WmiValue]) -> None:
    """Extended security updates may be licensed on a Windows that is not."""
    found = read([product(LicenseStatus=5), product(**more)])
    assert [(item.application, item.status) for item in found if isinstance(item, LicenceState)] == [
        ("windows", LicenceStatus.NOTIFICATION),
        ("other", LicenceStatus.LICENSED),
    ]


# the four kinds of "no"


def test_unlicensed_is_what_the_computer_itself_says() -> None:
    found = state(product(LicenseStatus=0))
    assert found.status is LicenceStatus.UNLICENSED
    assert found.subscription_on_device is None


@pytest.mark.parametrize("family", ["Office16O365ProPlusR_Grace", "Office16O365HomePremR_SubTest5"])
def test_a_per_user_subscription_is_not_visible_rather_than_unlicensed(family: str) -> None:
    row = office(LicenseFamily=family, Description="Office 16, RETAIL(Grace) channel", LicenseStatus=5)
    found = state(row)
    assert found.status is None
    assert found.subscription_on_device is False


def test_a_subscription_that_the_device_holds_is_licensed() -> None:
    found = state(office(LicenseFamily="Office16O365ProPlusR_Sub", Description="Office 16, TIMEBASED_SUB channel"))
    assert found.status is LicenceStatus.LICENSED
    assert (found.channel, found.subscription_on_device) == ("SUBSCRIPTION", True)


def test_an_absent_class_is_told_as_absent() -> None:
    found = list(licences.collect(session({"SoftwareLicensingService": SERVICE})))
    assert [item.reason.code for item in found if isinstance(item, SkippedEntry)] == ["wmi.class_absent"]


def test_a_failed_query_is_told_as_failed() -> None:
    failed = SessionError("wmi.query_failed", name="SoftwareLicensingProduct", status="0x80041001")
    assert [item.reason.code for item in read(failed) if isinstance(item, SkippedEntry)] == ["wmi.query_failed"]


def test_no_row_at_all_is_told_and_is_not_unlicensed() -> None:
    assert [item.reason.code for item in read([]) if isinstance(item, SkippedEntry)] == ["wmi.no_licence_rows"]


def test_a_lost_connection_ends_the_collector_with_its_reason() -> None:
    _, result = run_one(session({"SoftwareLicensingService": TimedOut("wmi.silent", stage="x")}), licences.COLLECTOR)
    assert (result.outcome, result.reason and result.reason.code) == (Outcome.TIMED_OUT, "wmi.silent")


def test_without_wmi_the_state_is_not_collected() -> None:
    with pytest.raises(Unsupported) as refused:
        list(licences.collect(session(None)))
    assert refused.value.reason.code == "wmi.not_opened"
