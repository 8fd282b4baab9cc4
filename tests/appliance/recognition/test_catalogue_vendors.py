"""Who made a program, for makers that stand in the catalogue and for those that do not."""

from __future__ import annotations

import pytest

from appliance.model import SoftwareOrigin
from appliance.recognition.catalogue import Catalogue, load
from appliance.recognition.catalogue_vendors import named_by
from scanner.model import Platform


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load()


@pytest.mark.parametrize(
    ("publisher", "name"),
    [
        ("Spotify AB", "Spotify"),
        ("Ashampoo GmbH & Co. KG", "Ashampoo"),
        ("Riot Games, Inc", "Riot Games"),
        ("SMART Technologies ULC", "SMART Technologies"),
        ("Maestro Soft AS", "Maestro Soft"),
        ("Copyright Esposito Software", "Esposito Software"),
        ("上海亦存网络科技有限公司", "亦存网络科技"),
        ("某某移动（北京）科技有限公司", "某某移动科技"),
        ("Foo (Shenzhen) Co., Ltd.", "Foo"),
        ("Ltd.", "Ltd."),
    ],
)
def test_a_maker_is_named_without_legal_form_and_place(publisher: str, name: str) -> None:
    vendor = named_by(publisher)
    assert vendor is not None
    assert vendor.name == name


def test_shorter_forms_of_a_publisher_are_its_aliases() -> None:
    vendor = named_by("Sony Interactive Entertainment LLC")
    assert vendor is not None
    assert "Sony" in vendor.aliases
    assert "Sony Interactive Entertainment LLC" in vendor.aliases


def test_an_origin_is_said_only_where_the_publisher_tells_it() -> None:
    origins = {
        name: vendor.origin
        for name in ("深圳市某某科技有限公司", "Beijing Foo Co., Ltd.", "Foo LLC")
        if (vendor := named_by(name))
    }
    assert origins == {
        "深圳市某某科技有限公司": SoftwareOrigin.DOMESTIC,
        "Beijing Foo Co., Ltd.": SoftwareOrigin.DOMESTIC,
        "Foo LLC": None,
    }


def test_no_publisher_and_no_known_beginning_name_nobody(catalogue: Catalogue) -> None:
    assert named_by("  ") is None
    assert catalogue.vendor_of("Some Thing 3.1") is None


def test_a_product_name_gives_way_to_a_publisher_that_says_otherwise(catalogue: Catalogue) -> None:
    by_name = catalogue.vendor_of("Maestro 12")
    by_publisher = catalogue.vendor_of("Maestro Årsoppgjør 2023", "Maestro Soft AS")
    assert (by_name and by_name.name, by_publisher and by_publisher.name) == ("Schrödinger", "Maestro Soft")


def test_a_name_that_begins_with_its_maker_stays_with_him_whoever_packed_it(catalogue: Catalogue) -> None:
    vendor = catalogue.vendor_of("Adobe Photoshop 2020", "Some Repacker")
    assert vendor is not None
    assert vendor.name == "Adobe"


def test_an_unknown_entry_of_a_maker_of_parts_is_a_part(catalogue: Catalogue) -> None:
    part = catalogue.recognise("WVR64", "Advanced Micro Devices, Inc.", platform=Platform.WINDOWS)
    other = catalogue.recognise("WVR64", "Somebody Else", platform=Platform.WINDOWS)
    assert (part.noise, part.rule) == (True, "field.publisher")
    assert (other.noise, other.rule) == (False, "unknown")


def test_a_publisher_that_goes_on_behind_its_legal_form_is_still_known_by_its_short_name() -> None:
    vendor = named_by("Voicemod, Inc., Sucursal en España")
    assert vendor is not None
    assert "Voicemod" in vendor.aliases


@pytest.mark.parametrize(
    ("package", "maker"),
    [
        ("com.foxit.something", "福昕"),
        ("cn.suwell.some-tool", "数科网维"),
        ("com.qianxin.some.agent", "奇安信"),
    ],
)
def test_an_unknown_store_package_has_the_maker_of_its_domain(catalogue: Catalogue, package: str, maker: str) -> None:
    vendor = catalogue.vendor_of(package)
    assert vendor is not None
    assert vendor.name == maker


@pytest.mark.parametrize("package", ["com.nobody.tool", "io.elsewhere.program", "com.foxit", "libfoxit.so"])
def test_an_unknown_domain_names_no_maker(catalogue: Catalogue, package: str) -> None:
    assert catalogue.vendor_of(package) is None


def test_a_maker_is_also_known_by_its_short_name(catalogue: Catalogue) -> None:
    iar, wellintech = catalogue.vendor_named("IAR Systems"), catalogue.vendor_named("亚控科技")
    assert iar is not None
    assert wellintech is not None
    assert "IAR" in iar.aliases
    assert "亚控" in wellintech.aliases


def test_a_short_chinese_name_is_also_known_with_the_word_people_add(catalogue: Catalogue) -> None:
    vendor = catalogue.vendor_of("开目CAD 2020")
    assert vendor is not None
    assert {"开目软件", "开目科技"} <= set(vendor.aliases)
