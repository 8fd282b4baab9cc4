"""Collecting with a domain account from member servers, which pass every login on to the controller."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.clock import SystemClock
from scanner.session import LogonRefused, SessionError
from scanner.transports.smb import SmbLimits, SmbTarget, open_windows
from tests.lab.domain import bad_password_count
from tests.lab.lan import Lan
from tests.scanner.laptop import inside
from tests.visit.domain_lan import DOMAIN, MEMBERS, PASSWORD, THRESHOLD
from tests.visit.fleet_site import FleetSite

pytestmark = pytest.mark.lab
MEMBER_1, MEMBER_2 = MEMBERS["MEM1"][0], MEMBERS["MEM2"][0]


@pytest.fixture
def site(domain_lan: Lan, tmp_path: Path) -> Iterator[FleetSite]:
    site = FleetSite(domain_lan, tmp_path, [MEMBER_1, MEMBER_2])
    try:
        yield site
    finally:
        site.stop()


def log_in(lan: Lan, address: str, username: str, secret: str = PASSWORD) -> SessionError | None:
    """What refused the login; None when the registry was opened."""
    target = SmbTarget(address=address, username=username, domain=DOMAIN, secret=secret)
    try:
        with inside(lan.laptop), open_windows(target, SmbLimits(), SystemClock()) as session:
            assert session.registry.names(r"HKLM\SOFTWARE")
    except SessionError as error:
        return error
    return None


def test_a_domain_account_collects_every_member_server_over_a_sealed_channel(site: FleetSite) -> None:
    credential = site.credential("domain", "smb", PASSWORD, DOMAIN)
    assert site.scan()["collected"] == 2
    hosts = site.hosts()
    assert {address: host["outcome"] for address, host in hosts.items()} == dict.fromkeys((MEMBER_1, MEMBER_2), "READ")
    facts = {
        row["facts"]["address"]: row["facts"] for row in site.client.all(f"/api/v1/inspections/{site.inspection}/facts")
    }
    assert {one["channel"] for one in facts.values()} == {"smb3.1.1-sealed"}
    assert {one["account"] for one in facts.values()} == {"inspector"}
    assert all(len(one["installations"]) >= 5 for one in facts.values())
    assert facts[MEMBER_1]["installations"] != facts[MEMBER_2]["installations"]
    grades = [json.loads(line)["channel"] for path in site.folder.rglob("raw/*.jsonl") for line in path.open()]
    assert len(grades) > 20
    assert set(grades) == {"smb3.1.1-sealed"}
    shown = {c["id"]: c for c in site.get("credentials")["items"]}[credential]
    assert (shown["state"], shown["frozen_reason"]) == ("proven", None)


def test_a_right_password_sets_the_controllers_count_back(domain_lan: Lan) -> None:
    refused = log_in(domain_lan, MEMBER_1, "inspector", "wrong")
    assert isinstance(refused, LogonRefused)
    assert bad_password_count(domain_lan.host("DC1")) == 1
    assert log_in(domain_lan, MEMBER_2, "inspector") is None
    assert bad_password_count(domain_lan.host("DC1")) == 0


@pytest.mark.parametrize(
    ("username", "code", "fix"),
    [
        ("expired", "login.expired", "管理员更新"),
        ("disabled", "login.disabled", "管理员启用"),
        ("beginner", "login.must_change", "修改口令"),
        ("lockable", "login.locked", "管理员解锁"),
    ],
)
def test_an_account_that_may_not_log_in_is_named_with_its_remedy_and_frozen_at_once(
    site: FleetSite, domain_lan: Lan, username: str, code: str, fix: str
) -> None:
    if code == "login.locked":
        for _ in range(THRESHOLD):
            assert isinstance(log_in(domain_lan, MEMBER_1, username, "wrong"), LogonRefused)
    credential = site.credential("domain", "smb", PASSWORD, DOMAIN, username)
    site.scan()
    rows = [host["reason"] for host in site.hosts().values()]
    assert sorted(row["code"] for row in rows) == sorted([code, "selection.all_frozen"])
    assert all(fix in row["text"] for row in rows if row["code"] == code)
    shown = {c["id"]: c for c in site.get("credentials")["items"]}[credential]
    assert (shown["state"], shown["frozen_reason"]["code"]) == ("frozen", code)
    assert f"{DOMAIN}\\{username}" in shown["frozen_reason"]["text"]
