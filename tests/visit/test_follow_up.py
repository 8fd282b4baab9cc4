"""The lab changes between two visits, and the comparison names each change right."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.lab.demo_unit import DATA

pytestmark = pytest.mark.lab
HEZHENG = Path(sys.executable).parent / "hezheng"


@pytest.fixture(scope="module")
def shown() -> Any:
    """What ``hezheng demo --follow-up --json`` prints."""
    done = subprocess.run([str(HEZHENG), "demo", "--follow-up", "--json"], capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def expected() -> Any:
    """The result worked out by hand."""
    return json.loads((DATA / "expected_follow_up.json").read_text("utf-8"))


def order(copies: list[dict[str, str]]) -> list[dict[str, str]]:
    return sorted(copies, key=lambda one: json.dumps(one, sort_keys=True))


def test_one_removed_one_moved_one_back_again_one_off_and_one_new_are_each_named(shown: Any, expected: Any) -> None:
    assert order(shown["copies"]) == order(expected["copies"])


def test_every_other_finding_is_followed_as_worked_out_by_hand(shown: Any, expected: Any) -> None:
    assert shown["outcomes"] == expected["outcomes"]
    assert shown["others"] == expected["others"]


def test_the_rate_closes_nothing_that_was_off_and_the_computers_are_known_again(shown: Any, expected: Any) -> None:
    assert shown["rate"] == expected["rate"]
    assert {name: shown["computers"][name] for name in ("before", "after", "same")} == expected["computers"]
