"""Ports and maker tell a printer from a computer; contradicting signs leave the decision to a person."""

from __future__ import annotations

import pytest

from config.messages import catalogue
from scanner.devices import classify, is_local_mac
from scanner.model import DeviceKind, Service

K = DeviceKind
TABLE = [
    ("a Windows PC", {135, 139, 445}, "Dell", K.COMPUTER),
    ("a PC whose firewall leaves remote desktop", {3389}, None, K.COMPUTER),
    ("a Windows PC on a Huawei card", {135, 445}, "Huawei Technologies", K.COMPUTER),
    ("a Windows PC on a TP-Link USB card", {445, 80}, "TP-Link Limited", K.COMPUTER),
    ("a Windows PC that shares a printer by LPD", {135, 445, 515}, None, K.COMPUTER),
    ("a Windows PC that serves a camera stream", {135, 445, 554}, None, K.COMPUTER),
    ("a Linux desktop", {22}, None, K.COMPUTER),
    ("a Linux server with a web page", {22, 80, 443}, "Inspur Group", K.COMPUTER),
    ("a network printer", {80, 515, 631, 9100}, None, K.PRINTER),
    ("a printer that only speaks raw print", {9100}, "HP", K.PRINTER),
    ("an office printer with a scan share", {80, 445, 9100}, "Ricoh Company", K.PRINTER),
    ("a printer maker's device without print ports", {80}, "Zhuhai Pantum Electronics", K.PRINTER),
    ("an unlabelled box with print ports and SMB", {445, 9100}, None, K.UNKNOWN),
    ("a Linux desktop that shares a printer", {22, 631}, None, K.UNKNOWN),
    ("a Windows print controller", {135, 445, 515, 9100}, None, K.UNKNOWN),
    ("a camera by stream", {80, 554}, None, K.CAMERA),
    ("a camera by maker", {80, 8000}, "Hangzhou Hikvision Digital Technology", K.CAMERA),
    ("a camera with SSH", {22, 554}, "Zhejiang Dahua Technology", K.CAMERA),
    ("a recorder with SMB", {445, 554}, "Zhejiang Uniview Technologies", K.UNKNOWN),
    ("a switch", {22, 80}, "Ruijie Networks", K.NETWORK),
    ("a switch without any port", set[int](), "Cisco Systems", K.NETWORK),
    ("an H3C switch with a web page", {22, 80, 443}, "New H3C Technologies", K.NETWORK),
    ("a Huawei desktop or a Huawei switch", {22}, "Huawei Technologies", K.UNKNOWN),
    ("network storage", {22, 139, 445, 80}, "Synology Incorporated", K.OTHER),
    ("only a web page", {80}, None, K.UNKNOWN),
    ("nothing open", set[int](), None, K.UNKNOWN),
]


@pytest.mark.parametrize(("ports", "vendor", "kind"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_kind_of(ports: set[int], vendor: str | None, kind: DeviceKind) -> None:
    found, evidence = classify([Service(port) for port in ports], vendor)
    assert found is kind
    assert evidence
    assert all(message.code in catalogue() for message in evidence)


def test_a_conflict_keeps_both_signs_and_says_that_they_contradict() -> None:
    _, evidence = classify([Service(445), Service(9100)], None)
    assert [m.code for m in evidence] == [
        "discovery.ports_printer",
        "discovery.ports_windows",
        "discovery.kind_conflict",
    ]
    assert [m.params.get("ports") for m in evidence] == ["9100", "445", None]


def test_udp_ports_are_no_tcp_ports() -> None:
    assert classify([Service(445, "udp")], None)[0] is DeviceKind.UNKNOWN


@pytest.mark.parametrize(
    ("mac", "local"),
    [("02:1A:4B:00:00:01", True), ("DA:A1:19:00:00:01", True), ("00:1A:4B:00:00:01", False), (None, False)],
)
def test_a_locally_administered_mac_is_known(mac: str | None, local: bool) -> None:
    assert is_local_mac(mac) is local
