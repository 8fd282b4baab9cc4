"""Check a bundle: structure, every digest, the signature, the signer, and the custody chain inside."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Set
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path

from appliance.evidence import custody, manifest, signing
from appliance.evidence.container import Container, Damaged, FolderContainer, ZipContainer, is_zip
from appliance.evidence.digesting import digest_many
from appliance.evidence.manifest import Digest, shown
from config.message import Message
from config.problems import BadInput, EnvironmentProblem, Exit

TAG_LIMIT = 64 << 20  # bytes of a manifest, key or signature that are held in memory
PROBLEMS_LIMIT = 1000
LINE_LIMIT = 1 << 20
MARKS = frozenset({manifest.BAGIT, manifest.MANIFEST, manifest.TAG_MANIFEST, manifest.SIGNATURE})
LISTS = (
    manifest.TAG_MANIFEST,
    manifest.MANIFEST,
    manifest.SM3_SUMS,
    manifest.SECOND_MANIFEST,
    manifest.SECOND_SM3_SUMS,
)


class VerificationOutcome(StrEnum):
    """What the check says. ``unknown_signer``: intact, but by a key that nobody vouched for."""

    INTACT = "intact"
    UNKNOWN_SIGNER = "unknown_signer"
    BROKEN = "broken"


EXITS = {
    VerificationOutcome.INTACT: Exit.DONE,
    VerificationOutcome.UNKNOWN_SIGNER: Exit.REFUSED,
    VerificationOutcome.BROKEN: Exit.NO,
}


@dataclass(frozen=True, slots=True)
class Verification:
    """The answer. ``digest`` (of the tag manifest) and ``fingerprint`` are empty when the file for them is missing."""

    outcome: VerificationOutcome
    problems: tuple[Message, ...]
    digest: str
    fingerprint: str
    second_digest: str = ""  # of the second seal's manifest; empty when there is none

    @property
    def exit(self) -> Exit:
        """0 intact and known, 4 intact but unknown, 1 broken."""
        return EXITS[self.outcome]


def verify_bundle(path: Path, known_signers: Collection[str], expected_signer: str | None) -> Verification:
    """Check a zip or a folder without changing or unpacking it.

    ``known_signers`` are fingerprints trusted before; ``expected_signer``, when given, is the only one accepted.
    Raises BadInput ``evidence.not_a_bundle``, ``evidence.encrypted`` (exit 3), EnvironmentProblem
    ``evidence.cannot_read``.
    """
    try:
        container = _open(path)
    except Damaged:
        return Verification(VerificationOutcome.BROKEN, (Message.of("evidence.zip_damaged", name=path.name),), "", "")
    except OSError as error:
        raise EnvironmentProblem("evidence.cannot_read", name=path.name, detail=error.strerror) from error
    with closing(container):
        if not MARKS & container.names:
            raise BadInput("evidence.not_a_bundle", name=path.name)
        problems = _limited(_problems(container))
        identity = _identity(container)
    if problems:
        return Verification(VerificationOutcome.BROKEN, problems, *identity)
    accepted = known_signers if expected_signer is None else (expected_signer,)
    if identity[1] in {signing.normal_fingerprint(signer) for signer in accepted}:
        return Verification(VerificationOutcome.INTACT, (), *identity)
    reason = _stranger(identity[1], expected_signer)
    return Verification(VerificationOutcome.UNKNOWN_SIGNER, (reason,), *identity)


def _stranger(fingerprint: str, expected: str | None) -> Message:
    if expected is None:
        return Message.of("evidence.unknown_signer", fingerprint=fingerprint)
    return Message.of("evidence.other_signer", fingerprint=fingerprint, expected=shown(expected))


def _open(path: Path) -> Container:
    if path.is_dir():
        return FolderContainer(path)
    if path.suffix == ".p7m":
        raise BadInput("evidence.encrypted", name=path.name)
    if not path.is_file() or not is_zip(path):
        raise BadInput("evidence.not_a_bundle", name=path.name)
    return ZipContainer(path)


@dataclass(frozen=True, slots=True)
class _Lists:
    """The lists of a bundle, path → hex digest; those of the second seal are empty when there is none."""

    unlisted: Set[str]
    tags: dict[str, str]
    payload: dict[str, str]
    sm3: dict[str, str]
    second: dict[str, str]
    second_sm3: dict[str, str]

    @property
    def listed(self) -> dict[str, str]:
        return {**self.second, **self.tags, **self.payload}


def _problems(container: Container) -> Iterator[Message]:
    twice = has_second(container)
    yield from container.problems
    yield from _signature_problems(container, twice=twice)
    read = [_manifest(container, name) for name in LISTS]
    for _, problems in read:
        yield from problems
    unlisted = manifest.UNLISTED | manifest.SECOND_UNLISTED if twice else manifest.UNLISTED
    lists = _Lists(unlisted, *(found for found, _ in read))
    yield from _list_problems(container, lists)
    yield from _chain_problems(lists, twice=twice)
    yield from _content_problems(container, lists)
    yield from _custody_problems(container)


def has_second(container: Container) -> bool:
    """Whether any file of a second seal is there; then all of it must be."""
    return any(name.startswith(manifest.SECOND) for name in container.names)


def _signature_problems(container: Container, *, twice: bool) -> Iterator[Message]:
    public = _small(container, manifest.PUBLIC_KEY)
    first, second = (manifest.TAG_MANIFEST, manifest.SIGNATURE), (manifest.SECOND_MANIFEST, manifest.SECOND_SIGNATURE)
    if not signing.is_signed(public, _small(container, first[1]), _small(container, first[0])):
        yield Message.of("evidence.bad_signature", path=first[1])
    if twice and not signing.is_signed(public, _small(container, second[1]), _small(container, second[0])):
        yield Message.of("evidence.bad_second_signature", path=second[1])
    if _small(container, manifest.BAGIT) != manifest.BAGIT_TEXT:
        yield Message.of("evidence.file_changed", path=manifest.BAGIT)


def _manifest(container: Container, name: str) -> tuple[dict[str, str], tuple[Message, ...]]:
    if name not in container.names:
        return {}, ()
    return manifest.parse(name, _small(container, name))


def _list_problems(container: Container, lists: _Lists) -> Iterator[Message]:
    """Each file must be listed once, in the manifest it belongs to, and each listed file must be there."""
    for path in sorted((lists.listed.keys() | lists.unlisted | set(manifest.TAG_FILES)) - container.names):
        yield Message.of("evidence.file_missing", path=shown(path))
    for path in sorted(container.names - lists.listed.keys() - lists.unlisted):
        yield Message.of("evidence.file_extra", path=shown(path))
    misplaced = {path for path in lists.tags if _place_of(path) or path in manifest.UNLISTED}
    misplaced |= {path for path in lists.payload if _place_of(path) != "data"}
    for path in sorted(misplaced | (lists.payload.keys() ^ lists.sm3.keys())):
        yield Message.of("evidence.manifests_disagree", path=shown(path))


def _place_of(path: str) -> str:
    """The first folder of a path when it belongs to the payload or to the second seal, else nothing."""
    return next((place for place in ("data", "second") if path.startswith(f"{place}/")), "")


def _chain_problems(lists: _Lists, *, twice: bool) -> Iterator[Message]:
    """The second seal lists its own files and, of the first seal, its signed list and its signature."""
    if not twice:
        return
    own = {path for path in lists.second if _place_of(path) == "second"}
    wrong = (lists.second.keys() - own) ^ manifest.UNLISTED
    wrong |= (own - {manifest.SECOND_SM3_SUMS}) ^ lists.second_sm3.keys()
    for path in sorted(wrong | (own & manifest.SECOND_UNLISTED)):
        yield Message.of("evidence.manifests_disagree", path=shown(path))


def _content_problems(container: Container, lists: _Lists) -> Iterator[Message]:
    expected, sm3 = lists.listed, {**lists.second_sm3, **lists.sm3}
    found = digest_many(sorted(expected.keys() & container.names), partial(_digest, container))
    for path in sorted(expected):
        digest = found.get(path)
        if digest is None or digest.sha256 != expected[path] or digest.sm3 != sm3.get(path, digest.sm3):
            yield Message.of("evidence.file_changed", path=shown(path))


def _digest(container: Container, path: str) -> Digest | None:
    """None when it cannot be read; a missing file was already reported, and counts as unread."""
    if path not in container.names:
        return None
    try:
        return manifest.digest_of(container.chunks(path))
    except Damaged:
        return None


def _custody_problems(container: Container) -> Iterator[Message]:
    """The log of the second seal must go on where that of the first ended."""
    expected: custody.Head | None = None
    for name in (manifest.CUSTODY, manifest.SECOND_CUSTODY):
        if name not in container.names:
            continue
        try:
            found = custody.check_lines(_lines(container.chunks(name)), expected)
        except Damaged:
            return  # already reported as changed
        yield from found.problems
        expected = found.head


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Lines with their newline; one longer than LINE_LIMIT is cut, and so no entry."""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (line + b"\n" for line in whole)
        while len(rest) > LINE_LIMIT:
            yield rest[:LINE_LIMIT] + b"\n"
            rest = rest[LINE_LIMIT:]
    if rest:
        yield rest


def _small(container: Container, name: str) -> bytes:
    """The content of a small file; empty when missing or unreadable, cut when too large to be what it should be."""
    if name not in container.names:
        return b""
    content = bytearray()
    try:
        for chunk in container.chunks(name):
            content += chunk
            if len(content) > TAG_LIMIT:
                break
    except Damaged:
        return b""
    return bytes(content)


def _identity(container: Container) -> tuple[str, str, str]:
    first, second = (_digest(container, name) for name in (manifest.TAG_MANIFEST, manifest.SECOND_MANIFEST))
    fingerprint = signing.fingerprint_of(_small(container, manifest.PUBLIC_KEY)) or ""
    return (first.sha256 if first else "", fingerprint, second.sha256 if second else "")


def _limited(problems: Iterator[Message]) -> tuple[Message, ...]:
    return tuple(problem for _, problem in zip(range(PROBLEMS_LIMIT), problems, strict=False))
