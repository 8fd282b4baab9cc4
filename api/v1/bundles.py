"""Sealing in two steps, the sealed files, the signing sheet, and the certificates."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from flask import Response, render_template, send_file
from flask_openapi3.blueprint import APIBlueprint

from api.pages import label, style_sheet
from api.present import shown
from api.v1.common import ONE, PREFIX, PROBLEM, SECURITY, accepted, answer, appliance, tag
from api.v1.schemas import (
    BundleFileQuery,
    BundlePath,
    CertificateBody,
    InspectionPath,
    PaperForm,
    PaperPath,
    SealBody,
    SheetQuery,
    TimestampForm,
)
from appliance.visits import custody_watch, office, second_seal, signing_sheet
from appliance.visits import sealing as use

bundles = APIBlueprint("bundles", __name__, abp_tags=tag("bundles"), abp_security=SECURITY, abp_responses=PROBLEM)


@bundles.get(f"{ONE}/bundles")
def list_bundles(path: InspectionPath) -> Any:
    """Sealed bundles with their digests; ``seal`` is 2 for the one that also holds the signed papers."""
    return answer({"items": use.list_bundles(appliance(), path.inspection_id), "next": None})


@bundles.post(f"{ONE}/bundles")
def seal(path: InspectionPath, body: SealBody) -> Any:
    """Seal the inspection; then it can only be read. Without an office certificate ``unencrypted`` must be true."""
    return accepted(use.start(appliance(), path.inspection_id, unencrypted=body.unencrypted))


@bundles.get(f"{ONE}/bundles/<bundle_id>/file")
def get_bundle(path: BundlePath, query: BundleFileQuery) -> Any:
    """The bundle: encrypted to the office (``.zip.p7m``) where it has a certificate, else, or when asked for, a zip."""
    file = use.handed_out(appliance(), path.inspection_id, path.bundle_id, unencrypted=query.unencrypted)
    return send_file(file, as_attachment=True)


@bundles.get(f"{ONE}/signing-sheet")
def get_sheet(path: InspectionPath, query: SheetQuery) -> Any:
    """The sheet that both sides sign, as a page to print; ``standalone`` carries its own style."""
    document = shown(signing_sheet.sheet(appliance(), path.inspection_id))
    style = style_sheet("sheet.css") if query.standalone else ""
    return Response(render_template("signing_sheet.html", **document, label=label, style=style), mimetype="text/html")


@bundles.get(f"{ONE}/papers")
def list_papers(path: InspectionPath) -> Any:
    """Scans of signed papers that wait for the second seal, or are in it."""
    return answer({"items": second_seal.list_papers(appliance(), path.inspection_id), "next": None})


@bundles.post(f"{ONE}/papers")
def add_paper(path: InspectionPath, form: PaperForm) -> Any:
    """Add one scan."""
    name, content = form.file.filename or "", form.file.read()
    return answer(second_seal.add_paper(appliance(), path.inspection_id, name, content), 201)


@bundles.delete(f"{ONE}/papers/<name>")
def remove_paper(path: PaperPath) -> Any:
    """Take a wrong scan away."""
    second_seal.remove_paper(appliance(), path.inspection_id, path.name)
    return Response(status=204)


@bundles.post(f"{ONE}/second-seal")
def seal_papers(path: InspectionPath, body: SealBody) -> Any:
    """Seal the signed papers into the bundle."""
    return accepted(second_seal.start(appliance(), path.inspection_id, unencrypted=body.unencrypted))


@bundles.get(f"{ONE}/timestamp-query")
def timestamp_query(path: InspectionPath) -> Any:
    """A request for a time stamp over the first seal (RFC 3161), to be carried to an authority."""
    query = second_seal.timestamp_query(appliance(), path.inspection_id)
    return send_file(BytesIO(query), "application/timestamp-query", as_attachment=True, download_name="bundle.tsq")


@bundles.post(f"{ONE}/timestamp")
def set_timestamp(path: InspectionPath, form: TimestampForm) -> Any:
    """Keep an authority's time stamp for the second seal, checked against the authority's certificate."""
    token, authority = form.file.read(), form.authority.encode()
    return answer(second_seal.set_timestamp(appliance(), path.inspection_id, token, authority), 201)


@bundles.get(f"{ONE}/custody")
def get_custody(path: InspectionPath) -> Any:
    """Head of the custody log, read again whole: number and hash of its last line, and what is wrong with it."""
    return answer(custody_watch.state(appliance(), path.inspection_id))


@bundles.get(f"{PREFIX}/custody-problems")
def list_custody_problems() -> Any:
    """One problem for each inspection whose custody log was changed or cut; reads every log."""
    problems = custody_watch.check_all(appliance())
    return answer({"items": [problem.to_json() for problem in problems], "next": None})


@bundles.get(f"{PREFIX}/seal-certificate")
def seal_certificate() -> Any:
    """The certificate of this appliance's seal."""
    return answer(office.own_certificate(appliance()))


@bundles.get(f"{PREFIX}/office-certificate")
def office_certificate() -> Any:
    """The certificate that bundles are encrypted to."""
    return answer(office.shown_certificate(appliance()))


@bundles.put(f"{PREFIX}/office-certificate")
def set_office_certificate(body: CertificateBody) -> Any:
    """Encrypt bundles to this certificate from now on."""
    return answer(office.set_certificate(appliance(), body.pem.encode()))


@bundles.delete(f"{PREFIX}/office-certificate")
def remove_office_certificate() -> Any:
    """Encrypt bundles no more."""
    office.remove_certificate(appliance())
    return Response(status=204)


@bundles.get(f"{PREFIX}/signers")
def list_signers() -> Any:
    """Fingerprints of the keys that sealed this appliance's bundles."""
    return answer({"items": sorted(use.known_signers(appliance())), "next": None})
