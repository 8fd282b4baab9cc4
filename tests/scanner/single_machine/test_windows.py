"""The collector for Windows, run by Wine's own cmd, reg and cscript against the complete PC's registry and files.

Beside what a stick leaves out on purpose (people who are not signed in, keys, times of keys), Wine keeps one thing from
us: its script engine lists no folders, so that a portable copy under a wildcard is not found there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from config.problems import BadInput
from scanner import facts
from scanner.facts import Attempt
from scanner.model import FactsOrigin, HostFacts, Outcome, Platform
from scanner.raw import RawRecord
from scanner.replay import Recording
from scanner.replaying import replay
from scanner.session import AccessDenied
from scanner.single_machine import kit
from scanner.single_machine.folder import Envelope, opened
from tests.lab import complete_pc
from tests.lab.wine import Wine
from tests.scanner.collectors.windows.complete import captured, expected, listed
from tests.scanner.single_machine.folders import content, read, result_of, write_kit

ODD = b'ZC-0427"&echo PWNED>pwned.txt&|%PATH%^!x!('
UNDER_A_WILDCARD = "acad.exe"
NEVER = (
    "digitalproductid", "backupproductkey", "winlogon", "hklm\\sam", "hklm\\security", "/v serialnumber", "reg add",
    "reg load", "reg delete", "win32_product ", "powershell",
)  # fmt: skip
SAME_KINDS = ("antivirus", "floating_licences")


@dataclass(frozen=True)
class Ran:
    """One run of the batch file."""

    stick: Path
    printed: bytes
    files: dict[str, bytes]
    facts: HostFacts
    records: list[RawRecord]
    envelope: Envelope


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    folder = tmp_path_factory.mktemp("wine")
    wine = Wine.start(folder / "prefix")
    try:
        wine.registry(complete_pc.KEYS)
        wine.put(complete_pc.files())
        stick = write_kit(folder / "stick & co (1)")
        printed = wine.batch(stick / kit.WINDOWS, [ODD, b"de|pt > out.txt", b"zhang%%san"])
    finally:
        wine.stop()
    files = result_of(stick)
    read_facts, records = read(files)
    return Ran(stick, printed, files, read_facts, records, opened(files))


@pytest.fixture(scope="module")
def network() -> HostFacts:
    """What the network collectors say of the same content."""
    records, results = replay(Recording.of(captured()), Platform.WINDOWS, "smb3.1.1-sealed")
    return facts.assemble(Attempt("F0", "10.87.0.11", "", "", Platform.WINDOWS), records, results)


@pytest.mark.lab
def test_it_reads_the_hand_written_list_but_for_people_who_are_not_signed_in(ran: Ran) -> None:
    assert ran.facts.outcome is Outcome.READ
    assert ran.facts.origin is FactsOrigin.COLLECTOR
    due = {row for row in expected() if not row[2].endswith("1002") and row[0] != UNDER_A_WILDCARD}
    assert set(listed(ran.facts.installations or ())) == due
    named = {skip.source for skip in ran.facts.skipped if skip.reason.code == "single.person_not_signed_in"}
    assert "C:\\Users\\wang\\NTUSER.DAT" in named


@pytest.mark.lab
def test_it_says_what_the_network_says_of_the_same_content(ran: Ran, network: HostFacts) -> None:
    def programs(found: HostFacts) -> list[dict[str, Any]]:
        rows = [content(item) for item in found.installations or () if not (item.owner or "").endswith("1002")]
        rows = [row | {"file_time_of": None} for row in rows if row["name"] != UNDER_A_WILDCARD]
        return sorted(rows, key=lambda row: (row["source"], row["name"]))

    assert programs(ran.facts) == programs(network)
    for kind in SAME_KINDS:  # the registries list their keys in different order
        ours, theirs = content(getattr(ran.facts, kind)), content(getattr(network, kind))
        assert sorted(ours, key=str) == sorted(theirs, key=str)
    assert {(t["kind"], t["source"], t["value"]) for t in content(ran.facts.traces)} == {
        (t["kind"], t["source"], t["value"]) for t in content(network.traces)
    }
    keyless = tuple(replace(s, key_tail=None, key_hash=None) for s in network.licence_states or ())
    assert content(ran.facts.licence_states) == content(keyless)


@pytest.mark.lab
def test_what_a_stranger_types_is_kept_and_never_run(ran: Ran) -> None:
    assert ran.envelope.asset_no == ODD.decode()
    assert (ran.envelope.department, ran.envelope.person) == ("de|pt > out.txt", "zhang%%san")
    assert not list(ran.stick.rglob("pwned*"))
    assert not list(ran.stick.rglob("out.txt"))
    assert {path.name for path in ran.stick.iterdir()} == {kit.WINDOWS, kit.LINUX, kit.INNER, "results"}


@pytest.mark.lab
def test_no_key_lies_on_the_stick(ran: Ran) -> None:
    for name, data in ran.files.items():
        text = data.decode("utf-16-le", "replace") + data.decode("latin-1")
        for word in ("DigitalProductId", "BackupProductKeyDefault", complete_pc.SERIAL, "Private"):
            assert word not in text, name


@pytest.mark.lab
def test_the_raw_records_give_the_same_facts_again(ran: Ran) -> None:
    records, results = replay(Recording.of(ran.records), Platform.WINDOWS, "single-machine")
    again = facts.assemble(Attempt("F1", "offline:ZC-1", "", "", Platform.WINDOWS), records, results)
    assert content(again, frozenset({"origin", "channel", "started_at", "finished_at"})) == content(
        ran.facts, frozenset({"origin", "channel", "started_at", "finished_at"})
    )


@pytest.mark.lab
@pytest.mark.parametrize("name", ["answers.txt", "script.txt", "machine.reg", "who.txt", "info.txt"])
def test_a_changed_file_is_refused_by_name(ran: Ran, name: str) -> None:
    changed = ran.files[name][:-2] + b"\n\n"
    with pytest.raises(BadInput) as refused:
        opened({**ran.files, name: changed})
    assert refused.value.message.params == {"file": name, "fault": "changed"}


@pytest.mark.lab
def test_a_file_that_is_missing_or_added_is_refused(ran: Ran) -> None:
    with pytest.raises(BadInput) as missing:
        opened({name: data for name, data in ran.files.items() if name != "people.reg"})
    assert missing.value.message.params["fault"] == "missing"
    with pytest.raises(BadInput) as added:
        opened({**ran.files, "more.reg": b""})
    assert added.value.message.params["fault"] == "added"


@pytest.mark.lab
def test_a_run_that_was_cut_off_is_not_a_clean_computer(ran: Ran) -> None:
    with pytest.raises(BadInput) as refused:
        opened({name: data for name, data in ran.files.items() if name not in ("digest.txt", "sums.txt")})
    assert refused.value.message.code == "single.unfinished"


def test_the_batch_file_is_fit_for_every_code_page(tmp_path: Path) -> None:
    data = (write_kit(tmp_path) / kit.WINDOWS).read_bytes()
    assert data.count(b"\n") == data.count(b"\r\n")
    text = data.decode("gb2312")
    for character in text:
        assert character.isascii() or min(character.encode("gb2312")) >= 0xA1
    assert max(map(len, text.splitlines())) < 2000  # Windows XP takes 8191, older parts less
    assert "EnableDelayedExpansion" not in text
    for name in ("HZQ_ASSET", "HZQ_DEPARTMENT", "HZQ_PERSON"):
        assert f"%{name}%" not in text


def test_nothing_is_asked_of_the_registry_that_may_hold_a_key(tmp_path: Path) -> None:
    text = (write_kit(tmp_path) / kit.WINDOWS).read_text("gb2312").casefold()
    assert not [word for word in NEVER if word in text]


def test_another_person_s_closed_hive_is_named_and_does_not_end_the_reading() -> None:
    from scanner.single_machine.regquery import parse
    from scanner.single_machine.sessions import FolderRegistry

    told = parse(
        "@@begin\n@@list HKU\n\nHKEY_USERS\\S-1-5-21-1-1-1-1001\nHKEY_USERS\\S-1-5-21-1-1-1-1002\n"
        "@@export HKEY_USERS\\S-1-5-21-1-1-1-1001\\SOFTWARE\\X\n"
        "@@export HKEY_USERS\\S-1-5-21-1-1-1-1002\\SOFTWARE\\X\n错误: 拒绝访问。\n@@failed\n@@end\n"
    )
    registry = FolderRegistry(told, {})
    assert told.complete
    assert registry.names("HKU") == ("S-1-5-21-1-1-1-1001",)
    with pytest.raises(AccessDenied):
        registry.names("HKU\\S-1-5-21-1-1-1-1002\\SOFTWARE\\X")
