"""The made-up unit is inspected from authorisation to sealed bundle; what comes out is what was worked out by hand."""

from __future__ import annotations

import json
import struct
import zipfile
from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from pathlib import Path

import jsonschema
import pytest

from api.commands.client import Failed
from appliance.evidence.verify import VerificationOutcome, verify_bundle
from scanner import facts
from scanner.model import HostFacts, Platform
from scanner.raw import RawRecord
from scanner.replay import Recording
from scanner.replaying import replay
from tests.lab import demo_unit
from tests.visit.conftest import Visited

pytestmark = pytest.mark.lab
SCHEMA = Path(__file__).parents[2] / "docs" / "facts.schema.json"
COUNTS = ("discovered", "computers", "collected", "installations", "products", "verdicts", "findings", "gap", "idle")


@pytest.mark.parametrize("name", COUNTS)
def test_each_count_is_the_one_worked_out_by_hand(visited: Visited, name: str) -> None:
    assert visited.result[name] == visited.demo.expected[name]


def test_each_rate_is_the_one_worked_out_by_hand(visited: Visited) -> None:
    expected = visited.demo.expected["rates"]
    assert {name: visited.result["rates"][name] for name in expected} == expected


def test_the_refusing_and_the_switched_off_computer_are_not_collected_and_why(visited: Visited) -> None:
    found = [(row["address"], row["outcome"], row["reason"]["code"]) for row in visited.result["not_collected"]]
    assert found == [(row["address"], row["outcome"], row["reason"]) for row in visited.demo.expected["not_collected"]]


def test_the_printer_is_told_from_the_computers_and_never_logged_in_to(visited: Visited) -> None:
    kinds = {visited.name_of(host["address"]): host["kind"] for host in visited.all("hosts")}
    assert kinds.pop("PRN1") == "printer"
    assert set(kinds.values()) == {"computer"}
    printer = visited.demo.lan.host("PRN1").address
    custody = (visited.data / "inspections" / visited.inspection / "custody.jsonl").read_text("utf-8")
    assert not any(json.loads(line)["params"].get("address") == printer for line in custody.splitlines())


def test_each_copy_is_judged_as_by_hand(visited: Visited) -> None:
    hosts = {host["id"]: visited.name_of(host["address"]) for host in visited.all("hosts")}
    verdicts = visited.all("verdicts")
    judged = {(hosts[v["host_id"]], v["product_id"], v["rule"], v["decision"]) for v in verdicts if v["host_id"]}
    by_hand = {(c["host"], c["product"], c["rule"], c["decision"]) for c in visited.demo.expected["copies"]}
    assert judged == by_hand
    surplus = [(v["product_id"], v["rule"], v["quantity"]) for v in verdicts if not v["host_id"]]
    assert surplus == [(p["product"], p["rule"], p["quantity"]) for p in visited.demo.expected["product_level"]]


def test_each_verdict_names_rule_observation_and_policy_and_its_observation_exists(visited: Visited) -> None:
    raw = {
        f"{path.stem}/{json.loads(line)['id']}"
        for path in (visited.data / "inspections" / visited.inspection / "raw").glob("*.jsonl")
        for line in path.read_text("utf-8").splitlines()
    }
    for verdict in visited.all("verdicts"):
        assert verdict["rule"]
        assert verdict["policy"]
        assert all(reason["text"] for reason in verdict["reasons"])
        assert verdict["observations"]
        assert {observation.partition("#")[0] for observation in verdict["observations"]} <= raw


def stored_facts(visited: Visited) -> Iterator[HostFacts]:
    for row in visited.all("facts"):
        yield facts.from_json(row["facts"])


def test_facts_fit_the_published_schema(visited: Visited) -> None:
    schema = json.loads(SCHEMA.read_text("utf-8"))
    rows = visited.all("facts")
    assert rows
    for row in rows:
        jsonschema.validate(row["facts"], schema)


def test_replaying_the_raw_records_gives_the_same_facts(visited: Visited) -> None:
    replayed = 0
    for found in stored_facts(visited):
        path = visited.data / "inspections" / visited.inspection / "raw" / f"{found.id}.jsonl"
        if not path.exists():
            continue
        records = [RawRecord.from_json(json.loads(line)) for line in path.read_text("utf-8").splitlines()]
        again, results = replay(Recording.of(records), Platform(str(found.platform)), found.channel or "")
        attempt = facts.Attempt(
            found.id,
            str(found.address),
            found.started_at,
            found.finished_at,
            found.platform,
            found.channel,
            found.account,
        )
        derived = facts.to_json(facts.assemble(attempt, again, results))
        assert derived == {k: v for k, v in facts.to_json(found).items() if k != "raw_digest"}
        replayed += 1
    assert replayed == visited.demo.expected["collected"]


def test_the_channel_of_every_windows_reading_was_verified(visited: Visited) -> None:
    grades = {f.channel for f in stored_facts(visited) if f.platform is Platform.WINDOWS and f.channel}
    assert grades
    assert all(grade.endswith(("-sealed", "-signed")) for grade in grades)


def test_the_bundle_is_intact_and_its_signer_known_by_fingerprint(visited: Visited) -> None:
    bundle = visited.result["bundle"]
    assert verify_bundle(Path(bundle["path"]), (), bundle["fingerprint"]).outcome is VerificationOutcome.INTACT
    stranger = verify_bundle(Path(bundle["path"]), (), None)
    assert stranger.outcome is VerificationOutcome.UNKNOWN_SIGNER


def test_a_sealed_inspection_can_only_be_read(visited: Visited) -> None:
    with pytest.raises(Failed) as caught:
        visited.client.send("POST", f"/api/v1/inspections/{visited.inspection}/audits")
    assert (caught.value.body["code"], caught.value.body["exit"]) == ("inspection.sealed", 4)


def forbidden_texts(visited: Visited) -> list[bytes]:
    secrets = [c["secret"] for c in visited.demo.credentials] + list(demo_unit.product_keys())
    return [form for text in secrets for form in (text.encode(), text.encode("utf-16le"))]


def test_no_password_and_no_full_product_key_is_stored_anywhere(visited: Visited) -> None:
    looked_at = 0
    for path in (p for p in visited.folder.rglob("*") if p.is_file() and p.suffix != ".pcap"):
        data = path.read_bytes()
        looked_at += 1
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                data += b"".join(archive.read(name) for name in archive.namelist())
        for text in forbidden_texts(visited):
            assert text not in data, path
    assert looked_at >= 15


def packets(pcap: Path) -> Iterator[tuple[str, str]]:
    """Source and destination of every IPv4 packet, and sender and target of every ARP request, of a capture."""
    data = pcap.read_bytes()
    at = 24
    while at + 16 <= len(data):
        length = struct.unpack_from("<I", data, at + 8)[0]
        frame = data[at + 16 : at + 16 + length]
        at += 16 + length
        if frame[12:14] == b"\x08\x00":
            yield str(ip_address(frame[26:30])), str(ip_address(frame[30:34]))
        elif frame[12:14] == b"\x08\x06" and frame[20:22] == b"\x00\x01":
            yield str(ip_address(frame[28:32])), str(ip_address(frame[38:42]))


def test_no_packet_left_the_laptop_for_an_address_outside_the_scope(visited: Visited) -> None:
    laptop = str(visited.demo.lan.laptop_address)
    scope = ip_network(visited.demo.scope)
    sent = [destination for source, destination in packets(visited.pcap) if source == laptop]
    assert len(sent) > 500
    outside = {d for d in sent if ip_address(d) not in scope or d in visited.demo.exclusions}
    assert outside == set()
