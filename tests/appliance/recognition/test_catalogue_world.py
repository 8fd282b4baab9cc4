"""Names as they stand in the Uninstall lists of Chinese offices and design institutes, from product knowledge."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from appliance.model import Category
from appliance.recognition.catalogue import Catalogue, load
from scanner.model import Platform

FILE = Path(__file__).parents[2] / "data" / "recognition_world.csv"
AUDITED = {Category.OPERATING_SYSTEM, Category.OFFICE, Category.ANTIVIRUS, Category.INDUSTRIAL}


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load()


def names_of(category: str) -> list[str]:
    with FILE.open(encoding="utf-8", newline="") as lines:
        return [row["name"] for row in csv.DictReader(lines) if row["category"] == category]


def category_of(catalogue: Catalogue, name: str) -> Category | None:
    product = catalogue.recognise(name, platform=Platform.WINDOWS).product
    return product.category if product else None


@pytest.mark.parametrize("category", [Category.INDUSTRIAL, Category.ANTIVIRUS, Category.OFFICE])
def test_a_program_of_an_audited_category_is_counted_in_it(catalogue: Catalogue, category: Category) -> None:
    names = names_of(category.value)
    assert len(names) >= 40
    assert [name for name in names if category_of(catalogue, name) is not category] == []


def test_parts_helpers_and_namesakes_are_counted_in_no_audited_category(catalogue: Catalogue) -> None:
    names = names_of("")
    assert len(names) >= 70
    assert [name for name in names if category_of(catalogue, name) in AUDITED] == []
