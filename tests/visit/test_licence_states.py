"""What WMI says of activation decides: one Windows PC for each state, read over SMB and WMI, judged without any ledger.

The WMI peer is ours, written from the public specifications: it shows that facts reach the rules, not that a real
Windows behaves so (``docs/windows-checklist.md``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from api.commands.base import follow
from tests.lab import demo_unit
from tests.lab.dcom import lab, machines
from tests.lab.dcom.server import Faults
from tests.lab.lan import Lan
from tests.lab.plans import WindowsPc
from tests.visit.fleet_site import FleetSite

pytestmark = pytest.mark.lab
PASSWORD = "Lab-Pass-2026"
SUBNET = "10.83.0.0/24"
NO_KMS = {"KeyManagementServiceMachine": None, "KeyManagementServicePort": None}


def channel(word: str, key: str, **changes: Any) -> list[machines.Row]:
    """The licensing rows of a Windows with this channel; the unkeyed editions stand beside it."""
    text = f"Windows(R) Operating System, {word} channel"
    row = machines.windows_product(Description=text, ProductKeyChannel=key, **{**NO_KMS, **changes})
    return [row, *machines.other_products(3)]


STATES: Mapping[str, tuple[list[machines.Row], str, str]] = {
    # name: licensing rows, rule, decision
    "KMS": (
        channel("VOLUME_KMSCLIENT", "Volume:GVLK", KeyManagementServiceMachine="kms.unit.example"), "R7", "to_verify"
    ),
    "LOOP": (channel("VOLUME_KMSCLIENT", "Volume:GVLK", KeyManagementServiceMachine="127.0.0.2"), "R8", "unlicensed"),
    "GENERIC": (channel("RETAIL", "Retail", PartialProductKey="3V66T"), "R9", "to_verify"),
    "MOVED": (channel("OEM_DM", "OEM:DM"), "R2", "to_verify"),
    "MISSING": ([], "R31", "to_verify"),
    "FAILING": ([], "R31", "to_verify"),
    "REFUSED": ([], "R31", "to_verify"),
    "CLOSED": ([], "R31", "to_verify"),
    "NOTIFY": (channel("VOLUME_MAK", "Volume:MAK", LicenseStatus=5, GracePeriodRemaining=0), "R10", "unlicensed"),
}  # fmt: skip


UNREAD = {
    "MISSING": "wmi.class_absent",
    "FAILING": "wmi.query_failed",
    "REFUSED": "ladder.wmi_refused",
    "CLOSED": "wmi.not_opened",
}
"""What each computer whose activation was not read is told to be: four things, and none of them is unlicensed."""


NUMBERS = {name: number for number, name in enumerate(STATES, 11)}


def uuid_of(number: int) -> str:
    """Each computer is one of its own, or several addresses would be taken for one."""
    return f"4c4c4544-0033-5a10-8053-b7c04f4e30{number:02}"


def mac_of(number: int) -> str:
    return f"02:83:00:00:00:{number:02x}"


def plan_of(name: str, example: WindowsPc) -> WindowsPc:
    """The example under another name, with hardware of its own."""
    assert example.hardware is not None
    number = NUMBERS[name]
    hardware = replace(example.hardware, serial=f"PF0TEST{number}", uuid=uuid_of(number))
    return replace(example, name=name, address=f"10.83.0.{number}", mac=mac_of(number), hardware=hardware)


def computers(names: Iterable[str]) -> dict[str, lab.Namespaces]:
    """The namespaces of each; the class is not there, or lacks the columns, where nothing is to be read."""
    made: dict[str, lab.Namespaces] = {}
    for name in names:
        number = NUMBERS[name]
        firmware = {"IdentifyingNumber": f"PF0TEST{number}", "UUID": uuid_of(number).upper()}
        adapter = {"Index": 0, "Description": "Ethernet", "MACAddress": mac_of(number).upper(), "IPEnabled": True}
        tables = machines.desktop(
            STATES[name][0],
            Win32_ComputerSystemProduct=(machines.COMPUTER_PRODUCT, [{**machines.COMPUTER_PRODUCT_ROW, **firmware}]),
            Win32_BIOS=(machines.BIOS, [{"Name": "BIOS", "SerialNumber": f"PF0TEST{number}"}]),
            Win32_NetworkAdapterConfiguration=(machines.ADAPTER, [adapter]),
        )
        if name in ("MISSING", "FAILING"):
            cimv2 = {key: table for key, table in tables["root/cimv2"].items() if key != "SoftwareLicensingProduct"}
            broken = {"SoftwareLicensingProduct": (machines.BIOS, [])} if name == "FAILING" else {}
            tables = {**tables, "root/cimv2": {**cimv2, **broken}}
        made[name] = tables
    return made


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, dict[str, Any]]]:
    """The verdict on Windows by host."""
    example = next(plan for plan in demo_unit.host_plans(PASSWORD) if plan.name == "PC2")
    assert isinstance(example, WindowsPc)
    plans = [plan_of(name, example) for name in STATES]
    with Lan.start(plans, SUBNET) as lan:
        willing = computers(name for name in STATES if name not in ("CLOSED", "REFUSED"))
        refusing = lab.serving(lan, computers(["REFUSED"]), Faults(filtered_token=True))
        with lab.serving(lan, willing), refusing:
            site = FleetSite(lan, tmp_path_factory.mktemp("states"), ["10.83.0.0/27"])
            try:
                yield judged(site, lan)
            finally:
                site.stop()


def judged(site: FleetSite, lan: Lan) -> dict[str, dict[str, Any]]:
    site.credential("local", "smb", PASSWORD)
    result = follow(site.client, site.post("scans", {}))["result"]
    assert result["collected"] == len(STATES)
    follow(site.client, site.post("audits"))
    one = f"/api/v1/inspections/{site.inspection}"
    addresses = {host["id"]: host["address"] for host in site.client.all(f"{one}/hosts")}
    names = {host.address: host.name for host in lan.hosts}
    return {
        names[addresses[v["host_id"]]]: v for v in site.client.all(f"{one}/verdicts") if v["product_id"] == "windows"
    }


@pytest.mark.parametrize("name", STATES)
def test_each_activation_state_leads_to_its_rule(verdicts: dict[str, dict[str, Any]], name: str) -> None:
    _, rule, decision = STATES[name]
    assert (verdicts[name]["rule"], verdicts[name]["decision"]) == (rule, decision)
    assert all(reason["text"] for reason in verdicts[name]["reasons"])


def test_what_kept_an_activation_from_being_read_is_told_and_never_taken_for_unlicensed(
    verdicts: dict[str, dict[str, Any]],
) -> None:
    told = {name: [reason["code"] for reason in verdicts[name]["reasons"]] for name in STATES}
    assert {name: told[name][1] for name in UNREAD} == UNREAD
    assert all(told[name][0] == "verdict.activation_unread" for name in UNREAD)
    assert told["NOTIFY"][0] == "verdict.not_activated"
    assert len({tuple(told[name]) for name in (*UNREAD, "NOTIFY")}) == len(UNREAD) + 1
