"""Single faults that a careless or a dishonest hand puts into an unpacked bundle."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from appliance.evidence import manifest
from config.message import Message
from tests.appliance.evidence.sample import Dice

Fault = Callable[[Path, Dice], None]


def names(bag: Path) -> list[str]:
    return sorted(path.relative_to(bag).as_posix() for path in bag.rglob("*") if path.is_file())


def snapshot(bag: Path) -> dict[str, str]:
    """What lies in a bag: path → digest, or what it is when it is no file; links are not followed."""
    found: dict[str, str] = {}
    for base, folders, files in os.walk(bag):
        for path in (Path(base, name) for name in folders + files):
            if path.is_symlink() or not (path.is_file() or path.is_dir()):
                found[path.relative_to(bag).as_posix()] = "no file"
            elif path.is_file():
                found[path.relative_to(bag).as_posix()] = sha256(path)
    return found


def named(problems: Iterable[Message], before: dict[str, str], after: dict[str, str]) -> bool:
    """Whether a problem names a file that was touched; the signed list is named by its signature that does not fit."""
    touched = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    said = {str(problem.params.get(key, "")) for problem in problems for key in ("path", "manifest")}
    codes = {problem.code for problem in problems}
    lists = {manifest.TAG_MANIFEST: "evidence.bad_signature", manifest.SECOND_MANIFEST: "evidence.bad_second_signature"}
    return bool(touched & said) or any(path in touched and code in codes for path, code in lists.items())


def some_file(bag: Path, dice: Dice) -> Path:
    return bag / dice.pick([name for name in names(bag) if (bag / name).stat().st_size])


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def remanifest(bag: Path) -> None:
    """Bring every manifest up to date, as an editor of evidence would; only the key is not his."""
    listed = [name for name in names(bag) if name.startswith("data/")]
    (bag / manifest.MANIFEST).write_bytes(manifest.lines({name: sha256(bag / name) for name in listed}))
    sm3 = {name: manifest.digest_of([(bag / name).read_bytes()]).sm3 for name in listed}
    (bag / manifest.SM3_SUMS).write_bytes(manifest.lines(sm3))
    tags = [name for name in names(bag) if not name.startswith("data/") and name not in manifest.UNLISTED]
    (bag / manifest.TAG_MANIFEST).write_bytes(manifest.lines({name: sha256(bag / name) for name in tags}))


def remanifest_second(bag: Path) -> None:
    """The same for the second seal."""
    listed = [n for n in names(bag) if n.startswith("second/") and n not in manifest.SECOND_UNLISTED]
    sums = [name for name in listed if name != manifest.SECOND_SM3_SUMS]
    sm3 = {name: manifest.digest_of([(bag / name).read_bytes()]).sm3 for name in sums}
    (bag / manifest.SECOND_SM3_SUMS).write_bytes(manifest.lines(sm3))
    digests = {name: sha256(bag / name) for name in (*listed, *manifest.UNLISTED)}
    (bag / manifest.SECOND_MANIFEST).write_bytes(manifest.lines(digests))


def flip(bag: Path, dice: Dice) -> None:
    file = some_file(bag, dice)
    content = bytearray(file.read_bytes())
    content[dice.below(len(content))] ^= 1 << dice.below(8)
    file.write_bytes(content)


def truncate(bag: Path, dice: Dice) -> None:
    file = some_file(bag, dice)
    content = file.read_bytes()
    file.write_bytes(content[: dice.below(len(content))])


def extend(bag: Path, dice: Dice) -> None:
    with some_file(bag, dice).open("ab") as file:
        file.write(b"\n" if dice.below(2) else b"0")


def delete(bag: Path, dice: Dice) -> None:
    (bag / dice.pick(names(bag))).unlink()


def add(bag: Path, dice: Dice) -> None:
    place = dice.pick(["", "data/", "data/hosts/A1/", "data/hosts/Z9/", "signature/"])
    name = dice.pick(["x.json", "facts2.json", "pubkey2.pem", ".hidden", "manifest-md5.txt", "tagmanifest.p7s", "文件"])
    (bag / place).mkdir(exist_ok=True)
    (bag / place / name).write_bytes(b"" if dice.below(2) else b"{}")


def add_under_signature(bag: Path, dice: Dice) -> None:
    (bag / "signature" / f"tagmanifest.{dice.below(100)}").write_bytes(b"x")


def rename(bag: Path, dice: Dice) -> None:
    file = bag / dice.pick(names(bag))
    file.rename(file.with_name(file.name + dice.pick(["~", "2", ".bak", " "])))


def swap_hosts(bag: Path, dice: Dice) -> None:
    first, second = (("A1", "B2"), ("B2", "C3"), ("A1", "C3"))[dice.below(3)]
    hosts = bag / "data" / "hosts"
    (hosts / first).rename(hosts / "swap")
    (hosts / second).rename(hosts / first)
    (hosts / "swap").rename(hosts / second)


def swap_files(bag: Path, dice: Dice) -> None:
    first, second = some_file(bag, dice), some_file(bag, dice)
    while second.read_bytes() == first.read_bytes():
        second = some_file(bag, dice)
    one, two = first.read_bytes(), second.read_bytes()
    first.write_bytes(two)
    second.write_bytes(one)


def edit_and_remanifest(bag: Path, dice: Dice) -> None:
    file = bag / dice.pick([name for name in names(bag) if name.startswith("data/")])
    file.write_bytes(file.read_bytes() + b" ")
    remanifest(bag)


def delete_and_remanifest(bag: Path, dice: Dice) -> None:
    (bag / dice.pick([name for name in names(bag) if name.startswith("data/")])).unlink()
    remanifest(bag)


def drop_tag_manifest(bag: Path, dice: Dice) -> None:
    (bag / manifest.TAG_MANIFEST).unlink()
    if dice.below(2):
        (bag / manifest.SIGNATURE).unlink()


def drop_all_proof(bag: Path, dice: Dice) -> None:
    """What is left is a valid plain bag."""
    (bag / manifest.TAG_MANIFEST).unlink()
    shutil.rmtree(bag / "signature")


def reorder_log(bag: Path, dice: Dice) -> None:
    log = bag / manifest.CUSTODY
    lines = log.read_bytes().splitlines(keepends=True)
    place = dice.below(len(lines) - 1)
    lines[place], lines[place + 1] = lines[place + 1], lines[place]
    log.write_bytes(b"".join(lines))


def drop_manifest_line(bag: Path, dice: Dice) -> None:
    file = bag / dice.pick([manifest.MANIFEST, manifest.TAG_MANIFEST, manifest.SM3_SUMS])
    lines = file.read_bytes().splitlines(keepends=True)
    del lines[dice.below(len(lines))]
    file.write_bytes(b"".join(lines))


def unlist_and_drop(bag: Path, dice: Dice) -> None:
    """Take a tag file out of the tag manifest and away."""
    gone = dice.pick([manifest.PUBLIC_KEY, manifest.SCRIPT, manifest.README, manifest.SM3_SUMS, manifest.BAGIT])
    remanifest(bag)
    (bag / gone).unlink()
    tags = (bag / manifest.TAG_MANIFEST).read_text("utf-8").splitlines(keepends=True)
    (bag / manifest.TAG_MANIFEST).write_text("".join(line for line in tags if gone not in line), "utf-8")


def link_out(bag: Path, dice: Dice) -> None:
    file = bag / dice.pick(names(bag))
    twin = bag.parent / "twin"
    shutil.copyfile(file, twin)
    file.unlink()
    file.symlink_to(twin)


def link_folder(bag: Path, dice: Dice) -> None:
    host = bag / "data" / "hosts" / dice.pick(["A1", "B2", "C3"])
    shutil.move(host, bag.parent / "elsewhere")
    host.symlink_to(bag.parent / "elsewhere", target_is_directory=True)


def put_fifo(bag: Path, dice: Dice) -> None:
    file = bag / dice.pick(names(bag))
    if dice.below(2):
        file.unlink()
    else:
        file = file.with_name("pipe")
    os.mkfifo(file)


def climb_out(bag: Path, dice: Dice) -> None:
    """A manifest names a file outside the bag, with its right digest."""
    (bag.parent / "outside").write_bytes(b"outside")
    digest = hashlib.sha256(b"outside").hexdigest()
    with (bag / dice.pick([manifest.MANIFEST, manifest.TAG_MANIFEST])).open("ab") as file:
        file.write(f"{digest}  data/../../outside\n".encode())


FAULT_KINDS: tuple[Fault, ...] = (
    flip, truncate, extend, delete, add, add_under_signature, rename, swap_hosts, swap_files, edit_and_remanifest,
    delete_and_remanifest, drop_tag_manifest, drop_all_proof, reorder_log, drop_manifest_line, unlist_and_drop,
    link_out, link_folder, put_fifo, climb_out,
)  # fmt: skip
