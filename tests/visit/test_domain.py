"""Collecting with a domain account from member servers, which pass every login on to the controller."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.commands.client import Failed
from config.clock import SystemClock
from scanner.session import LogonRefused, SessionError
from scanner.transports.smb import SmbLimits, SmbTarget, open_windows
from tests.lab.domain import bad_password_count
from tests.lab.lan import Lan
from tests.scanner.laptop import inside
from tests.visit.domain_lan import DOMAIN, LIAR, MEMBERS, NOBODY, PASSWORD, THRESHOLD
from tests.visit.fleet_site import FleetSite

pytestmark = pytest.mark.lab
MEMBER_1, MEMBER_2 = MEMBERS["MEM1"][0], MEMBERS["MEM2"][0]


@pytest.fixture
def lied_to(domain_lan: Lan, tmp_path: Path) -> Iterator[FleetSite]:
    site = FleetSite(domain_lan, tmp_path, [LIAR, NOBODY, MEMBER_1, MEMBER_2], "[scan]\nworkers = 1\n")
    try:
        yield site
    finally:
        site.stop()


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


REMEDIES = {
    "expired": ("login.expired", "管理员更新"),
    "disabled": ("login.disabled", "管理员启用"),
    "beginner": ("login.must_change", "修改口令"),
    "lockable": ("login.locked", "管理员解锁"),
}


def test_an_account_that_may_not_log_in_is_named_with_its_remedy_and_frozen_at_once(
    site: FleetSite, domain_lan: Lan
) -> None:
    for _ in range(THRESHOLD):
        assert isinstance(log_in(domain_lan, MEMBER_1, "lockable", "wrong"), LogonRefused)
    for username, (code, remedy) in REMEDIES.items():
        credential = site.credential("domain", "smb", PASSWORD, DOMAIN, username)
        site.scan()
        rows = [host["reason"] for host in site.hosts().values()]
        assert sorted(row["code"] for row in rows) == [code, "selection.all_frozen"]
        assert all(remedy in row["text"] for row in rows if row["code"] == code)
        [shown] = site.get("credentials")["items"]
        assert (shown["state"], shown["frozen_reason"]["code"]) == ("frozen", code)
        assert rf"{DOMAIN}\{username}" in shown["frozen_reason"]["text"]
        site.client.send("DELETE", f"/api/v1/inspections/{site.inspection}/credentials/{credential}")


def test_a_liar_asked_first_freezes_the_account_and_a_canary_of_ones_choice_proves_it(lied_to: FleetSite) -> None:
    credential = lied_to.credential("domain", "smb", PASSWORD, DOMAIN)
    lied_to.scan()
    [shown] = lied_to.get("credentials")["items"]
    assert (shown["state"], shown["frozen_reason"]["code"]) == ("frozen", "selection.domain_refused")
    assert LIAR in shown["frozen_reason"]["text"]
    assert "改选另一台计算机验证该账号" in shown["frozen_reason"]["text"]
    assert {host["outcome"] for host in lied_to.hosts().values()} == {"DENIED"}

    lied_to.client.send(
        "PUT", f"/api/v1/inspections/{lied_to.inspection}/credentials/{credential}/secret", {"secret": PASSWORD}
    )
    lied_to.scan(canary=MEMBER_2)
    outcomes = {address: host["outcome"] for address, host in lied_to.hosts().items()}
    assert outcomes[MEMBER_2] == "READ"


def test_with_a_canary_that_is_off_the_password_goes_nowhere_and_one_outside_the_permission_is_refused(
    lied_to: FleetSite, domain_lan: Lan
) -> None:
    before = bad_password_count(domain_lan.host("DC1"))
    lied_to.credential("domain", "smb", "wrong", DOMAIN)
    lied_to.scan(canary=NOBODY)
    assert {host["reason"]["code"] for host in lied_to.hosts().values()} == {"selection.canary_undecided"}
    assert [shown["state"] for shown in lied_to.get("credentials")["items"]] == ["unproven"]
    assert bad_password_count(domain_lan.host("DC1")) == before
    for outside in ("10.79.1.9", "pc-17"):
        with pytest.raises(Failed, match="试登计算机"):
            lied_to.start_scan(canary=outside)
