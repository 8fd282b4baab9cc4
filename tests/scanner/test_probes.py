"""What hosts tell without a login: by Samba, nmbd, sshd, the DCOM peer and a listener; and what no answer can break."""

from __future__ import annotations

import json
import struct
import sys
from collections.abc import Callable, Generator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.clock import SystemClock
from config.network_services import ServiceKind, network_services
from scanner.guard import OutOfScope
from scanner.probe_answers import NODE_STATUS_QUERY, node_status, ntlm_challenge, server_alive2, ssh_banner
from scanner.probes import (
    BatchGuard,
    ProbeTarget,
    ask_netbios,
    ask_ntlm,
    ask_oxid,
    ask_ssh,
    listening,
    probe_host,
)
from scanner.sighting import Sighting
from tests.lab import netbios
from tests.lab.dcom.lab import serving
from tests.lab.lan import Lan
from tests.lab.plans import Answer, LinuxPc, Listener, WindowsPc
from tests.lab.samba import bad_password_count
from tests.scanner.laptop import inside

NOW = datetime(2026, 3, 2, 1, 2, 3, tzinfo=UTC)
CLOCK = SystemClock()
PASSWORD = "云水 Inspect 7"


@pytest.fixture(scope="module")
def lan() -> Generator[Lan]:
    plans = [
        WindowsPc(name="pc1", address="10.77.0.11", mac="10:c5:95:00:00:11", password=PASSWORD),
        LinuxPc(name="kylin", address="10.77.0.21", mac="8c:16:45:00:00:21", password=PASSWORD),
        Listener(
            name="lic",
            address="10.77.0.31",
            mac="8c:16:45:00:00:31",
            answers=(Answer(1688), Answer(27000), Answer(5053)),
        ),
        WindowsPc(
            name="shut",
            address="10.77.0.41",
            mac="10:c5:95:00:00:41",
            password=PASSWORD,
            filtered_ports=tuple(service.port for service in network_services()),
        ),
    ]
    with Lan.start(plans) as started:
        netbios.start(started.host("pc1"))
        with serving(started, {"pc1": {}}):
            yield started


@pytest.mark.lab
def test_samba_names_itself_its_clock_and_its_dialect_before_any_login(lan: Lan) -> None:
    host = lan.host("pc1")
    with inside(lan.laptop):
        seen = ask_ntlm(host.address, 30, CLOCK)
    assert (seen.source, seen.hostname, seen.domain, seen.dialect) == ("ntlm", "PC1", "PC1", "3.1.1")
    assert seen.clock_offset_seconds is not None
    assert abs(seen.clock_offset_seconds) < 60
    assert seen.build is None, "Samba names no build of Windows"
    assert bad_password_count(host) == 0


@pytest.mark.lab
def test_nmbd_gives_name_group_and_the_hops_between(lan: Lan) -> None:
    with inside(lan.laptop):
        seen = ask_netbios(lan.host("pc1").address, 30)
    assert (seen.source, seen.hostname, seen.domain, seen.ttl) == ("netbios", "PC1", "WORKGROUP", 64)
    assert seen.mac is None, "Samba answers with zeros"


@pytest.mark.lab
def test_the_object_resolver_names_the_addresses_of_its_computer(lan: Lan) -> None:
    with inside(lan.laptop):
        seen = ask_oxid(lan.host("pc1").address, 30)
    assert seen == Sighting(source="oxid", hostname="PC1", addresses=("10.77.0.11",))


@pytest.mark.lab
def test_sshd_says_which_server_it_is(lan: Lan) -> None:
    with inside(lan.laptop):
        seen = ask_ssh(lan.host("kylin").address, 30)
    assert (seen.banner or "").startswith("SSH-2.0-OpenSSH_")


@pytest.mark.lab
def test_licensing_ports_are_seen_where_something_listens_and_nowhere_else(lan: Lan) -> None:
    with inside(lan.laptop):
        found = {
            name: list(listening(lan.host(name).address, network_services(), 0.5)) for name in ("lic", "pc1", "shut")
        }
    assert [(seen.source, seen.service) for seen in found["lic"]] == [
        ("port:1688", "kms"),
        ("port:5053", "floating"),
        ("port:27000", "floating"),
    ]
    assert found["pc1"] == found["shut"] == []


@pytest.mark.lab
def test_one_child_asks_a_whole_batch_and_stays_within_it(lan: Lan) -> None:
    hosts = {"pc1": [135, 445], "kylin": [22], "lic": [], "shut": [445]}
    job = {
        "targets": [{"address": lan.host(n).address, "ports": p, "services": True} for n, p in hosts.items()],
        "services": [[s.port, s.kind, s.name] for s in network_services()],
        "seconds": 4.0,
        "rate": 2000,
    }
    done = lan.laptop.run([sys.executable, "-m", "tests.scanner.ask_batch"], input=json.dumps(job))
    found: dict[str, list[dict[str, Any]]] = json.loads(done.stdout)
    assert {a: sorted(s["source"] for s in seen) for a, seen in found.items()} == {
        "10.77.0.11": ["netbios", "ntlm", "oxid"],
        "10.77.0.21": ["ssh"],
        "10.77.0.31": ["port:1688", "port:27000", "port:5053"],
        "10.77.0.41": ["ntlm"],
    }


def test_a_host_that_answers_nothing_gives_nothing() -> None:
    target = ProbeTarget("127.0.0.77", frozenset({22, 135, 445}))
    assert probe_host(target, network_services(), 0.2, CLOCK) == ()


def test_a_batch_reaches_its_own_addresses_alone() -> None:
    guard = BatchGuard(["10.77.0.11", "10.77.0.12"], frozenset({22}))
    guard.check_destination(("10.77.0.12", 22))
    with pytest.raises(OutOfScope):
        guard.check_destination(("10.77.0.13", 22))


def test_every_licensing_port_is_named_once_and_is_of_a_known_kind() -> None:
    services = network_services()
    assert {service.port for service in services} >= {1688, 1947, 2080, 5053, 22350, 27000}
    assert [service.port for service in services if service.kind is ServiceKind.KMS] == [1688]


def challenge(pairs: list[tuple[int, bytes]], version: bytes = b"\x0a\x00\x65\x4a\0\0\0\x0f") -> bytes:
    info = b"".join(struct.pack("<HH", kind, len(value)) + value for kind, value in [*pairs, (0, b"")])
    head = b"NTLMSSP\0" + struct.pack("<IHHIIQQHHI", 2, 0, 0, 56, 0x02888205, 1, 0, len(info), len(info), 56)
    return head + version + info


def test_a_challenge_of_windows_gives_names_build_and_clock() -> None:
    ticks = struct.pack("<Q", 134169085230000000)  # 2026-03-01T01:02:03Z
    pairs = [(2, "GHZX"), (1, "PC-财务"), (4, "ghzx.example"), (3, "pc-1.ghzx.example")]
    token = b"\xa1\x81" + challenge([*((n, text.encode("utf-16-le")) for n, text in pairs), (7, ticks)])
    assert ntlm_challenge(token, NOW) == Sighting(
        source="ntlm",
        hostname="PC-财务",
        domain="ghzx.example",
        dns_name="pc-1.ghzx.example",
        build="10.0.19045",
        clock_offset_seconds=ntlm_challenge(token, NOW).clock_offset_seconds,
    )
    assert ntlm_challenge(token, NOW).clock_offset_seconds == pytest.approx(ticks_after(ticks), abs=0.1)


def ticks_after(ticks: bytes) -> float:
    return int.from_bytes(ticks, "little") / 1e7 - 11644473600 - NOW.timestamp()


def test_a_node_status_of_windows_gives_its_card() -> None:
    names = [(b"PC1", 0x00, 0x0400), (b"WORKGROUP", 0x00, 0x8400), (b"PC1", 0x20, 0x0400)]
    body = b"".join(name.ljust(15) + bytes([suffix]) + struct.pack(">H", flags) for name, suffix, flags in names)
    head = NODE_STATUS_QUERY[:2] + b"\x84\0\0\0\0\1\0\0\0\0" + NODE_STATUS_QUERY[12:46] + b"\0\x21\0\1\0\0\0\0"
    answer = head + struct.pack(">H", len(body) + 7) + bytes([3]) + body + bytes.fromhex("8c1645000011") + bytes(40)
    assert node_status(answer, 127) == Sighting(
        source="netbios", hostname="PC1", domain="WORKGROUP", mac="8C:16:45:00:00:11", ttl=127
    )


def test_lines_before_the_identification_are_passed_over() -> None:
    assert ssh_banner(b"hello\r\nSSH-2.0-dropbear_2022.83\r\nx").banner == "SSH-2.0-dropbear_2022.83"


PARSERS: tuple[Callable[[bytes], Sighting], ...] = (
    lambda data: ntlm_challenge(data, NOW),
    lambda data: ntlm_challenge(challenge([(1, data)])[: 80 + len(data)], NOW),
    lambda data: ntlm_challenge(challenge([]) [:40] + data, NOW),
    server_alive2,
    lambda data: server_alive2(struct.pack("<HHIIHH", 5, 7, 1, len(data) // 2, len(data) // 2, len(data) // 2) + data),
    node_status,
    lambda data: node_status(NODE_STATUS_QUERY[:2] + b"\x84\0" + bytes(8) + b"\x20" + bytes(33) + b"\0\x21" + data),
    ssh_banner,
    lambda data: ssh_banner(b"SSH-" + data),
)  # fmt: skip


@pytest.mark.parametrize("which", range(len(PARSERS)))
@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=400))
def test_no_answer_of_a_host_breaks_a_parser(which: int, data: bytes) -> None:
    try:
        found = PARSERS[which](data)
    except ValueError:
        return
    assert isinstance(found, Sighting)
