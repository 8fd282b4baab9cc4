"""What every use case needs: the data folder, settings, clock, ids, vault, jobs, and the reference data."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from threading import Lock

from appliance import reference
from appliance.evidence.custody import Custody, Head
from appliance.folder import DataFolder, InspectionFolder
from appliance.jobs import Jobs
from appliance.judgement import policy as policies
from appliance.judgement.policy import Policy, load_policy
from appliance.ledger import columns as columns_file
from appliance.ledger.columns import Columns
from appliance.recognition import catalogue as catalogues
from appliance.recognition.catalogue import Catalogue
from appliance.reference import Loaded
from appliance.store import endings
from appliance.store.database import Db, check_sqlite, opened
from appliance.store.schema import INDEX, INSPECTION
from config.clock import Clock
from config.ids import Ids
from config.message import Message, Param
from config.problems import Conflict, NotFound, Refused
from config.settings import Settings
from credentials.vault import Vault
from scanner import process

PRELOADED = (
    "scanner.worker",
    "scanner.discovery",
    "scanner.probes",
    "scanner.restoring",
    "scanner.replaying",
    "scanner.provenance",
    "scanner.single_machine.reading",
    "appliance.ledger.child",
)
"""What the forkserver imports once, when the first limited process is needed."""


@dataclass
class Appliance:
    """One running appliance. Use cases are functions that take it first."""

    folder: DataFolder
    settings: Settings
    clock: Clock
    ids: Ids
    vault: Vault
    jobs: Jobs
    operator: str = "inspector"
    strangers: Lock = field(default_factory=Lock)
    """Held while a child reads another laptop's bundle: each may take gigabytes, so they go one after the other."""
    receiving: Lock = field(default_factory=Lock)
    """Held while the browser hands a bundle in: the one before is removed, and nothing else."""
    _custodies: dict[str, Custody] = field(default_factory=dict[str, Custody])
    _guard: Lock = field(default_factory=Lock)

    @classmethod
    def open(cls, folder: DataFolder, settings: Settings, clock: Clock) -> Appliance:
        """Open the data folder (its lock must be held) and bring its index up to date."""
        check_sqlite()
        folder.prepare()
        process.preload(PRELOADED)
        ids = Ids(clock)
        vault = Vault(folder.root, settings.vault, clock, ids)
        with opened(folder.index, INDEX, create=not folder.index.exists()):
            pass
        return cls(folder, settings, clock, ids, vault, Jobs(ids))

    @cached_property
    def loaded_catalogue(self) -> Loaded[Catalogue]:
        """The product catalogue or its last good copy, read once."""
        return reference.load(self.folder.reference / "catalogue", catalogues.FOLDER, catalogues.load)

    @cached_property
    def loaded_policies(self) -> Loaded[tuple[Policy, ...]]:
        """All policy profiles or their last good copies, read once."""
        return reference.load(self.folder.reference / "policies", policies.FOLDER, _all_policies)

    @cached_property
    def loaded_columns(self) -> Loaded[Columns]:
        """The synonyms of ledger headers or their last good copy, read once."""
        return reference.load(self.folder.reference / "ledger_columns", columns_file.FILE, columns_file.load)

    @property
    def catalogue(self) -> Catalogue:
        """The product catalogue."""
        return self.loaded_catalogue.value

    @property
    def reference_problems(self) -> tuple[Message, ...]:
        """What is wrong with reference data for which a last good copy stands in."""
        loaded = (self.loaded_catalogue, self.loaded_policies, self.loaded_columns)
        return tuple(one.problem for one in loaded if one.problem)

    @property
    def columns(self) -> Columns:
        """The synonyms of ledger headers."""
        return self.loaded_columns.value

    def policy(self, name: str) -> Policy:
        """A policy profile by name, a campaign's own ones included. Raises BadInput for an unknown one."""
        return load_policy(name, self.loaded_policies.source, self.folder.policies)

    @contextmanager
    def index(self) -> Generator[Db]:
        """The index database."""
        with opened(self.folder.index, INDEX) as db:
            yield db

    @contextmanager
    def inspection(self, inspection_id: str) -> Generator[tuple[Db, InspectionFolder]]:
        """An inspection's own database and folder. Raises NotFound, also once it was ended and removed."""
        folder = self._inspection_folder(inspection_id)
        with opened(folder.database, INSPECTION) as db:
            yield db, folder

    @contextmanager
    def open_inspection(
        self, inspection_id: str, *, although_final: bool = False
    ) -> Generator[tuple[Db, InspectionFolder]]:
        """An inspection that may still change. Raises Refused once it is sealed; once it is 定稿 only sealing and
        reopening (``although_final``) go on.
        """
        with self.inspection(inspection_id) as (db, folder):
            state = db.first("SELECT sealed_at, finalised_at FROM inspection") or {}
            if sealed_at := state.get("sealed_at"):
                raise Refused("inspection.sealed", sealed_at=sealed_at)
            if (finalised_at := state.get("finalised_at")) and not although_final:
                raise Refused("inspection.final", finalised_at=finalised_at)
            yield db, folder

    def check_custody(self, inspection_id: str) -> None:
        """Read the whole custody log again. Raises Conflict ``custody.broken`` when it was changed behind our back."""
        found = self._custody(inspection_id).check()
        if found.problems:
            raise Conflict("custody.broken", file="custody.jsonl", **found.problems[0].params)

    def log(self, inspection_id: str, action: str, **params: Param) -> None:
        """Append to the inspection's custody log, durably, before the act it records."""
        self._custody(inspection_id).append(self.operator, action, params)

    def log_own(self, action: str, **params: Param) -> Head:
        """Append to the appliance's own custody log, as :meth:`log`: what was done to a whole inspection or to all."""
        custody = self._custody("")
        custody.append(self.operator, action, params)
        return custody.head()

    def custody_head(self, inspection_id: str) -> Head:
        """The last line of an inspection's custody log."""
        return self._custody(inspection_id).head()

    def close_custody(self, inspection_id: str) -> None:
        """Close an inspection's custody log, so that its folder can be removed."""
        with self._guard:
            custody = self._custodies.pop(inspection_id, None)
        if custody is not None:
            custody.close()

    def close_logs(self) -> None:
        """Close every custody log, so that another appliance in this process may write them."""
        for inspection_id in list(self._custodies):
            self.close_custody(inspection_id)

    def _custody(self, inspection_id: str) -> Custody:
        """A log by its inspection's id; the empty id is the appliance's own."""
        with self._guard:
            known = self._custodies.get(inspection_id)
            if known is None or known.closed:  # closed by a full disk: there may be space again
                path = self.folder.inspection(inspection_id).custody if inspection_id else self.folder.custody
                known = self._custodies[inspection_id] = Custody(path, self.clock)
            return known

    def _inspection_folder(self, inspection_id: str) -> InspectionFolder:
        try:
            return self.folder.inspection(inspection_id)
        except NotFound:
            with self.index() as index:
                ending = endings.read(index, inspection_id)
            if ending is None:
                raise
            raise NotFound("ending.gone", id=inspection_id, at=ending["document"]["started_at"]) from None


def _all_policies(folder: Path) -> tuple[Policy, ...]:
    return tuple(load_policy(file.stem, folder) for file in sorted(folder.glob("*.toml")))
