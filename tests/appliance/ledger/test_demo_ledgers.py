"""The ledgers of the made-up unit are read fully."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.ledger.importing import ImportPreview, guess_kind, preview
from appliance.ledger.model import Asset, AssetState, FreeListEntry, LedgerKind, Licence, LicenceType, SoftwareType
from appliance.ledger.reading import read_table
from config import settings
from config.clock import SystemClock

FOLDER = Path(__file__).parents[2] / "data" / "demo" / "ledgers"
LIMITS = settings.load(environment={}).ledger.model_copy(update={"child_seconds": 30})


def read(name: str, kind: LedgerKind) -> ImportPreview:
    workbook = read_table(FOLDER / name, LIMITS, SystemClock())
    assert guess_kind(workbook) is kind
    found = preview(kind, workbook, "f1")
    assert found.rows_read == found.rows_accepted + found.rows_skipped
    assert found.rows_rejected == 0
    assert found.unmapped == ()
    return found


@pytest.mark.parametrize("name", ["固定资产.xlsx", "固定资产.csv"])
def test_the_assets_are_thirteen_computers_and_a_printer(name: str) -> None:
    found = read(name, LedgerKind.ASSETS)
    assets = [record for record in found.accepted if isinstance(record, Asset)]
    assert len(assets) == 14
    assert [asset.name for asset in assets if not asset.is_computer] == ["激光打印机"]
    assert [asset.asset_no for asset in assets if asset.state is AssetState.SCRAPPED] == ["ZC2012-0009"]
    assert sum(asset.xinchuang is True for asset in assets) == 2
    assert all(asset.macs and asset.addresses for asset in assets if asset.state is AssetState.IN_USE)
    assert found.problems == ()
    assert "ledger.skip_total" in found.skipped


@pytest.mark.parametrize("name", ["软件使用情况汇总表.xlsx", "软件使用情况汇总表.csv"])
def test_the_licences_keep_quantities_terms_and_only_the_tails_of_keys(name: str) -> None:
    found = read(name, LedgerKind.LICENCES)
    licences = {record.software_no: record for record in found.accepted if isinstance(record, Licence)}
    assert len(licences) == 15
    assert licences["RJ001"].licence_type is LicenceType.SITE
    assert (licences["RJ001"].quantity, licences["RJ001"].perpetual) == (None, True)
    assert licences["RJ003"].serial_tail == "6GM3T"
    assert str(licences["RJ003"].purchased_on) == "2021-03-01"
    assert str(licences["RJ005"].valid_until) == "2025-06-30"
    assert licences["RJ005"].amount_fen == 680_000
    assert licences["RJ007"].quantity == 5
    assert licences["RJ011"].software_type is SoftwareType.OEM
    assert licences["RJ013"].software_type is SoftwareType.FREE


def test_the_free_list_says_who_may_use_what() -> None:
    found = read("可使用免费软件清单.csv", LedgerKind.FREE_LIST)
    entries = [record for record in found.accepted if isinstance(record, FreeListEntry)]
    assert [(entry.name, entry.departments) for entry in entries] == [
        ("LibreOffice", ()),
        ("7-Zip", ()),
        ("数科OFD阅读器", ("规划编制科",)),
    ]
