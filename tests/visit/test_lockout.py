"""A wrong domain password against 200 hosts is counted once by the controller, whatever the hosts do with it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.domain import bad_password_count
from tests.lab.lan import Lan
from tests.visit.domain_lan import ADDRESSES, HANGING_UP, SILENT
from tests.visit.fleet_site import FleetSite

pytestmark = pytest.mark.lab
SETTINGS = "[scan]\nanswer_timeout_seconds = 6\n"


@pytest.fixture
def lan(domain_lan: Lan) -> Lan:
    return domain_lan


@pytest.fixture
def site(lan: Lan, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[FleetSite]:
    site = FleetSite(lan, tmp_path, request.param, SETTINGS)
    try:
        yield site
    finally:
        site.stop()


def counted(lan: Lan) -> int:
    return bad_password_count(lan.host("DC1"))


@pytest.mark.parametrize("site", [[f"{ADDRESSES[0]}-{ADDRESSES[-1]}"]], indirect=True)
def test_a_wrong_domain_password_against_200_hosts_is_counted_once(site: FleetSite, lan: Lan) -> None:
    before = counted(lan)
    credential = site.credential("domain", "smb", "wrong", "UNIT")
    result = site.scan()
    assert result["hosts"] == len(ADDRESSES)
    assert counted(lan) - before == 1
    shown = {c["id"]: c for c in site.get("credentials")["items"]}[credential]
    assert shown["state"] == "frozen"
    assert shown["frozen_reason"]["code"] == "selection.domain_refused"
    codes = [h["reason"]["code"] for h in site.hosts().values()]
    assert (codes.count("login.refused"), codes.count("selection.all_frozen")) == (1, 199)

    site.scan()
    assert counted(lan) - before == 1, "a new scan tries a frozen password again"
    site.restart()
    site.scan()
    assert counted(lan) - before == 1, "a restart thaws a frozen password"


@pytest.mark.parametrize("site", [[*SILENT, *ADDRESSES[1:60]], [*HANGING_UP, *ADDRESSES[1:60]]], indirect=True)
def test_hosts_that_pass_the_password_on_and_say_nothing_do_not_spread_it(site: FleetSite, lan: Lan) -> None:
    before = counted(lan)
    credential = site.credential("domain", "smb", "wrong", "UNIT")
    site.scan()
    assert counted(lan) - before == 1
    shown = {c["id"]: c for c in site.get("credentials")["items"]}[credential]
    assert shown["state"] == "frozen"

    path = f"/api/v1/inspections/{site.inspection}/credentials/{credential}/secret"
    again = site.client.send("PUT", path, {"secret": "still wrong"})
    assert (again["state"], again["frozen_reason"]) == ("unproven", None)
    site.scan(only_missing=True)
    assert counted(lan) - before == 2, "entered again means one more try, and only one"
