"""Use case: the one sheet that is printed after the first seal, signed by both sides, and scanned for the second."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from appliance.context import Appliance
from appliance.evidence import certificate
from appliance.evidence.qr import qr_code
from appliance.store import audits as audit_store
from appliance.store import hosts as host_store
from appliance.store import inspections as store
from appliance.visits.second_seal import first_seal
from scanner.model import Outcome

GROUP = 8
QR_PREFIX = "HEZHENG1"


def sheet(appliance: Appliance, inspection_id: str) -> dict[str, Any]:
    """What the sheet says. Raises Conflict before the first seal.

    The QR code holds ``HEZHENG1 inspection digest fingerprint`` with blanks between: what a verifier has to type.
    """
    with appliance.inspection(inspection_id) as (db, _):
        inspection, bundle = store.read(db), first_seal(db)
        authorisations = store.list_authorisations(db)
        outcomes = [outcome for _, outcome, _ in host_store.latest_results(db).values()]
        audit = audit_store.latest_audit(db) or {}
        counts = audit_store.counts(db, bundle["audit_id"])
        hosts = len(host_store.list_hosts(db))
    kept = certificate.kept_certificate(appliance.folder.keys)
    text = " ".join((QR_PREFIX, inspection_id, bundle["digest"], bundle["fingerprint"]))
    return {
        "inspection": inspection,
        "authorisations": authorisations,
        "bundle": bundle,
        "certificate": asdict(certificate.shown(kept)) if kept else None,
        "audit_digest": audit.get("digest", ""),
        "hosts": {"found": hosts, "collected": outcomes.count(Outcome.READ)},
        "verdicts": counts["verdicts"],
        "findings": sum(counts["findings"].values()),
        "qr": asdict(qr_code(text)),
        "groups": {name: groups(bundle[name]) for name in ("digest", "fingerprint", "custody_sha256")},
    }


def groups(text: str | None) -> list[str]:
    """Eight characters a group: read aloud and compared by eye."""
    return [text[start : start + GROUP] for start in range(0, len(text), GROUP)] if text else []
