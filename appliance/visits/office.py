"""Use cases: the office's certificate that bundles are encrypted to, and the certificate of our own seal."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path

from appliance.context import Appliance
from appliance.evidence import certificate, openssl
from appliance.evidence.signing import signer_from_vault
from appliance.store.database import Row
from config.durable import replace_file, sync_folder
from config.problems import Conflict, EnvironmentProblem, NotFound, Refused

NAME = "office.pem"
ENCRYPTED = ".p7m"


def certificate_file(appliance: Appliance) -> Path:
    """Where the office's certificate is kept, over every wipe."""
    return appliance.folder.keys / NAME


def set_certificate(appliance: Appliance, pem: bytes) -> Row:
    """Keep the certificate that bundles are encrypted to from now on. Raises BadInput."""
    kept = certificate.recipient(pem, appliance.clock.now())
    shown = asdict(certificate.shown(kept))
    appliance.log_own("office.certificate_set", fingerprint=shown["fingerprint"])
    replace_file(certificate_file(appliance), kept)
    sync_folder(appliance.folder.keys)
    return shown


def remove_certificate(appliance: Appliance) -> None:
    """Encrypt no more; sealing asks then. Raises NotFound."""
    shown = shown_certificate(appliance)
    appliance.log_own("office.certificate_removed", fingerprint=shown["fingerprint"])
    certificate_file(appliance).unlink()


def shown_certificate(appliance: Appliance) -> Row:
    """The office's certificate for people. Raises NotFound."""
    file = certificate_file(appliance)
    if not file.exists():
        raise NotFound("evidence.no_office_certificate")
    return asdict(certificate.shown(file.read_bytes()))


def must_encrypt(appliance: Appliance, *, unencrypted: bool) -> None:
    """Stop before sealing when nothing will be encrypted and nobody confirmed that, or when it cannot be encrypted.

    Raises Refused ``evidence.no_recipient``, BadInput for a certificate that ran out, EnvironmentProblem.
    """
    file = certificate_file(appliance)
    if file.exists():
        certificate.recipient(file.read_bytes(), appliance.clock.now())
    elif not unencrypted:
        raise Refused("evidence.no_recipient")


def encrypted(appliance: Appliance, inspection_id: str, bundle: Path) -> str | None:
    """Encrypt a written bundle to the office; the name of the new file, or None without a certificate."""
    file = certificate_file(appliance)
    if not file.exists():
        appliance.log(inspection_id, "bundle.not_encrypted", file=bundle.name)
        return None
    target = bundle.with_name(bundle.name + ENCRYPTED)
    try:
        openssl.encrypt(bundle, target, file)
        sync_folder(bundle.parent)
    except OSError as error:
        raise EnvironmentProblem("evidence.cannot_write", name=target.name, detail=str(error.strerror)) from error
    return target.name


@contextmanager
def gone_unless_recorded(bundle: Path) -> Generator[None]:
    """Remove a bundle and its encrypted copy when what is inside fails: it holds everything, and no row names it."""
    with ExitStack() as undo:
        for path in (bundle, bundle.with_name(bundle.name + ENCRYPTED)):
            undo.callback(path.unlink, missing_ok=True)
        yield
        undo.pop_all()


def own_certificate(appliance: Appliance) -> Row:
    """The certificate of our seal, made when it is not there yet; then the vault must be open."""
    kept = certificate.kept_certificate(appliance.folder.keys)
    if kept is None:
        signer = signer_from_vault(appliance.vault)
        kept = certificate.own_certificate(appliance.folder.keys, signer, appliance.clock)
    return asdict(certificate.shown(kept))


def decrypt(source: Path, target: Path, key: Path, passphrase: str) -> None:
    """At the office: what was encrypted to it. Raises Conflict for a file that is there, BadInput for a wrong key."""
    if target.exists():
        raise Conflict("evidence.target_exists", name=target.name)
    openssl.decrypt(source, target, key, passphrase.encode())
