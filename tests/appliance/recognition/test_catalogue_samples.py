"""Recognition measured on real installed-software samples with labels."""

from __future__ import annotations

import csv
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from appliance.model import Category, Recognition
from appliance.recognition.catalogue import FOLDER, Catalogue, load
from appliance.recognition.names import fold
from scanner.model import Platform

SAMPLES = Path(__file__).parents[2] / "data" / "samples"
CATEGORIES = {
    "操作系统": Category.OPERATING_SYSTEM,
    "办公软件": Category.OFFICE,
    "杀毒软件": Category.ANTIVIRUS,
    "工业软件": Category.INDUSTRIAL,
    "数据库": Category.DATABASE,
    "其他": Category.OTHER,
}


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load()


@dataclass(frozen=True, slots=True)
class Sample:
    name: str
    publisher: str
    product: str
    vendor: str
    category: Category | None
    origin: str
    noise: bool | None
    got: Recognition

    @property
    def got_category(self) -> Category | None:
        return self.got.product.category if self.got.product else None


def show(figures: str) -> None:
    """Seen with ``pytest -s``."""
    sys.stdout.write(f"\n{figures}")


def read_samples(catalogue: Catalogue) -> Iterator[Sample]:
    files = (("windows_uninstall.csv", "display_name", "publisher"), ("linux_packages.csv", "package", "maintainer"))
    for file, name, publisher in files:
        with (SAMPLES / file).open(encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines):
                platform = Platform.WINDOWS if name == "display_name" else Platform.LINUX
                got = catalogue.recognise(
                    row[name],
                    row[publisher] or None,
                    row["version"] or None,
                    platform=platform,
                    package_format=row.get("package_format"),
                )
                yield Sample(
                    name=row[name],
                    publisher=row[publisher],
                    product=row["expected_product"],
                    vendor=row["expected_vendor"],
                    category=CATEGORIES.get(row["expected_category"]),
                    origin=row["expected_origin"],
                    noise={"true": True, "false": False}.get(row["is_noise"]),
                    got=got,
                )


@pytest.fixture(scope="module")
def samples(catalogue: Catalogue) -> list[Sample]:
    return list(read_samples(catalogue))


def test_the_samples_are_put_in_their_categories(samples: list[Sample]) -> None:
    labelled = [s for s in samples if s.category or s.noise is not None]
    for category in (Category.OFFICE, Category.ANTIVIRUS, Category.INDUSTRIAL, Category.DATABASE, Category.OTHER):
        expected = {id(s) for s in labelled if s.category is category}
        got = {id(s) for s in labelled if s.got_category is category}
        right = len(expected & got)
        wrong = [s.name for s in labelled if id(s) in expected ^ got]
        show(f"{category}: recall {right}/{len(expected)}, precision {right}/{len(got)} {wrong}")
        assert right >= 0.95 * len(expected)
        assert right >= 0.95 * len(got)


def test_the_product_or_its_maker_is_named_right(catalogue: Catalogue, samples: list[Sample]) -> None:
    wrong = [s for s in samples if (s.product or s.vendor) and not named_right(catalogue, s)]
    count = sum(bool(s.product or s.vendor) for s in samples)
    show(f"product or vendor right: {count - len(wrong)}/{count} {[s.name for s in wrong]}")
    assert count - len(wrong) >= 0.97 * count


def named_right(catalogue: Catalogue, sample: Sample) -> bool:
    products: set[str] = set()
    vendor = catalogue.vendor_of(sample.name, sample.publisher)
    if sample.got.product:
        products = {fold(name) for name in (sample.got.product.name, *sample.got.product.aliases)}
        vendor = next(v for v in catalogue.vendors.values() if v.name == sample.got.product.vendor)
    vendors = {fold(name) for name in (vendor.name, *vendor.aliases)} if vendor else set[str]()
    return fold(sample.product) in products or fold(sample.vendor) in vendors


def test_noise_is_told_from_products(samples: list[Sample]) -> None:
    right: Counter[bool] = Counter(s.noise for s in samples if s.noise is not None and s.noise is s.got.noise)
    count: Counter[bool] = Counter(s.noise for s in samples if s.noise is not None)
    show(f"noise right: true {right[True]}/{count[True]}, false {right[False]}/{count[False]}")
    assert right[True] >= 0.97 * count[True]
    assert right[False] >= 0.97 * count[False]


def test_no_noise_row_lands_in_an_audited_category(samples: list[Sample]) -> None:
    audited = {Category.OPERATING_SYSTEM, Category.OFFICE, Category.ANTIVIRUS, Category.INDUSTRIAL}
    assert [s.name for s in samples if s.noise and s.got_category in audited] == []


def test_the_origin_of_recognised_samples_is_right(samples: list[Sample]) -> None:
    wrong = [s.name for s in samples if s.got.product and s.origin and s.origin != s.got.product.origin]
    assert wrong == []


def test_no_rule_names_one_sample_with_its_full_version(samples: list[Sample]) -> None:
    texts = "\n".join(fold(file.read_text("utf-8")) for file in FOLDER.glob("*.toml"))
    long_versions = {v for s in samples for v in re.findall(r"\d+\.\d+\.\d+(?:\.\d+)*", s.name)}
    assert [version for version in long_versions if version in texts] == []
