"""Recognition on names collected after the rules were written, the hold-out and the batches after it.

``tests/data/recognition_holdout.md`` and ``recognition_batches.md`` tell where they are from and how each
first run went.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import pytest

from appliance.model import Category, Recognition
from appliance.recognition.catalogue import Catalogue, load
from appliance.recognition.names import fold
from scanner.model import Platform

DATA = Path(__file__).parents[2] / "data"
FILES = ("holdout", *(f"batch{number}" for number in range(1, 29)))
AUDITED = {Category.OPERATING_SYSTEM, Category.OFFICE, Category.ANTIVIRUS, Category.INDUSTRIAL}


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    publisher: str
    category: str
    product: str
    vendor: str
    noise: str
    got: Recognition

    @property
    def got_category(self) -> Category | None:
        return self.got.product.category if self.got.product else None


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load()


@pytest.fixture(scope="module", params=FILES)
def rows(request: pytest.FixtureRequest, catalogue: Catalogue) -> list[Row]:
    with (DATA / f"recognition_{request.param}.csv").open(encoding="utf-8", newline="") as lines:
        return [read_row(catalogue, row) for row in csv.DictReader(lines)]


def read_row(catalogue: Catalogue, row: dict[str, str]) -> Row:
    linux = row["platform"] == "linux"
    got = catalogue.recognise(
        row["name"],
        row["publisher"] or None,
        row["version"] or None,
        platform=Platform(row["platform"]),
        package_format="dpkg" if linux else None,
    )
    return Row(row["name"], row["publisher"], row["category"], row["product"], row["vendor"], row["is_noise"], got)


def share(good: int, count: int) -> float:
    return good / count if count else 1.0


@pytest.mark.parametrize("category", ["office", "antivirus", "industrial", "database", "other"])
def test_labelled_rows_are_put_in_their_category_and_no_others(rows: list[Row], category: str) -> None:
    labelled = [row for row in rows if row.category]
    expected = {row.name for row in labelled if row.category == category}
    got = {row.name for row in labelled if row.got_category == category}
    assert share(len(expected & got), len(expected)) >= 0.95, expected - got
    assert share(len(expected & got), len(got)) >= 0.95, got - expected


def test_the_product_or_its_maker_is_named(catalogue: Catalogue, rows: list[Row]) -> None:
    named = [row for row in rows if row.product or row.vendor]
    wrong = [row.name for row in named if not is_named(catalogue, row)]
    assert share(len(named) - len(wrong), len(named)) >= 0.97, wrong


def is_named(catalogue: Catalogue, row: Row) -> bool:
    product, vendor = row.got.product, catalogue.vendor_of(row.name, row.publisher)
    if product:
        vendor = catalogue.vendor_named(product.vendor)
        if fold(row.product) in {fold(name) for name in (product.name, *product.aliases)}:
            return True
    return vendor is not None and fold(row.vendor) in {fold(name) for name in (vendor.name, *vendor.aliases)}


@pytest.mark.parametrize("noise", ["true", "false"])
def test_noise_is_told_from_programs(rows: list[Row], noise: str) -> None:
    labelled = [row for row in rows if row.noise == noise]
    wrong = [row.name for row in labelled if row.got.noise is (noise == "false")]
    assert share(len(labelled) - len(wrong), len(labelled)) >= 0.97, wrong


def test_neither_noise_nor_foreign_programs_land_in_an_audited_category(rows: list[Row]) -> None:
    taken = [row.name for row in rows if not row.category and row.noise and row.got_category in AUDITED]
    assert taken == []


@pytest.mark.parametrize(
    "form", ["{}", "{} 2020", "{} 9.1.0.4", "{} (64-bit)", "{} x64", "{} Professional", "{} 专业版"]
)
def test_no_name_of_a_product_is_taken_for_a_part(catalogue: Catalogue, form: str) -> None:
    hidden = [
        (name, publisher, got.rule)
        for product in catalogue.products.values()
        for name in (product.name, *product.aliases)
        for publisher in (None, product.vendor)
        if (got := catalogue.recognise(form.format(name), publisher, platform=Platform.WINDOWS)).noise
    ]
    assert hidden == []


def test_no_program_of_an_audited_category_is_taken_for_a_part(rows: list[Row]) -> None:
    audited = {category.value for category in (*AUDITED, Category.DATABASE)}
    assert [row.name for row in rows if row.category in audited and row.got.noise] == []
