"""A whole visit over the API, step by step, as an inspector would make it by hand; used by ``hezheng demo``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

from api.commands.base import follow, tell
from api.commands.client import Client
from config.clock import Clock, rfc3339

V1 = "/api/v1"
COUNTS = ("discovered", "computers", "collected", "installations", "products")


class Unit(Protocol):
    """A unit that can be inspected: its LAN, its papers, its accounts (``tests.lab.demo_unit.Demo``)."""

    @property
    def lan(self) -> Any: ...
    @property
    def unit_name(self) -> str: ...
    @property
    def scope(self) -> str: ...
    @property
    def exclusions(self) -> tuple[str, ...]: ...
    @property
    def credentials(self) -> tuple[Mapping[str, str], ...]: ...
    @property
    def ledgers(self) -> Mapping[str, Path]: ...
    @property
    def proofs(self) -> tuple[Mapping[str, str], ...]: ...

    def stop(self) -> None: ...


@dataclass
class Visit:
    """One inspection of ``unit``, from the first paper to the sealed bundle."""

    client: Client
    unit: Unit
    clock: Clock
    inspection: str = ""

    def run(self, passphrase: str) -> dict[str, Any]:
        """Make the visit with a vault of ``passphrase`` and return what the demo prints."""
        self.inspect(passphrase)
        tell("demo.sealing")
        bundle = follow(self.client, self._post("bundles", {"unencrypted": True}))["result"]
        return self._result(bundle)

    def inspect(self, passphrase: str) -> None:
        """From the first paper to the verdicts."""
        self.prepare(passphrase)
        tell("demo.scanning")
        follow(self.client, self._post("scans", {"accept_first_contact": True}))
        tell("demo.judging")
        follow(self.client, self._post("audits"))

    def prepare(self, passphrase: str) -> None:
        """Everything before the first packet: vault, unit, inspection, authorisation, ledgers, accounts."""
        self._open_vault(passphrase)
        self._open()
        self._import_ledgers()
        self._enter_credentials()

    def _open_vault(self, passphrase: str) -> None:
        self.client.send("POST", f"{V1}/vault", {"passphrase": passphrase})

    def _create(self) -> str:
        unit = self.client.send("POST", f"{V1}/units", {"name": self.unit.unit_name, "system": "县级事业单位"})
        return str(self.client.send("POST", f"{V1}/inspections", {"unit": unit["id"]})["id"])

    def _open(self) -> None:
        tell("demo.opening", unit=self.unit.unit_name)
        self.inspection = self._create()
        now = self.clock.now()
        self._post(
            "authorisations",
            {
                "ranges": [self.unit.scope],
                "exclusions": list(self.unit.exclusions),
                "not_before": rfc3339(now - timedelta(minutes=1)),
                "not_after": rfc3339(now + timedelta(hours=8)),
                "document_no": "演示授权〔2026〕1号",
                "signer": "演示签署人",
                "signed_on": now.date().isoformat(),
                "no_classified": True,
            },
        )

    def _import_ledgers(self) -> None:
        for kind, file in self.unit.ledgers.items():
            preview = self.client.upload(f"{V1}/inspections/{self.inspection}/ledgers", file, {"kind": kind})
            counts = preview["counts"]
            tell("demo.ledger", file=file.name, accepted=counts["accepted"], rejected=counts["rejected"])
            self._post(f"ledgers/{preview['id']}/decision", {"decision": "accept_good"})
        for proof in self.unit.proofs:
            self._post("proofs", dict(proof))

    def _enter_credentials(self) -> None:
        for credential in self.unit.credentials:
            self._post("credentials", dict(credential))

    def _post(self, path: str, body: Any = None) -> Any:
        return self.client.send("POST", f"{V1}/inspections/{self.inspection}/{path}", body)

    def _result(self, bundle: Mapping[str, Any]) -> dict[str, Any]:
        summary = self.client.get(f"{V1}/inspections/{self.inspection}/summary")
        rates = {name: _contract(rate) for name, rate in summary["rates"].items()}
        positions: Sequence[Mapping[str, Any]] = summary["positions"]
        return {
            "inspection": self.inspection,
            **{name: summary[name] for name in COUNTS},
            "not_collected": [
                {"address": row["address"], "outcome": row["outcome"], "reason": row["reason"]}
                for row in summary["not_collected"]
            ],
            "verdicts": summary["verdicts"],
            "findings": summary["findings"],
            "rates": rates,
            "gap": sum(position["gap"] or 0 for position in positions),
            "idle": sum(position["idle"] or 0 for position in positions),
            "bundle": {name: bundle[name] for name in ("path", "digest", "fingerprint")},
        }


def _contract(rate: Mapping[str, Any]) -> dict[str, int]:
    return {name: rate[name] for name in ("n", "d", "excluded", "lower", "upper")}
