"""Write a sealed bundle: BagIt 1.0, both digests, one signature, and what a stranger needs to check it.

Everything streams: no file of a bundle is ever held in memory. The same content, key and sealing time give the same
bytes. The bundle appears under its name whole or not at all.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import zipfile
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from appliance.evidence import manifest
from appliance.evidence.digesting import digest_file, digest_many, read_chunks
from appliance.evidence.manifest import Digest, Hasher
from appliance.evidence.signing import Signer
from appliance.evidence.verify import VerificationOutcome, verify_bundle
from config.clock import Clock, rfc3339
from config.durable import sync_folder
from config.problems import BadInput, Conflict, EnvironmentProblem

TEMPLATES = Path(__file__).parent / "verify_template"
FILE_LIMIT = (2 << 30) - 1
FILE_MODE = 0o100644


@dataclass(frozen=True, slots=True)
class BundleFile:
    """One payload file. ``path`` starts with ``data/``; ``source`` is read when its turn comes, once."""

    path: str
    source: Path | bytes | Iterable[bytes]


@dataclass(frozen=True, slots=True)
class BundleSealed:
    """A written bundle. ``digest`` is the SHA-256 of the tag manifest: the line that is printed and signed on paper."""

    path: Path
    digest: str
    fingerprint: str


TagFiles = Callable[[bytes, bytes], Mapping[str, bytes]]
"""Further tag files by path, given the payload's SHA-256 list and SM3 list."""


def no_tag_files(_sha256: bytes, _sm3: bytes) -> Mapping[str, bytes]:
    """None."""
    return {}


class Sink(Protocol):
    """Where a bundle's files go."""

    def write(self, path: str, chunks: Iterable[bytes]) -> None: ...


def write_bundle(
    target: Path,
    files: Iterable[BundleFile],
    info: Mapping[str, str],
    signer: Signer,
    clock: Clock,
    extra: TagFiles = no_tag_files,
) -> BundleSealed:
    """Write a zip when ``target`` ends in ``.zip``, else a folder; it is read back and verified before it appears.

    Raises Conflict ``evidence.target_exists``, ``evidence.changed_meanwhile`` (a source changed, or the disk gives back
    something else), BadInput for a bad or double path or an oversized file, EnvironmentProblem
    ``evidence.cannot_write`` (disk full, unreadable source). ``target`` is absent then.
    """
    ordered = _ordered(files)
    sealed_at = clock.now()

    def fill(partial: Path) -> str:
        with _sink(partial, target.suffix == ".zip", sealed_at) as sink:
            return _fill(sink, ordered, _info(info, sealed_at), signer, extra)

    return appearing(target, signer, fill)


def appearing(target: Path, signer: Signer, fill: Callable[[Path], str]) -> BundleSealed:
    """Let ``fill`` write ``target`` aside and return its digest; verify it; give it its name. Raises as above."""
    if target.exists():
        raise Conflict("evidence.target_exists", name=target.name)
    partial = target.with_name(target.name + ".part")
    try:
        _discard(partial)
        with _discarding(partial):
            digest = fill(partial)
            _read_back(partial, target.name, signer)
            partial.rename(target)
        sync_folder(target.parent)
    except OSError as error:
        raise EnvironmentProblem("evidence.cannot_write", name=target.name, detail=str(error)) from error
    return BundleSealed(target, digest, signer.fingerprint)


def _read_back(partial: Path, name: str, signer: Signer) -> None:
    found = verify_bundle(partial, [signer.fingerprint], None)
    if found.outcome is not VerificationOutcome.INTACT:
        path = str(found.problems[0].params.get("path", ""))
        raise Conflict("evidence.changed_meanwhile", name=name, path=path)


def _ordered(files: Iterable[BundleFile]) -> Sequence[BundleFile]:
    ordered = sorted(files, key=lambda file: file.path)
    if not ordered:
        raise BadInput("evidence.empty")
    seen: set[str] = set()
    for file in ordered:
        folded = file.path.casefold()
        if not file.path.startswith("data/") or not manifest.is_portable(file.path) or folded in seen:
            raise BadInput("evidence.bad_path", path=manifest.shown(file.path))
        seen.add(folded)
    return ordered


def _fill(sink: Sink, files: Sequence[BundleFile], info: Mapping[str, str], signer: Signer, extra: TagFiles) -> str:
    known = digests_of(files)
    payload = {file.path: put(sink, file, known.get(file.path)) for file in files}
    tags = tag_files(payload, info, signer, extra)
    for path, content in tags.items():
        sink.write(path, (content,))
    return hashlib.sha256(tags[manifest.TAG_MANIFEST]).hexdigest()


def digests_of(files: Iterable[BundleFile]) -> dict[str, Digest]:
    """Digests of the files that lie on disk, by bundle path, taken on every core. Raises OSError."""
    sources = {file.path: file.source for file in files if isinstance(file.source, Path)}
    found = digest_many(list(sources), lambda path: digest_file(sources[path]))
    return {path: digest for path, digest in found.items() if digest}


def tag_files(
    payload: Mapping[str, Digest], info: Mapping[str, str], signer: Signer, extra: TagFiles
) -> dict[str, bytes]:
    """Everything beside the payload in the order of writing: lists, key, instructions, tag manifest, signature.

    ``extra`` is told the two lists of the payload (SHA-256, SM3) and adds tag files, such as further signatures.
    """
    octets = sum(digest.size for digest in payload.values())
    lists = {
        manifest.MANIFEST: manifest.lines({path: digest.sha256 for path, digest in payload.items()}),
        manifest.SM3_SUMS: manifest.lines({path: digest.sm3 for path, digest in payload.items()}),
    }
    tags: dict[str, bytes] = {
        manifest.README: (TEMPLATES / manifest.README).read_bytes(),
        manifest.INFO: _info_text({**info, "Payload-Oxum": f"{octets}.{len(payload)}"}),
        manifest.BAGIT: manifest.BAGIT_TEXT,
        manifest.PUBLIC_KEY: signer.public_pem,
        manifest.SCRIPT: (TEMPLATES / manifest.SCRIPT).read_bytes(),
        **lists,
        **extra(lists[manifest.MANIFEST], lists[manifest.SM3_SUMS]),
    }
    tag_manifest = manifest.lines({path: hashlib.sha256(content).hexdigest() for path, content in tags.items()})
    return {**tags, manifest.TAG_MANIFEST: tag_manifest, manifest.SIGNATURE: signer.sign(tag_manifest)}


def put(sink: Sink, file: BundleFile, known: Digest | None = None) -> Digest:
    """Write one file; its digests are taken on the way unless they are ``known``. Raises BadInput, OSError."""
    chunks = _limited(file.path, _chunks(file.source))
    if known is not None:
        sink.write(file.path, chunks)
        return known
    hasher = Hasher()
    sink.write(file.path, hasher.through(chunks))
    return hasher.digest()


def _chunks(source: Path | bytes | Iterable[bytes]) -> Iterator[bytes]:
    if isinstance(source, bytes):
        yield source
    elif isinstance(source, Path):
        yield from read_chunks(os.open(source, os.O_RDONLY | os.O_CLOEXEC))
    else:
        yield from source


def _limited(path: str, chunks: Iterable[bytes]) -> Iterator[bytes]:
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > FILE_LIMIT:
            raise BadInput("evidence.file_too_large", path=path, limit_mb=FILE_LIMIT >> 20)
        yield chunk


def _info(info: Mapping[str, str], sealed_at: datetime) -> dict[str, str]:
    return {**info, "Bagging-Date": sealed_at.date().isoformat(), "Sealed-At": rfc3339(sealed_at)}


def _info_text(info: Mapping[str, str]) -> bytes:
    """``Label: value`` lines (RFC 8493 §2.2.2); a value's line breaks become spaces, so that it cannot add a label."""
    return "".join(f"{label}: {' '.join(value.split())}\n" for label, value in sorted(info.items())).encode()


@contextmanager
def _sink(partial: Path, zipped: bool, sealed_at: datetime) -> Generator[Sink]:
    if not zipped:
        partial.mkdir(mode=0o700)
        yield FolderSink(partial)
        for folder in (partial, *(path for path in partial.rglob("*") if path.is_dir())):
            sync_folder(folder)
        return
    with partial.open("xb") as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            yield ZipSink(archive, sealed_at)
        file.flush()
        os.fsync(file.fileno())


class FolderSink:
    """Writes a bundle as a folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def write(self, path: str, chunks: Iterable[bytes]) -> None:
        target = self._root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as file:
            file.writelines(chunks)
            file.flush()
            os.fsync(file.fileno())


class ZipSink:
    """Writes a bundle as a zip; the sealing time (UTC) is every member's time."""

    def __init__(self, archive: zipfile.ZipFile, sealed_at: datetime) -> None:
        self._archive = archive
        moment = sealed_at.astimezone(UTC)
        self._time = (min(max(moment.year, 1980), 2107), *moment.timetuple()[1:6])

    def write(self, path: str, chunks: Iterable[bytes]) -> None:
        member = zipfile.ZipInfo(path, self._time)
        member.compress_type = zipfile.ZIP_DEFLATED
        member.create_system = 3
        member.external_attr = FILE_MODE << 16
        with self._archive.open(member, "w") as file:
            file.writelines(chunks)


@contextmanager
def _discarding(partial: Path) -> Generator[None]:
    """Leave nothing behind when the sealing does not finish."""
    with ExitStack() as undo:
        undo.callback(_discard, partial)
        yield
        undo.pop_all()


def _discard(partial: Path) -> None:
    if partial.is_dir() and not partial.is_symlink():
        shutil.rmtree(partial)
    else:
        partial.unlink(missing_ok=True)
