"""Credentials as the rest of the appliance sees them; the secret never appears in a repr."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class CredentialKind(StrEnum):
    """Who decides about a login: one domain controller for all hosts, or each host for itself."""

    DOMAIN = "domain"
    LOCAL = "local"


class LoginProtocol(StrEnum):
    """What the credential may be used over."""

    SMB = "smb"
    SSH = "ssh"


class CredentialState(StrEnum):
    """``unproven`` until a host accepted it; ``frozen`` until a person enters it again."""

    UNPROVEN = "unproven"
    PROVEN = "proven"
    FROZEN = "frozen"


@dataclass(frozen=True, slots=True)
class CredentialScope:
    """Where it may be used: address ranges (CIDR or a-b); empty means the whole authorised scope."""

    ranges: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Credential:
    """One entry of the vault, without its secret."""

    id: str
    kind: CredentialKind
    protocol: LoginProtocol
    username: str
    domain: str = ""
    scope: CredentialScope = CredentialScope()
    label: str = ""
    created_at: str = ""
    sudo: bool = False  # on Linux it may ask as root, by sudo and with its own password


@dataclass(frozen=True, slots=True)
class UnlockedCredential:
    """A credential with its secret, for the one worker that logs in."""

    credential: Credential
    secret: str = field(repr=False)
