"""The seal of an office: ECDSA P-256 over SHA-256, in forms that ``openssl`` reads.

References:
    - FIPS 186-5; deterministic nonces by RFC 6979, so that the same content gives the same bytes
    - the fingerprint is the SHA-256 of the DER SubjectPublicKeyInfo, in lower-case hex
"""

from __future__ import annotations

import hashlib
from threading import Lock

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from config.problems import BadInput, NotFound
from credentials.vault import Vault

KEY_NAME = "signing"
MAKING = Lock()
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


class Signer:
    """A private key that signs; its repr shows the fingerprint alone."""

    def __init__(self, private_key: ec.EllipticCurvePrivateKey) -> None:
        self.private_key = private_key
        self.public_key = private_key.public_key()
        self.public_pem = _public_pem(private_key.public_key())
        self.fingerprint = _fingerprint(private_key.public_key())

    @classmethod
    def generate(cls) -> Signer:
        """A new key from the system's randomness."""
        return cls(ec.generate_private_key(ec.SECP256R1()))

    @classmethod
    def load(cls, private_der: bytes) -> Signer:
        """From PKCS#8 DER, as :meth:`private_der` gives it. Raises BadInput ``evidence.bad_key``."""
        try:
            key = serialization.load_der_private_key(private_der, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise BadInput("evidence.bad_key") from None
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != "secp256r1":
            raise BadInput("evidence.bad_key")
        return cls(key)

    def private_der(self) -> bytes:
        """PKCS#8 DER, for the vault alone."""
        return self.private_key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def sign(self, data: bytes) -> bytes:
        """DER signature over the SHA-256 of ``data``, in its low-s form (of the two valid ones the only accepted)."""
        r, s = decode_dss_signature(self.private_key.sign(data, ec.ECDSA(hashes.SHA256(), deterministic_signing=True)))
        return encode_dss_signature(r, min(s, ORDER - s))

    def __repr__(self) -> str:
        return f"Signer({self.fingerprint})"


def signer_from_vault(vault: Vault) -> Signer:
    """The data folder's signing key; made and kept on first use. Raises Refused ``vault.locked``."""
    with MAKING:
        try:
            return Signer.load(vault.unwrap(KEY_NAME))
        except NotFound:
            signer = Signer.generate()
            vault.wrap(KEY_NAME, signer.private_der())
            return signer


def fingerprint_of(public_pem: bytes) -> str | None:
    """Fingerprint of a P-256 public key in PEM, or None when it is none."""
    key = _load_public(public_pem)
    return _fingerprint(key) if key else None


def is_signed(public_pem: bytes, signature: bytes, data: bytes) -> bool:
    """Whether ``signature`` is a low-s DER signature over ``data`` by that key."""
    key = _load_public(public_pem)
    try:
        _, s = decode_dss_signature(signature)
    except ValueError:
        return False
    if key is None or not 0 < s <= ORDER // 2:
        return False
    try:
        key.verify(signature, data, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def normal_fingerprint(text: str) -> str:
    """A fingerprint as typed from paper: colons, spaces and capitals do not matter."""
    return "".join(text.split()).replace(":", "").lower()


def _load_public(public_pem: bytes) -> ec.EllipticCurvePublicKey | None:
    try:
        key = serialization.load_pem_public_key(public_pem)
    except (ValueError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name == "secp256r1" else None


def _public_pem(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def _fingerprint(key: ec.EllipticCurvePublicKey) -> str:
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()
