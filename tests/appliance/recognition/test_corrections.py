"""A unit's corrections of recognition: they speak first, are shown as such, and are part of the digest."""

from __future__ import annotations

import dataclasses

import pytest

from appliance.model import Activation, Category, LicensingModel, SoftwareOrigin
from appliance.recognition.catalogue import Catalogue, load
from appliance.recognition.corrections import Corrected, Correction, OwnProduct, dump, merged, parse
from scanner.model import InstalledSoftware, OperatingSystem, Platform, Scope

WINDOWS = Platform.WINDOWS
OWN = OwnProduct(
    "单位自研办公系统", "某单位信息中心", Category.OFFICE, SoftwareOrigin.DOMESTIC, LicensingModel.COMMERCIAL
)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load()


def entry(name: str, publisher: str | None = None) -> InstalledSoftware:
    return InstalledSoftware(name=name, source="key", scope=Scope.MACHINE, publisher=publisher)


def test_a_corrected_name_is_the_product_it_was_corrected_to(catalogue: Catalogue) -> None:
    using = Corrected(catalogue, [Correction("测绘助手 3.2", product_id="cass")])
    got = using.recognise_entry(entry("测绘助手  ３.2"), WINDOWS)
    assert got.product
    assert got.product.id == "cass"
    assert got.rule.startswith("correction.")


def test_a_correction_overrides_a_rule_of_the_catalogue(catalogue: Catalogue) -> None:
    using = Corrected(catalogue, [Correction("AutoCAD 2020", noise=True)])
    got = using.recognise("AutoCAD 2020", platform=WINDOWS)
    assert (got.product, got.noise) == (None, True)
    assert using.recognise("AutoCAD 2021", platform=WINDOWS).product


def test_a_correction_for_one_publisher_leaves_the_others_alone(catalogue: Catalogue) -> None:
    using = Corrected(catalogue, [Correction("CASS", publisher="某测绘公司", product_id="cass")])
    ours = using.recognise_entry(entry("CASS", "某测绘公司"), WINDOWS).product
    assert ours
    assert ours.id == "cass"
    assert using.recognise_entry(entry("CASS", "Another"), WINDOWS).rule.startswith("correction.") is False


def test_a_product_of_the_units_own_is_known_by_name_and_in_the_ledger(catalogue: Catalogue) -> None:
    using = Corrected(catalogue, [Correction("OA客户端", own=OWN)])
    product = using.recognise_entry(entry("OA客户端"), WINDOWS).product
    assert product
    assert (product.category, product.activation) == (Category.OFFICE, Activation.UNREADABLE)
    assert using.products[product.id] is using.find("单位自研办公系统")
    assert OWN.product() == product


def test_systems_and_declared_names_stay_with_the_catalogue(catalogue: Catalogue) -> None:
    using = Corrected(catalogue, [Correction("x", noise=True)])
    system = OperatingSystem(WINDOWS, "Windows 10 Pro", build="19045")
    assert using.recognise_os(system) == catalogue.recognise_os(system)
    assert using.find("WPS Office") is catalogue.find("WPS Office")


def test_the_digest_holds_what_the_corrections_say_in_any_order_and_nothing_else(catalogue: Catalogue) -> None:
    one, two = Correction("a", noise=True), Correction("b", product_id="cass")
    assert Corrected(catalogue, []).digest == catalogue.digest
    assert Corrected(catalogue, [one, two]).digest == Corrected(catalogue, [two, one]).digest
    assert Corrected(catalogue, [one]).digest != Corrected(catalogue, [two]).digest
    noted = dataclasses.replace(one, note="说明", operator="张三", recorded_at="2026-11-01T08:00:00+08:00")
    assert Corrected(catalogue, [noted]).digest == Corrected(catalogue, [one]).digest


def test_corrections_are_written_and_read_back_and_the_later_word_counts() -> None:
    first = [Correction("A", noise=True), Correction("B", own=OWN)]
    later = merged(first, [Correction("a", product_id="cass", note="改")])
    assert parse(dump(later)) == later
    assert [one.product_id for one in later] == ["cass", ""]


@pytest.mark.parametrize(
    ("correction", "whole"),
    [
        (Correction("a", noise=True), True),
        (Correction("a", product_id="cass"), True),
        (Correction("a"), False),
        (Correction("a", product_id="cass", noise=True), False),
        (Correction("  ", noise=True), False),
    ],
)
def test_a_correction_says_exactly_one_thing(correction: Correction, whole: bool) -> None:
    assert correction.is_whole() is whole
