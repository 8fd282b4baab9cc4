"""回头看: what became of each finding; all of it pure."""

from __future__ import annotations

from datetime import date
from itertools import permutations

import pytest

from appliance.judgement.comparison import ABSENT, Compared, Followed, Item, Now, compare
from appliance.judgement.comparison_computers import Links, SeenComputer, link_computers
from appliance.judgement.comparison_list import kind_of, listed_findings
from appliance.judgement.comparison_records import asset_changes, computer_changes, licence_changes
from appliance.judgement.comparison_software import Entry, Software, changes, just_before, software_of
from appliance.ledger.model import EarlierFinding, RowRef
from appliance.model import Decision
from config.message import Message
from scanner.model import FactsOrigin, HostFacts, InstalledSoftware, OperatingSystem, Outcome, Platform, Scope

UUID = "8c2f5a10-6b1d-11ed-8f3c-b03a95c47e1"
READ = "2026-11-21T10:00:00+08:00"


def pc(number: int, side: str = "a", **changed: object) -> SeenComputer:
    """A computer that was read, with an identity of its own."""
    own: dict[str, object] = {
        "host_id": f"{side}{number}",
        "address": f"10.0.0.{number}",
        "hostname": f"PC{number}",
        "asset_no": f"ZC{number}",
        "serial": f"PF00{number}",
        "uuid": f"{UUID}{number}",
        "macs": (f"10:c5:95:00:00:0{number}",),
        "collected": True,
    }
    return SeenComputer(**{**own, **changed})  # pyright: ignore[reportArgumentType]


def link(before: list[SeenComputer], after: list[SeenComputer]) -> dict[str, str]:
    found = {tuple(sorted(link_computers(b, a).to.items())) for b in permutations(before) for a in permutations(after)}
    assert len(found) == 1, "the order of input must not matter"
    return dict(found.pop())


@pytest.mark.parametrize(
    "changed",
    [
        {"hostname": "NEWNAME"},
        {"address": "10.9.9.9"},
        {"asset_no": ""},
        {"hostname": "X", "address": "10.9.9.9", "asset_no": "ZC999"},
        {"uuid": f"{UUID}9"},  # the board was replaced
        {"macs": ("10:c5:95:00:00:99",), "uuid": ""},
        {"serial": "", "uuid": ""},  # not read this time: its card tells
        {"serial": "", "uuid": "", "macs": ()},  # another segment, no card seen: the ledger tells
    ],
)
def test_a_computer_is_known_again_whatever_else_became_of_it(changed: dict[str, object]) -> None:
    assert link([pc(1), pc(2)], [pc(1, "b", **changed), pc(2, "b")]) == {"a1": "b1", "a2": "b2"}


def test_another_computer_at_the_same_address_and_name_is_not_the_old_one() -> None:
    other = pc(7, "b", address="10.0.0.1", hostname="PC1", asset_no="ZC1")
    assert link([pc(1)], [other]) == {}


def test_what_two_computers_share_joins_nobody() -> None:
    clones = [pc(n, serial="CLONE1", uuid="", macs=(), asset_no="", hostname="PC", address="") for n in (1, 2)]
    assert link(clones, [pc(1, "b", serial="CLONE1", uuid="", macs=(), asset_no="", hostname="", address="")]) == {}


def test_a_person_may_join_two_computers_or_say_that_it_is_none() -> None:
    old, new = [pc(1), pc(2)], [pc(1, "b"), pc(8, "b")]
    assert link_computers(old, new, {"a2": "b8"}).to == {"a1": "b1", "a2": "b8"}
    assert link_computers(old, new, {"a1": ""}).to == {}


SEEN = Now(seen={"h1": True, "h2": True, "h3": False}, ledgers=frozenset({"assets", "licences"}))


def outcomes(before: list[Item], after: list[Item], now: Now = SEEN) -> list[tuple[str, str, str]]:
    lines = compare(sorted(before), sorted(after), now)
    return sorted((_place(line), line.followed.value, line.reasons[0].code.partition(".")[2]) for line in lines)


def _place(line: Compared) -> str:
    return "→".join(item.place for item in (line.before, line.after) if item)


def copy(place: str, product: str = "autocad", **more: str) -> Item:
    return Item(place, product, "unlicensed_copy", **more)  # pyright: ignore[reportArgumentType]


def test_each_outcome_is_named() -> None:
    closed = Message.of("follow_up.closed_by_visit", at="2026-01-01")
    now = Now(SEEN.seen, closed={copy("h2", "photoshop")[:3]: closed}, ledgers=SEEN.ledgers)
    before = [copy("h1", "visio"), copy("h1", "office"), copy("h1"), copy("h3", "office"), copy(f"{ABSENT}a9")]
    after = [copy("h1", "office"), copy("h2"), copy("h2", "photoshop"), copy("h2", "windows")]
    assert outcomes(before, after, now) == [
        ("-a9", "not_rechecked", "not_seen"),
        ("h1", "rectified", "copy_gone"),
        ("h1→h1", "open", "found_again"),
        ("h1→h2", "moved", "moved"),
        ("h2", "new", "new"),
        ("h2", "reappeared", "closed_by_visit"),
        ("h3", "not_rechecked", "not_collected"),
    ]


def test_an_accepted_reply_that_proves_wrong_is_a_reappearance() -> None:
    now = Now(SEEN.seen, closed_keys={"k": Message.of("follow_up.closed_by_reply", at="x", notice="y")})
    lines = list(compare([copy("h1", key="k")], [copy("h1")], now))
    assert [line.followed for line in lines] == [Followed.REAPPEARED]


@pytest.mark.parametrize(
    ("decision", "outcome", "reason"),
    [
        (Decision.LICENSED, "rectified", "now_licensed"),
        (Decision.EXCLUDED, "rectified", "now_excluded"),
        (Decision.TO_VERIFY, "not_rechecked", "now_to_verify"),
    ],
)
def test_a_copy_that_is_still_there_is_judged_by_its_verdict_and_never_moved(
    decision: Decision, outcome: str, reason: str
) -> None:
    now = Now(SEEN.seen, copies={("h1", "autocad"): decision})
    assert outcomes([copy("h1")], [copy("h2")], now) == sorted([("h1", outcome, reason), ("h2", "new", "new")])


def test_nothing_is_closed_that_was_not_looked_at_again() -> None:
    before = [
        Item("asset:ZC9", "", "asset_not_found"),
        Item("unit", "qq", "unlisted_free"),
        Item("h3", "", "not_on_ledger"),
        Item("h3", "", "antivirus_missing"),
    ]
    now = Now(SEEN.seen, carriers={"qq": frozenset({"h1", "h3"})}, ledgers=SEEN.ledgers)
    assert outcomes(before, [], now) == [
        ("asset:ZC9", "not_rechecked", "asset_removed"),
        ("h3", "not_rechecked", "not_collected"),
        ("h3", "rectified", "no_longer_found"),
        ("unit", "not_rechecked", "carriers_unread"),
    ]
    without = Now(SEEN.seen, carriers={"qq": frozenset({"h1"})}, assets=frozenset({"ZC9"}))
    assert outcomes(before[:2], [], without) == [
        ("asset:ZC9", "not_rechecked", "no_ledger"),
        ("unit", "rectified", "no_longer_found"),
    ]


def test_a_copy_moves_within_its_department_first_and_each_copy_once() -> None:
    before = [copy("h1", department="甲"), copy("h2", department="乙")]
    after = [copy("h4", department="乙"), copy("h5", department="丙"), copy("h6", department="丁")]
    assert outcomes(before, after) == [("h1→h5", "moved", "moved"), ("h2→h4", "moved", "moved"), ("h6", "new", "new")]


def test_findings_out_of_order_are_refused() -> None:
    with pytest.raises(ValueError, match="out of order"):
        list(compare([copy("h2"), copy("h1")], [], SEEN))


def entry(name: str, version: str = "1", **more: object) -> InstalledSoftware:
    return InstalledSoftware(name, "HKLM\\x", Scope.MACHINE, version, "V", **more)  # pyright: ignore[reportArgumentType]


def software(*entries: InstalledSoftware, os_at: str | None = None) -> Software:
    system = OperatingSystem(Platform.WINDOWS, "Windows", installed_at=os_at)
    return software_of(HostFacts("f", Outcome.READ, FactsOrigin.NETWORK, READ, READ, os=system, installations=entries))


def known(entry: Entry, platform: str) -> str:
    return "" if entry.name.startswith("Update") else entry.name.lower()


def test_changes_of_software_are_named_and_noise_is_left_out() -> None:
    old = software(entry("CAD", "1"), entry("Word", "1"), entry("Gone", "1"), entry("Twin"), entry("Twin", "2"))
    new = software(entry("CAD", "2"), entry("Word", "1"), entry("Fresh"), entry("Update KB1"), entry("Twin"))
    found = {one.product_id: one.kind for one in changes(old, new, known)}
    assert found == {"cad": "updated", "gone": "removed", "fresh": "installed"}
    assert changes(old, old, known) == []


def test_what_was_done_just_before_the_visit_is_found_from_key_and_file_times() -> None:
    evening = "2026-11-20T22:10:00+08:00"
    old = software(entry("CAD", "1"), entry("Tool", "1"), entry("Word", "1"), os_at="2023-01-01T00:00:00+08:00")
    new = software(
        entry("CAD", "1", key_last_write=evening, files_present=False),
        entry("Tool", "2", file_time=evening),
        entry("WPS", "1", key_last_write=evening),
        entry("Word", "2", key_last_write="2026-06-01T08:00:00+08:00"),
        entry("Later", "1", key_last_write="2026-11-22T08:00:00+08:00"),
        os_at="2026-11-20T09:00:00+08:00",
    )
    signs = just_before(changes(old, new, known), old, new, 72)
    assert {(product, sign.code.partition(".")[2]) for product, sign in signs} == {
        ("", "reinstalled_before"),
        ("cad", "left_before"),
        ("tool", "changed_before"),
        ("wps", "installed_before"),
    }


def test_a_ledger_that_was_imported_again_changes_nothing_by_itself() -> None:
    rows = [{"asset_no": f"ZC{n}", "name": "台式机", "serials": ["B", "A"], "ref": {"row": n}} for n in range(3)]
    again = [{**row, "ref": {"row": 99}, "serials": ["A", "B"]} for row in reversed(rows)]
    assert list(asset_changes(rows, again)) == []
    moved = [{**rows[0], "department": "财务科"}, rows[1]]
    assert [(c.change, c.subject, dict(c.fields)) for c in asset_changes(rows, moved)] == [
        ("changed", "ZC0", {"department": (None, "财务科")}),
        ("removed", "ZC2", {"name": ("台式机", "")}),
    ]
    assert [c.change for c in licence_changes([], [{"software_no": "RJ1", "name": "WPS"}])] == ["added"]


def test_a_renamed_computer_with_a_new_address_is_a_change_of_one_computer() -> None:
    old, new = [pc(1), pc(2)], [pc(1, "b", hostname="NEW", address="10.9.9.9", serial=""), pc(3, "b")]
    links = link_computers(old, new)
    found = {(c.change, c.subject): set(c.fields) for c in computer_changes(old, new, links)}
    assert found == {
        ("changed", "b1"): {"hostname", "address"},
        ("removed", "a2"): {"address"},
        ("added", "b3"): {"address"},
    }
    assert links == Links({"a1": "b1"}, {"a1": "uuid"})


def row(number: int, **fields: object) -> EarlierFinding:
    plain: dict[str, object] = {"kind": "使用非正版软件", "software": "AutoCAD 2014", **fields}
    return EarlierFinding(RowRef("f", "表", number), **plain)  # pyright: ignore[reportArgumentType]


LISTED = (
    pc(1, "b", computer_no="BGS-01", department="办公室", user="张三"),
    pc(2, "b", computer_no="BGS-02", department="办公室", user="李四"),
)


@pytest.mark.parametrize(
    ("fields", "host", "doubt"),
    [
        ({"computer": "bgs-01", "department": "办公室", "user": "张三"}, "b1", None),
        ({"computer": "BGS-01"}, "b1", None),
        ({"computer": "ZC2", "user": "李四"}, "b2", None),
        ({"computer": "BGS-01", "user": "王五"}, "b1", "needs_confirmation"),  # the computer has another user now
        ({"computer": "pc2"}, "b2", "needs_confirmation"),  # a host name alone is weak
        ({"department": "办公室", "user": "李四"}, "b2", "needs_confirmation"),
        ({"computer": "GH-77"}, "", "computer_unknown"),
        ({"computer": "BGS-01", "software": "某软件"}, "b1", "software_unknown"),
    ],
)
def test_a_row_of_last_years_list_finds_its_computer_or_waits_for_a_persons_word(
    fields: dict[str, object], host: str, doubt: str | None
) -> None:
    found = listed_findings([row(1, **fields)], LISTED, lambda name: "autocad" if "CAD" in name else "", {})[0]
    assert (found.host_id, found.doubt and found.doubt.code.partition(".")[2]) == (host, doubt)
    assert found.place == (host if doubt is None else f"{ABSENT}f!表!1")


def test_a_persons_word_on_a_row_goes_before_all() -> None:
    rows = [row(1, computer="GH-77"), row(2, computer="BGS-01")]
    found = listed_findings(rows, LISTED, lambda _: "autocad", {"f!表!1": "b2", "f!表!2": ""})
    assert [(one.place, one.doubt and one.doubt.code) for one in found] == [
        ("b2", None),
        (f"{ABSENT}f!表!2", "follow_up.confirmed_absent"),
    ]


@pytest.mark.parametrize(
    ("kind", "software", "expected"),
    [
        ("使用非正版软件", "AutoCAD", "unlicensed_copy"),
        ("超许可数量使用", "AutoCAD", "over_licence"),
        ("未安装杀毒软件", "", "antivirus_missing"),
        ("", "AutoCAD", "unlicensed_copy"),
        ("其他", "", ""),
    ],
)
def test_the_words_of_a_list_mean_kinds_of_findings(kind: str, software: str, expected: str) -> None:
    assert kind_of(row(1, kind=kind, software=software, found_on=date(2025, 9, 1))) == expected
