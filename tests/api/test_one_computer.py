"""A computer at two addresses is one row, one verdict and one of the rate; clones are as many as they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.api.conftest import Api
from tests.api.test_api import facts_document
from tests.api.test_ledgers import upload_file
from tests.api.test_records import audit
from tests.appliance.ledger import files

WIRED, WIFI = "8C:16:45:00:00:01", "3C:A0:67:00:00:02"
LAPTOP = {"smbios_uuid": "4c4c4544-0042-3510-8051-b4c04f4b3132", "serial": "PF2ABCDE", "macs": [WIRED, WIFI]}
WPS = {"name": "WPS Office", "source": "HKLM\\Uninstall\\Kingsoft Office", "scope": "machine_32", "observation": "o1"}


def bring(api: Api, one: str, number: int, name: str, identity: dict[str, Any]) -> str:
    """Import what was read at one address; returns the host's id."""
    place = {"id": f"F{number}", "address": f"10.77.0.{number}"}
    known = {"hostname": name, **identity}
    return api.post(f"{one}/facts", facts_document(**place, identity=known, installations=[WPS]))["host_id"]


def assets(api: Api, one: str, folder: Path, *rows: list[Any]) -> None:
    head = ["资产编号", "资产名称", "数量", "计算机名", "序列号", "IP"]
    file = files.xlsx(folder / "固定资产.xlsx", {"台账": [head, *rows]})
    told: dict[str, Any] = upload_file(api, one, file.read_bytes(), file.name, kind="assets").json
    api.post(f"{one}/ledgers/{told['id']}/decision", {"decision": "accept_good"})


def counted(api: Api, one: str) -> tuple[int, int, int]:
    """Audited computers, verdicts on WPS, and computers of the summary."""
    audit(api, one)
    verdicts = [v for v in api.get(f"{one}/verdicts")["items"] if v["product_id"] == "wps-office"]
    return len({v["host_id"] for v in verdicts}), len(verdicts), api.get(f"{one}/summary")["computers"]


def test_a_laptop_read_by_wire_and_by_wifi_counts_once(api: Api, tmp_path: Path) -> None:
    one = api.new_inspection()
    first, second = bring(api, one, 1, "LT-7", LAPTOP), bring(api, one, 2, "LT-7", LAPTOP)
    assets(api, one, tmp_path, ["ZC-1", "便携式计算机", 1, "LT-7", "PF2ABCDE", "10.77.0.2"])
    assert counted(api, one) == (1, 1, 1)
    rates = api.get(f"{one}/rates")["rates"]
    assert (rates["coverage_rate"]["n"], rates["coverage_rate"]["d"]) == (1, 1)
    assert (rates["asset_match_rate"]["n"], rates["asset_match_rate"]["d"]) == (1, 1)
    hosts = {host["id"]: host for host in api.get(f"{one}/hosts")["items"]}
    main, other = sorted((first, second))
    assert (hosts[main]["also_at"], hosts[main]["same_as"]) == ([other], None)
    assert (hosts[other]["same_as"], hosts[other]["same_because"]["code"]) == (main, "sameness.joined")
    kinds = {finding["kind"] for finding in api.get(f"{one}/findings")["items"]}
    assert not kinds & {"not_on_ledger", "asset_conflict", "identity_open"}, kinds


def test_ten_clones_with_default_string_warn_and_stay_ten(api: Api) -> None:
    one = api.new_inspection()
    for n in range(1, 11):
        clone = {"serial": "Default string", "machine_sid": "S-1-5-21-7-7-7", "macs": [f"8C:16:45:00:01:{n:02X}"]}
        bring(api, one, n, f"PC-{n}", clone)
    assert counted(api, one) == (10, 10, 10)
    asked = [f for f in api.get(f"{one}/findings?limit=200")["items"] if f["kind"] == "identity_open"]
    assert len({finding["subject"] for finding in asked}) == len({finding["key"] for finding in asked}) == 10
    assert {finding["details"][0]["params"]["count"] for finding in asked} == {10}


def test_a_renamed_computer_on_a_new_lease_stays_one(api: Api, tmp_path: Path) -> None:
    one = api.new_inspection()
    bring(api, one, 10, "PC-OLD", {**LAPTOP, "macs": [WIRED]})
    bring(api, one, 57, "FINANCE-3", {**LAPTOP, "macs": [WIRED]})
    assets(api, one, tmp_path, ["ZC-1", "台式计算机", 1, "PC-OLD", "PF2ABCDE", "10.77.0.10"])
    assert counted(api, one) == (1, 1, 1)


def test_a_person_decides_what_the_evidence_leaves_open(api: Api) -> None:
    one = api.new_inspection()
    board = {"smbios_uuid": LAPTOP["smbios_uuid"], "serial": "To be filled by O.E.M."}
    first, second = bring(api, one, 1, "A", board), bring(api, one, 2, "B", board)
    assert counted(api, one) == (2, 2, 2)
    assert all(host["identity_questions"] for host in api.get(f"{one}/hosts")["items"])
    word = {"host_id": first, "other_id": second, "same": True, "reason": "机身铭牌一致"}
    api.post(f"{one}/records", {"kind": "same_computers", "fields": word})
    assert counted(api, one) == (1, 1, 1)
    opposite = {"host_id": second, "other_id": first, "same": False}
    api.post(f"{one}/records", {"kind": "same_computers", "fields": opposite})
    assert counted(api, one) == (2, 2, 2), "the last word counts"
