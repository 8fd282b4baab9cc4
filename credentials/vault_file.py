"""The vault's two kinds of file, as typed values: ``vault/vault.json`` and ``keys/<name>.json``.

Each file is ``{"body": …, "sha256": hex of the canonical body}``: the digest tells damage (clear problem, file left
alone) from a wrong passphrase. It is no protection against an attacker; the seals inside are.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from config.durable import private_folder, replace_file
from config.problems import BadInput, EnvironmentProblem
from credentials.model import Credential
from credentials.sealing import Kdf

VAULT_SCHEMA = "hezheng.vault/1"
KEY_SCHEMA = "hezheng.key/1"
FILE_LIMIT = 16 << 20


@dataclass(frozen=True, slots=True)
class Entry:
    """One credential: metadata in plain, secret sealed under its inspection's data key."""

    credential: Credential
    unit: str
    inspection: str
    version: int  # rises each time a person enters the secret again
    sealed: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Document:
    """All of ``vault.json``."""

    kdf: Kdf
    check: str = field(repr=False)  # a constant sealed under the key-encryption key
    data_keys: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)  # inspection → sealed data key
    wrapped: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]], repr=False)
    entries: tuple[Entry, ...] = ()
    schema: str = VAULT_SCHEMA


@dataclass(frozen=True, slots=True)
class KeyFile:
    """A key kept over wipes, sealed under the key-encryption key; carries the KDF, so it opens without the vault."""

    kdf: Kdf
    sealed: str = field(repr=False)
    schema: str = KEY_SCHEMA


B = TypeVar("B", Document, KeyFile)


@dataclass(frozen=True, slots=True)
class _Envelope(Generic[B]):
    body: B
    sha256: str


_DOCUMENTS: TypeAdapter[_Envelope[Document]] = TypeAdapter(_Envelope[Document])
_KEYS: TypeAdapter[_Envelope[KeyFile]] = TypeAdapter(_Envelope[KeyFile])
_DOCUMENT_BODY: TypeAdapter[Document] = TypeAdapter(Document)
_KEY_BODY: TypeAdapter[KeyFile] = TypeAdapter(KeyFile)


def load_document(path: Path) -> Document:
    """Read and check ``vault.json``. Raises BadInput when it is damaged, newer, or its KDF is out of bounds."""
    return _load(path, _DOCUMENTS, _DOCUMENT_BODY, VAULT_SCHEMA)


def store_document(path: Path, document: Document) -> None:
    """Replace ``vault.json`` durably. Raises EnvironmentProblem; the old file stands then."""
    _store(path, _DOCUMENTS, _DOCUMENT_BODY, document)


def load_key(path: Path) -> KeyFile:
    """Read and check one key file. Raises as :func:`load_document`."""
    return _load(path, _KEYS, _KEY_BODY, KEY_SCHEMA)


def store_key(path: Path, key: KeyFile) -> None:
    """Replace one key file durably. Raises EnvironmentProblem."""
    _store(path, _KEYS, _KEY_BODY, key)


def _load(path: Path, envelopes: TypeAdapter[_Envelope[B]], bodies: TypeAdapter[B], schema: str) -> B:
    try:
        with path.open("rb") as file:
            text = file.read(FILE_LIMIT)
        envelope = envelopes.validate_json(text)
    except ValidationError:
        raise BadInput("vault.corrupt", file=path.name) from None
    except OSError as error:
        raise EnvironmentProblem("vault.unreadable", file=path.name, detail=error.strerror) from error
    if envelope.body.schema != schema:
        raise BadInput("vault.newer", file=path.name, schema=envelope.body.schema)
    if envelope.sha256 != _digest_as_kept(text):
        raise BadInput("vault.corrupt", file=path.name)
    if not envelope.body.kdf.bounded:
        raise BadInput("vault.kdf_out_of_bounds", file=path.name)
    return envelope.body


def _store(path: Path, envelopes: TypeAdapter[_Envelope[B]], bodies: TypeAdapter[B], body: B) -> None:
    try:
        private_folder(path.parent)
        replace_file(path, envelopes.dump_json(_Envelope(body, _digest(body, bodies)), indent=1))
    except OSError as error:
        raise EnvironmentProblem("vault.cannot_write", file=path.name, detail=error.strerror) from error


def _digest_as_kept(text: bytes) -> str:
    """Over the body as it stands in the file: it may be older than a field that we know."""
    body = json.loads(text)["body"]
    return hashlib.sha256(json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()


def _digest(body: B, bodies: TypeAdapter[B]) -> str:
    return hashlib.sha256(bodies.dump_json(body)).hexdigest()
