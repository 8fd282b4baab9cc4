"""Further signatures that an office may want beside its own: CMS for X.509 tools, SM2 over the SM3 list.

They sign the lists of the payload, so that they stand in the tag manifest and are covered by the first signature and
by the digest on paper: a bundle has no file that no manifest lists.

References:
    - CMS detached signature, RFC 5652 (``openssl cms -verify``)
"""

from __future__ import annotations

from collections.abc import Mapping

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.serialization import pkcs7

from appliance.evidence import openssl
from appliance.evidence.bundle import TagFiles
from appliance.evidence.signing import Signer
from config.problems import NotFound
from config.settings import Seal
from credentials.vault import Vault

CERTIFICATE = "signature/certificate.pem"
CMS = "signature/manifest-sha256.p7s"
SM2 = "signature/sm3sums.sm2"
SM2_PUBLIC = "signature/sm2-pubkey.pem"
SM2_KEY_NAME = "signing-sm2"


def further_signatures(settings: Seal, certificate: bytes, signer: Signer, vault: Vault) -> TagFiles:
    """The certificate, and what the settings ask for. Raises EnvironmentProblem without ``openssl``."""
    sm2 = _sm2_key(vault) if settings.sm2 else b""

    def made(sha256_list: bytes, sm3_list: bytes) -> Mapping[str, bytes]:
        files = {CERTIFICATE: certificate}
        if settings.cms:
            files[CMS] = cms(sha256_list, certificate, signer)
        if sm2:
            files |= {SM2: openssl.sm2_sign(sm2, sm3_list), SM2_PUBLIC: openssl.sm2_public(sm2)}
        return files

    return made


def cms(data: bytes, certificate: bytes, signer: Signer) -> bytes:
    """A detached CMS signature in DER; it holds the certificate and the time of signing."""
    builder = pkcs7.PKCS7SignatureBuilder().set_data(data)
    builder = builder.add_signer(x509.load_pem_x509_certificate(certificate), signer.private_key, hashes.SHA256())
    options = [pkcs7.PKCS7Options.DetachedSignature, pkcs7.PKCS7Options.Binary]
    return builder.sign(serialization.Encoding.DER, options)


def _sm2_key(vault: Vault) -> bytes:
    """The office's SM2 key, made on first use and wrapped as the other is."""
    try:
        return vault.unwrap(SM2_KEY_NAME)
    except NotFound:
        key = openssl.new_sm2_key()
        vault.wrap(SM2_KEY_NAME, key)
        return key
