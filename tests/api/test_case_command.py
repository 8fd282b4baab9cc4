"""``hezheng audit FOLDER``: exit codes, and one sentence for every way in which a folder can be wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.api.conftest import hezheng

CASE = Path(__file__).parents[1] / "data" / "cases" / "r01-oem-pro"
WRONG = "as_of = 2026-07-01\n[expect_rates.coverage_rate]\nn = 9\n"


@pytest.mark.parametrize("place", [CASE, CASE / "case.toml"])
def test_a_case_that_comes_out_as_expected_ends_with_0(tmp_path: Path, place: Path) -> None:
    ran = hezheng(tmp_path, "audit", str(place), "--json")
    assert ran.exit == 0
    assert "与预期一致" in ran.err


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        (WRONG, 1, "与预期不符"),
        ("as_of = 2026-02-30\n", 3, "第 1 行"),
        (None, 3, "没有 case.toml"),
    ],
)
def test_what_is_wrong_with_a_folder_is_said_in_one_line(
    tmp_path: Path, text: str | None, code: int, said: str
) -> None:
    if text is not None:
        (tmp_path / "case.toml").write_text(text, "utf-8")
    ran = hezheng(tmp_path, "audit", str(tmp_path), "--json")
    assert (ran.exit, len(ran.err.splitlines())) == (code, 1)
    assert said in ran.err


def test_a_path_that_is_not_there_is_not_taken_for_an_inspection(tmp_path: Path) -> None:
    ran = hezheng(tmp_path, "audit", str(tmp_path / "none"))
    assert ran.exit == 3
    assert "没有文件夹" in ran.err
