"""A campaign's own policy profile: checked, kept, chosen for an inspection, frozen into its audit and its bundle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.api.conftest import Api, hezheng
from tests.api.test_api import facts_document
from tests.api.test_records import audit, code_of

V1 = "/api/v1"
OWN = """schema = "hezheng.policy/1"
id = "campaign-2026"
title = "本市 2026 年专项行动口径"
extends = "beijing-2026"

[switches.legal_rate_mode]
value = "computer"
source = "专项行动方案第五条"
quote = "一台计算机上有一个产品为非正版的，该机计为非正版。"
effective = 2026-05-01

[rate_definitions]
legal_rate = "软件正版率 = 全部受检软件均为正版的计算机 ÷ 装有受检软件的计算机（专项行动方案第五条）。"
"""


def test_a_campaign_s_profile_is_chosen_and_its_definition_stands_beside_the_rate(api: Api) -> None:
    made = api.post(f"{V1}/policies", {"text": OWN})
    assert (made["id"], made["own"]) == ("campaign-2026", True)
    listed = {one["id"]: one for one in api.get(f"{V1}/policies")["items"]}
    assert set(listed) >= {"national", "beijing-2026", "campaign-2026"}
    assert not listed["national"]["own"]
    unit = api.post(f"{V1}/units", {"name": "某某局"})["id"]
    one = api.post(f"{V1}/inspections", {"unit": unit, "policy": "campaign-2026"})["id"]
    api.post(f"{V1}/inspections/{one}/facts", facts_document())
    head = audit(api, f"{V1}/inspections/{one}")
    stated = head["head"]["policy"]
    assert stated["switches"]["legal_rate_mode"]["source"] == "专项行动方案第五条"
    assert "copy_legal_rate" in head["rates"]
    found = api.get(f"{V1}/inspections/{one}/rates/legal_rate/explain?number=d")
    assert "专项行动方案第五条" in found["definition"]


@pytest.mark.parametrize(
    ("text", "code", "key"),
    [
        ("not toml [", "policy.own_bad_file", None),
        (OWN.replace('"campaign-2026"', '"../x"'), "policy.own_bad_file", "id"),
        (OWN.replace('"computer"', '"worst"'), "policy.own_bad_file", "switches.legal_rate_mode.value"),
        (OWN.replace("beijing-2026", "atlantis"), "policy.own_bad_file", "extends"),
        (OWN.replace("legal_rate =", "luck ="), "policy.unknown_rate", None),
        (OWN.replace("campaign-2026", "national"), "policy.taken", None),
    ],
)
def test_a_profile_with_a_fault_is_refused_with_line_and_key(api: Api, text: str, code: str, key: str | None) -> None:
    response = api.call("POST", f"{V1}/policies", {"text": text})
    said: Any = response.json
    assert said["code"] == code
    assert key is None or key in said["title"]
    assert all(one["id"] != "campaign-2026" or one["own"] for one in api.get(f"{V1}/policies")["items"])


def test_a_profile_that_was_used_is_never_changed(api: Api) -> None:
    api.post(f"{V1}/policies", {"text": OWN})
    api.post(f"{V1}/policies", {"text": OWN})
    changed = {"text": OWN.replace("专项行动方案第五条", "另一条")}
    assert code_of(api, "POST", f"{V1}/policies", changed) == (409, "policy.taken")


def test_the_commands_add_list_and_choose_a_profile(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "口径.toml"
    file.write_text(OWN, "utf-8")
    assert hezheng(data, "policy", "add", str(file)).exit == 0
    shown = hezheng(data, "policy", "list").out
    assert "本市 2026 年专项行动口径" in shown
    unit = hezheng(data, "unit", "create", "某某局", "--json")
    assert unit.exit == 0, unit.err
    made = hezheng(data, "inspection", "create", "某某局", "--policy", "campaign-2026", "--json").json
    assert made["policy"] == "campaign-2026"
    assert hezheng(data, "policy", "add", str(tmp_path / "没有.toml")).exit == 3
