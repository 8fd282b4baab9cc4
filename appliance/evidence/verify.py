"""Check a bundle: structure, every digest, the signature, the signer, and the custody chain inside."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from appliance.evidence import custody, manifest, signing
from appliance.evidence.container import Container, Damaged, FolderContainer, ZipContainer, is_zip
from appliance.evidence.manifest import Digest, shown
from config.message import Message
from config.problems import BadInput, EnvironmentProblem, Exit

TAG_LIMIT = 64 << 20  # bytes of a manifest, key or signature that are held in memory
PROBLEMS_LIMIT = 1000
LINE_LIMIT = 1 << 20
MARKS = frozenset({manifest.BAGIT, manifest.MANIFEST, manifest.TAG_MANIFEST, manifest.SIGNATURE})


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

    @property
    def exit(self) -> Exit:
        """0 intact and known, 4 intact but unknown, 1 broken."""
        return EXITS[self.outcome]


def verify_bundle(path: Path, known_signers: Collection[str], expected_signer: str | None) -> Verification:
    """Check a zip or a folder without changing or unpacking it.

    ``known_signers`` are fingerprints trusted before; ``expected_signer``, when given, is the only one accepted.
    Raises BadInput ``evidence.not_a_bundle`` (exit 3), EnvironmentProblem ``evidence.cannot_read``.
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
        digest, fingerprint = _identity(container)
    if problems:
        return Verification(VerificationOutcome.BROKEN, problems, digest, fingerprint)
    accepted = known_signers if expected_signer is None else (expected_signer,)
    if fingerprint in {signing.normal_fingerprint(signer) for signer in accepted}:
        return Verification(VerificationOutcome.INTACT, (), digest, fingerprint)
    reason = _stranger(fingerprint, expected_signer)
    return Verification(VerificationOutcome.UNKNOWN_SIGNER, (reason,), digest, fingerprint)


def _stranger(fingerprint: str, expected: str | None) -> Message:
    if expected is None:
        return Message.of("evidence.unknown_signer", fingerprint=fingerprint)
    return Message.of("evidence.other_signer", fingerprint=fingerprint, expected=shown(expected))


def _open(path: Path) -> Container:
    if path.is_dir():
        return FolderContainer(path)
    if not path.is_file() or not is_zip(path):
        raise BadInput("evidence.not_a_bundle", name=path.name)
    return ZipContainer(path)


def _problems(container: Container) -> Iterator[Message]:
    yield from container.problems
    yield from _signature_problems(container)
    tags, tag_problems = _manifest(container, manifest.TAG_MANIFEST)
    payload, payload_problems = _manifest(container, manifest.MANIFEST)
    sm3, sm3_problems = _manifest(container, manifest.SM3_SUMS)
    yield from (*tag_problems, *payload_problems, *sm3_problems)
    yield from _list_problems(container, tags, payload, sm3)
    yield from _content_problems(container, tags, payload, sm3)
    yield from _custody_problems(container)


def _signature_problems(container: Container) -> Iterator[Message]:
    signed = _small(container, manifest.TAG_MANIFEST)
    signature = _small(container, manifest.SIGNATURE)
    public = _small(container, manifest.PUBLIC_KEY)
    if not signing.is_signed(public, signature, signed):
        yield Message.of("evidence.bad_signature")
    if _small(container, manifest.BAGIT) != manifest.BAGIT_TEXT:
        yield Message.of("evidence.file_changed", path=manifest.BAGIT)


def _manifest(container: Container, name: str) -> tuple[dict[str, str], tuple[Message, ...]]:
    if name not in container.names:
        return {}, ()
    return manifest.parse(name, _small(container, name))


def _list_problems(
    container: Container, tags: dict[str, str], payload: dict[str, str], sm3: dict[str, str]
) -> Iterator[Message]:
    """Each file must be listed once, in the manifest it belongs to, and each listed file must be there."""
    for path in sorted((set(tags) | set(payload) | manifest.UNLISTED | set(manifest.TAG_FILES)) - container.names):
        yield Message.of("evidence.file_missing", path=shown(path))
    for path in sorted(container.names - set(tags) - set(payload) - manifest.UNLISTED):
        yield Message.of("evidence.file_extra", path=shown(path))
    misplaced = {path for path in tags if path.startswith("data/") or path in manifest.UNLISTED}
    misplaced |= {path for path in payload if not path.startswith("data/")}
    for path in sorted(misplaced | (set(payload) ^ set(sm3))):
        yield Message.of("evidence.manifests_disagree", path=shown(path))


def _content_problems(
    container: Container, tags: dict[str, str], payload: dict[str, str], sm3: dict[str, str]
) -> Iterator[Message]:
    for path, expected in sorted({**tags, **payload}.items()):
        found = _digest(container, path)
        if found is None or found.sha256 != expected or found.sm3 != sm3.get(path, found.sm3):
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
    if manifest.CUSTODY not in container.names:
        return
    try:
        yield from custody.check_lines(_lines(container.chunks(manifest.CUSTODY))).problems
    except Damaged:
        return  # already reported as changed


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


def _identity(container: Container) -> tuple[str, str]:
    signed = manifest.TAG_MANIFEST in container.names and _digest(container, manifest.TAG_MANIFEST)
    return (
        signed.sha256 if signed else "",
        signing.fingerprint_of(_small(container, manifest.PUBLIC_KEY)) or "",
    )


def _limited(problems: Iterator[Message]) -> tuple[Message, ...]:
    return tuple(problem for _, problem in zip(range(PROBLEMS_LIMIT), problems, strict=False))
