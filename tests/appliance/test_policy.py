"""Policy profiles."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.ledger.model import ProofLevel
from appliance.model import Category
from appliance.policy import FOLDER, load_policy
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
