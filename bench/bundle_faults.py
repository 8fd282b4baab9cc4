"""E1: 10,000 random single faults in bundles, half of them with two seals; 5,000 malformed zips; forgeries; bagit."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import bagit

from appliance.evidence import manifest
from appliance.evidence.signing import Signer
from appliance.evidence.verify import VerificationOutcome, verify_bundle
from config.problems import Exit
from tests.appliance.evidence.faults import FAULT_KINDS, named, names, remanifest, snapshot
from tests.appliance.evidence.malformed import MALFORMS, accepted
from tests.appliance.evidence.sample import SIGNER, Dice, seal, seal_twice, stranger_says

FAULTS = 10_000
MALFORMED = 5_000
CLEAN = 200
FORGERIES = 50
PART = 250


def main() -> dict[str, Any]:
    """Counts of what was found; every number that should be zero is named in ``how``."""
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        faults = _summed(pool, _faults, FAULTS)
        malformed = _summed(pool, _malformed, MALFORMED)
        clean = _summed(pool, _clean, CLEAN)
        forged = _summed(pool, _forgeries, FORGERIES)
    how = (
        f"{len(FAULT_KINDS)} kinds of faults, each found by ours ({faults[0]}) and by the script in the bundle "
        f"({faults[1]}), the file named in {faults[2]}; {MALFORMED} malformed zips: {malformed[0]} answered without a "
        f"crash, {malformed[1]} files written elsewhere, {malformed[2]} called intact (each held every byte); "
        f"{CLEAN} clean bundles: {clean[0]} false alarms, bagit-python calls {clean[1]} valid; "
        f"{FORGERIES} signed again by a stranger: {forged[0]} accepted"
    )
    return {
        "name": "bundle-faults",
        "ours": faults[0],
        "peer": FAULTS,
        "ratio": None,
        "unit": "faults found",
        "how": how,
    }


def _summed(pool: ProcessPoolExecutor, work: Any, count: int) -> list[int]:
    parts = [range(start, min(start + PART, count)) for start in range(0, count, PART)]
    return [sum(column) for column in zip(*pool.map(work, parts), strict=True)]


def _faults(seeds: Sequence[int]) -> tuple[int, int, int]:
    """Found by ours, by the script, and with the right file named."""
    ours = script = right = 0
    with tempfile.TemporaryDirectory() as folder:
        once, twice = _bags(Path(folder))
        for seed in seeds:
            clean = once if seed % 2 else twice
            bag = Path(folder) / "work" / "bag"
            shutil.copytree(clean, bag)
            kind = FAULT_KINDS[seed // 2 % len(FAULT_KINDS)]
            kind(bag, Dice(seed))
            found = verify_bundle(bag, [SIGNER.fingerprint], None)
            ours += found.exit is Exit.NO
            script += stranger_says(bag) == 1
            right += named(found.problems, snapshot(clean), snapshot(bag))
            shutil.rmtree(bag.parent)
    return ours, script, right


def _bags(folder: Path) -> tuple[Path, Path]:
    shutil.unpack_archive(seal(folder / "once.zip").path, folder / "once")
    shutil.unpack_archive(seal_twice(folder / "twice.zip").path, folder / "twice")
    return folder / "once", folder / "twice"


def _malformed(seeds: Sequence[int]) -> tuple[int, int, int]:
    """Answered, files that appeared elsewhere, and called intact."""
    answered = elsewhere = intact = 0
    with tempfile.TemporaryDirectory() as folder:
        inside = Path(folder) / "inside"
        inside.mkdir()
        good = seal(Path(folder) / "good.zip").path.read_bytes()
        shutil.unpack_archive(Path(folder) / "good.zip", Path(folder) / "clean")
        content = {name: (Path(folder) / "clean" / name).read_bytes() for name in names(Path(folder) / "clean")}
        before = set(Path(folder).rglob("*"))
        for seed in seeds:
            file = inside / "bad.zip"
            file.write_bytes(MALFORMS[seed % len(MALFORMS)](good, Dice(seed)))
            intact += accepted(file, content)
            answered += 1
            file.unlink()
        elsewhere = len(set(Path(folder).rglob("*")) - before)
    return answered, elsewhere, intact


def _clean(seeds: Sequence[int]) -> tuple[int, int]:
    """False alarms, and bags that bagit-python calls valid."""
    alarms = valid = 0
    with tempfile.TemporaryDirectory() as folder:
        for seed in seeds:
            target = Path(folder) / f"{seed}.zip"
            sealed = seal_twice(target) if seed % 2 else seal(target)
            alarms += verify_bundle(target, [SIGNER.fingerprint], None).outcome is not VerificationOutcome.INTACT
            bag = Path(folder) / str(seed)
            shutil.unpack_archive(sealed.path, bag)
            alarms += stranger_says(bag) != 0
            valid += bagit.Bag(str(bag)).is_valid()
            shutil.rmtree(bag)
    return alarms, valid


def _forgeries(seeds: Sequence[int]) -> tuple[int]:
    """Edited, listed and signed anew with a key of the forger's."""
    taken = 0
    with tempfile.TemporaryDirectory() as folder:
        clean = _bags(Path(folder))[0]
        for seed in seeds:
            bag = Path(folder) / str(seed)
            shutil.copytree(clean, bag)
            forger = Signer.generate()
            edited = bag / Dice(seed).pick([name for name in names(bag) if name.startswith("data/hosts")])
            edited.write_bytes(edited.read_bytes() + b" ")
            (bag / manifest.PUBLIC_KEY).write_bytes(forger.public_pem)
            remanifest(bag)
            (bag / manifest.SIGNATURE).write_bytes(forger.sign((bag / manifest.TAG_MANIFEST).read_bytes()))
            taken += verify_bundle(bag, [SIGNER.fingerprint], None).exit is Exit.DONE or stranger_says(bag) == 0
    return (taken,)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(), ensure_ascii=False) + "\n")
