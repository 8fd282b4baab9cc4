"""Identifiers: ULIDs from an injected clock and an injected source of randomness.

Format: https://github.com/ulid/spec (48 bits of milliseconds, 80 random bits, Crockford base 32).
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from config.clock import Clock

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 26


def encode_ulid(milliseconds: int, randomness: int) -> str:
    """Encode 48 bits of time and 80 random bits as 26 characters."""
    value = (milliseconds << 80) | randomness
    return "".join(ALPHABET[(value >> shift) & 31] for shift in range(125, -1, -5))


def is_ulid(text: str) -> bool:
    """Whether ``text`` has a ULID's form (and so is safe as a folder name)."""
    return len(text) == LENGTH and text[0] in "01234567" and all(c in ALPHABET for c in text)


@dataclass
class Ids:
    """Makes new ids; within one millisecond they still sort in order of making. Threads may share it."""

    clock: Clock
    random_bits: Callable[[int], int] = secrets.randbits
    _last: tuple[int, int] = field(default=(0, 0), repr=False)
    _making: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def new(self) -> str:
        """Return a fresh ULID, greater than every one made before by this object."""
        with self._making:
            now = int(self.clock.now().timestamp() * 1000)
            last_ms, last_random = self._last
            # The top random bit stays clear so that counting upwards cannot overflow the 80 bits.
            self._last = (last_ms, last_random + 1) if now <= last_ms else (now, self.random_bits(79))
            return encode_ulid(*self._last)
