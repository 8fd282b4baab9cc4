"""SSH: log in to one pinned host and run the constant commands. The only file that imports paramiko.

The host key is compared before anything secret is sent. Nothing weak is negotiated (no SHA-1, MD5, CBC, 3DES), no agent
and no key file is looked for, no name is looked up. Every wait is bounded, and all of them together.
"""

from __future__ import annotations

import logging
import os
import re
import select
import socket
import struct
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager

import paramiko
from paramiko.ssh_exception import IncompatiblePeer

from config.clock import Clock
from scanner.collectors.linux.commands import COMMANDS, SUDO_COMMANDS, SUDO_PROMPT, SUDO_WITH_PASSWORD
from scanner.login_step import LoginStep
from scanner.session import (
    AccessDenied,
    Elevation,
    LimitExceeded,
    LinuxSession,
    LogonRefused,
    SessionError,
    ShellAnswer,
    TimedOut,
    Unreachable,
    Unsupported,
    Untrusted,
)
from scanner.transports.ssh_target import HostKey, SshLimits, SshTarget, Waits, parse_pin

__all__ = ["HostKey", "SshLimits", "SshTarget", "fetch_host_key", "open_linux"]

CHANNEL = "ssh2"
WEAK = {
    "ciphers": ["aes128-cbc", "aes192-cbc", "aes256-cbc", "3des-cbc"],
    "macs": ["hmac-sha1", "hmac-sha1-96", "hmac-md5", "hmac-md5-96"],
}
NEVER_FIRST = 86400.0  # the library's own timers would report our time-outs as other errors
CHUNK = 1 << 16
PASSWORD_PROMPT = re.compile(r"passw|密码|密碼|口令", re.IGNORECASE)
WANTED = re.compile(re.escape(SUDO_PROMPT).encode() + rb"([^:\n]*):")
MUST_CHANGE = b"Password change required"  # what sshd prints instead of running the command

_LIBRARY_ERRORS = (paramiko.SSHException, EOFError, OSError)

logging.getLogger("paramiko").addHandler(logging.NullHandler())  # a host's misbehaviour is an outcome, not our stderr


class _Transport(paramiko.Transport):
    """A client that offers nothing weak and raises only ``_LIBRARY_ERRORS``, whatever a host sends."""

    def __init__(self, connection: socket.socket, first_type: str) -> None:
        super().__init__(connection, disabled_algorithms=WEAK)
        self.banner_timeout = self.handshake_timeout = NEVER_FIRST
        types = [name for name in self.get_security_options().key_types if "-cert-" not in name]
        types.sort(key=lambda name: not _same_type(name, first_type))
        self.get_security_options().key_types = tuple(types)

    def get_exception(self) -> Exception | None:
        error = super().get_exception()
        if error is None or isinstance(error, _LIBRARY_ERRORS):
            return error
        wrapped = paramiko.SSHException(type(error).__name__)  # a parser of the library met something it did not expect
        wrapped.__cause__ = error
        return wrapped


class _UnsafePrompt(paramiko.SSHException):
    """The host asked for something other than the password."""


def fetch_host_key(address: str, port: int, timeout_seconds: float) -> HostKey:
    """Key exchange only: no login, nothing secret is sent. Each of its two steps gets ``timeout_seconds``.

    Raises Unreachable, TimedOut, Unsupported (``ssh.legacy``, ``ssh.not_ssh``) or Untrusted.
    """
    with _negotiated(address, port, "", timeout_seconds, timeout_seconds) as transport:
        return _host_key(transport)


@contextmanager
def open_linux(target: SshTarget, limits: SshLimits, clock: Clock) -> Generator[LinuxSession]:
    """Log in and yield a session; it is closed at the end.

    Raises Unreachable, TimedOut, Unsupported (``ssh.legacy``, ``ssh.not_ssh``, ``ssh.no_password_login``,
    ``ssh.second_factor``), Untrusted (``ssh.host_key_changed``, ``ssh.host_key_unknown``), AccessDenied
    (``login.guest_refused``) and LogonRefused (``login.refused``, ``ssh.cut_at_login``).
    """
    waits = Waits(target.address, limits, clock, clock.monotonic() + limits.deadline_seconds)
    pinned = parse_pin(target)
    connect = min(limits.connect_seconds, waits.left())
    with _negotiated(target.address, target.port, pinned[0], connect, waits.left()) as transport:
        _check_key(transport, target, pinned)
        _login(transport, target, waits)
        elevation = Elevation() if target.sudo else None
        yield LinuxSession(_SshShell(transport, target, limits, waits), CHANNEL, elevation)


class _SshShell:
    """``scanner.session.Shell`` over one connection; each command has a channel of its own."""

    def __init__(self, transport: _Transport, target: SshTarget, limits: SshLimits, waits: Waits) -> None:
        self._transport = transport
        self._target = target
        self._limits = limits
        self._waits = waits
        self._received = 0

    def run(self, command: str) -> ShellAnswer:
        """Run one command of ``COMMANDS``; those with sudo only for a credential that may.

        Raises SessionError ``ssh.command_not_allowed`` for any other string.
        """
        if command not in COMMANDS or (command in SUDO_COMMANDS and not self._target.sudo):
            raise SessionError("ssh.command_not_allowed")
        address, account = self._target.address, self._target.username
        try:
            answer = self._run(command)
        except paramiko.ChannelException as error:
            raise AccessDenied("ssh.session_refused", address=address, account=account) from error
        except _LIBRARY_ERRORS as error:
            raise Unreachable("ssh.broke", address=address) from error
        if MUST_CHANGE in answer.stderr:
            raise LogonRefused("login.expired", address=address, account=account)
        return answer

    def _run(self, command: str) -> ShellAnswer:
        with _bounded(self._transport, self._waits):
            channel = self._transport.open_session(timeout=NEVER_FIRST)
        try:
            with _bounded(self._transport, self._waits):
                channel.exec_command(command)
            prompt = _SudoPrompt(channel, self._target) if command == SUDO_WITH_PASSWORD else None
            stdout, stderr = self._read(channel, prompt)
            if not channel.status_event.wait(self._waits.left()):
                raise self._waits.ended("ssh.silent")
            return ShellAnswer(stdout, stderr, channel.exit_status)
        finally:
            channel.close()

    def _read(self, channel: paramiko.Channel, prompt: _SudoPrompt | None) -> tuple[bytes, bytes]:
        stdout, stderr = bytearray(), bytearray()
        while True:
            ended = channel.eof_received or channel.closed  # before the buffers: what came earlier is still in them
            if channel.recv_ready():
                stdout += self._counted(channel.recv(CHUNK), stdout, stderr)
            elif channel.recv_stderr_ready():
                stderr += self._counted(channel.recv_stderr(CHUNK), stdout, stderr)
                if prompt:
                    with _bounded(self._transport, self._waits):
                        prompt.hear(stderr)
            elif ended:
                break
            elif not select.select([channel], [], [], self._waits.left())[0]:
                raise self._waits.ended("ssh.silent")
            else:
                self._waits.left()
        if not channel.eof_received and not self._transport.is_active():
            raise EOFError
        return bytes(stdout), bytes(stderr)

    def _counted(self, data: bytes, stdout: bytearray, stderr: bytearray) -> bytes:
        self._waits.left()
        self._received += len(data)
        for size, limit in (
            (len(stdout) + len(stderr) + len(data), self._limits.output_bytes),
            (self._received, self._limits.total_bytes),
        ):
            if size > limit:
                raise LimitExceeded("ssh.too_much_output", address=self._target.address, limit=limit)
        return data


class _SudoPrompt:
    """Answers sudo's first question with the account's own password, and no other question."""

    def __init__(self, channel: paramiko.Channel, target: SshTarget) -> None:
        self._channel, self._target, self._asked = channel, target, False

    def hear(self, stderr: bytes | bytearray) -> None:
        """Look at everything that came on standard error so far."""
        asked = None if self._asked else WANTED.search(stderr)
        if asked is None:
            return
        self._asked = True
        if asked[1] == self._target.username.encode():
            self._channel.sendall(f"{self._target.secret}\n".encode())
        self._channel.shutdown_write()


@contextmanager
def _negotiated(
    address: str, port: int, first_type: str, connect_seconds: float, answer_seconds: float
) -> Generator[_Transport]:
    """Connect and exchange keys, asking for a key of ``first_type`` first."""
    transport = _Transport(_connected(address, port, connect_seconds), first_type)
    try:
        done = threading.Event()
        transport.start_client(event=done)
        if not done.wait(answer_seconds):
            raise TimedOut("ssh.no_answer", address=address, seconds=answer_seconds)
        if not transport.is_active():
            raise _handshake_error(transport, address, port)
        yield transport
    finally:
        transport.close()


def _connected(address: str, port: int, seconds: float) -> socket.socket:
    """A TCP connection to a literal address."""
    connection = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    connection.settimeout(seconds)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # each command is several small packets
    # A worker that is ended must fall silent: one reset, instead of a FIN repeated for minutes to a dead host.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    try:
        connection.connect((address, port))
    except OSError as error:
        connection.close()
        raise _connect_error(error, address, port, seconds) from error
    return connection


def _connect_error(error: OSError, address: str, port: int, seconds: float) -> Unreachable:
    if isinstance(error, ConnectionRefusedError):
        return Unreachable("ssh.refused", address=address, port=port)
    if isinstance(error, TimeoutError):
        return Unreachable("ssh.no_connection", address=address, port=port, seconds=seconds)
    return Unreachable("ssh.no_route", address=address, port=port, detail=os.strerror(error.errno or 0))


def _handshake_error(transport: _Transport, address: str, port: int) -> SessionError:
    """What ended the key exchange. A close is told from garbage by what the library met while reading."""
    error = transport.get_exception()
    if isinstance(error, IncompatiblePeer):
        return Unsupported("ssh.legacy", address=address)
    if not isinstance(error, paramiko.SSHException) or isinstance(error.__context__, EOFError | ConnectionError):
        return Unreachable("ssh.closed", address=address)
    if not transport.remote_version:
        return Unsupported("ssh.not_ssh", address=address, port=port)
    return Untrusted("ssh.handshake_failed", address=address)


def _host_key(transport: _Transport) -> HostKey:
    key = transport.get_remote_server_key()
    return HostKey.of(key.get_name(), key.asbytes())


def _check_key(transport: _Transport, target: SshTarget, pinned: tuple[str, bytes]) -> None:
    if transport.get_remote_server_key().asbytes() != pinned[1]:
        shown = _host_key(transport).fingerprint
        raise Untrusted("ssh.host_key_changed", address=target.address, fingerprint=shown)


def _same_type(algorithm: str, key_type: str) -> bool:
    """Whether ``algorithm`` signs with keys of ``key_type``: an ``ssh-rsa`` key signs as ``rsa-sha2-512``."""
    return algorithm == key_type or (key_type == "ssh-rsa" and algorithm.startswith("rsa-sha2-"))


def _login(transport: _Transport, target: SshTarget, waits: Waits) -> None:
    """One attempt with the password: a second one after a refusal would count twice against a lock-out."""
    transport.auth_timeout = NEVER_FIRST
    attempt = _attempt(transport, target, _methods(transport, target, waits))
    try:
        with _bounded(transport, waits):
            more = attempt()
    except _LIBRARY_ERRORS as error:
        raise _login_error(error, transport, target) from error
    target.announce(LoginStep.ACCEPTED)
    if more:
        raise Unsupported("ssh.second_factor", address=target.address)


def _methods(transport: _Transport, target: SshTarget, waits: Waits) -> Sequence[str]:
    """What the host accepts, asked without the password. A host that lets anybody in proves nothing: it is refused."""
    try:
        with _bounded(transport, waits):
            transport.auth_none(target.username)
    except paramiko.BadAuthenticationType as error:
        return error.allowed_types
    except _LIBRARY_ERRORS as error:
        raise Unreachable("ssh.closed", address=target.address) from error
    raise AccessDenied("login.guest_refused", address=target.address)


def _attempt(transport: _Transport, target: SshTarget, methods: Sequence[str]) -> Callable[[], Sequence[str]]:
    """The one way in that the host accepts; called, it returns the further steps that the host wants."""
    if "password" in methods:
        return lambda: _send_password(transport, target)
    if "keyboard-interactive" in methods:
        return lambda: transport.auth_interactive(target.username, _answer_once(target))
    raise Unsupported("ssh.no_password_login", address=target.address, methods=", ".join(methods)[:80])


def _send_password(transport: _Transport, target: SshTarget) -> Sequence[str]:
    target.announce(LoginStep.SENDING)
    return transport.auth_password(target.username, target.secret, fallback=False)


def _answer_once(target: SshTarget) -> Callable[[str, str, Sequence[tuple[str, bool]]], list[str]]:
    """Answers one hidden prompt that asks for a password, once; a request without prompts needs no answer."""
    answers = [target.secret]

    def answer(title: str, instructions: str, prompts: Sequence[tuple[str, bool]]) -> list[str]:
        if not prompts:
            return []
        if len(prompts) > 1 or prompts[0][1] or not PASSWORD_PROMPT.search(prompts[0][0]) or not answers:
            raise _UnsafePrompt
        target.announce(LoginStep.SENDING)
        return [answers.pop()]

    return answer


def _login_error(error: Exception, transport: _Transport, target: SshTarget) -> SessionError:
    if isinstance(error, _UnsafePrompt):
        return Unsupported("ssh.second_factor", address=target.address)
    if isinstance(error, paramiko.AuthenticationException) and transport.is_active():
        return LogonRefused("login.refused", address=target.address, account=target.username)
    return LogonRefused("ssh.cut_at_login", address=target.address, account=target.username)


@contextmanager
def _bounded(transport: _Transport, waits: Waits) -> Generator[None]:
    """Cut the connection when one answer takes too long: the library waits without limit for some of them."""
    expired = threading.Event()

    def cut() -> None:
        expired.set()
        transport.close()

    timer = threading.Timer(waits.left(), cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    except _LIBRARY_ERRORS as error:
        if expired.is_set():
            raise waits.ended("ssh.no_answer") from error
        raise
    finally:
        timer.cancel()
