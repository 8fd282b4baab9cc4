"""The encrypted store of what the unit lent us: Argon2id → key → per-inspection data key → one seal a secret.

Layout, under the data folder: ``vault/vault.json`` (0600) holds credentials; ``keys/<name>.json`` holds keys that
outlive an inspection, such as the signing key. Nothing else opens these files, and no backup or bundle takes them.

Metadata (user name, domain, ranges, label) is plain, so that lists work while the vault is locked. It is bound to the
secret's seal: an edited scope or protocol makes the secret unreadable instead of sending it elsewhere.
"""

from __future__ import annotations

import re
import threading
from dataclasses import replace
from pathlib import Path

from config.clock import Clock, rfc3339
from config.ids import Ids
from config.problems import BadInput, Conflict, NotFound, Refused
from config.settings import Vault as VaultSettings
from credentials import sealing
from credentials.model import Credential, CredentialKind, CredentialScope, LoginProtocol, UnlockedCredential
from credentials.ranges import parse_range
from credentials.sealing import SealBroken
from credentials.vault_file import Document, Entry, KeyFile, load_document, load_key, store_document, store_key

CHECK = b"hezheng"
SHORTEST_PASSPHRASE = 8
KEY_NAME = re.compile(r"[a-z0-9_-]{1,64}")


class Vault:
    """One vault a data folder. Safe to share between threads of the one writing process."""

    def __init__(self, folder: Path, settings: VaultSettings, clock: Clock, ids: Ids) -> None:
        """``folder`` is the data folder, not the vault's own."""
        self._file = folder / "vault" / "vault.json"
        self._keys = folder / "keys"
        self._settings = settings
        self._clock = clock
        self._ids = ids
        self._guard = threading.RLock()
        self._key: bytes | None = None
        self._used_at = 0.0

    def exists(self) -> bool:
        """Whether a vault was created here."""
        return self._file.exists()

    def create(self, passphrase: str) -> None:
        """Make an empty vault and leave it unlocked.

        Keys kept from an earlier vault must open with the same passphrase: they are never orphaned.
        Raises Conflict ``vault.exists``, BadInput ``vault.passphrase_short``, Refused ``vault.wrong_passphrase``.
        """
        if len(passphrase) < SHORTEST_PASSPHRASE:
            raise BadInput("vault.passphrase_short", shortest=SHORTEST_PASSPHRASE)
        with self._guard:
            if self.exists():
                raise Conflict("vault.exists")
            kept = sorted(self._keys.glob("*.json"))
            kdf = load_key(kept[0]).kdf if kept else sealing.fresh_kdf(self._settings)
            key = sealing.derive(passphrase, kdf)
            for file in kept:
                _open_or_refuse(key, load_key(file).sealed, _key_context(file.stem))
            store_document(self._file, Document(kdf, sealing.seal(key, CHECK, _check_context())))
            self._hold(key)

    def unlock(self, passphrase: str) -> None:
        """Open until locked or idle for ``auto_lock_seconds``. Raises Refused ``vault.wrong_passphrase``."""
        with self._guard:
            document = self._load()
            key = sealing.derive(passphrase, document.kdf)
            _open_or_refuse(key, document.check, _check_context())
            self._hold(key)

    def lock(self) -> None:
        """Forget the key."""
        with self._guard:
            self._key = None

    @property
    def locked(self) -> bool:
        """Whether secrets are out of reach. Asking forgets a key that has been idle too long (suspend counts)."""
        with self._guard:
            idle = self._clock.boottime() - self._used_at
            if self._key is not None and idle >= self._settings.auto_lock_seconds:
                self.lock()
            return self._key is None

    def add(
        self,
        unit: str,
        inspection: str,
        kind: CredentialKind,
        protocol: LoginProtocol,
        username: str,
        domain: str,
        secret: str,
        scope: CredentialScope,
        label: str,
        sudo: bool = False,
    ) -> Credential:
        """Keep one credential for one inspection. Raises BadInput on an empty name, secret or a malformed range."""
        _check_input(username, secret, scope)
        with self._guard:
            key = self._unlocked()
            document, data_key = self._with_data_key(self._load(), key, inspection)
            now = rfc3339(self._clock.now())
            credential = Credential(self._ids.new(), kind, protocol, username, domain, scope, label, now, sudo)
            entry = _sealed(Entry(credential, unit, inspection, 1, ""), data_key, secret)
            store_document(self._file, replace(document, entries=(*document.entries, entry)))
            return credential

    def reenter(self, inspection: str, credential_id: str, secret: str) -> Credential:
        """Replace the secret of a credential, as a person does after it was frozen; the id stays."""
        with self._guard:
            key = self._unlocked()
            document = self._load()
            old = _entry(document, inspection, credential_id)
            _check_input(old.credential.username, secret, old.credential.scope)
            document, data_key = self._with_data_key(document, key, inspection)
            new = _sealed(replace(old, version=old.version + 1), data_key, secret)
            entries = tuple(new if entry is old else entry for entry in document.entries)
            store_document(self._file, replace(document, entries=entries))
            return new.credential

    def list(self, inspection: str) -> tuple[Credential, ...]:
        """The credentials of one inspection in order of entry; works while locked, holds no secret."""
        if not self.exists():
            return ()
        return tuple(entry.credential for entry in self._load().entries if entry.inspection == inspection)

    def reveal(self, inspection: str, credential_id: str) -> UnlockedCredential:
        """A credential with its secret, only to be handed to the one worker that logs in.

        Raises Refused ``vault.locked``, NotFound ``vault.no_credential``, BadInput ``vault.tampered``.
        """
        with self._guard:
            key = self._unlocked()
            document = self._load()
            entry = _entry(document, inspection, credential_id)
            data_key = _open(key, document.data_keys.get(inspection, ""), _data_key_context(inspection))
            return UnlockedCredential(entry.credential, _open(data_key, entry.sealed, _entry_context(entry)).decode())

    def remove(self, inspection: str, credential_id: str) -> None:
        """Delete one credential; works while locked. Raises NotFound ``vault.no_credential``."""
        with self._guard:
            document = self._load()
            gone = _entry(document, inspection, credential_id)
            entries = tuple(entry for entry in document.entries if entry is not gone)
            store_document(self._file, replace(document, entries=entries))

    def destroy_inspection(self, inspection: str) -> None:
        """Destroy an inspection's data key, credentials and wrapped keys; works while locked, and twice."""
        with self._guard:
            if not self.exists():
                return
            document = self._load()
            store_document(
                self._file,
                replace(
                    document,
                    data_keys={k: v for k, v in document.data_keys.items() if k != inspection},
                    wrapped={k: v for k, v in document.wrapped.items() if k != inspection},
                    entries=tuple(entry for entry in document.entries if entry.inspection != inspection),
                ),
            )

    def wrap(self, name: str, secret: bytes, inspection: str = "") -> None:
        """Keep a key: for good in ``keys/``, or, given ``inspection``, until that inspection is destroyed."""
        if not KEY_NAME.fullmatch(name):
            raise BadInput("vault.bad_key_name", name=name)
        with self._guard:
            key = self._unlocked()
            document = self._load()
            if not inspection:
                store_key(self._key_file(name), KeyFile(document.kdf, sealing.seal(key, secret, _key_context(name))))
                return
            document, data_key = self._with_data_key(document, key, inspection)
            sealed = sealing.seal(data_key, secret, _wrapped_context(inspection, name))
            kept = {**document.wrapped.get(inspection, {}), name: sealed}
            store_document(self._file, replace(document, wrapped={**document.wrapped, inspection: kept}))

    def unwrap(self, name: str, inspection: str = "") -> bytes:
        """The key kept under ``name``. Raises NotFound ``vault.no_key``, Refused ``vault.locked``."""
        with self._guard:
            key = self._unlocked()
            if not inspection:
                if not (KEY_NAME.fullmatch(name) and self._key_file(name).exists()):
                    raise NotFound("vault.no_key", name=name)
                return _open(key, load_key(self._key_file(name)).sealed, _key_context(name))
            document = self._load()
            sealed = document.wrapped.get(inspection, {}).get(name)
            if sealed is None:
                raise NotFound("vault.no_key", name=name)
            data_key = _open(key, document.data_keys.get(inspection, ""), _data_key_context(inspection))
            return _open(data_key, sealed, _wrapped_context(inspection, name))

    def _key_file(self, name: str) -> Path:
        return self._keys / f"{name}.json"

    def _load(self) -> Document:
        if not self.exists():
            raise Conflict("vault.missing")
        return load_document(self._file)

    def _hold(self, key: bytes) -> None:
        self._key = key
        self._used_at = self._clock.boottime()

    def _unlocked(self) -> bytes:
        if not self.exists():
            raise Conflict("vault.missing")
        if self.locked or self._key is None:
            raise Refused("vault.locked")
        self._used_at = self._clock.boottime()
        return self._key

    def _with_data_key(self, document: Document, key: bytes, inspection: str) -> tuple[Document, bytes]:
        if sealed := document.data_keys.get(inspection):
            return document, _open(key, sealed, _data_key_context(inspection))
        fresh = sealing.fresh_key()
        sealed = sealing.seal(key, fresh, _data_key_context(inspection))
        return replace(document, data_keys={**document.data_keys, inspection: sealed}), fresh


def _check_input(username: str, secret: str, scope: CredentialScope) -> None:
    if not username.strip():
        raise BadInput("vault.no_username")
    if not secret:
        raise BadInput("vault.no_secret")
    for text in scope.ranges:
        parse_range(text)


def _sealed(entry: Entry, data_key: bytes, secret: str) -> Entry:
    return replace(entry, sealed=sealing.seal(data_key, secret.encode(), _entry_context(entry)))


def _entry(document: Document, inspection: str, credential_id: str) -> Entry:
    for entry in document.entries:
        if entry.inspection == inspection and entry.credential.id == credential_id:
            return entry
    raise NotFound("vault.no_credential")


def _open(key: bytes, sealed: str, associated: bytes) -> bytes:
    try:
        return sealing.unseal(key, sealed, associated)
    except SealBroken:
        raise BadInput("vault.tampered") from None


def _open_or_refuse(key: bytes, sealed: str, associated: bytes) -> None:
    try:
        sealing.unseal(key, sealed, associated)
    except SealBroken:
        raise Refused("vault.wrong_passphrase") from None


def _check_context() -> bytes:
    return sealing.context("check")


def _key_context(name: str) -> bytes:
    return sealing.context("key", name)


def _data_key_context(inspection: str) -> bytes:
    return sealing.context("data_key", inspection)


def _wrapped_context(inspection: str, name: str) -> bytes:
    return sealing.context("wrapped", inspection, name)


def _entry_context(entry: Entry) -> bytes:
    c = entry.credential
    sudo = ("sudo",) if c.sudo else ()  # no range is named so; without it older entries open as before
    bound = (c.kind, c.protocol, c.username, c.domain, *c.scope.ranges, *sudo)
    return sealing.context(entry.unit, entry.inspection, c.id, entry.version, *bound)
