"""What the ``openssl`` command does for a bundle: encryption to the office, SM2, CMS checks, time stamps.

Keys go to it through a pipe, never through a file, an argument or the environment. Everything has a time limit.

References:
    - CMS AuthEnvelopedData with AES-256-GCM, RFC 5083 and RFC 5084; both RSA and EC recipients
    - SM2 with SM3, GB/T 32918 and GM/T 0009 (the signer's id is the standard's default)
    - time-stamp protocol, RFC 3161
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from config.problems import BadInput, EnvironmentProblem

SECONDS = 600
SM2_ID = "distid:1234567812345678"


def _run(arguments: Sequence[str], data: bytes | None = None, secrets: Mapping[str, bytes] | None = None) -> bytes:
    """Standard output of ``openssl``; ``{name}`` in an argument becomes the path of a pipe that holds that secret.

    Raises EnvironmentProblem ``evidence.no_openssl``, ``evidence.openssl_failed``.
    """
    command = shutil.which("openssl")
    if command is None:
        raise EnvironmentProblem("evidence.no_openssl")
    pipes = {name: _pipe(secret) for name, secret in (secrets or {}).items()}
    try:
        places = {name: f"/dev/fd/{descriptor}" for name, descriptor in pipes.items()}
        done = subprocess.run(
            [command, *(argument.format(**places) for argument in arguments)],
            check=False,
            input=data if data is not None else b"",
            capture_output=True,
            timeout=SECONDS,
            pass_fds=tuple(pipes.values()),
            umask=0o077,  # what it decrypts is full of people's names
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EnvironmentProblem("evidence.openssl_failed", detail=str(error)[:200]) from error
    finally:
        for descriptor in pipes.values():
            os.close(descriptor)
    if done.returncode:
        raise EnvironmentProblem("evidence.openssl_failed", detail=_reason(done.stderr))
    return done.stdout


def _pipe(secret: bytes) -> int:
    """The reading end of a pipe that holds ``secret``; keys are far smaller than what a pipe takes at once."""
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as file:
        file.write(secret)
    return reading


def _reason(stderr: bytes) -> str:
    lines = stderr.decode("utf-8", "replace").strip().splitlines()
    return lines[-1][:200] if lines else ""


def encrypt(source: Path, target: Path, certificate: Path) -> None:
    """Encrypt a file of any size to a certificate; ``target`` appears whole or not at all."""
    partial = target.with_name(target.name + ".part")
    form = ("-binary", "-stream", "-outform", "DER", "-aes-256-gcm")
    try:
        _run(("cms", "-encrypt", *form, "-in", _path(source), "-out", _path(partial), _path(certificate)))
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.rename(target)
    finally:
        partial.unlink(missing_ok=True)


def decrypt(source: Path, target: Path, key: Path, passphrase: bytes) -> None:
    """What :func:`encrypt` made, with the office's private key. Raises BadInput ``evidence.cannot_decrypt``."""
    partial = target.with_name(target.name + ".part")
    arguments = ("cms", "-decrypt", "-binary", "-inform", "DER", "-in", _path(source), "-out", _path(partial))
    try:
        _run((*arguments, "-inkey", _path(key), "-passin", "file:{word}"), secrets={"word": passphrase + b"\n"})
        partial.rename(target)
    except EnvironmentProblem as problem:
        if problem.message.code == "evidence.no_openssl":
            raise
        detail = str(problem.message.params.get("detail", ""))
        raise BadInput("evidence.cannot_decrypt", name=source.name, detail=detail) from problem
    finally:
        partial.unlink(missing_ok=True)


def new_sm2_key() -> bytes:
    """A fresh SM2 private key in PEM."""
    return _run(("genpkey", "-algorithm", "SM2", "-outform", "PEM"))


def sm2_public(private_pem: bytes) -> bytes:
    """Its public key in PEM."""
    return _run(("pkey", "-in", "{key}", "-pubout"), secrets={"key": private_pem})


def sm2_sign(private_pem: bytes, data: bytes) -> bytes:
    """DER signature over the SM3 of ``data`` (and the signer's id, as the standard has it)."""
    sign = ("pkeyutl", "-sign", "-rawin", "-digest", "sm3", "-inkey", "{key}", "-pkeyopt", SM2_ID)
    return _run(sign, data, {"key": private_pem})


def timestamp_query(file: Path) -> bytes:
    """A request for a time stamp over a file, to be carried to an authority (``.tsq``)."""
    return _run(("ts", "-query", "-data", _path(file), "-sha256", "-cert", "-no_nonce"))


def check_timestamp(token: bytes, file: Path, authority: Path) -> None:
    """Whether a token (``.tsr``) is the authority's, over this file. Raises BadInput ``evidence.bad_timestamp``."""
    check = ("ts", "-verify", "-data", _path(file), "-in", "{token}", "-CAfile", _path(authority))
    try:
        _run(check, secrets={"token": token})
    except EnvironmentProblem as problem:
        if problem.message.code == "evidence.no_openssl":
            raise
        raise BadInput("evidence.bad_timestamp", detail=str(problem.message.params.get("detail", ""))) from problem


def _path(path: Path) -> str:
    """Absolute, so that no name is taken for an option; braces are doubled for ``str.format``."""
    return str(path.absolute()).replace("{", "{{").replace("}", "}}")
