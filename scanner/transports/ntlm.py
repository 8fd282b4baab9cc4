"""NTLMv2 tokens inside SPNEGO: impacket computes them, this file alone imports it.

References:
    - [MS-NLMP] §2.2.1 (messages), §3.1.5.1.2 (client receives a challenge)
    - RFC 4178 (SPNEGO); only NTLM is offered, so no mechanism list needs protecting
"""

from __future__ import annotations

import secrets
import struct
from typing import Any

from impacket import ntlm as _impacket

from scanner.session import Untrusted
from scanner.transports.smb_wire import Malformed

SIGNATURE = b"NTLMSSP\0"
CHALLENGE = 2
NEGOTIATE_KEY_EXCH = 0x40000000
REQUIRED = 0x60880011  # Unicode, signing, extended session security, target information, 128-bit keys, key exchange
LONGEST_CHALLENGE = 8192  # names of a server and its domain; a longer answer would not fit into a message
STRONG = NEGOTIATE_KEY_EXCH | 0x20000000 | 0x00080000 | 0x00000020 | 0x00000010
"""Key exchange, 128 bits, extended session security, seal, sign."""
SPNEGO_OID = bytes.fromhex("06062b0601050502")
NTLM_OID = bytes.fromhex("060a2b06010401823702020a")


class WeakChallenge(Exception):
    """The server's challenge leaves messages without strong signatures."""


class NtlmLogin:
    """One login attempt; the secret lives as long as this object."""

    def __init__(self, username: str, domain: str, secret: str) -> None:
        self._who = (username, secret, domain)
        self._first: Any = _impacket.getNTLMSSPType1("", domain, signingRequired=True)

    def first_token(self) -> bytes:
        """The NEGOTIATE message in a SPNEGO NegTokenInit."""
        mechanisms = _der(0xA0, _der(0x30, NTLM_OID))
        token = _der(0xA2, _der(0x04, self._first.getData()))
        return _der(0x60, SPNEGO_OID + _der(0xA0, _der(0x30, mechanisms + token)))

    def second_token(self, answer: bytes) -> tuple[bytes, bytes]:
        """From the server's token: our AUTHENTICATE message in a NegTokenResp, and the session key (16 bytes).

        Raises Malformed when the token holds no well-formed challenge, Untrusted ``smb.weak_challenge`` when it lacks a
        protection that was asked for: every server that we accept has them all, so a rogue or somebody in between took
        it away, and no answer is computed.
        """
        message, session_key, _ = self._authenticate(_challenge(answer))
        return _der(0xA1, _der(0x30, _der(0xA2, _der(0x04, message)))), session_key

    def bare_first(self) -> bytes:
        """The NEGOTIATE message without SPNEGO around it, as DCE/RPC carries it."""
        return self._first.getData()

    def bare_second(self, answer: bytes) -> tuple[bytes, bytes]:
        """From a bare challenge: our AUTHENTICATE message and the session key (16 bytes).

        Raises Malformed without a well-formed challenge, WeakChallenge when it takes away what protects messages.
        """
        message, session_key, flags = self._authenticate(_challenge(answer))
        if flags & STRONG != STRONG:
            raise WeakChallenge(f"0x{flags:08X}")
        return message, session_key

    def _authenticate(self, challenge: bytes) -> tuple[bytes, bytes, int]:
        try:
            message, session_key = _impacket.getNTLMSSPType3(self._first, challenge, *self._who)
        except (struct.error, ValueError, LookupError, TypeError, AttributeError) as error:
            raise Malformed("NTLM challenge") from error
        flags = message["flags"]
        if flags & NEGOTIATE_KEY_EXCH:
            message["session_key"], session_key = _fresh_session_key(message["session_key"], session_key)
        return message.getData(), session_key, flags


def _challenge(answer: bytes) -> bytes:
    at = answer.find(SIGNATURE)
    if at < 0 or len(answer) < at + 48 or struct.unpack_from("<I", answer, at + 8)[0] != CHALLENGE:
        raise Malformed("no NTLM challenge")
    if len(answer) - at > LONGEST_CHALLENGE:
        raise Malformed("an NTLM challenge of giant size")
    if struct.unpack_from("<I", answer, at + 20)[0] & REQUIRED != REQUIRED:
        raise Untrusted("smb.weak_challenge")
    return answer[at:]


def _fresh_session_key(encrypted: bytes, weak: bytes) -> tuple[bytes, bytes]:
    """impacket draws the exported key from letters and digits by a predictable generator: swap in a strong one.

    The key travels under RC4, so the old pair yields the key stream that carries the new one.
    """
    strong = secrets.token_bytes(16)
    return bytes(e ^ w ^ s for e, w, s in zip(encrypted, weak, strong, strict=True)), strong


def _der(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    return bytes((tag, 0x82)) + size.to_bytes(2, "big") + content
