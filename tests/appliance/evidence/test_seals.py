"""The second seal adds the signed papers, chains the first, and leaves it as it was."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from appliance.evidence import manifest
from appliance.evidence.bundle import BundleFile
from appliance.evidence.seals import write_second
from appliance.evidence.signing import Signer
from appliance.evidence.verify import VerificationOutcome, verify_bundle
from config.problems import BadInput, Conflict, Exit, Refused
from tests.appliance.evidence.faults import (
    FAULT_KINDS,
    Fault,
    names,
    remanifest_second,
)
from tests.appliance.evidence.sample import SIGNER, Dice, chained, clock, papers, seal, seal_twice, stranger_says

FAULTS = 200


@pytest.fixture(scope="module")
def twice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle with both seals, unpacked; tests must not change it."""
    folder = tmp_path_factory.mktemp("twice")
    shutil.unpack_archive(seal_twice(folder / "bag.zip").path, folder / "bag")
    return folder / "bag"


@pytest.fixture
def bag(twice: Path, tmp_path: Path) -> Path:
    shutil.copytree(twice, tmp_path / "bag")
    return tmp_path / "bag"


def member(bundle: Path, name: str) -> bytes:
    with zipfile.ZipFile(bundle) as archive:
        return archive.read(name)


def test_both_seals_are_intact_for_every_verifier_and_the_first_is_unchanged(twice: Path, tmp_path: Path) -> None:
    first = seal(tmp_path / "first.zip")
    second = seal_twice(tmp_path / "second.zip")
    for path in (twice, second.path):
        found = verify_bundle(path, [SIGNER.fingerprint], None)
        assert (found.outcome, found.problems) == (VerificationOutcome.INTACT, ())
        assert found.digest == first.digest
    assert found.second_digest == second.digest
    assert stranger_says(twice) == 0
    assert second.digest == hashlib.sha256(member(second.path, manifest.SECOND_MANIFEST)).hexdigest()
    record = json.loads((twice / "second" / "record.json").read_text("utf-8"))
    assert record["first"]["digest"] == first.digest
    shutil.copytree(twice, tmp_path / "alone", ignore=shutil.ignore_patterns("second"))
    assert verify_bundle(tmp_path / "alone", [SIGNER.fingerprint], None).exit is Exit.DONE
    assert stranger_says(tmp_path / "alone") == 0


def test_openssl_and_sha256sum_check_the_second_seal_and_its_chain(twice: Path) -> None:
    signature = ("-verify", "signature/pubkey.pem", "-signature", "second/manifest.sig", "second/manifest-sha256.txt")
    assert (
        subprocess.run(["openssl", "dgst", "-sha256", *signature], cwd=twice, stdout=subprocess.DEVNULL).returncode == 0
    )
    check = ["sha256sum", "--strict", "-c", "second/manifest-sha256.txt"]
    done = subprocess.run(check, cwd=twice, capture_output=True, text=True)
    assert (done.returncode, "tagmanifest-sha256.txt: OK" in done.stdout) == (0, True)


@pytest.mark.parametrize("kind", FAULT_KINDS, ids=lambda kind: kind.__name__)
def test_random_single_faults_in_a_bundle_with_two_seals_are_found(kind: Fault, twice: Path, tmp_path: Path) -> None:
    for seed in range(FAULTS // len(FAULT_KINDS)):
        bag = tmp_path / "work" / "bag"
        shutil.copytree(twice, bag)
        kind(bag, Dice(seed))
        assert verify_bundle(bag, [SIGNER.fingerprint], None).exit is Exit.NO, (kind.__name__, seed)
        assert stranger_says(bag) == 1, (kind.__name__, seed)
        shutil.rmtree(tmp_path / "work")


def test_every_file_of_the_second_seal_is_missed_when_it_is_gone(twice: Path, tmp_path: Path) -> None:
    for number, name in enumerate(name for name in names(twice) if name.startswith("second/")):
        bag = tmp_path / str(number)
        shutil.copytree(twice, bag)
        (bag / name).unlink()
        assert verify_bundle(bag, [SIGNER.fingerprint], None).exit is Exit.NO
        assert stranger_says(bag) == 1


def test_papers_exchanged_and_listed_again_need_the_signers_key(bag: Path) -> None:
    (bag / "second" / "papers" / "签字页.pdf").write_bytes(b"another paper")
    remanifest_second(bag)
    codes = {problem.code for problem in verify_bundle(bag, [SIGNER.fingerprint], None).problems}
    assert codes == {"evidence.bad_second_signature"}
    assert stranger_says(bag) == 1


def test_the_second_seal_of_another_bundle_does_not_fit(twice: Path, tmp_path: Path) -> None:
    """Two inspections of one office: the same key signed both, so only the chain tells them apart."""
    other = tmp_path / "other.zip"
    shutil.unpack_archive(seal(other, rates=b'{"n":1,"d":4}\n').path, tmp_path / "bag")
    shutil.copytree(twice / "second", tmp_path / "bag" / "second")
    found = verify_bundle(tmp_path / "bag", [SIGNER.fingerprint], None)
    assert {problem.params.get("path") for problem in found.problems} >= {manifest.TAG_MANIFEST, manifest.SIGNATURE}
    assert stranger_says(tmp_path / "bag") == 1


def test_a_log_that_does_not_go_on_from_the_first_seals_log_is_found(tmp_path: Path) -> None:
    first = seal(tmp_path / "first.zip")
    strange = BundleFile(manifest.SECOND_CUSTODY, b"")
    with pytest.raises(Conflict) as caught:
        write_second(first.path, tmp_path / "second.zip", chained(first), [strange], SIGNER, clock())
    assert caught.value.message.code == "evidence.changed_meanwhile"
    assert not (tmp_path / "second.zip").exists()


def test_only_the_key_of_the_first_seal_can_make_the_second(tmp_path: Path) -> None:
    first = seal(tmp_path / "first.zip")
    with pytest.raises(Refused) as caught:
        write_second(first.path, tmp_path / "second.zip", chained(first), papers(), Signer.generate(), clock())
    assert caught.value.message.code == "evidence.other_key"


@pytest.mark.parametrize("path", ["data/x", "second/../x", "second/manifest.sig", "second/record.json", "papers/x"])
def test_a_paper_cannot_take_the_place_of_anything_else(tmp_path: Path, path: str) -> None:
    first = seal(tmp_path / "first.zip")
    with pytest.raises(BadInput) as caught:
        write_second(first.path, tmp_path / "second.zip", chained(first), [BundleFile(path, b"x")], SIGNER, clock())
    assert caught.value.message.code == "evidence.bad_path"


def test_the_zip_with_both_seals_begins_with_the_members_of_the_first(tmp_path: Path) -> None:
    first, second = seal(tmp_path / "first.zip"), seal_twice(tmp_path / "second.zip")
    with zipfile.ZipFile(first.path) as one, zipfile.ZipFile(second.path) as two:
        assert two.namelist()[: len(one.namelist())] == one.namelist()
        assert all(name.startswith("second/") for name in two.namelist()[len(one.namelist()) :])
