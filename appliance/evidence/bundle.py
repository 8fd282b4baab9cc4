"""Write a sealed bundle: BagIt 1.0, both digests, one signature, and what a stranger needs to check it.

Everything streams: no file of a bundle is ever held in memory. The same content, key and sealing time give the same
bytes. The bundle appears under its name whole or not at all.
"""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from appliance.evidence import manifest
from appliance.evidence.manifest import Digest, Hasher
from appliance.evidence.signing import Signer
from config.clock import Clock, rfc3339
from config.durable import sync_folder
from config.problems import BadInput, Conflict, EnvironmentProblem

TEMPLATES = Path(__file__).parent / "verify_template"
CHUNK = 1 << 20
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


class Sink(Protocol):
    """Where a bundle's files go."""

    def write(self, path: str, chunks: Iterable[bytes]) -> None: ...


def write_bundle(
    target: Path, files: Iterable[BundleFile], info: Mapping[str, str], signer: Signer, clock: Clock
) -> BundleSealed:
    """Write a zip when ``target`` ends in ``.zip``, else a folder.

    Raises Conflict ``evidence.target_exists``, BadInput for a bad or double path or an oversized file,
    EnvironmentProblem ``evidence.cannot_write`` (disk full, unreadable source). ``target`` is absent then.
    """
    ordered = _ordered(files)
    sealed_at = clock.now()
    if target.exists():
        raise Conflict("evidence.target_exists", name=target.name)
    partial = target.with_name(target.name + ".part")
    try:
        _discard(partial)
        with _discarding(partial), _sink(partial, target.suffix == ".zip", sealed_at) as sink:
            digest = _fill(sink, ordered, _info(info, sealed_at), signer)
        partial.rename(target)
        sync_folder(target.parent)
    except OSError as error:
        raise EnvironmentProblem("evidence.cannot_write", name=target.name, detail=str(error)) from error
    return BundleSealed(target, digest, signer.fingerprint)


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


def _fill(sink: Sink, files: Sequence[BundleFile], info: Mapping[str, str], signer: Signer) -> str:
    payload = {file.path: _put(sink, file.path, _chunks(file.source)) for file in files}
    octets = sum(digest.size for digest in payload.values())
    tags: dict[str, bytes] = {
        manifest.README: (TEMPLATES / manifest.README).read_bytes(),
        manifest.INFO: _info_text({**info, "Payload-Oxum": f"{octets}.{len(payload)}"}),
        manifest.BAGIT: manifest.BAGIT_TEXT,
        manifest.MANIFEST: manifest.lines({path: digest.sha256 for path, digest in payload.items()}),
        manifest.PUBLIC_KEY: signer.public_pem,
        manifest.SM3_SUMS: manifest.lines({path: digest.sm3 for path, digest in payload.items()}),
        manifest.SCRIPT: (TEMPLATES / manifest.SCRIPT).read_bytes(),
    }
    written = {path: _put(sink, path, (content,)).sha256 for path, content in tags.items()}
    tag_manifest = manifest.lines(written)
    digest = _put(sink, manifest.TAG_MANIFEST, (tag_manifest,)).sha256
    _put(sink, manifest.SIGNATURE, (signer.sign(tag_manifest),))
    return digest


def _put(sink: Sink, path: str, chunks: Iterable[bytes]) -> Digest:
    hasher = Hasher()
    sink.write(path, _limited(path, hasher.through(chunks)))
    return hasher.digest()


def _chunks(source: Path | bytes | Iterable[bytes]) -> Iterator[bytes]:
    if isinstance(source, bytes):
        yield source
    elif isinstance(source, Path):
        with source.open("rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk
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
