"""The office's self-signed certificate: its seal's public key with a name and dates, for tools that want X.509.

References:
    - RFC 5280; the fingerprint of a certificate is the SHA-256 of its DER
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from appliance.evidence.signing import Signer, fingerprint_of
from config.clock import Clock, rfc3339
from config.durable import replace_file, sync_folder
from config.problems import BadInput

NAME = "certificate.pem"
MAKING = Lock()
YEARS = 20
DAY = timedelta(days=1)
SHORTEST_RSA = 2048
ENCRYPTING_CURVES = ("secp256r1", "secp384r1", "secp521r1")


@dataclass(frozen=True, slots=True)
class Shown:
    """What people compare: whose certificate, its own fingerprint and that of its key, its dates."""

    subject: str
    fingerprint: str
    key_fingerprint: str
    not_before: str
    not_after: str
    pem: str


def own_certificate(keys: Path, signer: Signer, clock: Clock) -> bytes:
    """The certificate of this key in PEM; made once and kept beside the key, over every wipe."""
    file = keys / NAME
    with MAKING:
        if file.exists() and key_of(file.read_bytes()) == signer.fingerprint:
            return file.read_bytes()
        pem = _self_signed(signer, clock)
        replace_file(file, pem)
        sync_folder(keys)
        return pem


def kept_certificate(keys: Path) -> bytes | None:
    """The certificate when there is one; needs no passphrase."""
    file = keys / NAME
    return file.read_bytes() if file.exists() else None


def key_of(pem: bytes) -> str | None:
    """Fingerprint of the certificate's key, as the seal's signer has it; None for another kind of key."""
    public = load(pem).public_key()
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return fingerprint_of(public.public_bytes(serialization.Encoding.PEM, form))


def load(pem: bytes) -> x509.Certificate:
    """The first certificate in PEM text. Raises BadInput ``evidence.bad_certificate``."""
    try:
        return x509.load_pem_x509_certificate(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BadInput("evidence.bad_certificate", detail=str(error)[:100]) from error


def recipient(pem: bytes, now: datetime) -> bytes:
    """The certificate alone, in PEM, when bundles can be encrypted to it.

    Raises BadInput ``evidence.bad_certificate``, ``evidence.certificate_dates``, ``evidence.certificate_key`` (RSA of
    2048 bits or more, or P-256, P-384, P-521).
    """
    found = load(pem)
    if not found.not_valid_before_utc <= now <= found.not_valid_after_utc:
        dates = (rfc3339(found.not_valid_before_utc), rfc3339(found.not_valid_after_utc))
        raise BadInput("evidence.certificate_dates", not_before=dates[0], not_after=dates[1])
    key = found.public_key()
    is_rsa = isinstance(key, rsa.RSAPublicKey) and key.key_size >= SHORTEST_RSA
    if not is_rsa and not (isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in ENCRYPTING_CURVES):
        raise BadInput("evidence.certificate_key")
    return found.public_bytes(serialization.Encoding.PEM)


def shown(pem: bytes) -> Shown:
    """A certificate for people."""
    found = load(pem)
    public = found.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return Shown(
        subject=found.subject.rfc4514_string(),
        fingerprint=hashlib.sha256(found.public_bytes(serialization.Encoding.DER)).hexdigest(),
        key_fingerprint=hashlib.sha256(public).hexdigest(),
        not_before=rfc3339(found.not_valid_before_utc),
        not_after=rfc3339(found.not_valid_after_utc),
        pem=pem.decode("ascii", "replace"),
    )


def _self_signed(signer: Signer, clock: Clock) -> bytes:
    now = clock.now().astimezone(UTC).replace(microsecond=0)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Hezheng seal {signer.fingerprint[:16]}")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(signer.public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY)
        .not_valid_after(now + YEARS * 365 * DAY)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_signs_only(), critical=True)
    )
    return builder.sign(signer.private_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _signs_only() -> x509.KeyUsage:
    off = dict.fromkeys(("key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign"), False)
    return x509.KeyUsage(
        digital_signature=True, content_commitment=True, encipher_only=False, decipher_only=False, **off
    )
