"""A laptop with one small visit: a PC with its raw answers, a PC whose facts came in a file, ledgers, a decision."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from appliance.context import Appliance
from appliance.folder import DataFolder
from appliance.jobs import Job
from appliance.ledger.model import LedgerKind
from appliance.recognition.catalogue import FOLDER as CATALOGUE_FOLDER
from appliance.recognition.catalogue import Catalogue
from appliance.recognition.catalogue import load as load_catalogue
from appliance.reference import Loaded
from appliance.store import hosts as host_store
from appliance.visits import auditing, host_facts, inspections, ledgers, records, sealing
from config.clock import FixedClock
from config.settings import load as load_settings
from scanner import facts as facts_json
from scanner.facts import Attempt
from scanner.model import DeviceKind, FactsOrigin, Host, Platform
from scanner.raw import RawRecord
from scanner.replay import Recording
from scanner.replaying import replay
from scanner.scope import Authorisation
from tests.appliance.evidence.sample import BEIJING
from tests.scanner.collectors.windows.complete import FOLDER as CAPTURED

LEDGERS = Path(__file__).parents[2] / "data" / "demo" / "ledgers"
PASSPHRASE = "Not-a-real-1"  # of a vault that lives as long as a test
CHANNEL = "smb3.1.1-signed"
START = datetime(2026, 11, 16, 9, 0, tzinfo=BEIJING)
AUTHORISATION = Authorisation(
    id="",
    document_no="软正办〔2026〕7号",
    signer="张三",
    ranges=("10.9.0.0/16",),
    exclusions=(),
    no_classified=True,
    not_before=START - timedelta(days=2),
    not_after=START + timedelta(days=30),
    signed_on=(START - timedelta(days=3)).date(),
    recorded_at="",
)


@dataclass(frozen=True)
class Laptop:
    """One appliance with one inspection."""

    appliance: Appliance
    inspection: str

    def read_pc(self, address: str, hostname: str = "CPC", origin: FactsOrigin = FactsOrigin.NETWORK) -> str:
        """A Windows PC as the network gave it: raw answers on disk, and the facts that follow from them."""
        appliance = self.appliance
        facts_id = appliance.ids.new()
        lines = (CAPTURED / "raw.jsonl").read_bytes().replace(b'"CPC"', f'"{hostname}"'.encode())
        parsed = [RawRecord.from_json(row) for row in map(json.loads, lines.splitlines())]
        found, results = replay(Recording.of(parsed), Platform.WINDOWS, CHANNEL)
        at = START.isoformat(timespec="milliseconds")
        attempt = Attempt(facts_id, address, at, at, Platform.WINDOWS, CHANNEL, "inspector")
        assembled = facts_json.assemble(attempt, found, results)
        facts = replace(assembled, origin=origin, raw_digest=hashlib.sha256(lines).hexdigest())
        with appliance.open_inspection(self.inspection) as (db, folder), db.atomic():
            (folder.raw / f"{facts_id}.jsonl").write_bytes(lines)
            host_id = host_store.save_host(db, Host(address, at, kind=DeviceKind.COMPUTER), appliance.ids.new())
            host_store.save_result(db, None, host_id, facts, f"{facts_id}.jsonl")
        return host_id

    def carry_pc(
        self, address: str, serial: str, names: Sequence[str] = ("WPS Office 2019",), uuid: str | None = None
    ) -> str:
        """A PC whose facts came in a file."""
        at = START.isoformat(timespec="milliseconds")
        source = "HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Uninstall"
        document: dict[str, Any] = {
            "schema": "hezheng.facts/1",
            "id": self.appliance.ids.new(),
            "outcome": "READ",
            "origin": "collector",
            "started_at": at,
            "finished_at": at,
            "address": address,
            "platform": "windows",
            "identity": {"hostname": f"PC-{serial}", "serial": serial, "smbios_uuid": uuid, "maker": "Lenovo"},
            "installations": [
                {"name": name, "scope": "machine", "source": f"{source}\\{n}"} for n, name in enumerate(names)
            ],
        }
        return str(host_facts.import_facts(self.appliance, self.inspection, document)["host_id"])

    def take_ledger(self, name: str, kind: LedgerKind, content: bytes | None = None) -> str:
        """Import and accept a ledger of the demonstration."""
        upload = ledgers.Upload(name, content or (LEDGERS / name).read_bytes())
        file = ledgers.import_file(self.appliance, self.inspection, upload, kind)
        ledgers.decide(self.appliance, self.inspection, file["id"], "accept_good")
        return str(file["id"])

    def audit(self) -> dict[str, Any]:
        """Judge what is stored."""
        with self.appliance.open_inspection(self.inspection) as (db, _):
            return auditing.run(self.appliance, self.inspection, db, Job("j", "audit", "verdicts", self.inspection))

    def seal(self) -> Path:
        """Seal, and give the bundle."""
        with self.appliance.open_inspection(self.inspection) as (db, folder):
            job = Job("j", "seal", "files", self.inspection)
            return Path(sealing.seal(self.appliance, self.inspection, db, folder, job)["path"])


def appliance_at(root: Path, at: datetime = START) -> Appliance:
    """An appliance with an open vault that costs nothing."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "hezheng.toml").write_text("[vault]\nargon2_memory_mib = 8\nargon2_iterations = 1\nargon2_lanes = 1\n")
    appliance = Appliance.open(DataFolder(root), load_settings(root, {}), FixedClock(at))
    appliance.vault.create(PASSPHRASE)
    vars(appliance)["loaded_catalogue"] = _catalogue()  # read once for all laptops of the tests: it takes a second
    return appliance


@cache
def _catalogue() -> Loaded[Catalogue]:
    return Loaded(load_catalogue(), CATALOGUE_FOLDER)


def laptop(root: Path, unit: str = "云水县城乡规划服务中心", at: datetime = START) -> Laptop:
    """A laptop with a fresh, authorised inspection."""
    appliance = appliance_at(root, at)
    unit_id = inspections.create_unit(appliance, unit, system="government")["id"]
    made = inspections.create(appliance, unit_id, "initial", date(2026, 11, 16))
    inspections.authorise(appliance, made["id"], AUTHORISATION)
    return Laptop(appliance, str(made["id"]))


def visited(root: Path) -> Laptop:
    """A laptop whose inspection is judged: three computers, two ledgers, a decision at the desk."""
    made = laptop(root)
    made.read_pc("10.9.0.11")
    made.carry_pc("10.9.0.12", "SN0012", ("WPS Office 2019", "CAXA CAD 电子图板 2020", "某个没人认识的程序"))
    made.carry_pc("10.9.0.13", "SN0013", ("Microsoft Office 专业增强版 2016", "WinRAR 6.02 (64-位)"))
    made.take_ledger("固定资产.csv", LedgerKind.ASSETS)
    made.take_ledger("软件使用情况汇总表.csv", LedgerKind.LICENCES)
    made.audit()
    with made.appliance.inspection(made.inspection) as (db, _):
        verdict_id = db.value("SELECT id FROM verdicts WHERE host_id <> '' ORDER BY seq LIMIT 1")
    said = (records.Decision.LICENSED, "现场核对了授权书", ("授权书",))
    records.decide(made.appliance, made.inspection, verdict_id, *said)
    made.audit()
    return made
