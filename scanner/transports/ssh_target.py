"""Whom to log in to over SSH, the key that was confirmed for it, and how long and how much it may answer."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field

from config.clock import Clock
from scanner.login_step import Announce, unheard
from scanner.session import TimedOut, Untrusted


@dataclass(frozen=True, slots=True)
class SshTarget:
    """Where to log in, as whom. ``host_key`` is the confirmed key, ``type base64`` as in known_hosts."""

    address: str
    port: int
    username: str
    secret: str = field(repr=False)
    host_key: str
    announce: Announce = field(default=unheard, repr=False)
    sudo: bool = False  # the credential may use sudo


@dataclass(frozen=True, slots=True)
class SshLimits:
    """Seconds for the TCP connection, for one answer, in all; bytes of one command's output and of all of them."""

    connect_seconds: float
    answer_seconds: float
    deadline_seconds: float
    output_bytes: int
    total_bytes: int


@dataclass(frozen=True, slots=True)
class HostKey:
    """A host's public key; ``fingerprint`` is ``SHA256:…`` as OpenSSH shows it."""

    type: str
    base64: str
    fingerprint: str

    @classmethod
    def of(cls, kind: str, blob: bytes) -> HostKey:
        """The key of a wire-format ``blob``."""
        digest = base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
        return cls(kind, base64.b64encode(blob).decode(), f"SHA256:{digest}")


@dataclass(frozen=True, slots=True)
class Waits:
    """How long the next step may wait."""

    address: str
    limits: SshLimits
    clock: Clock
    deadline: float

    def left(self) -> float:
        """Seconds for the next answer. Raises TimedOut after the total deadline."""
        seconds = self.deadline - self.clock.monotonic()
        if seconds <= 0:
            raise TimedOut("ssh.deadline", address=self.address, seconds=self.limits.deadline_seconds)
        return min(seconds, self.limits.answer_seconds)

    def ended(self, code: str) -> TimedOut:
        """The error of an answer that did not come: of the deadline when that has passed, else ``code``."""
        if self.clock.monotonic() >= self.deadline:
            return TimedOut("ssh.deadline", address=self.address, seconds=self.limits.deadline_seconds)
        return TimedOut(code, address=self.address, seconds=self.limits.answer_seconds)


def parse_pin(target: SshTarget) -> tuple[str, bytes]:
    """Type and bytes of the confirmed key. Raises Untrusted ``ssh.host_key_unknown`` when there is none."""
    kind, _, text = target.host_key.strip().partition(" ")
    try:
        blob = base64.b64decode(text.partition(" ")[0], validate=True)
    except ValueError as error:
        raise Untrusted("ssh.host_key_unknown", address=target.address) from error
    if not blob:
        raise Untrusted("ssh.host_key_unknown", address=target.address)
    return kind, blob
