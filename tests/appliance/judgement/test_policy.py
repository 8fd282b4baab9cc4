"""Policy profiles."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.judgement.policy import FOLDER, load_policy
from appliance.ledger.model import ProofLevel
from appliance.model import Category
from config.problems import BadInput


@pytest.mark.parametrize("name", sorted(file.stem for file in FOLDER.glob("*.toml")))
def test_every_shipped_profile_loads_and_gives_every_switch_a_source(name: str) -> None:
    policy = load_policy(name)
    assert all(switch.source for switch in policy.stated.values())
    assert policy.to_json()["id"] == name


def test_the_national_default_audits_four_categories_and_asks_for_a_contract() -> None:
    switches = load_policy("national").switches
    assert switches.audited_categories == {
        Category.OPERATING_SYSTEM,
        Category.OFFICE,
        Category.ANTIVIRUS,
        Category.INDUSTRIAL,
    }
    assert switches.proof_required is ProofLevel.P1


DIFFERENCES = {
    "beijing-2026": set[str](),
    "enshi-2021": {"audited_categories"},
    "yueyang-2023": {"audited_categories", "unlisted_in_rates"},
    "ankang-2012": {"audited_categories", "commercial_outside_audit"},
}


@pytest.mark.parametrize("name", DIFFERENCES)
def test_a_local_profile_differs_from_the_national_one_only_where_its_text_says_so(name: str) -> None:
    ours, national = load_policy(name), load_policy("national")
    values, base = ours.switches.model_dump(), national.switches.model_dump()
    assert {switch for switch in values if values[switch] != base[switch]} == DIFFERENCES[name]
    assert all(ours.stated[switch].quote for switch in DIFFERENCES[name])


def test_a_switch_without_a_sentence_of_a_text_says_that_it_is_a_judgement() -> None:
    for switch in load_policy("national").stated.values():
        assert switch.quote or "口径约定" in switch.source or "公开资料" in switch.source or "占位" in switch.source


def test_a_campaign_brings_its_own_sentence_of_a_rate(tmp_path: Path) -> None:
    for file in FOLDER.glob("*.toml"):
        (tmp_path / file.name).write_text(file.read_text("utf-8"), "utf-8")
    own = 'schema = "hezheng.policy/1"\nid = "own"\ntitle = "本次"\nextends = "national"\nswitches = {}\n'
    (tmp_path / "own.toml").write_text(own + '[rate_definitions]\nlegal_rate = "正版套数除以总套数"\n', "utf-8")
    assert load_policy("own", tmp_path).to_json()["rate_definitions"] == {"legal_rate": "正版套数除以总套数"}


@pytest.mark.parametrize("name", ["atlantis", "../defaults", ""])
def test_an_unknown_profile_is_refused_and_the_known_ones_named(name: str) -> None:
    with pytest.raises(BadInput) as caught:
        load_policy(name)
    assert caught.value.message.code == "policy.unknown_profile"
    assert "national" in str(caught.value.message.params["known"])


@pytest.mark.parametrize(
    "text",
    [
        "not toml [",
        'schema = "hezheng.policy/1"\nid = "x"\ntitle = "x"\nswitches = {}',
        'schema = "hezheng.policy/1"\nid = "x"\ntitle = "x"\nextends = "x"\nswitches = {}',
    ],
)
def test_a_broken_profile_is_named_with_what_is_wrong(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.toml").write_text(text, "utf-8")
    with pytest.raises(BadInput) as caught:
        load_policy("x", tmp_path)
    assert caught.value.message.code == "policy.bad_file"
    assert caught.value.message.params["detail"]
