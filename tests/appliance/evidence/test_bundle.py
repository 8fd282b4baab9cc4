"""A sealed bundle is what it says, the same bytes each time, and openssl and sha256sum agree without us."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tracemalloc
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from appliance.evidence.bundle import BundleFile, write_bundle
from appliance.evidence.manifest import portable_name
from appliance.evidence.signing import Signer, fingerprint_of, is_signed, signer_from_vault
from appliance.evidence.verify import VerificationOutcome, verify_bundle
from config.clock import FixedClock
from config.ids import Ids
from config.problems import BadInput, Conflict, EnvironmentProblem, Exit, Refused
from config.settings import Vault as VaultSettings
from credentials.vault import Vault
from tests.appliance.evidence.sample import INFO, SIGNER, clock, payload, seal, stranger_says


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle as a folder; tests must not change it."""
    return seal(tmp_path_factory.mktemp("bundle") / "bag").path


@pytest.fixture(scope="module")
def zipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle as a zip; tests must not change it."""
    return seal(tmp_path_factory.mktemp("bundle") / "bag.zip").path


def run(*command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True)


def test_a_clean_bundle_is_intact_for_its_known_signer_as_folder_and_zip(folder: Path, zipped: Path) -> None:
    for path in (folder, zipped):
        for known, expected in (([SIGNER.fingerprint], None), ([], SIGNER.fingerprint)):
            found = verify_bundle(path, known, expected)
            assert (found.outcome, found.problems, found.exit) == (VerificationOutcome.INTACT, (), Exit.DONE)
            assert found.fingerprint == SIGNER.fingerprint
            assert found.digest == hashlib.sha256((folder / "tagmanifest-sha256.txt").read_bytes()).hexdigest()


def test_a_fingerprint_typed_from_paper_may_have_colons_and_capitals(zipped: Path) -> None:
    pairs = [SIGNER.fingerprint[n : n + 2].upper() for n in range(0, 64, 2)]
    for typed in (":".join(pairs), " ".join(pairs), "\n".join(pairs)):
        assert verify_bundle(zipped, [], typed).exit is Exit.DONE


def test_an_intact_bundle_of_a_stranger_is_exit_4_with_the_fingerprint(folder: Path, zipped: Path) -> None:
    other = Signer.generate().fingerprint
    for path in (folder, zipped):
        for known, expected, code in (
            ([], None, "evidence.unknown_signer"),
            ([other], None, "evidence.unknown_signer"),
            ([SIGNER.fingerprint], other, "evidence.other_signer"),
        ):
            found = verify_bundle(path, known, expected)
            assert (found.exit, found.problems[0].code) == (Exit.REFUSED, code)
            assert found.problems[0].params["fingerprint"] == SIGNER.fingerprint


def test_openssl_and_sha256sum_agree(folder: Path) -> None:
    signature = ("-verify", "signature/pubkey.pem", "-signature", "signature/tagmanifest.sig")
    openssl = run("openssl", "dgst", "-sha256", *signature, "tagmanifest-sha256.txt", cwd=folder)
    assert (openssl.returncode, openssl.stdout.strip()) == (0, "Verified OK")
    for manifest in ("tagmanifest-sha256.txt", "manifest-sha256.txt"):
        assert run("sha256sum", "--strict", "-c", manifest, cwd=folder).returncode == 0
    manifests = ("tagmanifest-sha256.txt", "manifest-sha256.txt")
    listed = sum(len((folder / name).read_text("utf-8").splitlines()) for name in manifests)
    assert sum(path.is_file() for path in folder.rglob("*")) == listed + 2


def test_the_fingerprint_is_the_sha256_of_the_public_key_in_der(folder: Path) -> None:
    command = "openssl pkey -pubin -in signature/pubkey.pem -outform DER | sha256sum"
    assert run("sh", "-c", command, cwd=folder).stdout.split()[0] == SIGNER.fingerprint


def test_sm3sums_are_those_of_openssl(folder: Path) -> None:
    lines = (folder / "sm3sums.txt").read_text("utf-8").splitlines()
    assert len(lines) == len((folder / "manifest-sha256.txt").read_text("utf-8").splitlines())
    for line in lines[:3]:
        digest, _, path = line.partition("  ")
        assert run("openssl", "dgst", "-sm3", "-r", path, cwd=folder).stdout.split()[0] == digest


def test_the_travelling_script_agrees_from_inside_the_unpacked_zip(zipped: Path, tmp_path: Path) -> None:
    shutil.unpack_archive(zipped, tmp_path / "unpacked")
    script = (sys.executable, "-I", "verify.py")
    known = run(*script, "--signer", SIGNER.fingerprint.upper(), cwd=tmp_path / "unpacked")
    assert (known.returncode, known.stdout.splitlines()[-1]) == (0, "intact")
    unknown = run(*script, cwd=tmp_path / "unpacked")
    assert unknown.returncode == 4
    assert f"signer {SIGNER.fingerprint}" in unknown.stdout
    (tmp_path / "unpacked" / "data" / "rates.json").write_bytes(b"{}")
    broken = run(*script, "--signer", SIGNER.fingerprint, cwd=tmp_path / "unpacked")
    assert (broken.returncode, "CHANGED data/rates.json" in broken.stdout) == (1, True)
    assert run(*script, str(tmp_path / "nowhere"), cwd=tmp_path / "unpacked").returncode == 3
    assert run(*script, str(tmp_path), cwd=tmp_path / "unpacked").returncode == 3


def test_the_travelling_script_is_short_and_imports_only_the_standard_library(folder: Path) -> None:
    text = (folder / "verify.py").read_text("utf-8")
    assert len(text.splitlines()) < 150
    imported = {line.split()[1] for line in text.splitlines() if line.startswith(("import ", "from "))}
    assert imported <= set(sys.stdlib_module_names) | {"__future__"}


def test_the_same_content_key_and_time_give_the_same_bytes(zipped: Path, tmp_path: Path) -> None:
    assert seal(tmp_path / "again.zip").path.read_bytes() == zipped.read_bytes()


def test_the_zip_holds_the_layout_with_the_sealing_time_in_order(zipped: Path) -> None:
    with zipfile.ZipFile(zipped) as archive:
        names = archive.namelist()
        assert {member.date_time for member in archive.infolist()} == {(2026, 11, 21, 1, 30, 4)}
        info = archive.read("bag-info.txt").decode()
    data = [name for name in names if name.startswith("data/")]
    assert names[: len(data)] == sorted(data)
    assert "data/ledgers/固定资产 台账（2026）.csv" in data
    assert set(names) - set(data) == {
        "bagit.txt", "bag-info.txt", "manifest-sha256.txt", "tagmanifest-sha256.txt", "sm3sums.txt",
        "signature/tagmanifest.sig", "signature/pubkey.pem", "VERIFY.md", "verify.py",
    }  # fmt: skip
    assert "Source-Organization: 示范单位\n" in info
    assert "Sealed-At: 2026-11-21T09:30:05.000+08:00\n" in info
    assert f".{len(data)}\n" in info


def test_a_value_cannot_smuggle_a_second_label_into_bag_info(tmp_path: Path) -> None:
    info = {**INFO, "Contact-Name": "张三\r\nPayload-Oxum: 1.1"}
    write_bundle(tmp_path / "bag", payload(tmp_path), info, SIGNER, clock())
    lines = (tmp_path / "bag" / "bag-info.txt").read_text("utf-8").splitlines()
    assert "Contact-Name: 张三 Payload-Oxum: 1.1" in lines
    assert sum(line.startswith("Payload-Oxum:") for line in lines) == 1


@pytest.mark.parametrize(
    "path",
    [
        "data/../evil", "/data/x", "data//x", "data/x/", "x.txt", "data/a\nb", "data/a\\b", "data/C:x",
        "data/100%.csv", "data/nul.txt", "data/x ", "data/x.", "data/" + "长" * 67, "data/\u202egpj.exe",
        "data/e\u0301", "data/\ud800", "",
    ],
)  # fmt: skip
def test_a_path_that_would_not_survive_elsewhere_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(BadInput) as caught:
        write_bundle(tmp_path / "bag.zip", [BundleFile(path, b"x")], INFO, SIGNER, clock())
    assert caught.value.message.code == "evidence.bad_path"
    assert list(tmp_path.iterdir()) == []


def test_double_paths_also_by_capitals_and_an_empty_bundle_are_refused(tmp_path: Path) -> None:
    for files in ([BundleFile("data/A", b"1"), BundleFile("data/a", b"2")], []):
        with pytest.raises(BadInput):
            write_bundle(tmp_path / "bag", files, INFO, SIGNER, clock())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("固定资产台账.xlsx", "固定资产台账.xlsx"),
        ("100%正版: 2026?.xlsx", "100_正版_ 2026_.xlsx"),
        ("../../etc/passwd", "_._etc_passwd"),
        ("con.csv", "_con.csv"),
        (" . ", "_"),
        ("长" * 100 + ".xlsx", "长" * 65 + ".xlsx"),
        ("\u202egpj.exe", "_gpj.exe"),
    ],
)
def test_a_file_name_as_handed_over_is_made_portable(tmp_path: Path, name: str, expected: str) -> None:
    assert portable_name(name) == expected
    write_bundle(tmp_path / "bag", [BundleFile(f"data/ledgers/{portable_name(name)}", b"x")], INFO, SIGNER, clock())


def test_an_existing_bundle_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "bag.zip").write_bytes(b"precious")
    with pytest.raises(Conflict):
        write_bundle(tmp_path / "bag.zip", payload(tmp_path), INFO, SIGNER, clock())
    assert (tmp_path / "bag.zip").read_bytes() == b"precious"


@pytest.mark.parametrize("name", ["bag.zip", "bag"])
def test_a_sealing_that_fails_half_way_leaves_nothing(tmp_path: Path, name: str) -> None:
    files = [BundleFile("data/a", b"1"), BundleFile("data/b", tmp_path / "missing")]
    with pytest.raises(EnvironmentProblem) as caught:
        write_bundle(tmp_path / name, files, INFO, SIGNER, clock())
    assert caught.value.message.code == "evidence.cannot_write"
    assert list(tmp_path.iterdir()) == []
    (tmp_path / f"{name}.part").write_bytes(b"left by a crash")
    assert write_bundle(tmp_path / name, files[:1], INFO, SIGNER, clock()).path.exists()
    assert {path.name for path in tmp_path.iterdir()} == {name}


def test_a_large_bundle_is_streamed_both_ways(tmp_path: Path) -> None:
    def lines() -> Iterator[bytes]:
        for number in range(64):
            yield hashlib.sha256(str(number).encode()).digest() * (1 << 15)

    tracemalloc.start()
    try:
        write_bundle(tmp_path / "bag.zip", [BundleFile("data/raw.jsonl", lines())], INFO, SIGNER, clock())
        assert verify_bundle(tmp_path / "bag.zip", [SIGNER.fingerprint], None).exit is Exit.DONE
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 16 << 20


def test_the_signing_key_lives_in_the_vault_and_stays_the_same(tmp_path: Path) -> None:
    fixed = FixedClock(datetime(2026, 11, 21, tzinfo=UTC))
    small = VaultSettings(argon2_memory_mib=8, argon2_iterations=1, argon2_lanes=1, auto_lock_seconds=600)
    vault = Vault(tmp_path, small, fixed, Ids(fixed))
    vault.create("a passphrase")
    first = signer_from_vault(vault)
    assert signer_from_vault(vault).fingerprint == first.fingerprint
    kept = (tmp_path / "keys" / "signing.json").read_bytes()
    assert first.private_der().hex() not in kept.decode() + repr(first)
    vault.lock()
    with pytest.raises(Refused):
        signer_from_vault(vault)


def test_only_the_low_half_signature_of_the_right_key_over_the_right_bytes_counts() -> None:
    signature = SIGNER.sign(b"text")
    assert is_signed(SIGNER.public_pem, signature, b"text")
    assert not is_signed(SIGNER.public_pem, signature, b"Text")
    assert not is_signed(Signer.generate().public_pem, signature, b"text")
    assert not is_signed(b"no key", signature, b"text")
    assert not is_signed(SIGNER.public_pem, b"\x30\x06\x02\x01\x00\x02\x01\x00", b"text")
    assert fingerprint_of(b"no key") is None
    assert Signer.load(SIGNER.private_der()).fingerprint == SIGNER.fingerprint
    with pytest.raises(BadInput):
        Signer.load(os.urandom(64))


def test_the_scripts_own_signature_check_agrees_with_the_library(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "bag")
    assert stranger_says(tmp_path / "bag") == 0
    signature = tmp_path / "bag" / "signature" / "tagmanifest.sig"
    good = signature.read_bytes()
    for position in range(len(good)):
        signature.write_bytes(good[:position] + bytes([good[position] ^ 1]) + good[position + 1 :])
        assert stranger_says(tmp_path / "bag") == 1
