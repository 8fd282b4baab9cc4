"""Some hundred hostile hosts beside three honest ones: each ends within its limits and is named, no other one is hurt.

One real scan through the appliance, of real peers and of the scripted servers of ``tests/lab/hostile``; the same honest
peers are read once more without them, and what was read of them must be the same to the byte.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from api.commands.base import follow
from api.commands.client import Client
from api.commands.demo import serve_inside
from config.clock import SystemClock, rfc3339
from tests.lab.demo_unit import DATA, USERNAME, read_host
from tests.lab.hostile.plans import SMB_PORT, SSH_PORT, ScriptedHosts, addressed
from tests.lab.hostile.serve import SMB_SCRIPTS, SSH_SCRIPTS
from tests.lab.lan import Lan

pytestmark = [pytest.mark.lab, pytest.mark.timeout(400)]
V1 = "/api/v1"
HONEST = ("11-PC1", "12-PC2", "32-UOS1")
NETWORK = "10.77.0"
HOSTILE_RANGE = f"{NETWORK}.100-{NETWORK}.240"
BOX = f"{NETWORK}.99"
DEADLINE = 30  # of a host; what reaches another limit first does so in a second or two where nothing else runs
RAW_LIMIT = 16 << 20
SETTINGS = f"""\
[scan]
workers = 12
host_deadline_seconds = {DEADLINE}
answer_timeout_seconds = 6
connect_timeout_seconds = 5
host_bytes_limit_mb = 16
line_limit_mb = 4
registry_keys_limit = 300
[discovery]
ports = [22, 445]
[vault]
argon2_memory_mib = 8
"""
NOT_COMPARED = ("id", "started_at", "finished_at", "raw_digest")
CLOCK = re.compile(r'"clock_offset_seconds": [^,}]+')
SALTED = re.compile(r'("key_hash": )"[0-9a-f]+"')  # by a secret of the inspection
LATE = ("smb.deadline_passed", "ssh.deadline", "worker.deadline")  # whichever of two limits was reached first

READ = ("READ", None)
SILENT = ("TIMED_OUT", "smb.silent")
DEADLINE_PASSED = ("TIMED_OUT", "deadline")
MALFORMED = ("FAILED", "smb.malformed_answer")
FORGED = ("FAILED", "smb.forged_answer")
PLAIN = ("FAILED", "smb.plain_answer")
TOO_MANY = ("FAILED", "smb.too_many_answers")
GUEST = ("FAILED", "login.guest_refused")
WEAK = ("FAILED", "smb.weak_challenge")
BAD_STUB = ("FAILED", "winreg.malformed")
NO_DIALECT = ("UNSUPPORTED", "smb.no_common_dialect")
NO_SSH_ANSWER = ("TIMED_OUT", "ssh.no_answer")
NOT_SSH = ("UNSUPPORTED", "ssh.not_ssh")
BAD_HANDSHAKE = ("FAILED", "ssh.handshake_failed")
SECOND_FACTOR = ("UNSUPPORTED", "ssh.second_factor")
FLOOD = ("FAILED", "ssh.too_much_output")
SSH_SILENT = ("TIMED_OUT", "ssh.silent")

CAUSES: Mapping[str, tuple[str, str | None]] = {
    "silent": SILENT,
    "drip": SILENT,
    "late-by-minutes": SILENT,
    "closes-at-negotiate": ("UNSUPPORTED", "smb.closed_at_negotiate"),
    "keepalives": MALFORMED,
    "giant-length": ("FAILED", "smb.answer_too_large"),
    "smb1-only": ("UNSUPPORTED", "smb.smb1_only"),
    "smb1-wildcard": NO_DIALECT,
    "old-dialect": NO_DIALECT,
    "no-signing": ("UNSUPPORTED", "smb.no_signing"),
    "no-preauth": MALFORMED,
    "looping-contexts": MALFORMED,
    "negotiate-refused": NO_DIALECT,
    "guest": GUEST,
    "anonymous": GUEST,
    "guest-at-once": GUEST,
    "challenge-loop": ("FAILED", "smb.logon_failed"),
    "accepts-anybody": FORGED,
    "claims-wrong-password": ("DENIED", "login.refused"),
    "claims-locked": ("DENIED", "login.locked"),
    "welcomes-unsigned": ("FAILED", "smb.unsigned_answer"),
    "preauth-mismatch": FORGED,
    "downgraded": ("FAILED", "smb.downgraded"),
    "huge-target-info": MALFORMED,
    "endless-target-info": MALFORMED,
    "target-info-overruns": MALFORMED,
    "no-target-info": MALFORMED,
    "short-challenge": MALFORMED,
    "no-challenge": MALFORMED,
    "challenge-without-signing": WEAK,
    "challenge-without-session-security": WEAK,
    "challenge-without-128-bit": WEAK,
    "challenge-without-key-exchange": WEAK,
    "deaf": SILENT,
    "drip-later": SILENT,
    "just-in-time": DEADLINE_PASSED,
    "reset-in-mid-answer": ("UNREACHABLE", "smb.connection_lost"),
    "wrong-ids": TOO_MANY,
    "pending-flood": TOO_MANY,
    "pending-for-ever": SILENT,
    "wrong-session": MALFORMED,
    "wrong-tree": MALFORMED,
    "wrong-command": MALFORMED,
    "request-to-client": MALFORMED,
    "compound": MALFORMED,
    "no-credits": ("UNSUPPORTED", "smb.no_credits"),
    "huge-credits": READ,
    "forged": FORGED,
    "forged-signature": FORGED,
    "forged-2.1": FORGED,
    "unsigned": ("FAILED", "smb.unsigned_answer"),
    "plain": PLAIN,
    "signed-in-sealed": PLAIN,
    "compressed": PLAIN,
    "replayed": TOO_MANY,
    "oplock-breaks": TOO_MANY,
    "status-loop": ("UNREACHABLE", "winreg.pipe_broken"),
    "millions-of-frames": MALFORMED,
    "no-ipc": ("UNSUPPORTED", "smb.no_ipc"),
    "service-never-starts": ("UNSUPPORTED", "winreg.service_stopped"),
    "short-create": BAD_STUB,
    "honest": READ,
    "endless-keys": ("FAILED", "winreg.too_many_keys"),
    "looping-names": ("FAILED", "winreg.too_many_keys"),
    "endless-values": ("FAILED", "winreg.too_many_values"),
    "endless-more-data": DEADLINE_PASSED,
    "claims-4-gib": READ,
    "sends-64-mib": ("FAILED", "winreg.answer_too_large"),
    "lying-count": BAD_STUB,
    "lying-name": BAD_STUB,
    "null-pointers": ("FAILED", "windows.nothing_listed"),
    "short-handle": BAD_STUB,
    "truncated-stub": ("FAILED", "winreg.key_failed"),
    "empty-stub": BAD_STUB,
    "unknown-errors": ("FAILED", "winreg.key_failed"),
    "evil-names": READ,
    "invalid-utf16": READ,
    "deep-keys": READ,
    "dns-like-name": READ,
    "fault": ("UNSUPPORTED", "winreg.fault"),
    "fault-denied": ("DENIED", "winreg.denied"),
    "bind-nak": ("UNSUPPORTED", "winreg.bind_refused"),
    "short-bind": BAD_STUB,
    "small-fragments": READ,
    "endless-fragments": ("FAILED", "winreg.answer_too_large"),
    "empty-fragments": DEADLINE_PASSED,
    "wrong-call": BAD_STUB,
    "zero-length-pdu": BAD_STUB,
    "big-endian": BAD_STUB,
    "trailing-bytes": BAD_STUB,
    "empty-pipe": BAD_STUB,
    "ssh-silent": NO_SSH_ANSWER,
    "ssh-endless-greeting": NOT_SSH,
    "ssh-endless-line": NO_SSH_ANSWER,
    "ssh-megabytes-then-banner": NOT_SSH,
    "ssh-drip-banner": NO_SSH_ANSWER,
    "ssh-http": NOT_SSH,
    "ssh-giant-packet": BAD_HANDSHAKE,
    "ssh-zero-packet": BAD_HANDSHAKE,
    "ssh-half-exchange": NO_SSH_ANSWER,
    "ssh-kexinit-flood": BAD_HANDSHAKE,
    "ssh-ignore-flood": NO_SSH_ANSWER,
    "ssh-weak-only": ("UNSUPPORTED", "ssh.legacy"),
    "ssh-stolen-key": BAD_HANDSHAKE,
    "ssh-honest": READ,
    "ssh-changing-key": ("FAILED", "ssh.host_key_changed"),
    "ssh-big-key": READ,
    "ssh-lets-anybody-in": ("DENIED", "login.guest_refused"),
    "ssh-never-names-methods": NO_SSH_ANSWER,
    "ssh-never-decides": NO_SSH_ANSWER,
    "ssh-banner-flood": NO_SSH_ANSWER,
    "ssh-two-prompts": SECOND_FACTOR,
    "ssh-echo-prompt": SECOND_FACTOR,
    "ssh-other-prompt": SECOND_FACTOR,
    "ssh-second-factor": SECOND_FACTOR,
    "ssh-accepts-any-password": READ,
    "ssh-refuses-sessions": ("DENIED", "ssh.session_refused"),
    "ssh-endless-output": FLOOD,
    "ssh-endless-errors": FLOOD,
    "ssh-drip-output": DEADLINE_PASSED,
    "ssh-no-answer": SSH_SILENT,
    "ssh-no-exit-status": SSH_SILENT,
    "ssh-output-after-end": FLOOD,
    "ssh-garbage": ("UNSUPPORTED", "linux.no_shell"),
    "ssh-evil-names": READ,
    "ssh-drops-in-mid-answer": ("UNREACHABLE", "ssh.broke"),
}
"""What each script's row must say: outcome and reason. READ where the odd thing is harmless or kept as data."""

ALSO: Mapping[str, tuple[str, str | None]] = {
    "endless-values": DEADLINE_PASSED,
    "endless-more-data": ("FAILED", "winreg.too_many_values"),
    "empty-fragments": ("FAILED", "smb.too_many_bytes"),
    "ssh-ignore-flood": BAD_HANDSHAKE,  # half a gigabyte was faster than the clock: the library wants new keys
    "ssh-banner-flood": ("UNREACHABLE", "ssh.closed"),  # so does theirs
    "ssh-no-answer": DEADLINE_PASSED,
    "ssh-no-exit-status": DEADLINE_PASSED,
    "ssh-output-after-end": READ,
}
"""Scripts that run into one of two limits, whichever comes first; what follows an answer may come too late."""

ADDRESSES = addressed(list(CAUSES), NETWORK, 100)


@dataclass(frozen=True)
class Scanned:
    """Facts by address: of the scan with the hostile hosts, and of the one without."""

    client: Client
    inspection: str
    state: str
    among: Mapping[str, Any]
    alone: Mapping[str, Any]
    folder: Path


def inspect(client: Client, unit: str, ranges: list[str], password: str) -> tuple[str, str, dict[str, Any]]:
    """One inspection of these addresses: its id, how the scan ended, and the facts by address."""
    inspection = client.send("POST", f"{V1}/inspections", {"unit": unit})["id"]
    base = f"{V1}/inspections/{inspection}"
    now = SystemClock().now()
    paper = {
        "ranges": ranges,
        "exclusions": [],
        "not_before": rfc3339(now - timedelta(minutes=1)),
        "not_after": rfc3339(now + timedelta(hours=1)),
        "document_no": "授权〔2026〕1号",
        "signer": "签署人",
        "signed_on": now.date().isoformat(),
        "no_classified": True,
    }
    client.send("POST", f"{base}/authorisations", paper)
    for protocol in ("smb", "ssh"):
        login = {"kind": "local", "username": USERNAME, "domain": "", "secret": password, "protocol": protocol}
        client.send("POST", f"{base}/credentials", login)
    ended = follow(client, client.send("POST", f"{base}/scans", {"accept_first_contact": True, "canary": ranges[0]}))
    facts = {row["facts"]["address"]: row["facts"] for row in client.all(f"{base}/facts", limit=50)}
    return inspection, ended["state"], facts


@pytest.fixture(scope="module")
def scanned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scanned]:
    password = secrets.token_urlsafe(12)
    honest = [read_host(DATA / "hosts" / name, password) for name in HONEST]
    ports = {script: SMB_PORT if script in SMB_SCRIPTS else SSH_PORT for script in CAUSES}
    hosts = [(ADDRESSES[script], ports[script], script) for script in CAUSES]
    contradiction = (ADDRESSES["honest"], SSH_PORT, "ssh-silent")
    box = ScriptedHosts(
        name="HOSTILE", address=BOX, mac="02:00:00:77:00:99", password=password, hosts=(*hosts, contradiction)
    )
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "data").mkdir()
    (folder / "data" / "hezheng.toml").write_text(SETTINGS)
    honest_range = [f"{host.address}" for host in honest]
    with Lan.start([*honest, box]) as lan:
        served = serve_inside(lan.laptop.prefix, folder)
        try:
            served.client.send("POST", f"{V1}/vault", {"passphrase": secrets.token_urlsafe(18)})
            unit = served.client.send("POST", f"{V1}/units", {"name": "某某局", "system": "县级事业单位"})["id"]
            _, _, alone = inspect(served.client, unit, honest_range, password)
            inspection, state, among = inspect(served.client, unit, [*honest_range, HOSTILE_RANGE], password)
            yield Scanned(served.client, inspection, state, among, alone, folder)
        finally:
            served.stop()


def test_every_script_has_its_cause() -> None:
    assert set(CAUSES) == {*SMB_SCRIPTS, *SSH_SCRIPTS}
    assert len(CAUSES) - sum(cause == READ for cause in CAUSES.values()) >= 100


def test_the_scan_ends_by_itself_and_every_host_has_a_row(scanned: Scanned) -> None:
    assert scanned.state == "done"
    assert {*ADDRESSES.values(), *scanned.alone} <= set(scanned.among)


@pytest.mark.parametrize("script", CAUSES)
def test_the_row_of_a_hostile_host_names_its_cause(scanned: Scanned, script: str) -> None:
    facts = scanned.among[ADDRESSES[script]]
    reason: dict[str, Any] = facts.get("reason") or {"code": None, "text": "无。"}
    code = "deadline" if reason["code"] in LATE else reason["code"]
    assert (facts["outcome"], code) in (CAUSES[script], ALSO.get(script))
    assert re.search("[\u4e00-\u9fff].*。", reason["text"]), "a Chinese sentence"


def test_the_facts_of_honest_hosts_are_the_same_bytes_as_without_the_hostile_ones(scanned: Scanned) -> None:
    assert len(scanned.alone) == len(HONEST)
    for address, alone in scanned.alone.items():
        assert alone["outcome"] == "READ"
        assert comparable(scanned.among[address]) == comparable(alone)


def comparable(facts: Mapping[str, Any]) -> bytes:
    """Facts without what differs from one reading to the next."""
    text = json.dumps({k: v for k, v in facts.items() if k not in NOT_COMPARED}, ensure_ascii=False)
    return SALTED.sub(r"\1true", CLOCK.sub("", text)).encode()


def test_nothing_grows_beyond_its_limit(scanned: Scanned) -> None:
    sizes = [path.stat().st_size for path in scanned.folder.rglob("raw/*")]
    assert len(sizes) >= len(HONEST)
    assert max(sizes) < RAW_LIMIT
    assert sum(path.stat().st_size for path in scanned.folder.rglob("*") if path.is_file()) < 8 * RAW_LIMIT


def test_hostile_text_is_kept_as_data_and_shown_clean(scanned: Scanned) -> None:
    for script in ("evil-names", "ssh-evil-names"):
        text = json.dumps(scanned.among[ADDRESSES[script]]["installations"], ensure_ascii=False)
        assert "<script>" in text, "kept as it was"
        assert not re.search("[\x00-\x08\x1b\u202a-\u202e\u2066-\u2069\u200b]|\\\\u001b", text)


def test_an_audit_over_hostile_answers_ends(scanned: Scanned) -> None:
    ended = follow(scanned.client, scanned.client.send("POST", f"{V1}/inspections/{scanned.inspection}/audits"))
    assert ended["state"] == "done"


def test_what_a_hostile_host_wanted_was_never_done(scanned: Scanned) -> None:
    """No crash of ours, no memory or CPU limit reached, nothing out of scope: the transports' own limits hold first."""
    codes = {str((facts.get("reason") or {}).get("code")) for facts in scanned.among.values()}
    assert {code for code in codes if code.startswith(("worker.", "scope."))} <= set(LATE)
