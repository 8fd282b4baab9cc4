"""Whatever is changed in a bundle is found, by our verifier and by the script that travels with it; clean ones pass."""

from __future__ import annotations

import io
import shutil
import struct
import zipfile
from pathlib import Path

import bagit
import pytest
from typing_extensions import Buffer

from appliance.evidence import manifest
from appliance.evidence.signing import Signer
from appliance.evidence.verify import VerificationOutcome, verify_bundle
from config.messages import catalogue, render
from config.problems import BadInput, Exit
from tests.appliance.evidence.faults import (
    FAULT_KINDS,
    Fault,
    link_folder,
    link_out,
    named,
    names,
    put_fifo,
    remanifest,
    reorder_log,
    snapshot,
)
from tests.appliance.evidence.malformed import MALFORMS, Malform, accepted
from tests.appliance.evidence.sample import SIGNER, Dice, seal, seal_twice, stranger_says

FAULTS = 500
MALFORMED = 400


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return seal(tmp_path_factory.mktemp("clean") / "bag").path


@pytest.fixture
def bag(clean: Path, tmp_path: Path) -> Path:
    shutil.copytree(clean, tmp_path / "bag")
    return tmp_path / "bag"


def zip_up(bag: Path, target: Path) -> Path:
    """Pack as another tool would; links and pipes are left to the folder form."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names(bag):
            archive.write(bag / name, name)
    return target


@pytest.mark.parametrize("kind", FAULT_KINDS, ids=lambda kind: kind.__name__)
def test_random_single_faults_are_found_by_both_verifiers(kind: Fault, clean: Path, tmp_path: Path) -> None:
    rounds, before = FAULTS // len(FAULT_KINDS), snapshot(clean)
    for seed in range(rounds):
        bag = tmp_path / "work" / "bag"
        shutil.copytree(clean, bag)
        kind(bag, Dice(seed))
        found = verify_bundle(bag, [SIGNER.fingerprint], None)
        assert found.exit is Exit.NO, (kind.__name__, seed)
        assert named(found.problems, before, snapshot(bag)), (kind.__name__, seed, found.problems)
        assert all(problem.code in catalogue() for problem in found.problems)
        assert stranger_says(bag) == 1, (kind.__name__, seed)
        if kind not in {link_out, link_folder, put_fifo}:
            packed = verify_bundle(zip_up(bag, tmp_path / "bag.zip"), [SIGNER.fingerprint], None)
            assert packed.exit is Exit.NO, (kind.__name__, seed)
        shutil.rmtree(tmp_path / "work")


def test_clean_bundles_raise_no_alarm_also_when_packed_again_by_other_tools(clean: Path, tmp_path: Path) -> None:
    for number in range(5):
        sealed = seal(tmp_path / f"bag{number}.zip")
        assert verify_bundle(sealed.path, [SIGNER.fingerprint], None).exit is Exit.DONE
    assert stranger_says(clean) == 0
    repacked = Path(shutil.make_archive(str(tmp_path / "again"), "zip", clean))
    assert verify_bundle(repacked, [SIGNER.fingerprint], None).exit is Exit.DONE
    assert verify_bundle(zip_up(clean, tmp_path / "third.zip"), [SIGNER.fingerprint], None).exit is Exit.DONE
    streamed = tmp_path / "streamed.zip"
    with streamed.open("wb") as file, zipfile.ZipFile(Unseekable(file), "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names(clean):
            archive.write(clean / name, name)
    assert verify_bundle(streamed, [SIGNER.fingerprint], None).exit is Exit.DONE


class Unseekable(io.RawIOBase):
    """Makes zipfile write data descriptors after the members, as streaming packers do."""

    def __init__(self, file: io.BufferedWriter) -> None:
        self._file = file

    def writable(self) -> bool:
        return True

    def write(self, data: Buffer, /) -> int:
        return self._file.write(data)


def test_a_forgery_signed_with_another_key_is_never_accepted(bag: Path, tmp_path: Path) -> None:
    """The forger owns everything but the office's key: edits, re-manifests, puts his key in and signs."""
    forger = Signer.generate()
    (bag / "data" / "rates.json").write_bytes(b'{"n":4,"d":4}\n')
    (bag / manifest.PUBLIC_KEY).write_bytes(forger.public_pem)
    remanifest(bag)
    (bag / manifest.SIGNATURE).write_bytes(forger.sign((bag / manifest.TAG_MANIFEST).read_bytes()))
    for path in (bag, zip_up(bag, tmp_path / "forged.zip")):
        for known, expected in (([], SIGNER.fingerprint), ([SIGNER.fingerprint], None), ([], None)):
            found = verify_bundle(path, known, expected)
            assert found.outcome is VerificationOutcome.UNKNOWN_SIGNER
            assert found.exit is Exit.REFUSED
    assert stranger_says(bag) == 4
    assert stranger_says(bag, "") == 4


def test_the_offices_old_key_file_beside_a_forgers_signature_is_a_bad_signature(bag: Path) -> None:
    (bag / "data" / "rates.json").write_bytes(b'{"n":4,"d":4}\n')
    remanifest(bag)
    forged = Signer.generate().sign((bag / manifest.TAG_MANIFEST).read_bytes())
    (bag / manifest.SIGNATURE).write_bytes(forged)
    found = verify_bundle(bag, [SIGNER.fingerprint], None)
    assert [problem.code for problem in found.problems] == ["evidence.bad_signature"]
    assert stranger_says(bag) == 1


def test_problems_name_the_file_in_a_chinese_sentence(bag: Path) -> None:
    (bag / "data" / "rates.json").write_bytes(b"{}")
    (bag / "data" / "evil\x1b[31m.txt").write_bytes(b"")
    (bag / "data" / "verdicts.jsonl").unlink()
    sentences = [render(problem) for problem in verify_bundle(bag, [], None).problems]
    assert any("data/rates.json" in s and "与封存时不同" in s for s in sentences)
    assert any("缺少文件 data/verdicts.jsonl" in s for s in sentences)
    assert not any("\x1b" in s for s in sentences)


def test_a_bundle_signed_over_a_broken_custody_chain_is_broken(bag: Path) -> None:
    reorder_log(bag, Dice(1))
    remanifest(bag)
    (bag / manifest.SIGNATURE).write_bytes(SIGNER.sign((bag / manifest.TAG_MANIFEST).read_bytes()))
    found = verify_bundle(bag, [SIGNER.fingerprint], None)
    assert {problem.code for problem in found.problems} == {"custody.chain_broken"}


def test_what_is_no_bundle_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.zip").write_bytes(b"not a zip at all")
    (tmp_path / "zero.zip").write_bytes(b"")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("readme.txt", "hello")
    for name in ("empty", "text.zip", "zero.zip", "other.zip", "absent.zip"):
        with pytest.raises(BadInput) as caught:
            verify_bundle(tmp_path / name, [], None)
        assert (caught.value.message.code, caught.value.exit) == ("evidence.not_a_bundle", Exit.BAD_INPUT)


@pytest.mark.parametrize("malform", MALFORMS, ids=lambda malform: malform.__name__)
def test_malformed_zips_never_crash_and_are_intact_only_with_every_byte_of_content(
    malform: Malform, clean: Path, tmp_path: Path
) -> None:
    content = {name: (clean / name).read_bytes() for name in names(clean)}
    good = seal(tmp_path / "good.zip").path.read_bytes()
    before = set(tmp_path.rglob("*"))
    file = tmp_path / "bad.zip"
    for seed in range(MALFORMED // len(MALFORMS)):
        file.write_bytes(malform(good, Dice(seed)))
        accepted(file, content)
    assert set(tmp_path.rglob("*")) - before == {file}


def test_the_reference_implementation_of_bagit_calls_a_bundle_valid(clean: Path, tmp_path: Path) -> None:
    shutil.unpack_archive(seal_twice(tmp_path / "twice.zip").path, tmp_path / "twice")
    for bag in (clean, tmp_path / "twice"):
        assert bagit.Bag(str(bag)).validate()


def test_bytes_hidden_in_a_zip_are_found(tmp_path: Path) -> None:
    good = seal(tmp_path / "good.zip").path.read_bytes()
    directory = struct.unpack("<L", good[-6:-2])[0]
    hidden = good[:directory] + b"hidden" + good[directory:-6] + struct.pack("<L", directory + 6) + good[-2:]
    commented = good[:-2] + b"\x06\x00hidden"
    for content in (b"hidden" + good, good + b"hidden", hidden, commented):
        file = tmp_path / "bad.zip"
        file.write_bytes(content)
        try:
            assert verify_bundle(file, [SIGNER.fingerprint], None).exit is Exit.NO
        except BadInput:
            assert content.startswith(b"hidden")


def evil_zip(path: Path, clean: Path, name: str, content: bytes = b"x", mode: int = 0o100644) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for good in names(clean):
            archive.write(clean / good, good)
        member = zipfile.ZipInfo(name)
        member.external_attr = mode << 16
        archive.writestr(member, content)
    return path


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "data/../../evil", "data\\..\\evil", "data/./x", "C:\\evil"])
def test_a_zip_member_outside_the_bundle_is_named_and_written_nowhere(clean: Path, tmp_path: Path, name: str) -> None:
    before = set(tmp_path.rglob("*"))
    file = evil_zip(tmp_path / "evil.zip", clean, name)
    found = verify_bundle(file, [SIGNER.fingerprint], None)
    assert found.exit is Exit.NO
    assert set(tmp_path.rglob("*")) - before == {file}


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_links_devices_doubles_and_encrypted_members_in_a_zip_are_found(clean: Path, tmp_path: Path) -> None:
    for name, mode, code in (
        ("data/link", 0o120777, "evidence.not_a_file"),
        ("data/device", 0o020644, "evidence.not_a_file"),
        ("data/rates.json", 0o100644, "evidence.unsafe_path"),
    ):
        file = evil_zip(tmp_path / "evil.zip", clean, name, b"/etc/passwd", mode)
        found = verify_bundle(file, [SIGNER.fingerprint], None)
        assert code in {problem.code for problem in found.problems}
    content = bytearray(evil_zip(tmp_path / "evil.zip", clean, "data/secret").read_bytes())
    content[content.rindex(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "evil.zip").write_bytes(content)
    found = verify_bundle(tmp_path / "evil.zip", [SIGNER.fingerprint], None)
    assert "evidence.unreadable_member" in {problem.code for problem in found.problems}


def test_a_zip_bomb_is_turned_away_before_it_is_unpacked(clean: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("data/bomb", "w", force_zip64=True) as member:
            for _ in range(300):
                member.write(bytes(1 << 20))
        for name in names(clean):
            archive.write(clean / name, name)
    found = verify_bundle(tmp_path / "bomb.zip", [SIGNER.fingerprint], None)
    assert [problem.code for problem in found.problems] == ["evidence.zip_damaged"]
