"""A backup brings everything back but the vault, says so by a drill, and never holds a secret."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from appliance.folder import DataFolder
from appliance.store.database import Db, Schema, opened
from appliance.store.schema import INDEX
from appliance.visits import restoring
from appliance.visits.backup import MANIFEST
from config.problems import EnvironmentProblem, Problem
from tests.api.conftest import Api, hezheng
from tests.api.test_api import code_of
from tests.api.test_ending import REASON, SECRET, copied, done, end, sealed
from tests.lab import images

__all__ = ["sealed"]


def back_up(api: Api, target: Path) -> Path:
    state = done(api, "/api/v1/backups", {"path": str(target)})
    assert state["state"] == "done", state
    return Path(state["result"]["path"])


def rewritten(file: Path, change: Callable[[str, bytes], bytes | None]) -> Path:
    """The backup with each member changed, or left out where ``change`` returns None."""
    other = file.with_name("changed.zip")
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(other, "w") as new:
        for name in old.namelist():
            if (data := change(name, old.read(name))) is not None:
                new.writestr(name, data)
    return other


def code_of_restoring(file: Path, folder: Path) -> str:
    with pytest.raises(Problem) as caught:
        restoring.restore(file, DataFolder(folder))
    assert not folder.exists()
    assert [path for path in folder.parent.iterdir() if "restoring" in path.name] == []
    return caught.value.message.code


def test_a_restored_appliance_knows_everything_but_the_passwords(
    api: Api, sealed: str, data: Path, tmp_path: Path
) -> None:
    with opened(data / "units.db", Schema("units", [_step("0001_a")]), create=True):
        pass  # any other room's database
    file = back_up(api, tmp_path)
    assert file.parent == tmp_path
    restored = tmp_path / "restored"
    found = hezheng(restored, "restore", str(file), "--json")
    assert found.exit == 0, found.err
    assert (found.json["inspections"], found.json["results"]) == (1, 1)
    assert "口令库" in found.err
    assert "0001_a" in json.loads(zipfile.ZipFile(file).read(MANIFEST))["rows"]["units.db"]
    one = sealed.rpartition("/")[2]
    ours, theirs = ({path.name for path in (folder / "inspections" / one).iterdir()} for folder in (data, restored))
    assert {"inspection.db", "raw", "attachments", "custody.jsonl"} <= theirs
    assert ours - theirs <= {"inspection.db-journal"}
    bundle = next((restored / "inspections" / one / "bundles").glob("*.zip"))
    assert hezheng(restored, "evidence", "verify", str(bundle), "--json").exit == 0
    assert hezheng(restored, "inspection", "show", one, "--json").json["audit"] == api.get(f"{sealed}/summary")["audit"]
    assert sorted(path.name for path in restored.iterdir() if path.name in ("vault", "keys")) == ["keys", "vault"]
    assert list((restored / "vault").iterdir()) == list((restored / "keys").iterdir()) == []


def test_no_backup_holds_the_vault_the_keys_or_the_token(api: Api, sealed: str, data: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(back_up(api, tmp_path)) as archive:
        names = archive.namelist()
        whole = b"".join(map(archive.read, names))
    assert {name.split("/")[0] for name in names} == {
        "appliance.db",
        "custody.jsonl",
        "hezheng.toml",
        "inspections",
        "reference",
        "backup.json",
    }
    for secret in (SECRET.encode(), SECRET.encode("utf-16-le"), (data / "run" / "token").read_bytes()):
        assert secret not in whole
    for kept in (*(data / "vault").iterdir(), *(data / "keys").glob("*.json")):
        assert json.loads(kept.read_bytes())["sha256"].encode() not in whole


def test_the_drill_finds_what_restoring_would_and_leaves_nothing(
    api: Api, sealed: str, data: Path, tmp_path: Path
) -> None:
    file = back_up(api, tmp_path / "one.zip")
    found = hezheng(data, "backup", "check", str(file), "--json")
    assert found.exit == 0, found.err
    assert found.json["results"] == 1
    assert found.json["files"] == len(json.loads(zipfile.ZipFile(file).read(MANIFEST))["files"])
    assert list((data / "run").glob("drill*")) == list((data / "run").glob("backup-*")) == []


def test_every_changed_missing_or_added_file_is_found(api: Api, sealed: str, tmp_path: Path) -> None:
    file = back_up(api, tmp_path / "one.zip")
    names = [name for name in zipfile.ZipFile(file).namelist() if name != MANIFEST]
    for wanted in names:
        flipped = rewritten(file, lambda name, data, w=wanted: data[:-1] + bytes([data[-1] ^ 1]) if name == w else data)
        assert code_of_restoring(flipped, tmp_path / "restored") == "restore.damaged", wanted
        absent = rewritten(file, lambda name, data, w=wanted: None if name == w else data)
        assert code_of_restoring(absent, tmp_path / "restored") == "restore.damaged", wanted


@pytest.mark.parametrize("name", ["../outside", "/outside", "inspections/../../outside", "vault/vault.json", "a\\b"])
def test_a_backup_cannot_write_outside_or_bring_a_vault(api: Api, sealed: str, tmp_path: Path, name: str) -> None:
    def renamed(member: str, data: bytes) -> bytes:
        return data.replace(b'"hezheng.toml"', json.dumps(name).encode()) if member == MANIFEST else data

    file = rewritten(back_up(api, tmp_path / "one.zip"), renamed)
    assert code_of_restoring(file, tmp_path / "restored") == "restore.unsafe_path"


@pytest.mark.parametrize("part", ["rows", "heads"])
def test_nothing_outside_is_opened_to_compare_it(api: Api, sealed: str, tmp_path: Path, part: str) -> None:
    def elsewhere(member: str, data: bytes) -> bytes:
        if member != MANIFEST:
            return data
        manifest = json.loads(data)
        manifest[part]["../elsewhere.db"] = next(iter(manifest[part].values()))
        return json.dumps(manifest).encode()

    file = rewritten(back_up(api, tmp_path / "one.zip"), elsewhere)
    assert code_of_restoring(file, tmp_path / "restored") == "restore.unsafe_path"


@pytest.mark.parametrize("content", [b"", b"PK", b"no zip at all" * 99])
def test_what_is_no_backup_is_named_so(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file.zip").write_bytes(content)
    assert code_of_restoring(tmp_path / "file.zip", tmp_path / "restored") == "restore.not_a_backup"


def test_restoring_never_replaces_what_is_there(api: Api, sealed: str, data: Path, tmp_path: Path) -> None:
    file = back_up(api, tmp_path / "one.zip")
    refused = hezheng(data, "restore", str(file))
    assert refused.exit == 3
    assert "不是空文件夹" in refused.err
    assert api.get(f"{sealed}/summary")


def test_a_backup_of_a_newer_version_is_refused(api: Api, sealed: str, tmp_path: Path) -> None:
    with opened(api.built.appliance.folder.index, INDEX) as db:
        db.execute(
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('appliance', '9999_later', '')"
        )
    shutil.copy(api.built.appliance.folder.index, tmp_path / "later.db")
    with pytest.raises(EnvironmentProblem) as caught, opened(tmp_path / "later.db", INDEX):
        pass
    assert caught.value.message.code == "data.newer_schema"


def test_a_place_that_would_not_serve_is_refused(api: Api, data: Path, tmp_path: Path) -> None:
    (tmp_path / "there.zip").touch()
    for path, code in (
        (data / "backup.zip", "backup.inside"),
        (tmp_path / "there.zip", "backup.target_exists"),
        (tmp_path / "absent" / "backup.zip", "backup.no_folder"),
    ):
        assert code_of(api, "POST", "/api/v1/backups", {"path": str(path)})[1] == code


@pytest.mark.lab
def test_a_full_medium_leaves_no_half_backup(api: Api, sealed: str, tmp_path: Path) -> None:
    with images.mounted(tmp_path / "stick.img", tmp_path / "stick", 8) as stick:
        ballast = stick / "ballast"
        with ballast.open("wb") as file:
            for _ in range(1 << 20):
                try:
                    file.write(b"x" * 65536)
                    file.flush()
                except OSError:
                    break
        state = done(api, "/api/v1/backups", {"path": str(stick)})
        assert (state["state"], state["problem"]["code"]) == ("failed", "backup.cannot_write")
        assert [path.name for path in stick.iterdir() if "hezheng" in path.name] == []
        ballast.unlink()
        back_up(api, stick)


def test_the_end_of_an_inspection_names_the_backups_that_hold_it(api: Api, sealed: str, tmp_path: Path) -> None:
    file = back_up(api, tmp_path / "one.zip")
    assert end(api, sealed, copied(api, sealed, tmp_path), REASON)["result"]["backups"] == [str(file)]


def test_a_backup_taken_while_results_come_in_is_whole(api: Api, tmp_path: Path) -> None:
    """The custody log grows between the copy of the database and the copy of the log."""
    one = api.new_inspection()
    job = api.post("/api/v1/backups", {"path": str(tmp_path / "one.zip")})
    said = 0
    while api.get(f"/api/v1/jobs/{job['id']}")["state"] == "running" or said < 5:
        api.built.appliance.log(one.rpartition("/")[2], "test.line", number=said)
        said += 1
    assert restoring.check(tmp_path / "one.zip", tmp_path / "work")["inspections"] == 1


def _step(name: str) -> tuple[str, Callable[[Db], None]]:
    return name, lambda db: db.script(f'CREATE TABLE "{name}" (x TEXT)')


def test_a_database_is_copied_before_it_is_changed_and_the_newest_copy_stays(tmp_path: Path) -> None:
    path = tmp_path / "some.db"
    names = ["0001_a", "0002_b", "0003_c"]
    for count in (1, 2, 3):
        with opened(path, Schema("some", [_step(name) for name in names[:count]]), create=count == 1) as db:
            db.execute(f'INSERT INTO "{names[count - 1]}" VALUES (?)', [count])
        copies = sorted(file.name for file in tmp_path.glob("*before*"))
        assert copies == ([] if count == 1 else [f"some.db.before-{names[count - 1]}"])
    with opened(tmp_path / "some.db.before-0003_c", Schema("some", [_step(name) for name in names[:2]])) as db:
        assert db.value('SELECT x FROM "0002_b"') == "2"


def test_a_migration_that_fails_leaves_the_database_as_it_was(tmp_path: Path) -> None:
    def fail(db: Db) -> None:
        db.script("CREATE TABLE half (x TEXT)")
        raise EnvironmentProblem("data.no_copy", file="x", detail="x")

    path = tmp_path / "some.db"
    with opened(path, Schema("some", [_step("0001_a")]), create=True):
        pass
    later: list[Any] = [_step("0001_a"), ("0002_b", fail)]
    with pytest.raises(EnvironmentProblem), opened(path, Schema("some", later)):
        pass
    with opened(path, Schema("some", [_step("0001_a")])) as db:
        assert db.value("SELECT COUNT(*) FROM sqlite_master WHERE name = 'half'") == 0
    assert (tmp_path / "some.db.before-0002_b").exists()
