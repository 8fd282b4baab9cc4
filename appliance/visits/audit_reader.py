"""An audit to compare with, wherever it lies: in an inspection here (also an imported one), or in a bundle.

``AuditReader`` is declared in :mod:`appliance.evidence.reading`.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from appliance.context import Appliance
from appliance.evidence.reading import AuditReader, BundleReader, opened_bundle
from appliance.evidence.verify import Verification, VerificationOutcome, verify_bundle
from appliance.store import audits as audit_store
from appliance.store import hosts as host_store
from appliance.store import inspections as store
from appliance.store import records as record_store
from appliance.store.database import Db, Row
from appliance.visits.auditing import latest
from config.problems import Negative, Refused
from scanner.model import HostFacts


class StoredReader:
    """An :class:`AuditReader` over an inspection's own database. Raises NotFound before the first audit."""

    origin = "inspection"

    def __init__(self, db: Db) -> None:
        self._db = db
        self.inspection: Row = store.read(db)
        self.audit: Row = latest(db)

    @property
    def bundle_digest(self) -> str:
        """Of the newest bundle; empty while nothing is sealed."""
        bundles = store.list_bundles(self._db)
        return str(bundles[-1]["digest"]) if bundles else ""

    def verdicts(self) -> Iterator[Row]:
        return audit_store.stream_verdicts(self._db, self.audit["id"])

    def findings(self) -> Iterator[Row]:
        return (document for _, document in audit_store.list_findings(self._db, self.audit["id"], -1, -1, {}))

    def hosts(self) -> Iterator[Row]:
        return self._judged("audit_hosts", "host_id")

    def assets(self) -> Iterator[Row]:
        return self._judged("audit_assets", "asset_no")

    def facts(self) -> Iterator[tuple[str, HostFacts]]:
        return host_store.stream_facts(self._db)

    def records(self, kind: str) -> list[dict[str, Any]]:
        return record_store.documents(self._db, [kind])

    def _judged(self, table: str, order: str) -> Iterator[Row]:
        sql = f"SELECT * FROM {table} WHERE audit_id = ? ORDER BY {order}"  # noqa: S608  names are ours
        return self._db.stream(sql, [self.audit["id"]])


@contextmanager
def stored_audit(appliance: Appliance, inspection_id: str) -> Generator[AuditReader]:
    """The newest audit of an inspection of this appliance, imported ones included. Raises NotFound."""
    with appliance.inspection(inspection_id) as (db, _):
        yield StoredReader(db)


@contextmanager
def bundled_audit(path: Path, known_signers: Collection[str], signer: str | None = None) -> Generator[BundleReader]:
    """The audit of a bundle in place, verified first.

    Raises Negative ``imports.broken`` for a broken bundle, Refused ``evidence.unknown_signer`` or
    ``evidence.other_signer`` for an intact one by nobody known, BadInput for what is no bundle.
    """
    require_intact(path, known_signers, signer)
    with opened_bundle(path) as reader:
        yield reader


def require_intact(path: Path, known_signers: Collection[str], signer: str | None = None) -> tuple[str, str]:
    """``(digest, fingerprint)`` of a bundle that is intact and by a known signer. Raises as :func:`bundled_audit`."""
    found = verified(path, known_signers, signer)
    return found.digest, found.fingerprint


def verified(path: Path, known_signers: Collection[str], signer: str | None = None) -> Verification:
    """The whole verification of such a bundle. Raises as :func:`bundled_audit`."""
    found = unbroken(path, known_signers, signer)
    if found.outcome is VerificationOutcome.UNKNOWN_SIGNER:
        raise Refused(found.problems[0].code, **found.problems[0].params)
    return found


def unbroken(path: Path, known_signers: Collection[str], signer: str | None = None) -> Verification:
    """The verification of a bundle that is intact, whoever signed it. Raises Negative ``imports.broken``, BadInput."""
    found = verify_bundle(path, known_signers, signer)
    if found.outcome is VerificationOutcome.BROKEN:
        first = found.problems[0]
        place = str(first.params.get("path", first.code))
        raise Negative("imports.broken", name=path.name, count=len(found.problems), first=place)
    return found
