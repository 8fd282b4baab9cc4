"""Read an audit where it lies: the Protocol that a live inspection and a bundle both answer, and the bundle's side.

A bundle is read in place, out of the zip or the folder, through limits; nothing is unpacked and nothing is run. Verify
it first (:mod:`appliance.evidence.verify`): this module reads, it does not vouch.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Protocol, cast

from appliance.evidence import manifest, signing
from appliance.evidence.container import Container, Damaged, FolderContainer, ZipContainer, is_zip
from config.problems import BadInput, EnvironmentProblem
from scanner import facts as facts_json
from scanner.model import HostFacts

Document = dict[str, Any]
DOCUMENT_LIMIT = 256 << 20
"""Bytes of one JSON document; a parsed ledger of 100,000 rows takes about 60 MB."""
LINE_LIMIT = 16 << 20
HEAD_LIMIT = 64 << 20
"""Bytes of a document that pages read whole: the inspection's own row, the audit's head, the facts of one host."""
TABLES = "data/tables"
"""One file a table of the inspection: ``data/tables/<table>.jsonl``."""


class AuditReader(Protocol):
    """One audit of one inspection, read-only. All documents have the shapes of the API and of ``docs/bundle.md``."""

    @property
    def origin(self) -> str:
        """``inspection`` or ``bundle``."""
        ...

    @property
    def inspection(self) -> Document:
        """The inspection's own row: id, unit, unit_id, kind, phase, policy, as_of, created_at …"""
        ...

    @property
    def bundle_digest(self) -> str:
        """The digest on paper, of a sealed inspection; else empty."""
        ...

    @property
    def audit(self) -> Document:
        """``head, rates, positions, digest``."""
        ...

    def verdicts(self) -> Iterator[Document]:
        """All verdicts in canonical order."""
        ...

    def findings(self) -> Iterator[Document]:
        """All findings in canonical order."""
        ...

    def hosts(self) -> Iterator[Document]:
        """The computers as judged: host_id, address, hostname, asset_no, facts_id, collected, client."""
        ...

    def assets(self) -> Iterator[Document]:
        """The asset base as judged: asset_no, quantity, department, row."""
        ...

    def facts(self) -> Iterator[tuple[str, HostFacts]]:
        """``(host id, best facts)`` in order of host id."""
        ...

    def records(self, kind: str) -> list[Document]:
        """What was entered by hand, of one kind: ``decisions``, ``objections``, ``disposals``, ``rectifications`` …"""
        ...


class BundleReader:
    """An :class:`AuditReader` over a bundle. Raises BadInput ``imports.bad_content`` for a file that does not fit."""

    origin = "bundle"

    def __init__(self, container: Container, name: str) -> None:
        self._container, self.name = container, name
        self.inspection = self.document("data/inspection.json", HEAD_LIMIT)
        self.audit = self.document("data/rates.json", HEAD_LIMIT)

    @property
    def names(self) -> frozenset[str]:
        """Paths of all files in the bundle."""
        return frozenset(self._container.names)

    @property
    def size(self) -> int:
        """Bytes of all files, unpacked."""
        return self._container.size

    @property
    def bundle_digest(self) -> str:
        """SHA-256 of the tag manifest."""
        return manifest.digest_of(self.chunks(manifest.TAG_MANIFEST)).sha256

    def verdicts(self) -> Iterator[Document]:
        return self.lines("data/verdicts.jsonl")

    def findings(self) -> Iterator[Document]:
        return self.lines("data/findings.jsonl")

    def hosts(self) -> Iterator[Document]:
        return self.table("audit_hosts")

    def assets(self) -> Iterator[Document]:
        return self.table("audit_assets")

    def facts(self) -> Iterator[tuple[str, HostFacts]]:
        for name in sorted(self._container.names):
            parts = name.split("/")
            if len(parts) == 4 and parts[:2] == ["data", "hosts"] and parts[3] == "facts.json":
                yield parts[2], facts_json.from_json(self.document(name, HEAD_LIMIT))

    def records(self, kind: str) -> list[Document]:
        entered = (row for row in self.table("records") if row.get("kind") == kind)
        own = ("id", "kind", "entered_at")
        return [{**json.loads(row["document"]), **{name: row[name] for name in own}} for row in entered]

    def table(self, table: str) -> Iterator[Document]:
        """The sealed rows of one table; none when the bundle has no such table."""
        name = f"{TABLES}/{table}.jsonl"
        return self.lines(name) if name in self._container.names else iter(())

    @property
    def fingerprint(self) -> str:
        """Of the key that travels with the bundle; whose it is, a verification says."""
        return signing.fingerprint_of(self.small(manifest.PUBLIC_KEY)) or ""

    @property
    def version(self) -> str:
        """The version of this software that sealed the bundle; empty when it does not say."""
        name = "data/tool/versions.json"
        return str(self.document(name).get("hezheng", "")) if name in self.names else ""

    def document(self, name: str, limit: int = DOCUMENT_LIMIT) -> Document:
        """One JSON object of at most ``limit`` bytes."""
        return self._object(name, self.small(name, limit))

    def array(self, name: str) -> list[Any]:
        """One JSON array."""
        value = self._json(name, self.small(name))
        if not isinstance(value, list):
            raise self._bad(name, "no array")
        return cast("list[Any]", value)

    def small(self, name: str, limit: int = DOCUMENT_LIMIT) -> bytes:
        """The content of a file of at most ``limit`` bytes."""
        content = bytearray()
        for chunk in self.chunks(name):
            content += chunk
            if len(content) > limit:
                raise self._bad(name, "too large")
        return bytes(content)

    def lines(self, name: str) -> Iterator[Document]:
        """The objects of a file of JSON lines."""
        for line in self.raw_lines(name):
            yield self._object(name, line)

    def raw_lines(self, name: str) -> Iterator[bytes]:
        """The lines of a file without their newlines."""
        rest = b""
        for chunk in self.chunks(name):
            *whole, rest = (rest + chunk).split(b"\n")
            yield from whole
            if len(rest) > LINE_LIMIT:
                raise self._bad(name, "line too long")
        if rest:
            yield rest

    def chunks(self, name: str) -> Iterator[bytes]:
        """The bytes of one file as they come."""
        if name not in self._container.names:
            raise self._bad(name, "missing")
        try:
            yield from self._container.chunks(name)
        except Damaged as error:
            raise self._bad(name, str(error)) from error

    def _object(self, name: str, content: bytes) -> Document:
        value = self._json(name, content)
        if not isinstance(value, dict):
            raise self._bad(name, "no object")
        return cast("Document", value)

    def _json(self, name: str, content: bytes) -> Any:
        try:
            return json.loads(content)
        except (ValueError, RecursionError) as error:
            raise self._bad(name, type(error).__name__) from error

    def _bad(self, name: str, detail: str) -> BadInput:
        return BadInput("imports.bad_content", name=self.name, path=manifest.shown(name), detail=detail)


@contextmanager
def opened_bundle(path: Path) -> Generator[BundleReader]:
    """Open a bundle for reading. Raises BadInput ``evidence.not_a_bundle``, ``evidence.zip_damaged``,
    EnvironmentProblem ``evidence.cannot_read``.
    """
    try:
        container = _container(path)
    except Damaged as error:
        raise BadInput("evidence.zip_damaged", name=path.name) from error
    except OSError as error:
        raise EnvironmentProblem("evidence.cannot_read", name=path.name, detail=error.strerror) from error
    with closing(container):
        if not {manifest.TAG_MANIFEST, "data/inspection.json", "data/rates.json"} <= container.names:
            raise BadInput("evidence.not_a_bundle", name=path.name)
        yield BundleReader(container, path.name)


def _container(path: Path) -> Container:
    if path.is_dir():
        return FolderContainer(path)
    if not path.is_file() or not is_zip(path):
        raise BadInput("evidence.not_a_bundle", name=path.name)
    return ZipContainer(path)


def info(reader: BundleReader) -> Mapping[str, str]:
    """``bag-info.txt`` as a mapping (RFC 8493 §2.2.2), one line a label."""
    lines = reader.small(manifest.INFO).decode("utf-8", "replace").splitlines()
    pairs = (line.partition(": ") for line in lines)
    return {label: value for label, colon, value in pairs if colon}
