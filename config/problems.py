"""The one family of errors that people see: each has a message code, an exit code and an HTTP status."""

from __future__ import annotations

from enum import IntEnum
from typing import ClassVar

from config.message import Message, Param


class Exit(IntEnum):
    """Exit codes of ``hezheng``; part of the contract."""

    DONE = 0
    NO = 1
    USAGE = 2
    BAD_INPUT = 3
    REFUSED = 4
    ENVIRONMENT = 5
    BUSY = 6
    OTHER_VERSION = 7
    INTERRUPTED = 130


class Problem(Exception):
    """Something that stops a request; ``message`` says what and what to do about it."""

    exit: ClassVar[Exit] = Exit.BAD_INPUT
    status: ClassVar[int] = 422

    def __init__(self, code: str, **params: Param) -> None:
        super().__init__(code, params)
        self.message = Message(code, params)


class BadInput(Problem):
    """The request or file is wrong; nothing was changed."""


class NotFound(Problem):
    """No such thing here."""

    status = 404


class Conflict(Problem):
    """The thing is not in a state that allows this."""

    status = 409


class Refused(Problem):
    """Not allowed: scope, window, vault, network, unknown signer."""

    exit = Exit.REFUSED
    status = 403


class EnvironmentProblem(Problem):
    """The machine lacks something: port, nmap, disk."""

    exit = Exit.ENVIRONMENT
    status = 503


class Busy(Problem):
    """Another writer holds the data folder."""

    exit = Exit.BUSY
    status = 409


class Negative(Problem):
    """Done, and the answer is no: verification failed, nothing collected."""

    exit = Exit.NO
    status = 422


class OtherVersion(Problem):
    """It needs another version of this software, which the message names."""

    exit = Exit.OTHER_VERSION
    status = 409
