"""nmap is given literal addresses only, its answer is believed only when whole, and it dies when told to."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.clock import SystemClock
from config.messages import catalogue, render
from config.problems import BadInput, EnvironmentProblem
from config.settings import load
from scanner.discovery import (
    ChunkDone,
    ChunkFailed,
    DiscoveryPlan,
    chunks,
    find_nmap,
    may_send_raw,
    mode_remark,
    plan_discovery,
    sweep,
)
from scanner.discovery_plan import nmap_arguments
from tests.lab.lan import Lan
from tests.lab.plans import Answer, Listener, Off

DATA = Path(__file__).parents[1] / "data" / "discovery"
SETTINGS = load(environment={}).discovery
ONE_EACH = SETTINGS.model_copy(update={"chunk_addresses": 1})
PORTS = SETTINGS.ports
TARGET = "127.0.0.1"


def plan(*addresses: str, privileged: bool = True) -> DiscoveryPlan:
    return DiscoveryPlan(addresses, PORTS, privileged)


def arguments(*addresses: str, ports: Sequence[int] = PORTS) -> list[str]:
    return nmap_arguments(addresses, ports, privileged=True, packets_per_second=50)


# Targets

CRAFTED = [
    "",
    "localhost",
    "10.0.0.1 -iL /etc/passwd",
    "10.0.0.1,2",
    "10.0.0.0/8",
    "10.0.0.1-20",
    "--script=http-put",
    "-oN/tmp/x",
    "10.0.0.1\n10.0.0.2",
    "10.0.0.1 ",
    "10.0.0.1;id",
    "$(id)",
    "fe80::1%eth0",
    "fe80::1%-iL/etc/passwd",
    "０１.0.0.1",
    "10.0.0.01",
]


@pytest.mark.parametrize("target", CRAFTED)
def test_a_crafted_target_never_reaches_nmap(target: str) -> None:
    with pytest.raises(BadInput, match=r"discovery\.bad_address"):
        arguments("10.0.0.1", target)
    with pytest.raises(BadInput, match=r"discovery\.bad_address"):
        next(sweep(plan("10.0.0.1", target), SETTINGS, SystemClock(), cancelled=lambda: False, nmap_path="/bin/false"))


@given(st.text(alphabet="0123456789.:abcdef-/%, \n", max_size=40))
def test_only_plain_literals_become_arguments(text: str) -> None:
    with contextlib.suppress(BadInput):
        assert re.fullmatch(r"[0-9.]{7,15}|[0-9a-f:.]{2,45}", arguments(text)[-1])


def test_nmap_resolves_no_name_and_runs_no_script() -> None:
    given_options = [word for word in arguments("10.0.0.1") if word.startswith("-")]
    assert "-n" in given_options
    assert not [o for o in given_options if o.startswith(("-sC", "-sV", "-O", "-A", "--script", "-iL", "-sU"))]


def test_ipv6_literals_get_the_ipv6_option() -> None:
    assert "-6" in arguments("fd00::1")
    assert "-6" not in arguments("10.0.0.1")


def test_many_ports_hold_the_total_rate_down_to_one_hosts_limit() -> None:
    assert "--max-rate" not in arguments("10.0.0.1")
    crowded = arguments("10.0.0.1", ports=range(1, 100))
    assert crowded[crowded.index("--max-rate") + 1] == "50"


@pytest.mark.parametrize(("ports", "privileged", "rate"), [(13, True, "200"), (13, False, "200"), (99, True, "50")])
def test_a_gentle_sweep_is_limited_over_all_hosts_and_has_no_pace_to_keep(
    ports: int, privileged: bool, rate: str
) -> None:
    given = nmap_arguments(
        ["10.0.0.1"], range(1, ports + 1), privileged=privileged, packets_per_second=50, sweep_rate=2000, gentle=True
    )
    assert given[given.index("--max-rate") + 1] == rate
    assert "--min-rate" not in given


def test_a_gentle_sweep_runs_one_nmap_at_a_time(tmp_path: Path) -> None:
    busy, met = tmp_path / "busy", tmp_path / "met"
    until_met = f"n=0; while [ ! -e {met} ] && [ $n -lt 600 ]; do sleep 0.1; n=$((n+1)); done"
    targets = ["127.0.0.2", "127.0.0.3", "127.0.0.4"]
    for gentle, stay in ((True, "sleep 0.3"), (False, until_met)):
        path = stand_in(tmp_path, f"mkdir {busy} || echo two >> {met}; {stay}; rmdir {busy}")
        several = plan_discovery(targets, ONE_EACH, privileged=True, gentle=gentle)
        list(sweep(several, ONE_EACH, SystemClock(), cancelled=lambda: False, nmap_path=path))
        assert met.exists() is not gentle


def test_connecting_skips_the_ports_that_print_and_says_so() -> None:
    remark = mode_remark(plan(TARGET, privileged=False), SETTINGS)
    assert remark is not None
    assert "跳过端口 9100" in render(remark)
    assert mode_remark(plan(TARGET), SETTINGS) is None


# Chunks


def test_chunks_hold_at_most_their_size_and_one_ip_version() -> None:
    addresses = [*(f"10.0.0.{n}" for n in range(5)), "fd00::1", "fd00::2"]
    two_each = plan_discovery(addresses, SETTINGS.model_copy(update={"chunk_addresses": 2}), privileged=True)
    assert [chunk.addresses for chunk in chunks(two_each)] == [
        ("10.0.0.0", "10.0.0.1"),
        ("10.0.0.2", "10.0.0.3"),
        ("10.0.0.4",),
        ("fd00::1", "fd00::2"),
    ]
    assert [chunk.index for chunk in chunks(two_each)] == [0, 1, 2, 3]


def test_missing_nmap_is_an_environment_problem_that_says_how_to_install_it() -> None:
    with pytest.raises(EnvironmentProblem) as caught:
        find_nmap(["/nonexistent/nmap"])
    assert "apt install nmap" in render(caught.value.message)
    assert caught.value.exit == 5


@pytest.mark.parametrize(
    ("capabilities", "raw"), [("000001ffffffffff", True), ("2000", True), ("0000000001000000", False)]
)
def test_raw_packets_need_the_capability(tmp_path: Path, capabilities: str, raw: bool) -> None:
    status = tmp_path / "status"
    status.write_text(f"Name:\tpython\nCapEff:\t{capabilities}\n")
    assert may_send_raw("/bin/true", status) is raw


# Answers, from programs that stand in nmap's place and send nothing


def stand_in(folder: Path, script: str) -> str:
    """A program that answers ``-V`` like nmap and otherwise runs ``script``."""
    program = folder / "nmap"
    program.write_text(f'#!/bin/sh\n[ "$1" = -V ] && echo "Nmap version 7.93 ( https://nmap.org )" && exit\n{script}\n')
    program.chmod(0o755)
    return str(program)


def printing(folder: Path, xml: str) -> str:
    (folder / "answer.xml").write_text(xml)
    return stand_in(folder, f"exec cat {folder}/answer.xml")


def swept(path: str, seconds: int = 120) -> ChunkDone | ChunkFailed:
    settings = SETTINGS.model_copy(update={"chunk_timeout_seconds": seconds})
    [result] = sweep(plan(TARGET), settings, SystemClock(), cancelled=lambda: False, nmap_path=path)
    return result


def failure(path: str, seconds: int = 120) -> str:
    result = swept(path, seconds)
    assert isinstance(result, ChunkFailed)
    assert result.addresses == (TARGET,)
    assert result.reason.code in catalogue()
    assert "（未知）" not in render(result.reason)
    return result.reason.code


WHOLE = (DATA / "one_host.xml").read_text().replace("10.77.0.11", TARGET)


def test_a_captured_answer_gives_address_mac_vendor_and_open_ports(tmp_path: Path) -> None:
    result = swept(printing(tmp_path, WHOLE))
    assert isinstance(result, ChunkDone)
    [host] = result.hosts
    assert (host.address, host.mac, host.mac_vendor) == (TARGET, "10:C5:95:00:00:11", "Lenovo")
    assert [service.port for service in host.services] == [135, 445]
    assert not host.mac_random
    assert host.kind == "computer"


@pytest.mark.parametrize("kept", [0, 100, 900, len(WHOLE) - 12])
def test_a_truncated_answer_fails_its_chunk(tmp_path: Path, kept: int) -> None:
    assert failure(printing(tmp_path, WHOLE[:kept])) == "discovery.truncated"


def test_an_answer_that_nmap_itself_calls_a_failure_is_not_used(tmp_path: Path) -> None:
    assert failure(printing(tmp_path, WHOLE.replace('exit="success"', 'exit="error"'))) == "discovery.truncated"


def test_broken_markup_fails_its_chunk(tmp_path: Path) -> None:
    assert failure(printing(tmp_path, WHOLE.replace("<ports>", "<ports"))) == "discovery.truncated"


def test_an_entity_bomb_is_not_parsed(tmp_path: Path) -> None:
    bomb = WHOLE.replace("<!DOCTYPE nmaprun>", '<!DOCTYPE nmaprun [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>')
    assert bomb != WHOLE
    assert failure(printing(tmp_path, bomb)) == "discovery.suspicious_result"


def test_an_oversized_answer_is_not_parsed(tmp_path: Path) -> None:
    assert failure(stand_in(tmp_path, "head -c 9000000 /dev/zero")) == "discovery.suspicious_result"


def test_an_endless_answer_ends_at_the_memory_limit(tmp_path: Path) -> None:
    assert failure(stand_in(tmp_path, "exec cat /dev/zero")) == "discovery.child_failed"


def test_a_host_that_was_not_asked_for_is_not_believed(tmp_path: Path) -> None:
    assert failure(printing(tmp_path, WHOLE.replace(TARGET, "127.0.0.12"))) == "discovery.suspicious_result"


def test_targets_that_nmap_skipped_are_a_failure_not_an_empty_network(tmp_path: Path) -> None:
    assert failure(printing(tmp_path, WHOLE.replace('total="1"', 'total="0"'))) == "discovery.nmap_failed"


def test_what_nmap_complained_about_is_in_the_reason(tmp_path: Path) -> None:
    result = swept(stand_in(tmp_path, "echo 'Could not open eth9' >&2; exit 1"))
    assert isinstance(result, ChunkFailed)
    assert "Could not open eth9" in render(result.reason)


def alive(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


def ended(pid: int) -> bool:
    """Whether the process ends within a minute."""
    for _ in range(1200):
        if not alive(pid):
            return True
        time.sleep(0.05)
    return False


def sleeping(folder: Path) -> tuple[str, Path]:
    return stand_in(folder, f"echo $$ > {folder}/new; mv {folder}/new {folder}/pid; exec sleep 60"), folder / "pid"


def test_an_nmap_past_its_deadline_is_killed(tmp_path: Path) -> None:
    path, pid = sleeping(tmp_path)
    for seconds in (1, 8, 32):  # one that was not even begun proves nothing
        assert failure(path, seconds) == "discovery.timed_out"
        if pid.exists():
            break
    assert ended(int(pid.read_text()))


def test_cancelling_kills_nmap_and_yields_nothing_more(tmp_path: Path) -> None:
    path, pid = sleeping(tmp_path)
    assert list(sweep(plan(TARGET), SETTINGS, SystemClock(), cancelled=pid.exists, nmap_path=path)) == []
    assert ended(int(pid.read_text()))


def test_closing_the_sweep_kills_the_chunks_that_still_run(tmp_path: Path) -> None:
    (tmp_path / "answer.xml").write_text(WHOLE)
    slow = f"echo $$ > {tmp_path}/new; mv {tmp_path}/new {tmp_path}/pid; exec sleep 60"
    path = stand_in(
        tmp_path,
        f'case "$*" in *127.0.0.2*) {slow};; esac\n'
        f"while [ ! -e {tmp_path}/pid ]; do sleep 0.05; done; cat {tmp_path}/answer.xml",
    )
    both = plan_discovery([TARGET, "127.0.0.2"], ONE_EACH, privileged=True)
    results = sweep(both, ONE_EACH, SystemClock(), cancelled=lambda: False, nmap_path=path)
    assert next(results).index == 0
    assert hasattr(results, "close")
    results.close()  # pyright: ignore[reportAttributeAccessIssue]
    assert ended(int((tmp_path / "pid").read_text()))


KILLED = """
import sys
from tests.scanner.test_discovery import SETTINGS, SystemClock, plan, sweep
list(sweep(plan("127.0.0.1"), SETTINGS, SystemClock(), cancelled=lambda: False, nmap_path=sys.argv[1]))
"""


def test_nmap_does_not_outlive_a_killed_appliance(tmp_path: Path) -> None:
    path, pid = sleeping(tmp_path)
    with subprocess.Popen([sys.executable, "-c", KILLED, path], cwd=Path(__file__).parents[2]) as appliance:
        while not pid.exists():
            assert appliance.poll() is None
            time.sleep(0.05)
        appliance.kill()
    assert ended(int(pid.read_text()))


def test_a_resumed_sweep_runs_just_the_chunks_that_are_left(tmp_path: Path) -> None:
    path = printing(tmp_path, WHOLE)
    whole = plan_discovery(["127.0.0.3", "127.0.0.2", TARGET, TARGET], ONE_EACH, privileged=True)
    results = sweep(whole, ONE_EACH, SystemClock(), cancelled=lambda: False, skip={0, 1}, nmap_path=path)
    assert [(result.index, result.addresses) for result in results] == [(2, (TARGET,))]


# Real nmap


@pytest.fixture(scope="module")
def lan() -> Iterator[Lan]:
    hosts = [
        Listener(
            name="pc",
            address="10.77.0.11",
            mac="10:c5:95:00:00:11",
            answers=(Answer(135), Answer(445)),
            filtered_ports=(22, 80, 3389),
        ),
        Listener(
            name="printer",
            address="10.77.0.20",
            mac="00:17:c8:00:00:20",
            answers=(Answer(9100), Answer(515), Answer(80, http_server="KM-httpd")),
        ),
        Listener(name="camera", address="10.77.0.21", mac="c0:56:e3:00:00:21", answers=(Answer(554), Answer(80))),
        Listener(name="excluded", address="10.77.0.30", mac="10:c5:95:00:00:30", answers=(Answer(445),)),
        Off(name="off", address="10.77.0.40", mac="10:c5:95:00:00:40"),
    ]
    with Lan.start(hosts) as running:
        yield running


IN_SCOPE = tuple(f"10.77.0.{n}" for n in range(1, 256) if n != 30)


def from_laptop(lan: Lan, addresses: Sequence[str], *, privileged: bool, chunk: int = 256) -> list[dict[str, Any]]:
    job = {"addresses": addresses, "privileged": privileged, "chunk": chunk}
    done = lan.laptop.run([sys.executable, "-m", "tests.scanner.sweep_inside"], input=json.dumps(job))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def hosts_in(results: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    assert {result["type"] for result in results} == {"ChunkDone"}
    return {host["address"]: host for result in results for host in result["hosts"]}


def packets(pcap: Path, lan: Lan) -> Iterator[tuple[float, str]]:
    """Time and destination of every packet that the laptop sent (an ARP request goes to the address it asks for)."""
    for line in lan.laptop.run(["tcpdump", "-n", "-tt", "-r", str(pcap)]).stdout.splitlines():
        sent = re.match(
            rf"(\S+) (?:ARP, Request who-has (\S+) tell {lan.laptop_address}|IP6? {lan.laptop_address}\S* > ([\d.]+))",
            line,
        )
        if sent:
            yield float(sent[1]), sent[2] or ".".join(sent[3].split(".")[:4])


def busiest_second(times: Sequence[float]) -> int:
    return max(sum(1 for other in times if start <= other < start + 1) for start in times)


@pytest.mark.lab
def test_every_host_is_found_and_a_printer_told_from_a_computer(lan: Lan, tmp_path: Path) -> None:
    with lan.capture(tmp_path / "raw.pcap") as pcap:
        results = from_laptop(lan, IN_SCOPE, privileged=True)
    found = hosts_in(results)
    assert {a: h["kind"] for a, h in found.items()} == {
        "10.77.0.11": "computer",
        "10.77.0.20": "printer",
        "10.77.0.21": "camera",
    }
    assert [s["port"] for s in found["10.77.0.20"]["services"]] == [80, 515, 9100]
    assert (found["10.77.0.20"]["mac"], found["10.77.0.20"]["mac_vendor"]) == ("00:17:C8:00:00:20", "Kyocera Display")
    assert {result["mode"] for result in results} == {"raw"}
    sent = list(packets(pcap, lan))
    assert {address for _, address in sent} <= set(IN_SCOPE)
    assert {"10.77.0.11", "10.77.0.40"} <= {address for _, address in sent}
    by_host: dict[str, list[float]] = defaultdict(list)
    for moment, address in sent:
        by_host[address].append(moment)
    assert max(map(busiest_second, by_host.values())) <= SETTINGS.host_packets_per_second


@pytest.mark.lab
def test_connecting_finds_the_same_hosts_and_leaves_the_print_port_alone(lan: Lan, tmp_path: Path) -> None:
    with lan.capture(tmp_path / "connect.pcap") as pcap:
        found = hosts_in(from_laptop(lan, IN_SCOPE[:64], privileged=False))
    assert {a: h["kind"] for a, h in found.items()} == {
        "10.77.0.11": "computer",
        "10.77.0.20": "printer",
        "10.77.0.21": "camera",
    }
    assert found["10.77.0.20"]["mac"] is None
    touched = {address for _, address in packets(pcap, lan)}
    assert {"10.77.0.11", "10.77.0.20", "10.77.0.40"} <= touched <= set(IN_SCOPE[:64])
    assert lan.laptop.run(["tcpdump", "-n", "-r", str(pcap), "port", "9100"]).stdout == ""


@pytest.mark.lab
def test_small_chunks_give_the_same_hosts_in_any_order(lan: Lan) -> None:
    results = from_laptop(lan, IN_SCOPE[:40], privileged=True, chunk=10)
    assert sorted(result["index"] for result in results) == [0, 1, 2, 3]
    assert set(hosts_in(results)) == {"10.77.0.11", "10.77.0.20", "10.77.0.21"}


@pytest.mark.lab
@pytest.mark.parametrize("privileged", [True, False])
def test_a_network_without_route_is_a_failure_and_not_an_empty_network(lan: Lan, privileged: bool) -> None:
    [result] = from_laptop(lan, ["10.88.0.1", "10.88.0.2"], privileged=privileged)
    assert (result["type"], result["reason"]["code"]) == ("ChunkFailed", "discovery.no_route")


@pytest.mark.lab
def test_addresses_without_route_are_named_beside_those_that_were_swept(lan: Lan) -> None:
    [result] = from_laptop(lan, ["10.77.0.11", "10.88.0.1"], privileged=True)
    assert result["unrouted"] == ["10.88.0.1"]
    assert set(hosts_in([result])) == {"10.77.0.11"}


@pytest.mark.lab
def test_the_laptop_itself_is_no_host_of_the_unit(lan: Lan) -> None:
    assert hosts_in(from_laptop(lan, [lan.laptop_address], privileged=True)) == {}


@pytest.mark.lab
def test_ipv6_literals_are_swept(tmp_path: Path) -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as server:
        port = server.getsockname()[1]
        found = DiscoveryPlan(("::1",), (port,), privileged=False)
        [result] = sweep(found, SETTINGS, SystemClock(), cancelled=lambda: False)
    assert isinstance(result, ChunkDone)
    assert [(host.address, [s.port for s in host.services]) for host in result.hosts] == [("::1", [port])]


def test_file_descriptors_are_given_back(tmp_path: Path) -> None:
    path = printing(tmp_path, WHOLE)
    swept(path)
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    for _ in range(3):
        swept(path)
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208
