"""What the unit lent us is kept sealed, opens with one passphrase, and is gone when it is destroyed."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from config.clock import FixedClock
from config.ids import Ids
from config.problems import BadInput, Conflict, NotFound, Problem, Refused
from config.settings import Vault as VaultSettings
from credentials import sealing, vault_file
from credentials.model import Credential, CredentialKind, CredentialScope, LoginProtocol
from credentials.vault import Vault

SETTINGS = VaultSettings(argon2_memory_mib=8, argon2_iterations=1, argon2_lanes=1, auto_lock_seconds=600)
PASSPHRASE = "正版 passphrase 一号"
SECRET = "S3cret-口令-Zq9"


def make(folder: Path) -> tuple[Vault, FixedClock]:
    clock = FixedClock(datetime(2026, 11, 21, 9, 0, tzinfo=UTC))
    return Vault(folder, SETTINGS, clock, Ids(clock)), clock


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    made, _ = make(tmp_path)
    made.create(PASSPHRASE)
    return made


def lend(vault: Vault, inspection: str = "I1", secret: str = SECRET, ranges: tuple[str, ...] = ()) -> Credential:
    return vault.add(
        "U1",
        inspection,
        CredentialKind.LOCAL,
        LoginProtocol.SMB,
        "inspector",
        "",
        secret,
        CredentialScope(ranges),
        "一楼",
    )


def code(problem: pytest.ExceptionInfo[Problem]) -> str:
    return problem.value.message.code


def edit(file: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the body and keep the file's digest right, as someone with an editor and our source would."""
    envelope = json.loads(file.read_text("utf-8"))
    change(envelope["body"])
    kept = json.dumps(envelope).encode()
    envelope["sha256"] = vault_file._digest_as_kept(kept)  # pyright: ignore[reportPrivateUsage]
    file.write_text(json.dumps(envelope), "utf-8")


def test_a_secret_comes_back_with_its_metadata_after_a_restart(vault: Vault, tmp_path: Path) -> None:
    lent = lend(vault, ranges=("10.1.0.0/24",))
    again, _ = make(tmp_path)
    again.unlock(PASSPHRASE)
    revealed = again.reveal("I1", lent.id)
    assert revealed.secret == SECRET
    assert revealed.credential == lent
    assert again.list("I1") == (lent,)


def test_a_wrong_passphrase_is_refused_and_opens_nothing(vault: Vault, tmp_path: Path) -> None:
    lend(vault)
    again, _ = make(tmp_path)
    with pytest.raises(Refused) as caught:
        again.unlock(PASSPHRASE + "x")
    assert code(caught) == "vault.wrong_passphrase"
    assert again.locked


def test_the_same_words_in_another_unicode_form_are_the_same_passphrase(tmp_path: Path) -> None:
    made, _ = make(tmp_path)
    made.create("caf\u00e9 caf\u00e9")
    made.lock()
    made.unlock("cafe\u0301 cafe\u0301")
    assert not made.locked


def test_a_locked_vault_lists_but_does_not_reveal_or_take(vault: Vault) -> None:
    lent = lend(vault)
    vault.lock()
    assert vault.list("I1") == (lent,)
    for attempt in (lambda: vault.reveal("I1", lent.id), lambda: lend(vault), lambda: vault.unwrap("signing")):
        with pytest.raises(Refused) as caught:
            attempt()
        assert code(caught) == "vault.locked"


def test_an_idle_vault_locks_itself_and_use_keeps_it_open(tmp_path: Path) -> None:
    vault, clock = make(tmp_path)
    vault.create(PASSPHRASE)
    lent = lend(vault)
    for _ in range(3):
        clock.advance(599)
        assert vault.reveal("I1", lent.id).secret == SECRET
    clock.advance(600)
    assert vault.locked


def test_secret_and_passphrase_stand_nowhere_on_disk_nor_in_a_repr_or_an_error(vault: Vault, tmp_path: Path) -> None:
    lent = lend(vault)
    vault.wrap("signing", SECRET.encode())
    shown = repr(vault) + repr(vault.reveal("I1", lent.id)) + repr(vault_file.load_document(vault_file_of(tmp_path)))
    for file in tmp_path.rglob("*.json"):
        kept = file.read_bytes()
        assert SECRET.encode() not in kept
        assert PASSPHRASE.encode() not in kept
    with pytest.raises(BadInput) as caught:
        lend(vault, secret=SECRET, ranges=("10.0.0.9-10.0.0.1",))
    assert SECRET not in shown + repr(caught.value) + str(caught.value)


def vault_file_of(data: Path) -> Path:
    return data / "vault" / "vault.json"


def test_files_and_folders_are_their_owners_alone(vault: Vault, tmp_path: Path) -> None:
    lend(vault)
    vault.wrap("signing", b"key")
    for file in (vault_file_of(tmp_path), tmp_path / "keys" / "signing.json"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert {f.name for f in (tmp_path / "vault").iterdir()} == {"vault.json"}


@pytest.mark.parametrize("damage", [b"", b"{", b"\x00" * 500, b'{"body": {}, "sha256": ""}'])
def test_a_damaged_file_is_named_and_left_as_it_was(vault: Vault, tmp_path: Path, damage: bytes) -> None:
    file = vault_file_of(tmp_path)
    file.write_bytes(damage)
    for attempt in (lambda: vault.unlock(PASSPHRASE), lambda: lend(vault), lambda: vault.destroy_inspection("I1")):
        with pytest.raises(BadInput) as caught:
            attempt()
        assert code(caught) == "vault.corrupt"
    assert file.read_bytes() == damage


def test_every_flipped_byte_is_damage_or_at_least_never_another_secret(vault: Vault, tmp_path: Path) -> None:
    lent = lend(vault)
    file = vault_file_of(tmp_path)
    good = file.read_bytes()
    for position in range(0, len(good), 7):
        file.write_bytes(good[:position] + bytes([good[position] ^ 1]) + good[position + 1 :])
        assert outcome_of(vault, lent.id) in {SECRET, "vault.corrupt", "vault.newer"}


def outcome_of(vault: Vault, credential_id: str) -> str:
    try:
        return vault.reveal("I1", credential_id).secret
    except Problem as problem:
        return problem.message.code


@pytest.mark.parametrize(
    ("name", "value"),
    [("memory_mib", 1 << 20), ("memory_mib", 0), ("iterations", 10_000_000), ("lanes", 0), ("salt", "")],
)
def test_kdf_parameters_from_the_file_are_bounded(vault: Vault, tmp_path: Path, name: str, value: object) -> None:
    edit(vault_file_of(tmp_path), lambda body: body["kdf"].update({name: value}))
    with pytest.raises(BadInput) as caught:
        vault.unlock(PASSPHRASE)
    assert code(caught) == "vault.kdf_out_of_bounds"


def test_a_file_that_is_older_than_a_field_opens_as_before(vault: Vault, tmp_path: Path) -> None:
    lent = lend(vault)
    edit(vault_file_of(tmp_path), lambda body: body["entries"][0]["credential"].pop("sudo"))
    assert vault.reveal("I1", lent.id).secret == SECRET
    assert lend(vault, "I2").sudo is False, "and is written again in today's form"
    assert vault.reveal("I1", lent.id).credential.sudo is False


def test_permission_to_use_sudo_cannot_be_written_into_the_file(vault: Vault, tmp_path: Path) -> None:
    lent = lend(vault)
    edit(vault_file_of(tmp_path), lambda body: body["entries"][0]["credential"].update({"sudo": True}))
    with pytest.raises(BadInput) as caught:
        vault.reveal("I1", lent.id)
    assert code(caught) == "vault.tampered"


@pytest.mark.parametrize("field", ["protocol", "username", "domain", "kind"])
def test_a_secret_does_not_follow_edited_metadata_to_another_place(vault: Vault, tmp_path: Path, field: str) -> None:
    lent = lend(vault, ranges=("10.1.0.0/24",))
    other = {"protocol": "ssh", "username": "root", "domain": "EVIL", "kind": "domain"}[field]
    edit(vault_file_of(tmp_path), lambda body: body["entries"][0]["credential"].update({field: other}))
    with pytest.raises(BadInput) as caught:
        vault.reveal("I1", lent.id)
    assert code(caught) == "vault.tampered"


def test_a_secret_moved_to_another_unit_or_inspection_does_not_open(vault: Vault, tmp_path: Path) -> None:
    lent = lend(vault, "I1")
    lend(vault, "I2")
    edit(vault_file_of(tmp_path), lambda body: body["entries"][0].update(inspection="I2"))
    with pytest.raises(BadInput) as caught:
        vault.reveal("I2", lent.id)
    assert code(caught) == "vault.tampered"


def test_destroying_an_inspection_takes_its_secrets_and_keys_and_no_others(vault: Vault, tmp_path: Path) -> None:
    gone, kept = lend(vault, "I1"), lend(vault, "I2")
    vault.wrap("hmac", b"1" * 32, inspection="I1")
    vault.wrap("signing", b"for good")
    copy = json.loads(vault_file_of(tmp_path).read_text("utf-8"))["body"]["data_keys"]["I1"]
    vault.lock()
    vault.destroy_inspection("I1")
    vault.destroy_inspection("I1")
    vault.unlock(PASSPHRASE)
    assert copy not in vault_file_of(tmp_path).read_text("utf-8")
    with pytest.raises(NotFound):
        vault.reveal("I1", gone.id)
    with pytest.raises(NotFound):
        vault.unwrap("hmac", inspection="I1")
    assert vault.reveal("I2", kept.id).secret == SECRET
    assert vault.unwrap("signing") == b"for good"


def test_a_replaced_vault_file_is_blanked_for_whoever_still_holds_it_open(vault: Vault, tmp_path: Path) -> None:
    lend(vault)
    with vault_file_of(tmp_path).open("rb") as held:
        vault.destroy_inspection("I1")
        assert set(held.read()) == {0}


def test_a_removed_credential_is_gone_and_a_reentered_one_keeps_its_id(vault: Vault) -> None:
    first, second = lend(vault), lend(vault)
    vault.remove("I1", first.id)
    assert vault.reenter("I1", second.id, "新口令").id == second.id
    assert vault.reveal("I1", second.id).secret == "新口令"
    assert vault.list("I1") == (second,)
    with pytest.raises(NotFound) as caught:
        vault.remove("I1", first.id)
    assert code(caught) == "vault.no_credential"


def test_one_inspection_does_not_see_the_credentials_of_another(vault: Vault) -> None:
    lent = lend(vault, "I1")
    assert vault.list("I2") == ()
    with pytest.raises(NotFound):
        vault.reveal("I2", lent.id)


def test_the_signing_key_outlives_a_lost_vault_file_and_needs_the_same_passphrase(vault: Vault, tmp_path: Path) -> None:
    vault.wrap("signing", b"the key")
    vault_file_of(tmp_path).unlink()
    again, _ = make(tmp_path)
    with pytest.raises(Refused) as caught:
        again.create("another passphrase")
    assert code(caught) == "vault.wrong_passphrase"
    assert not again.exists()
    again.create(PASSPHRASE)
    assert again.unwrap("signing") == b"the key"


def test_a_vault_is_made_once_with_a_passphrase_worth_the_name(vault: Vault, tmp_path: Path) -> None:
    with pytest.raises(Conflict) as exists:
        vault.create(PASSPHRASE)
    assert code(exists) == "vault.exists"
    other, _ = make(tmp_path / "other")
    with pytest.raises(BadInput) as short:
        other.create("1234567")
    assert code(short) == "vault.passphrase_short"
    with pytest.raises(Conflict) as missing:
        other.unlock(PASSPHRASE)
    assert code(missing) == "vault.missing"


@pytest.mark.parametrize("name", ["../evil", "", "A", "a/b", "x" * 65])
def test_a_key_name_never_leaves_the_keys_folder(vault: Vault, name: str) -> None:
    with pytest.raises(BadInput):
        vault.wrap(name, b"key")
    with pytest.raises(NotFound):
        vault.unwrap(name)


def test_an_unwritable_disk_is_a_problem_and_the_old_file_stands(vault: Vault, tmp_path: Path) -> None:
    lent = lend(vault)
    (tmp_path / "vault" / "vault.json.new").mkdir()
    with pytest.raises(Problem) as caught:
        lend(vault)
    assert code(caught) == "vault.cannot_write"
    assert vault.list("I1") == (lent,)


def test_a_seal_opens_only_with_its_key_and_its_context() -> None:
    key, associated = sealing.fresh_key(), sealing.context("a|b", "c")
    sealed = sealing.seal(key, b"plain", associated)
    assert sealing.unseal(key, sealed, associated) == b"plain"
    for wrong_key, wrong_context in ((sealing.fresh_key(), associated), (key, sealing.context("a", "b|c"))):
        with pytest.raises(sealing.SealBroken):
            sealing.unseal(wrong_key, sealed, wrong_context)
    with pytest.raises(sealing.SealBroken):
        sealing.unseal(key, "not base64!", associated)
