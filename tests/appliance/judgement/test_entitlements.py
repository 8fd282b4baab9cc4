"""What a ledger row says about versions, and what it grants, with the shipped catalogue."""

from __future__ import annotations

import pytest

from appliance.judgement.entitlements import build_register, version_cells
from appliance.ledger.model import ProofLevel, SoftwareType
from appliance.recognition.catalogue import load
from tests.appliance.judgement.world import AS_OF, licence, proof

CATALOGUE = load()


@pytest.mark.parametrize(
    ("name", "version", "installed", "covered"),
    [
        ("Windows 10 专业版", "22H2", "10", True),
        ("Windows 10 专业版", "22H2", "7", False),
        ("Microsoft Office 2019 专业增强版", "", "2019", True),
        ("Microsoft Office 2019 专业增强版", "", "2021", False),
        ("Microsoft Office", "", "2021", True),
        ("银河麒麟桌面操作系统 V10", "", "V10", True),
    ],
)
def test_the_release_in_a_declared_name_limits_what_the_row_covers(
    name: str, version: str, installed: str, covered: bool
) -> None:
    row = licence("S1", name, version=version, quantity=3)
    product = CATALOGUE.find(name, version)
    assert product is not None
    register = build_register([row], [], [], CATALOGUE, AS_OF, ProofLevel.P1)
    assert bool(register.of(product, (installed,)).covering) is covered


def test_numbers_of_the_products_own_name_are_no_version() -> None:
    product = CATALOGUE.find("360安全卫士")
    assert product is not None
    assert not any("360" in cell for cell in version_cells(licence("S1", "360安全卫士"), product))


def test_the_highest_proof_of_a_number_counts_and_unknown_software_is_kept_aside() -> None:
    rows = [licence("S1", "WPS Office", quantity=1), licence("S2", "从没见过的软件")]
    proofs = [proof("S1", ProofLevel.P2), proof("S1", ProofLevel.P1)]
    register = build_register(rows, proofs, [], CATALOGUE, AS_OF, ProofLevel.P2)
    assert [grant.proven for grants in register.grants.values() for grant in grants] == [True]
    assert [row.name for row in register.unrecognised] == ["从没见过的软件"]


@pytest.mark.parametrize(("installed", "number"), [("10", "RJ012"), ("11", "RJ011")])
def test_the_oem_row_that_names_the_version_covers_the_copy(installed: str, number: str) -> None:
    oem = {"software_type": SoftwareType.OEM}
    rows = [
        licence("RJ011", "Windows 11 专业版", version="23H2", **oem),
        licence("RJ012", "Windows 10 专业版", version="22H2", **oem),
    ]
    register = build_register(rows, [], [], CATALOGUE, AS_OF, ProofLevel.P1)
    covering = register.of(CATALOGUE.products["windows"], (installed,)).covering
    assert [grant.row.software_no for grant in covering] == [number]
