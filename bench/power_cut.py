"""D2: the power goes at random moments; the folder rebuilt from what was surely on disk opens and has every result."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from config.clock import SystemClock
from config.ids import Ids
from config.settings import load
from credentials.model import CredentialKind, CredentialScope, LoginProtocol
from credentials.vault import Vault
from tests.lab.power import Disk, check_modelled
from tests.lab.stream import Said, Stream, child, opened_appliance, prepared
from tests.lab.syscalls import Call, recorded

CUTS = 200
HOSTS = 20
SETTINGS = "[vault]\nargon2_memory_mib = 8\nargon2_iterations = 1\nargon2_lanes = 1\n"
PASSPHRASE = "一个足够长的口令库密码"
INSPECTION, PASSWORD, RESULT = b"inspection ", b"password ", b"result "


def cut(cuts: int, hosts: int, folder: Path, *, syncs: bool = True) -> dict[str, int]:
    """Record once, cut the power ``cuts`` times; what was lost, twice, damaged, or did not open.

    ``syncs=False`` is a product that forgets to sync: then something must be lost, or the measurement is blind.
    """
    data = folder / "data"
    data.mkdir()
    calls = list(recorded(lambda: _visit(data, hosts, folder / "said"), folder / "calls"))
    calls = [call for call in calls if syncs or call.name not in ("fsync", "fdatasync")]
    check_modelled(calls, data)
    changing = [number for number, call in enumerate(calls) if call.touches(data)]
    total = {"cuts": cuts, "calls": len(changing), "acknowledged": 0, "lost": 0, "bad": 0}
    for number in range(cuts):
        moment = changing[secrets.randbelow(len(changing))]
        shutil.rmtree(data)
        data.mkdir()
        said = _after_cut(calls[:moment], data, folder / "said", lucky=bool(number % 2))
        total["acknowledged"] += len(said[RESULT])
        verdict = Said()
        with child(lambda s=said, v=verdict: _judge(data, hosts, s, v)) as pid:
            _, status = os.waitpid(pid, 0)
        total["bad"] += status != 0
        total["lost"] += len(verdict.all)
    return total


def _visit(data: Path, hosts: int, said: Path) -> None:
    """All that acknowledges something: an inspection, passwords, results; each is said as soon as it returns."""
    descriptor = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    (data / "hezheng.toml").write_text(SETTINGS)
    stream = prepared(data, hosts)
    os.write(descriptor, INSPECTION + stream.inspection.encode())
    vault = _vault(data)
    vault.create(PASSPHRASE)
    for number in range(5):
        added = vault.add(
            "某单位",
            stream.inspection,
            CredentialKind.LOCAL,
            LoginProtocol.SMB,
            f"u{number}",
            "",
            "secret",
            CredentialScope(),
            "",
        )
        os.write(descriptor, PASSWORD + added.id.encode())

    def said_result(facts_id: str) -> None:
        os.write(descriptor, RESULT + facts_id.encode())

    stream.run(said_result)


def _vault(data: Path) -> Vault:
    clock = SystemClock()
    return Vault(data, load(data).vault, clock, Ids(clock))


def _after_cut(calls: Sequence[Call], data: Path, said: Path, *, lucky: bool) -> dict[bytes, list[str]]:
    """Rebuild ``data`` as the disk holds it then; what had been acknowledged, by kind."""
    disk = Disk(data)
    found: dict[bytes, list[str]] = {INSPECTION: [], PASSWORD: [], RESULT: []}
    for call in calls:
        disk.replay(call)
        if call.name == "write" and said in call.arguments:
            text = call.arguments[1]
            assert isinstance(text, bytes)
            kind = next(kind for kind in found if text.startswith(kind))
            found[kind].append(text.removeprefix(kind).decode())
    disk.cut(data, lucky=lucky)
    return found


def _judge(data: Path, hosts: int, said: dict[bytes, list[str]], lost: Said) -> None:
    """Open it as the product does, look for everything acknowledged, and go on to the end of the scan."""
    (data / "hezheng.toml").write_text(SETTINGS)
    opened_appliance(data)
    if not said[INSPECTION]:
        return
    stream = Stream(data, said[INSPECTION][0])
    for problem in stream.problems(said[RESULT]):
        lost.say(problem)
    if said[PASSWORD]:
        vault = _vault(data)
        vault.unlock(PASSPHRASE)
        for name in said[PASSWORD]:
            assert vault.reveal(stream.inspection, name).secret == "secret"
    stream.run(lambda _: None)
    assert stream.done() == hosts
    assert stream.problems([]) == []


def main() -> dict[str, Any]:
    """``ours`` is how many cuts lost something or did not open."""
    with tempfile.TemporaryDirectory(prefix="hezheng-bench-") as folder:
        total = cut(CUTS, HOSTS, Path(folder))
    how = (
        f"all writes, names and syncs of a visit (new folder, inspection, vault, {HOSTS} scripted results) recorded "
        f"with strace; {CUTS} cuts at random calls: of what was not synced nothing survives, or (every other cut) "
        "random 512-byte sectors; then opened by the product, everything acknowledged looked for, the scan gone on with"
    )
    return {
        "name": "power-cut",
        "ours": total["lost"] + total["bad"],
        **total,
        "peer": None,
        "ratio": None,
        "unit": "cuts",
        "how": how,
    }


if __name__ == "__main__":
    print(json.dumps(main()))
