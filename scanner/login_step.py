"""What a transport announces while it logs in, so that a login without an answer is never taken for one not made."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum


class LoginStep(StrEnum):
    """``sending`` comes just before anything made from the password leaves; ``accepted`` once it is known to be right.

    Whatever ends a login between the two leaves open whether somebody counted a wrong password.
    """

    SENDING = "sending"
    ACCEPTED = "accepted"


Announce = Callable[[LoginStep], None]


def unheard(step: LoginStep) -> None:
    """For callers that do not count logins."""
