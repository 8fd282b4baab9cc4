"""The WMI peer against clients that were not written with it: impacket, and Wireshark's dissector as an onlooker."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from impacket.dcerpc.v5.dcom import wmi
from impacket.dcerpc.v5.dcomrt import DCOMConnection
from impacket.dcerpc.v5.dtypes import NULL
from impacket.dcerpc.v5.rpcrt import DCERPCException

from config.clock import SystemClock
from scanner.transports.rpc_wire import Level
from scanner.transports.wmi import WmiLimits, WmiTarget, open_wmi
from scanner.wmi_classes import CLASSES, OFFICE_PRODUCT
from tests.lab.dcom import machines
from tests.lab.dcom.server import WmiPc, WmiPeer
from tests.lab.dcom.stdregprov import Hive
from tests.lab.plans import RegistryEntry
from tests.lab.sniffer import sniffing

pytestmark = pytest.mark.lab

NO_MORE = 1  # WBEM_S_FALSE, which impacket raises

HIVE = Hive.of([
    RegistryEntry(r"HKLM\SOFTWARE\Vendor", "Text", "文字"),
    RegistryEntry(r"HKLM\SOFTWARE\Vendor\Sub", "Number", 7),
])  # fmt: skip


def peer(address: str) -> WmiPeer:
    """On port 135, which is where impacket looks."""
    return WmiPeer(WmiPc(address=address, users=machines.USERS, namespaces=machines.desktop(), hive=HIVE))


@contextmanager
def impacket_services(address: str, namespace: str, password: str = machines.PASSWORD) -> Generator[Any]:
    dcom: Any = DCOMConnection(address, machines.USERNAME, password, "", oxidResolver=False)
    try:
        login = wmi.IWbemLevel1Login(dcom.CoCreateInstanceEx(wmi.CLSID_WbemLevel1Login, wmi.IID_IWbemLevel1Login))
        yield login.NTLMLogin(namespace, NULL, NULL)
    finally:
        dcom.disconnect()


def rows(enumerator: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        try:
            row = enumerator.Next(0xFFFFFFFF, 1)[0]
        except wmi.DCERPCSessionError as error:
            if error.get_error_code() != NO_MORE:
                raise
            return found
        found.append({name: item["value"] for name, item in row.getProperties().items()})


def test_impackets_own_client_queries_the_peer() -> None:
    with peer("127.0.4.1") as _, impacket_services("127.0.4.1", "//./root/cimv2") as services:
        system = rows(services.ExecQuery("SELECT * FROM Win32_OperatingSystem"))[0]
        products = rows(services.ExecQuery("SELECT ID,LicenseStatus FROM SoftwareLicensingProduct"))
    assert system["Caption"] == machines.SYSTEM_ROW["Caption"]
    assert system["MUILanguages"] == ["zh-CN", "en-US"]
    assert len(products) == 6


def test_impackets_own_client_calls_stdregprov() -> None:
    with peer("127.0.4.2") as running, impacket_services("127.0.4.2", "//./root/default") as services:
        provider, _ = services.GetObject("StdRegProv")
        names = provider.EnumKey(0x80000002, "SOFTWARE\\Vendor\0")
        value = provider.GetStringValue(0x80000002, "SOFTWARE\\Vendor\0", "Text\0")
    assert list(names.sNames) == ["Sub"]
    assert value.sValue == "文字"
    assert running.methods == ["EnumKey", "GetStringValue"]


def test_impacket_too_is_refused_with_a_wrong_password() -> None:
    with (
        peer("127.0.4.3"),
        pytest.raises(DCERPCException, match="access_denied"),
        impacket_services("127.0.4.3", "//./root/cimv2", "wrong"),
    ):
        pass


def test_a_dissector_finds_no_malformed_packet_in_a_whole_session(tmp_path: Path) -> None:
    """Ours against the peer at packet integrity, so that the dissector reads every stub."""
    capture = tmp_path / "session.pcap"
    for program in ("tcpdump", "tshark"):
        assert shutil.which(program), f"{program} is needed"
    with sniffing("lo", capture, "host", "127.0.4.4"), peer("127.0.4.4"):
        target = WmiTarget(address="127.0.4.4", username=machines.USERNAME, secret=machines.PASSWORD)
        with open_wmi(target, WmiLimits(), SystemClock(), Level.INTEGRITY) as connection:
            for wanted in CLASSES:
                if wanted is not OFFICE_PRODUCT:
                    connection.rows(wanted)
            where: dict[str, int | str] = {"hDefKey": 0x80000002, "sSubKeyName": "SOFTWARE\\Vendor"}
            connection.method("root/default", "StdRegProv", "EnumKey", where)
    assert fields(capture, "dcerpc", "dcerpc.opnum"), "requests were seen"
    assert len(fields(capture, "dcerpc", "frame.number")) > 60
    assert fields(capture, "_ws.malformed", "frame.number") == []
    assert fields(capture, "remact or isystemactivator", "frame.number"), "activation was recognised"


def fields(capture: Path, what: str, field: str) -> list[str]:
    argv = ["tshark", "-r", str(capture), "-Y", what, "-T", "fields", "-e", field]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    return [line for line in done.stdout.splitlines() if line.strip()]
