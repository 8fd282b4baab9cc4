"""回头看 over the API: baselines of three kinds, every outcome, evidence of both visits, and what feeds 整改率."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from werkzeug.serving import make_server
from werkzeug.test import Client as WsgiClient

from api.built import build
from api.commands.follow_up import follow_up
from appliance.folder import DataFolder, writing
from config.clock import Clock, SystemClock
from tests.api.conftest import Api
from tests.api.test_api import facts_document
from tests.api.test_ledgers import problem, upload

UNIT = "回头看单位"
NAMES = {
    "autocad": ("AutoCAD 2020 - 简体中文", "Autodesk", "23.1"),
    "solidworks": ("SOLIDWORKS 2025 SP0", "Dassault Systèmes SolidWorks Corp.", "33.0"),
    "newer-autocad": ("AutoCAD 2024 - 简体中文", "Autodesk", "24.3"),
    "7zip": ("7-Zip 19.00 (x64)", "Igor Pavlov", "19.00"),
}
Unit = Mapping[int, tuple[str, ...]]


def entry(product: str, **more: Any) -> dict[str, Any]:
    name, publisher, version = NAMES[product]
    found = {"name": name, "publisher": publisher, "version": version, "source": f"HKLM\\{product}", "scope": "machine"}
    return {**found, "observation": f"o-{product}", **more}


def read_pc(api: Api, one: str, number: int, products: tuple[str, ...], tag: str, **identity: str) -> None:
    """One computer of the unit as a collector on a USB stick brings it."""
    document = facts_document(
        id=f"F{tag}{number}",
        address=f"10.77.{tag}.{number}",
        identity={"hostname": f"PC{number}-{tag}", "serial": f"PF3ABC{number:02}", **identity},
        installations=[entry(product) for product in (*products, "7zip")],  # an empty list would be: not read
    )
    api.post(f"{one}/facts", document)


def done(api: Api, job: Any) -> Any:
    future = api.built.appliance.jobs.get(job["id"]).future
    assert future is not None
    return future.result(240)


def visit(api: Api, kind: str, computers: Unit, tag: str, ledger: str = "") -> str:
    """A judged inspection in which a commercial product without a record is 非正版."""
    one = f"/api/v1/inspections/{api.post('/api/v1/inspections', {'unit': UNIT, 'kind': kind})['id']}"
    if ledger:
        preview = upload(api, one, ledger, kind="assets").json
        api.post(f"{one}/ledgers/{preview['id']}/decision", {"decision": "accept_good"})
    for number, products in computers.items():
        read_pc(api, one, number, products, tag)
    api.call("PATCH", one, {"phase": "after_proof"})
    done(api, api.post(f"{one}/audits"))
    return one


def identifier(one: str) -> str:
    return one.rpartition("/")[2]


@pytest.fixture
def unit(api: Api) -> Api:
    api.post("/api/v1/units", {"name": UNIT})
    return api


def compared(api: Api, one: str, earlier: str) -> Any:
    api.post(f"{one}/baseline", {"kind": "inspection", "source": identifier(earlier)})
    return done(api, api.post(f"{one}/comparisons"))


def copies(api: Api, one: str) -> list[tuple[str, str, str]]:
    """``(outcome, product, PC before → PC after)`` of every copy."""
    lines = api.get(f"{one}/comparison/lines?kind=unlicensed_copy")["items"]
    sides = [[side["hostname"].partition("-")[0] for side in (x["before"], x["after"]) if side] for x in lines]
    return sorted((x["outcome"], x["product_id"], "→".join(side)) for x, side in zip(lines, sides, strict=True))


def test_each_finding_is_followed_to_its_end_over_renames_new_addresses_updates_and_a_new_ledger(unit: Api) -> None:
    header = "资产编号,资产名称,数量,序列号,部门\n"
    rows = [f"ZC{n},台式计算机,1,PF3ABC{n:02},规划科\n" for n in range(1, 6)]
    before = {1: ("autocad",), 2: ("autocad",), 3: ("solidworks",), 4: ("autocad",), 5: ()}
    first = visit(unit, "initial", before, "1", header + "".join(rows))
    after = {1: ("newer-autocad",), 2: (), 3: (), 5: ("autocad", "solidworks")}
    again = visit(unit, "follow_up", after, "2", header + "".join(reversed(rows)))
    head = compared(unit, again, first)
    assert copies(unit, again) == [
        ("moved", "autocad", "PC2→PC5"),
        ("moved", "solidworks", "PC3→PC5"),
        ("not_rechecked", "autocad", "PC4"),
        ("open", "autocad", "PC1→PC1"),
    ]
    assert head["computers"]["same"] == 4
    assert head["rate"]["d"] == sum(n for name, n in head["outcomes"].items() if name != "new")
    changes = unit.get(f"{again}/comparison/changes?area=computer")["items"]
    assert {c["fields"]["address"][0] for c in changes if c["change"] == "removed"} == {"10.77.1.4"}
    assert unit.get(f"{again}/comparison/changes?area=asset")["items"] == []
    software = unit.get(f"{again}/comparison/changes?area=software")["items"]
    assert ("updated", "autocad") in {(c["change"], c["fields"]["product"][1]) for c in software}


def test_a_line_carries_the_evidence_of_both_visits(unit: Api) -> None:
    first = visit(unit, "initial", {1: ("autocad",)}, "1")
    again = visit(unit, "follow_up", {1: ("autocad",)}, "2")
    compared(unit, again, first)
    line = unit.get(f"{again}/comparison/lines?outcome=open&kind=unlicensed_copy")["items"][0]
    assert (line["joined_by"], line["reasons"][0]["code"]) == ("serial", "follow_up.found_again")
    whole = unit.get(f"{again}/comparison/lines/{line['sequence']}")
    for side in ("verdicts_before", "verdicts_after"):
        assert [(v["product_id"], v["decision"]) for v in whole[side]] == [("autocad", "unlicensed")]
    assert problem(unit, "GET", f"{again}/comparison/lines/999999")["code"] == "follow_up.no_line"


def test_what_an_earlier_follow_up_closed_comes_back_as_a_reappearance_over_three_visits(unit: Api) -> None:
    one = visit(unit, "initial", {1: ("autocad",)}, "1")
    two = visit(unit, "follow_up", {1: ()}, "2")
    compared(unit, two, one)
    assert copies(unit, two) == [("rectified", "autocad", "PC1")]
    three = visit(unit, "follow_up", {1: ()}, "3")
    compared(unit, three, two)
    assert copies(unit, three) == []
    four = visit(unit, "follow_up", {1: ("autocad",)}, "4")
    compared(unit, four, three)
    assert copies(unit, four) == [("reappeared", "autocad", "PC1")]
    five = visit(unit, "follow_up", {1: ("autocad",)}, "5")
    compared(unit, five, four)
    assert copies(unit, five) == [("open", "autocad", "PC1→PC1")]


def test_the_outcomes_are_the_rectification_rate_of_the_next_audit_and_a_second_run_adds_nothing(unit: Api) -> None:
    first = visit(unit, "initial", {1: ("autocad",), 2: ("solidworks",)}, "1")
    again = visit(unit, "follow_up", {1: ()}, "2")
    head = compared(unit, again, first)
    records = unit.get(f"{again}/records?kind=rectifications")["items"]
    done(unit, unit.post(f"{again}/audits"))
    rate = unit.get(f"{again}/rates")["rates"]["rectification_rate"]
    assert {name: rate[name] for name in ("n", "d", "upper")} == {n: head["rate"][n] for n in ("n", "d", "upper")}
    assert rate["breakdown"]["not_rechecked"] >= 1
    done(unit, unit.post(f"{again}/comparisons"))
    assert unit.get(f"{again}/records?kind=rectifications")["items"] == records


def test_a_sealed_bundle_is_a_baseline_in_place_and_a_changed_one_is_refused(unit: Api, tmp_path: Path) -> None:
    first = visit(unit, "initial", {1: ("autocad",), 2: ("solidworks",)}, "1")
    unit.post("/api/v1/vault", {"passphrase": "correct horse battery"})
    bundle = tmp_path / "moved.zip"
    sealed = done(unit, unit.post(f"{first}/bundles", {"unencrypted": True}))
    bundle.write_bytes(Path(sealed["path"]).read_bytes())
    again = visit(unit, "follow_up", {1: (), 2: ("solidworks",)}, "2")
    chosen = unit.post(f"{again}/baseline", {"kind": "bundle", "source": str(bundle)})
    assert (chosen["digest"], chosen["unit"]) == (sealed["digest"], UNIT)
    done(unit, unit.post(f"{again}/comparisons"))
    assert copies(unit, again) == [("open", "solidworks", "PC2→PC2"), ("rectified", "autocad", "PC1")]
    content = bytearray(bundle.read_bytes())
    content[len(content) // 2] ^= 1
    bundle.write_bytes(bytes(content))
    job = unit.post(f"{again}/comparisons")
    state = unit.built.appliance.jobs.get(job["id"])
    assert state.future is not None
    assert state.future.exception(30) is not None
    assert problem(unit, "POST", f"{again}/baseline", {"kind": "bundle", "source": str(bundle)})["exit"] == 1


def test_what_a_sealed_follow_up_closed_is_known_from_its_bundle(unit: Api) -> None:
    one = visit(unit, "initial", {1: ("autocad",)}, "1")
    two = visit(unit, "follow_up", {1: ()}, "2")
    for _ in range(2):  # the bundle holds both comparisons, and the newest counts
        compared(unit, two, one)
    done(unit, unit.post(f"{two}/audits"))  # 整改率 is one of its rates
    unit.post("/api/v1/vault", {"passphrase": "correct horse battery"})
    sealed = done(unit, unit.post(f"{two}/bundles", {"unencrypted": True}))
    three = visit(unit, "follow_up", {1: ("autocad",)}, "3")
    unit.post(f"{three}/baseline", {"kind": "bundle", "source": sealed["path"]})
    done(unit, unit.post(f"{three}/comparisons"))
    assert copies(unit, three) == [("reappeared", "autocad", "PC1")]


LIST = (
    "上次检查问题清单,,,,,\n问题类型,部门,使用人,计算机编号,软件名称,是否已整改\n"
    "使用非正版软件,规划科,张三,PC1-2,AutoCAD 2020,否\n"
    "使用非正版软件,规划科,李四,ZC2,SOLIDWORKS,否\n"
    "使用非正版软件,规划科,王五,ZC3,AutoCAD 2020,是\n"
    "使用非正版软件,规划科,赵六,GH-99,AutoCAD 2020,否\n"
)


def test_last_years_list_is_a_baseline_and_weak_rows_wait_for_a_persons_word(unit: Api) -> None:
    rows = "".join(f"ZC{n},台式计算机,1,PF3ABC{n:02},规划科\n" for n in range(1, 5))
    ledger = f"资产编号,资产名称,数量,序列号,部门\n{rows}"
    again = visit(unit, "follow_up", {1: (), 2: (), 3: ("autocad",), 4: ()}, "2", ledger)
    assert problem(unit, "POST", f"{again}/baseline", {"kind": "list"})["code"] == "follow_up.nothing_in_list"
    preview = upload(unit, again, LIST, kind="baseline").json
    unit.post(f"{again}/ledgers/{preview['id']}/decision", {"decision": "accept_good"})
    assert unit.post(f"{again}/baseline", {"kind": "list"})["rows"] == 4
    doubts = {row["computer"]: row for row in unit.get(f"{again}/baseline/doubts")["items"]}
    assert {name: row["doubt"]["code"] for name, row in doubts.items()} == {
        "PC1-2": "follow_up.needs_confirmation",  # a host name alone
        "GH-99": "follow_up.computer_unknown",
    }
    done(unit, unit.post(f"{again}/comparisons"))
    assert listed(unit, again) == [
        ("not_rechecked", "GH-99"),
        ("not_rechecked", "PC1-2"),
        ("reappeared", "ZC3"),
        ("rectified", "ZC2"),
    ]
    host = {h["address"]: h["id"] for h in unit.get(f"{again}/hosts")["items"]}
    first, last = doubts["PC1-2"]["row"], doubts["GH-99"]["row"]
    unit.post(f"{again}/baseline/rows", {"row": first, "host_id": doubts["PC1-2"]["host_id"]})
    unit.post(f"{again}/baseline/rows", {"row": last, "host_id": host["10.77.2.4"]})
    assert unit.get(f"{again}/baseline/doubts")["items"] == []
    done(unit, unit.post(f"{again}/comparisons"))
    assert listed(unit, again) == [
        ("reappeared", "ZC3"),
        ("rectified", "GH-99"),
        ("rectified", "PC1-2"),
        ("rectified", "ZC2"),
    ]
    wrong = {"row": first, "host_id": "01M7YQD5HQ0BGJMSWET156APBW"}
    assert problem(unit, "POST", f"{again}/baseline/rows", wrong)["code"] == "follow_up.no_host"


def listed(api: Api, one: str) -> list[tuple[str, str]]:
    lines = api.get(f"{one}/comparison/lines?limit=1000")["items"]
    return sorted((line["outcome"], line["before"]["computer"]) for line in lines if line["before"])


def test_a_baseline_that_does_not_fit_is_refused_by_name(unit: Api) -> None:
    first = visit(unit, "initial", {1: ()}, "1")
    again = visit(unit, "follow_up", {1: ()}, "2")
    other = unit.new_inspection("别的单位")
    new = f"/api/v1/inspections/{unit.post('/api/v1/inspections', {'unit': UNIT})['id']}"

    def code(one: str, source: str) -> Any:
        return problem(unit, "POST", f"{one}/baseline", {"kind": "inspection", "source": source})["code"]

    assert code(first, identifier(again)) == "follow_up.not_a_follow_up"
    assert code(again, identifier(again)) == "follow_up.own_baseline"
    assert code(again, identifier(new)) == "follow_up.baseline_not_judged"
    read_pc(unit, other, 9, (), "9")
    done(unit, unit.post(f"{other}/audits"))
    assert code(again, identifier(other)) == "follow_up.other_unit"
    assert problem(unit, "POST", f"{again}/comparisons")["code"] == "follow_up.no_baseline"
    assert problem(unit, "GET", f"{again}/comparison")["code"] == "follow_up.none_yet"


def test_the_commands_do_the_same(data: Path) -> None:
    folder = DataFolder(data)
    with serving(folder) as api:
        api.post("/api/v1/units", {"name": UNIT})
        first = identifier(visit(api, "initial", {1: ("autocad",)}, "1"))
        again = identifier(visit(api, "follow_up", {1: ()}, "2"))

        def run(*arguments: str) -> Any:
            ran = CliRunner().invoke(follow_up, [*arguments, "--data", str(data), "--json"], catch_exceptions=False)
            assert ran.exit_code == 0, ran.stderr
            return json.loads(ran.stdout)

        assert run("baseline", again, "--inspection", first)["schema"] == "hezheng.baseline/1"
        assert run("compare", again)["outcomes"]["rectified"] >= 1
        found = run("list", again, "--outcome", "rectified", "--kind", "unlicensed_copy")["items"]
        assert [line["product_id"] for line in found] == ["autocad"]
        assert run("show", again, str(found[0]["sequence"]))["outcome"] == "rectified"
        assert [one["change"] for one in run("changes", again, "--area", "software")["items"]] == ["removed"]
        assert run("doubts", again)["items"] == []
    assert CliRunner().invoke(follow_up, ["baseline", again]).exit_code == 2


@contextmanager
def serving(folder: DataFolder, clock: Clock | None = None) -> Generator[Api]:
    """An appliance that answers over HTTP as a running one does, so that commands find it."""
    with ExitStack() as stack:
        listening = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        port = listening.getsockname()[1]
        stack.enter_context(writing(folder, f"http://127.0.0.1:{port}"))
        built = build(folder, clock or SystemClock())
        (folder.run / "token").write_text(built.gate.api_token)
        server = make_server("127.0.0.1", port, built.app, threaded=True, fd=listening.fileno())
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield Api(built, WsgiClient(built.app))
        finally:
            server.shutdown()
            thread.join()
            built.appliance.jobs.stop()
