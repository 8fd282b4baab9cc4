"""An appliance on the laptop of any test LAN, with an inspection, an authorisation and accounts; nothing sent yet."""

from __future__ import annotations

import secrets
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from api.commands.base import follow
from api.commands.client import Client
from api.commands.demo import Served, serve_inside
from config.clock import SystemClock, rfc3339
from tests.lab.lan import Lan

V1 = "/api/v1"
CHEAP_VAULT = "[vault]\nargon2_memory_mib = 8\nargon2_iterations = 1\nargon2_lanes = 1\n"


@dataclass
class FleetSite:
    """``settings``: further lines of ``hezheng.toml``."""

    lan: Lan
    folder: Path
    ranges: Sequence[str]
    settings: str = ""
    exclusions: Sequence[str] = ()
    served: Served = field(init=False)
    inspection: str = ""
    _passphrase: str = field(default_factory=lambda: secrets.token_urlsafe(18), repr=False)

    def __post_init__(self) -> None:
        (self.folder / "data").mkdir()
        (self.folder / "data" / "hezheng.toml").write_text(self.settings + CHEAP_VAULT)
        self.start()
        self.client.send("POST", f"{V1}/vault", {"passphrase": self._passphrase})
        unit = self.client.send("POST", f"{V1}/units", {"name": "测试单位"})
        self.inspection = self.client.send("POST", f"{V1}/inspections", {"unit": unit["id"]})["id"]
        self.authorise(self.ranges, self.exclusions)

    @property
    def client(self) -> Client:
        """Talks to the appliance."""
        return self.served.client

    def start(self) -> None:
        """Start the appliance (again)."""
        self.served = serve_inside(self.lan.laptop.prefix, self.folder)

    def kill(self) -> None:
        """As a power cut would, as far as the process goes."""
        self.served.process.kill()
        self.served.process.wait()

    def restart(self) -> None:
        """Kill it, start it and unlock its vault."""
        self.kill()
        self.start()
        self.client.send("POST", f"{V1}/vault/unlock", {"passphrase": self._passphrase})

    def stop(self) -> None:
        """End the appliance."""
        self.served.stop()

    def authorise(self, ranges: Sequence[str], exclusions: Sequence[str] = ()) -> None:
        """Record a permission for these ranges."""
        now = SystemClock().now()
        self.post(
            "authorisations",
            {
                "ranges": list(ranges),
                "exclusions": list(exclusions),
                "not_before": rfc3339(now - timedelta(minutes=1)),
                "not_after": rfc3339(now + timedelta(hours=2)),
                "document_no": "测试〔2026〕1号",
                "signer": "测试",
                "signed_on": now.date().isoformat(),
                "no_classified": True,
            },
        )

    def credential(self, kind: str, protocol: str, secret: str, domain: str = "", username: str = "inspector") -> str:
        """Enter an account; returns its id."""
        body = {"kind": kind, "protocol": protocol, "username": username, "domain": domain, "secret": secret}
        return str(self.post("credentials", body)["id"])

    def post(self, path: str, body: Any = None) -> Any:
        """POST below the inspection."""
        return self.client.send("POST", f"{V1}/inspections/{self.inspection}/{path}", body)

    def get(self, path: str) -> Any:
        """GET below the inspection."""
        return self.client.get(f"{V1}/inspections/{self.inspection}/{path}")

    def start_scan(self, **options: Any) -> dict[str, Any]:
        """Start a scan; returns its job."""
        return self.post("scans", {"accept_first_contact": True, **options})

    def scan(self, **options: Any) -> dict[str, Any]:
        """Run a scan to its end; returns its result."""
        return follow(self.client, self.start_scan(**options))["result"]

    def job(self, job: Mapping[str, Any]) -> dict[str, Any]:
        """The job as it stands."""
        return self.client.get(f"{V1}/jobs/{job['id']}")

    def await_job(self, job: Mapping[str, Any], done: Any, seconds: float = 240) -> dict[str, Any]:
        """Wait until ``done(job)`` holds."""
        deadline = time.monotonic() + seconds
        while not done(state := self.job(job)):
            assert time.monotonic() < deadline, state
            time.sleep(0.02)
        return state

    def hosts(self) -> dict[str, dict[str, Any]]:
        """Hosts by address."""
        return {h["address"]: h for h in self.client.all(f"{V1}/inspections/{self.inspection}/hosts", limit=1000)}

    def results(self) -> dict[str, str]:
        """Facts id by address, of hosts with a result."""
        return {address: host["facts_id"] for address, host in self.hosts().items() if host["facts_id"]}

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run ``hezheng`` beside it."""
        words = [str(Path(sys.executable).parent / "hezheng"), *arguments, "--data", str(self.folder / "data")]
        return subprocess.run(words, capture_output=True, text=True, timeout=240)
