"""Scripts that speak SSH, or pretend to: raw bytes before the key exchange, paramiko's server side after it.

Source: RFC 4253 (transport), RFC 4252 (authentication), RFC 4254 (channels).
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import paramiko
from paramiko.common import (
    AUTH_FAILED,
    AUTH_PARTIALLY_SUCCESSFUL,
    AUTH_SUCCESSFUL,
    OPEN_SUCCEEDED,
    cMSG_USERAUTH_BANNER,
)
from paramiko.message import Message
from paramiko.server import InteractiveQuery

HOURS = 3600.0
BANNER = b"SSH-2.0-Scripted_1\r\n"
IGNORE, KEXINIT = 2, 20
HOST_KEY = paramiko.ECDSAKey.generate()
STRONG = ("ecdh-sha2-nistp256", "ecdsa-sha2-nistp256", "aes128-ctr", "hmac-sha2-256")
WEAK = ("diffie-hellman-group1-sha1", "ssh-dss", "3des-cbc", "hmac-md5")
OUTPUT = b"@" * 32768
logging.getLogger("paramiko").addHandler(logging.NullHandler())

Serve = Callable[[socket.socket, str, list[str]], None]
"""Serves one connection: socket, the right password, and where to note each secret that was sent."""


# --- before the key exchange ---


def packet(payload: bytes) -> bytes:
    """An unencrypted binary packet (RFC 4253 §6)."""
    padding = 8 - (len(payload) + 5) % 8
    padding += 8 if padding < 4 else 0
    return struct.pack(">IB", len(payload) + padding + 1, padding) + payload + bytes(padding)


def kexinit(kex: str, key: str, cipher: str, mac: str) -> bytes:
    """A KEXINIT with one algorithm a kind."""
    lists = (kex, key, cipher, cipher, mac, mac, "none", "none", "", "")
    names = b"".join(struct.pack(">I", len(name)) + name.encode() for name in lists)
    return packet(bytes([KEXINIT]) + os.urandom(16) + names + b"\0" + bytes(4))


def sends(first: bytes, again: bytes = b"", pause: float = 0.0) -> Serve:
    """Send ``first``, then ``again`` without end (or nothing more)."""

    def serve(sock: socket.socket, secret: str, heard: list[str]) -> None:
        sock.sendall(first)
        while again:
            sock.sendall(again)
            time.sleep(pause)
        time.sleep(HOURS)

    return serve


# --- a whole server that misbehaves in one place ---


class Odd(paramiko.ServerInterface):
    """Honest by default: lets the right password in and answers the constant commands of the scanner."""

    prompts: tuple[tuple[str, bool], ...] = ()

    def __init__(self, secret: str, heard: list[str], transport: Any) -> None:
        self.secret = secret
        self.heard = heard
        self.transport = transport

    def get_allowed_auths(self, username: str) -> str:
        return "keyboard-interactive" if self.prompts else "password"

    def check_auth_none(self, username: str) -> int:
        return AUTH_FAILED

    def check_auth_password(self, username: str, password: str) -> int:
        self.heard.append(password)
        return AUTH_SUCCESSFUL if password == self.secret else AUTH_FAILED

    def check_auth_interactive(self, username: str, submethods: str) -> InteractiveQuery:
        return InteractiveQuery("", "", *self.prompts)

    def check_auth_interactive_response(self, responses: list[str]) -> int:
        self.heard.extend(responses)
        return AUTH_SUCCESSFUL

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        timer = threading.Timer(
            0.02, self.answer_until_gone, (channel, command.decode())
        )  # after the request's own answer
        timer.daemon = True
        timer.start()
        return True

    def answer_until_gone(self, channel: paramiko.Channel, command: str) -> None:
        """A client that goes away ends the answer."""
        with contextlib.suppress(OSError, EOFError):
            self.answer(channel, command)

    def answer(self, channel: paramiko.Channel, command: str) -> None:
        """What the command prints, and how it ends."""
        channel.sendall(output(command))
        channel.send_exit_status(0)
        channel.close()


class LetsAnybodyIn(Odd):
    """Asks for no password at all."""

    def check_auth_none(self, username: str) -> int:
        return AUTH_SUCCESSFUL


class AcceptsAnyPassword(Odd):
    """Any password is right."""

    def check_auth_password(self, username: str, password: str) -> int:
        self.heard.append(password)
        return AUTH_SUCCESSFUL


class NeverDecides(Odd):
    """The login never ends."""

    def check_auth_password(self, username: str, password: str) -> int:
        self.heard.append(password)
        time.sleep(HOURS)
        return AUTH_FAILED


class NeverNamesMethods(Odd):
    """Never says which ways in there are."""

    def check_auth_none(self, username: str) -> int:
        time.sleep(HOURS)
        return AUTH_FAILED


class BannerFlood(Odd):
    """Login banners without end (RFC 4252 §5.4)."""

    def check_auth_none(self, username: str) -> int:
        while True:
            message = Message()
            message.add_byte(cMSG_USERAUTH_BANNER)
            message.add_string(b"welcome " * 4000)
            message.add_string(b"")
            self.transport._send_message(message)


class TwoPrompts(Odd):
    """Asks for a password and for something else with it."""

    prompts = (("Password: ", False), ("Bank card: ", False))


class EchoPrompt(Odd):
    """Would show the password."""

    prompts = (("Password: ", True),)


class OtherPrompt(Odd):
    """Asks for something that is no password."""

    prompts = (("Vault passphrase of the inspector: ", False),)


class SecondFactor(Odd):
    """After the password it wants more."""

    def check_auth_password(self, username: str, password: str) -> int:
        self.heard.append(password)
        return AUTH_PARTIALLY_SUCCESSFUL


class RefusesSessions(Odd):
    """Lets in and gives no session."""

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return 1


class EndlessOutput(Odd):
    """Output without end."""

    def answer(self, channel: paramiko.Channel, command: str) -> None:
        while True:
            channel.sendall(OUTPUT)


class EndlessErrors(Odd):
    """Errors without end."""

    def answer(self, channel: paramiko.Channel, command: str) -> None:
        while True:
            channel.sendall_stderr(OUTPUT)


class DripOutput(Odd):
    """One byte a tenth of a second."""

    def answer(self, channel: paramiko.Channel, command: str) -> None:
        while True:
            channel.sendall(b"@")
            time.sleep(0.1)


class NoAnswer(Odd):
    """Takes the command and says nothing."""

    def answer(self, channel: paramiko.Channel, command: str) -> None:
        time.sleep(HOURS)


class NoExitStatus(Odd):
    """Prints everything and never says how it ended."""

    def answer(self, channel: paramiko.Channel, command: str) -> None:
        channel.sendall(output(command))
        channel.shutdown_write()
        time.sleep(HOURS)


class OutputAfterEnd(Odd):
    """Goes on after it has said that it is done."""

    def answer(self, channel: paramiko.Channel, command: str) -> None:
        channel.sendall(output(command))
        channel.send_exit_status(0)
        channel.shutdown_write()
        message = Message()
        message.add_byte(bytes([94]))  # CHANNEL_DATA
        message.add_int(channel.remote_chanid)
        message.add_string(b"more " * 5000)
        for _ in range(1000):
            self.transport._send_user_message(message)


class Garbage(Odd):
    """Bytes that are no text."""

    def answer(self, channel: paramiko.Channel, command: str) -> None:
        channel.sendall(bytes(range(256)) * 64)
        channel.send_exit_status(0)
        channel.close()


class EvilNames(Odd):
    """Package names with escape sequences, markup and invalid UTF-8."""

    def answer(self, channel: paramiko.Channel, command: str) -> None:
        evil = b"\x1b[2J<script>alert(1)</script>\xe2\x80\xae\xff\xfe=cmd()\0"
        line = b"install ok installed\t" + evil + b":amd64\t1.0\tamd64\tadmin\t12\t" + evil + b"\n"
        text = output(command)
        channel.sendall(text.replace(b"@@packages\n", b"@@packages\n" + line + b"x" * 100_000 + b"\n"))
        channel.send_exit_status(0)
        channel.close()


class DropsInMidAnswer(Odd):
    """Cuts the connection in the middle of an answer."""

    def answer(self, channel: paramiko.Channel, command: str) -> None:
        channel.sendall(b"\n@@part os\n@@uname\nLinux\n")
        self.transport.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.sock.close()


def output(command: str) -> bytes:
    """What an ordinary computer prints for the constant command: all its parts, most of them empty."""
    package = "install ok installed\tbase:amd64\t1.0\tamd64\tadmin\t12\tNobody <n@example.com>"
    filled = {
        "os": "@@uname\nLinux\nscripted\n5.10\nx86_64\n\n@@os-release\nID=debian\nPRETTY_NAME=Debian\n",
        "dpkg": f"@@zone\n+0800\n@@times\n@@packages\n{package}\n\n@@exit\n0",
    }
    parts = re.findall(r"@@part (\w+)", command)
    return "".join(f"\n@@part {part}\n{filled.get(part, '')}\n@@end\n" for part in parts).encode()


def server(kind: type[Odd], key: Callable[[], Any] = lambda: HOST_KEY) -> Serve:
    """A paramiko server with this kind of login and answers."""

    def serve(sock: socket.socket, secret: str, heard: list[str]) -> None:
        transport = paramiko.Transport(sock)
        transport.add_server_key(key())
        transport.start_server(threading.Event(), kind(secret, heard, transport))
        transport.join(HOURS)

    return serve


class BigKey(paramiko.ECDSAKey):
    """A host key followed by a megabyte of nothing."""

    def asbytes(self) -> bytes:
        return super().asbytes() + bytes(1 << 20)


class StolenKey(paramiko.ECDSAKey):
    """The public half of somebody else's key: what it signs is worth nothing."""

    def asbytes(self) -> bytes:
        return HOST_KEY.asbytes()


def bent(kind: type[paramiko.ECDSAKey], key: paramiko.ECDSAKey) -> paramiko.ECDSAKey:
    """The same key pair, shown in another way."""
    return kind(vals=(key.signing_key, key.verifying_key))


SSH_BEFORE: Mapping[str, Serve] = {
    "ssh-silent": sends(b""),
    "ssh-endless-greeting": sends(b"", b"welcome to this machine\r\n" * 1000),
    "ssh-endless-line": sends(b"", b"x" * 65536),
    "ssh-megabytes-then-banner": sends(b"notice\r\n" * 500_000 + BANNER),
    "ssh-drip-banner": sends(b"SSH-2.0-", b"x", 0.3),
    "ssh-http": sends(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 200),
    "ssh-giant-packet": sends(BANNER + b"\xff\xff\xff\xf0\x04", bytes(65536)),
    "ssh-zero-packet": sends(BANNER + bytes(64)),
    "ssh-half-exchange": sends(BANNER + kexinit(*STRONG)),
    "ssh-kexinit-flood": sends(BANNER, kexinit(*STRONG)),
    "ssh-ignore-flood": sends(BANNER, packet(bytes([IGNORE]) + struct.pack(">I", 20_000) + bytes(20_000))),
    "ssh-weak-only": sends(BANNER + kexinit(*WEAK)),
    "ssh-stolen-key": server(Odd, lambda: bent(StolenKey, paramiko.ECDSAKey.generate())),
}
"""Scripts that never reach a login: no key, nothing confirmed, nothing sent."""

SSH_AFTER: Mapping[str, Serve] = {
    "ssh-honest": server(Odd),
    "ssh-changing-key": server(Odd, paramiko.ECDSAKey.generate),
    "ssh-big-key": server(Odd, lambda: bent(BigKey, HOST_KEY)),
    "ssh-lets-anybody-in": server(LetsAnybodyIn),
    "ssh-never-names-methods": server(NeverNamesMethods),
    "ssh-never-decides": server(NeverDecides),
    "ssh-banner-flood": server(BannerFlood),
    "ssh-two-prompts": server(TwoPrompts),
    "ssh-echo-prompt": server(EchoPrompt),
    "ssh-other-prompt": server(OtherPrompt),
    "ssh-second-factor": server(SecondFactor),
    "ssh-accepts-any-password": server(AcceptsAnyPassword),
    "ssh-refuses-sessions": server(RefusesSessions),
    "ssh-endless-output": server(EndlessOutput),
    "ssh-endless-errors": server(EndlessErrors),
    "ssh-drip-output": server(DripOutput),
    "ssh-no-answer": server(NoAnswer),
    "ssh-no-exit-status": server(NoExitStatus),
    "ssh-output-after-end": server(OutputAfterEnd),
    "ssh-garbage": server(Garbage),
    "ssh-evil-names": server(EvilNames),
    "ssh-drops-in-mid-answer": server(DropsInMidAnswer),
}
