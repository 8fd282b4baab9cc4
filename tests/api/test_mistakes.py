"""A mistyped number, fingerprint or file is named, and nothing is sealed, confirmed or lost by it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.api.conftest import here
from tests.api.test_sealing import PASSPHRASE, judged_and_left


@pytest.fixture
def one(data: Path) -> str:
    return judged_and_left(data)


def test_nothing_is_sealed_when_its_copy_has_no_place(data: Path, one: str, tmp_path: Path) -> None:
    (tmp_path / "旧 包.zip").write_bytes(b"old")
    places = {
        tmp_path / "没有" / "包.zip": "文件夹不存在",
        tmp_path: "文件夹不存在",
        tmp_path / "旧 包.zip": "已经存在",
    }
    for place, said in places.items():
        ran = here(data, "evidence", "seal", one, "--unencrypted", "--out", str(place), secret=PASSPHRASE)
        assert (ran.exit, ran.out) == (3, "")
        assert said in ran.err
    assert (tmp_path / "旧 包.zip").read_bytes() == b"old"
    assert here(data, "evidence", "list", one, "--json").json["items"] == []


def test_a_proof_for_a_number_on_no_ledger_is_kept_and_pointed_out(data: Path, one: str) -> None:
    ran = here(data, "proof", "record", one, "RJ-错", "P1")
    assert ran.exit == 0
    assert "没有软件编号 RJ-错，目前不起作用" in ran.err


@pytest.mark.parametrize(
    ("opens", "closes", "said"),
    [
        ("2020-01-01", "2020-01-02", "已于 2020-01-02 00:00 到期"),
        ("2098-01-01", "2098-01-02", "2098-01-01 00:00 才开始生效"),
    ],
)
def test_a_window_that_is_not_now_is_pointed_out(data: Path, one: str, opens: str, closes: str, said: str) -> None:
    words = ("--range", "10.77.0.0/24", "--document-no", "1号", "--signer", "王某", "--signed-on", "2020-01-01")
    window = ("--from", opens, "--until", closes, "--no-classified")
    ran = here(data, "authorisation", "record", one, *words, *window)
    assert ran.exit == 0, ran.err
    assert said in ran.err


def test_a_mistyped_fingerprint_confirms_nothing_and_is_named(data: Path, one: str) -> None:
    ran = here(data, "host", "confirm-keys", one, "SHA256:abc")
    assert ran.exit == 3
    assert "没有发现指纹为 SHA256:abc 的主机密钥" in ran.err


def test_a_sealed_bundle_is_saved_again_and_never_over_another(data: Path, one: str, tmp_path: Path) -> None:
    copy = tmp_path / "另存 的.zip"
    assert here(data, "evidence", "save", one, "--out", str(copy)).exit == 3
    sealed = here(data, "evidence", "seal", one, "--unencrypted", "--json", secret=PASSPHRASE).json
    assert here(data, "evidence", "save", one, "--out", str(copy), "--json").json["path"] == str(copy)
    assert copy.read_bytes() == Path(sealed["path"]).read_bytes()
    again = here(data, "evidence", "save", one, "--out", str(copy))
    assert again.exit == 5
    assert all(word in again.err for word in (sealed["digest"], sealed["fingerprint"], "已经存在"))
    sheet = here(data, "evidence", "sheet", one, "--out", str(tmp_path / "没有" / "签字页.html"))
    assert sheet.exit == 5
    assert sheet.err.strip() == f"{tmp_path}/没有/签字页.html 无法读写：文件或文件夹不存在。请核对路径和权限后重试。"
