"""D3: the disk is full at each write in turn, once or for good; it is said in words, and goes on with space again."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from bench.power_cut import PASSPHRASE, SETTINGS
from config.durable import disk_problem
from config.messages import catalogue
from config.problems import EnvironmentProblem
from credentials.model import CredentialKind, CredentialScope, LoginProtocol
from tests.lab.stream import Said, Stream, child, opened_appliance, prepared
from tests.lab.syscalls import recorded, traced

HOSTS = 4
FAILING = ("write", "pwrite64", "ftruncate", "fsync", "fdatasync", "mkdir", "rename")


def filled(hosts: int, folder: Path, every: int = 1) -> dict[str, Any]:
    """Each ``every``-th write refused, once and for good; how many ended without words, lost or damaged something."""
    template, data = folder / "template", folder / "data"
    template.mkdir()
    (template / "hezheng.toml").write_text(SETTINGS)
    inspection = prepared(template, hosts).inspection
    sites = _sites(template, data, inspection)
    total: dict[str, Any] = {"sites": len(sites), "runs": 0, "unsaid": 0, "lost": 0, "stuck": 0}
    codes: Counter[str] = Counter()
    for site in range(0, len(sites), every):
        for faults in (_once(sites, site), _for_good(sites, site)):
            codes.update(_one(template, data, Stream(data, inspection), faults, total))
    return total | {"said": dict(codes)}


def _sites(template: Path, data: Path, inspection: str) -> list[str]:
    """The calls that can meet a full disk, by name, in order."""
    shutil.copytree(template, data)
    calls = recorded(lambda: work(Stream(data, inspection), Said(), Said()), data.with_name("calls"))
    sites = [call.name for call in calls if call.name in FAILING]
    shutil.rmtree(data)
    return sites


def _once(sites: list[str], site: int) -> list[str]:
    """strace counts each name apart."""
    return [_fault(sites[site], sites[: site + 1].count(sites[site]), "")]


def _for_good(sites: list[str], site: int) -> list[str]:
    return [_fault(name, sites[:site].count(name) + 1, "+") for name in FAILING]


def _fault(name: str, number: int, onwards: str) -> str:
    return f"inject={name}:error=ENOSPC:when={number}{onwards}"


def _one(template: Path, data: Path, stream: Stream, faults: list[str], total: dict[str, Any]) -> Iterable[str]:
    shutil.copytree(template, data)
    done, codes = Said(), Said()
    options = [f"trace={','.join(FAILING)}", *faults, "signal=none"]
    with traced(
        lambda: work(stream, done, codes), *(word for one in options for word in ("-e", one)), "-o", "/dev/null"
    ) as pid:
        _, status = os.waitpid(pid, 0)
    total["runs"] += 1
    total["unsaid"] += status != 0 or any(code not in catalogue() for code in codes.all)
    total["lost"] += len(stream.problems(done.all))
    with child(lambda: _goes_on(stream, done.all)) as pid:
        _, status = os.waitpid(pid, 0)
    total["stuck"] += status != 0
    shutil.rmtree(data)
    return codes.all


def work(stream: Stream, done: Said, codes: Said) -> None:
    """A visit: open, keep a password, keep results. What people would be told goes to ``codes``."""

    def visit() -> None:
        vault = opened_appliance(stream.data).vault
        vault.unlock(PASSPHRASE) if vault.exists() else vault.create(PASSPHRASE)
        scope = CredentialScope()
        vault.add("某单位", stream.inspection, CredentialKind.LOCAL, LoginProtocol.SMB, "u", "", "secret", scope, "")
        stream.run(done.say)

    saying(codes, visit)


def saying(codes: Said, act: Callable[[], None]) -> None:
    """Do something as the API does: what people would be told goes to ``codes``."""
    try:
        act()
    except EnvironmentProblem as problem:
        codes.say(problem.message.code)
    except OSError as error:
        if (problem := disk_problem(error)) is None:
            raise
        codes.say(problem.message.code)


def _goes_on(stream: Stream, done: list[str]) -> None:
    """With space again: the same work runs to its end, and everything acknowledged is there."""
    codes = Said()
    work(stream, Said(), codes)
    assert codes.all == []
    assert stream.problems(done) == []
    assert not list(stream.folder.raw.glob("*.part"))


def main() -> dict[str, Any]:
    """``ours`` is how many runs ended without words, lost or damaged something, or could not go on."""
    with tempfile.TemporaryDirectory(prefix="hezheng-bench-") as folder:
        total = filled(HOSTS, Path(folder))
    how = (
        "ENOSPC put by strace into each write, truncation, sync, mkdir and rename of a visit (vault, custody, raw "
        "files, database) in turn, once and from then on; then the work is done again without it"
    )
    bad = total["unsaid"] + total["lost"] + total["stuck"]
    return {"name": "disk-full", "ours": bad, **total, "peer": None, "ratio": None, "unit": "runs", "how": how}


if __name__ == "__main__":
    print(json.dumps(main(), ensure_ascii=False))
