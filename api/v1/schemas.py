"""Request schemas. Unknown fields are refused, so that a typing error never silently means a default."""

from __future__ import annotations

import unicodedata
from datetime import date, datetime
from typing import Annotated, Any, Literal

from flask import request
from flask_openapi3.models.file import FileStorage
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, IPvAnyAddress, model_validator
from pydantic_core import PydanticCustomError

from appliance.judgement.declared import Answer
from appliance.ledger.model import LedgerKind, ProofLevel
from appliance.model import Category, Decision, Phase
from credentials.model import CredentialKind, LoginProtocol


def _visible(text: str) -> str:
    """Text without blanks at its ends. Raises an error ``invisible`` for characters that nobody would see."""
    if any(unicodedata.category(c) in ("Cc", "Cf", "Cs") and c not in "\n\t" for c in text):
        raise PydanticCustomError("invisible", "invisible characters")
    return text.strip()


def _named(text: str) -> str:
    if not text:
        raise PydanticCustomError("blank", "empty")
    return text


def _a_file(value: FileStorage) -> FileStorage:
    """A part of the form without a file name is text. Raises an error ``not_a_file``."""
    if not hasattr(value, "stream"):
        raise PydanticCustomError("not_a_file", "not a file")
    return value


Upload = Annotated[FileStorage, AfterValidator(_a_file)]
Text = Annotated[str, Field(max_length=500), AfterValidator(_visible)]
Name = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_visible), AfterValidator(_named)]
Ulid = Annotated[str, Field(pattern=r"^[0-9A-Z]{26}$")]


class Request(BaseModel):
    """A request body or query."""

    model_config = ConfigDict(extra="forbid")


class InspectionPath(BaseModel):
    inspection_id: Ulid


class LedgerPath(InspectionPath):
    file_id: Ulid


class ScanPath(InspectionPath):
    scan_id: Ulid


class HostPath(InspectionPath):
    host_id: Ulid


class CredentialPath(InspectionPath):
    credential_id: Ulid


class VerdictPath(InspectionPath):
    verdict_id: Name


class BundlePath(InspectionPath):
    bundle_id: Ulid


class PaperPath(InspectionPath):
    name: Name


class BundleFileQuery(Request):
    unencrypted: bool = False


class SheetQuery(Request):
    standalone: bool = False


class SealBody(Request):
    """``unencrypted``: a person knows that there is no office certificate, and goes on."""

    unencrypted: bool = False

    @model_validator(mode="before")
    @classmethod
    def _none_is_empty(cls, value: object) -> object:
        return {} if value is None else value


class AttachmentPath(InspectionPath):
    file: Name


class PaperForm(BaseModel):
    file: Upload


class TimestampForm(BaseModel):
    """``file``: the token (.tsr); ``authority``: certificates in PEM that it is checked against."""

    file: Upload
    authority: Annotated[str, Field(max_length=100_000)]


class CertificateBody(Request):
    pem: Annotated[str, Field(max_length=100_000)]


class JobPath(BaseModel):
    job_id: Ulid


class PageQuery(Request):
    after: Annotated[str, Field(max_length=26)] = ""
    limit: Annotated[int, Field(ge=1, le=1000)] = 100


class PresenceQuery(Request):
    after: Annotated[str, Field(max_length=45)] = ""
    limit: Annotated[int, Field(ge=1, le=1000)] = 100


class SequenceQuery(Request):
    after: Annotated[int, Field(ge=-1, le=1 << 53)] = -1
    limit: Annotated[int, Field(ge=1, le=1000)] = 100


class VerdictQuery(SequenceQuery):
    decision: Decision | None = None
    category: Category | None = None
    rule: Annotated[str, Field(max_length=8)] | None = None
    host_id: Annotated[str, Field(max_length=26)] | None = None


class FindingQuery(SequenceQuery):
    kind: Annotated[str, Field(max_length=40)] | None = None


class SessionBody(Request):
    token: Name


class UnitBody(Request):
    name: Name
    system: Text = ""
    region: Text = ""
    parent_id: Ulid | None = None


class InspectionBody(Request):
    """``unit``: id or name of a unit, or a new one, which is only made when the inspection can be."""

    unit: Name | UnitBody
    kind: Literal["initial", "follow_up", "self_check"] = "initial"
    as_of: date | None = None
    policy: Name | None = None


class InspectionChange(Request):
    phase: Phase | None = None
    as_of: date | None = None


class ReopeningBody(Request):
    reason: Text


class EndingBody(Request):
    copy_path: Annotated[str, Field(min_length=1, max_length=4096)]
    same_medium_reason: Text = ""


class BackupBody(Request):
    path: Annotated[str, Field(min_length=1, max_length=4096)]


class AuthorisationBody(Request):
    ranges: Annotated[list[Name], Field(max_length=1000)]
    exclusions: Annotated[list[Name], Field(max_length=1000)] = []
    not_before: datetime
    not_after: datetime
    document_no: Text
    signer: Text
    no_classified: bool
    signed_on: date | None = None
    permits_service_start: bool = False
    public_confirmed: bool = False


class SegmentBody(Request):
    range: Name
    label: Text = ""


Mapping = dict[Name, Annotated[str, Field(max_length=40)]]


def _password_as_typed(_read: object) -> str | None:
    """Form fields are read as JSON where they can be, which would make the password ``123456`` a number."""
    return request.form.get("password")


class LedgerForm(BaseModel):
    file: Upload
    kind: LedgerKind | None = None
    password: Annotated[Text | None, BeforeValidator(_password_as_typed)] = None
    mapping: Mapping | None = None


class LedgerDecision(Request):
    """``replaces``: the files in force that it takes the place of; ``adds``: it stands beside the others."""

    decision: Literal["accept_all", "accept_good", "reject"]
    replaces: Annotated[list[Ulid], Field(max_length=100)] = []
    adds: bool = False


class MappingBody(Request):
    """``mapping``: header as it stands in the file → field, or empty to leave the column out."""

    mapping: Mapping
    password: Text | None = None


class LedgerKindPath(InspectionPath):
    kind: LedgerKind


class LinkPath(InspectionPath):
    computer_no: Name


class LinkBody(Request):
    asset_no: Annotated[str, Field(max_length=200)] = ""
    hostname: Annotated[str, Field(max_length=200)] = ""
    addresses: Annotated[list[IPvAnyAddress], Field(max_length=20)] = []


class ProofBody(Request):
    software_no: Name
    level: ProofLevel
    kind: Text = ""
    number: Text = ""
    note: Text = ""


class PassphraseBody(Request):
    passphrase: Annotated[str, Field(max_length=1000, repr=False)]


class CredentialBody(Request):
    kind: CredentialKind
    protocol: LoginProtocol
    username: Name
    domain: Text = ""
    secret: Annotated[str, Field(min_length=1, max_length=1000, repr=False)]
    ranges: list[Name] = []
    label: Text = ""
    sudo: bool = False


class SecretBody(Request):
    secret: Annotated[str, Field(min_length=1, max_length=1000, repr=False)]


class ScanBody(Request):
    segment: Name | None = None
    discover_only: bool = False
    accept_first_contact: bool = False
    only_missing: bool = False
    rounds: Annotated[int, Field(ge=1, le=48)] = 1
    round_minutes: Annotated[int, Field(ge=1, le=1440)] = 30
    canary: Name | None = None


class KeysBody(Request):
    fingerprints: Annotated[list[Name], Field(max_length=10_000)]


class FactsBody(BaseModel):
    """One ``hezheng.facts/1`` document; its own schema is ``docs/facts.schema.json``."""

    model_config = ConfigDict(extra="allow")

    def document(self) -> dict[str, Any]:
        """The document as it came."""
        return self.model_extra or {}


class ObjectionPath(InspectionPath):
    objection_id: Ulid


class RatePath(InspectionPath):
    rate_name: Name


class RateQuery(SequenceQuery):
    number: Literal["n", "d", "excluded", "lower", "upper"] = "n"
    dimension: Literal["department", "kind", "xinchuang"] | None = None
    group: Annotated[str, Field(max_length=200)] = ""


class PositionQuery(SequenceQuery):
    software_no: Name


class DecisionBody(Request):
    decision: Decision
    reason: Name
    papers: Annotated[list[Name], Field(max_length=50)] = []


class ObjectionBody(Request):
    reason: Name
    papers: Annotated[list[Name], Field(max_length=50)] = []


class AnswerBody(Request):
    answer: Literal[Answer.UPHELD, Answer.REJECTED]
    text: Name
    decision: Decision | None = None


class RecordBody(Request):
    kind: Name
    fields: dict[str, Any]


class RecordQuery(Request):
    kind: Name | None = None


class PartsBody(Request):
    inspections: Annotated[list[Ulid], Field(min_length=1, max_length=50)]


class MergeBody(PartsBody):
    choices: Annotated[dict[Text, Text], Field(max_length=10_000)] = {}


class FileNameQuery(Request):
    name: Name


class LookBody(Request):
    path: Annotated[str, Field(min_length=1, max_length=4096)]


class ImportBody(LookBody):
    signer: Text = ""
