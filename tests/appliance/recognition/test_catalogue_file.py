"""The catalogue's files are whole, and an error in one is named."""

from __future__ import annotations

import shutil
import sys
from collections import Counter
from pathlib import Path

import pytest

from appliance.model import Category, SoftwareOrigin
from appliance.recognition.catalogue import FOLDER, Catalogue, load
from appliance.recognition.names import fold
from config.messages import render
from config.problems import BadInput
from scanner.model import Platform

LINUX = Platform.LINUX


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load()


def show(figures: str) -> None:
    """Seen with ``pytest -s``."""
    sys.stdout.write(f"\n{figures}")


def test_every_product_is_found_by_its_own_name(catalogue: Catalogue) -> None:
    lost = [p.id for p in catalogue.products.values() if catalogue.find(p.name) is not p]
    assert lost == []


def test_no_two_products_share_a_name_or_an_alias_but_those_of_one_family(catalogue: Catalogue) -> None:
    owners: dict[str, list[str]] = {}
    for product in catalogue.products.values():
        for name in {fold(n).replace(" ", "") for n in (product.name, *product.aliases)}:
            owners.setdefault(name, []).append(product.id)
    shared = {name: ids for name, ids in owners.items() if len(ids) > 1}
    assert shared == {
        "sqlserver": ["sql-server", "sql-server-localdb"],
        "visualstudio": ["visual-studio", "visual-studio-community"],
    }


def test_every_literal_of_the_catalogue_reaches_its_rule(catalogue: Catalogue) -> None:
    """A package name that its own rule's conditions exclude, or that another rule takes, would be dead data."""
    lost: list[str] = []
    for rule in catalogue.rules:
        for literal in rule.package if rule.product else ():
            name = literal.strip("*") if literal.endswith("*") else literal
            got = catalogue.recognise(name, platform=LINUX)
            if rule.matching is None and (got.product is None or got.product.id != rule.product):
                lost.append(f"{rule.id}: {literal} → {got.rule}")
    assert lost == []


def test_the_catalogue_is_large_and_whole(catalogue: Catalogue) -> None:
    count = Counter(p.category for p in catalogue.products.values())
    show(f"{dict(count)}, total {len(catalogue.products)}")
    assert len(catalogue.products) >= 600
    assert set(count) == set(Category)
    industrial = {p.industrial_class for p in catalogue.products.values()}
    assert {"CAD", "CAE", "CAM", "EDA", "BIM", "MBSE", "CAPP"} <= industrial
    assert {p.origin for p in catalogue.products.values()} == set(SoftwareOrigin)
    assert all(p.replaced_by in catalogue.products for p in catalogue.products.values() if p.replaced_by)


def test_the_digest_names_the_files_and_nothing_else(tmp_path: Path, catalogue: Catalogue) -> None:
    copy = Path(shutil.copytree(FOLDER, tmp_path / "catalogue"))
    assert load(copy).digest == catalogue.digest
    with (copy / "noise.toml").open("a", encoding="utf-8") as file:
        file.write("# one more line\n")
    assert load(copy).digest != catalogue.digest


LIBRE = 'name = "LibreOffice", vendor = '
WEBVIEW = 'has = ["webview2"], matching = '
BROKEN = [
    ("office.toml", 'category = "office"', 'category = "offices"', "category", None),
    ("office.toml", f'{LIBRE}"tdf"', f'{LIBRE}"tdff"', "vendor", "libreoffice"),
    ("office.toml", LIBRE, f'colour = "blue", {LIBRE}', "colour", "libreoffice"),
    ("noise.toml", f"{WEBVIEW}'webview2'", f"{WEBVIEW}'webview2('", "matching", "webview"),
    ("other.toml", '{ id = "wechat", name', '{ id = "qq", name', "id", None),
    ("database.toml", 'package = ["tdengine*"]', 'package = ["*tdengine*"]', "package", "tdengine"),
]


@pytest.mark.parametrize(("file", "old", "new", "key", "entry"), BROKEN)
def test_an_error_in_a_file_names_file_line_and_key(
    tmp_path: Path, file: str, old: str, new: str, key: str, entry: str | None
) -> None:
    broken = Path(shutil.copytree(FOLDER, tmp_path / "catalogue")) / file
    text = broken.read_text("utf-8")
    assert old in text
    broken.write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(BadInput) as caught:
        load(broken.parent)
    params = caught.value.message.params
    assert params["file"] == file
    assert key in str(params["key"])
    if entry:
        assert f'id = "{entry}"' in broken.read_text("utf-8").splitlines()[int(str(params["line"])) - 1]
    assert file in render(caught.value.message)


def test_a_syntax_error_and_a_missing_file_are_named(tmp_path: Path) -> None:
    copy = Path(shutil.copytree(FOLDER, tmp_path / "catalogue"))
    (copy / "office.toml").write_text('category = "office"\nproducts = [\n{ id = \n', "utf-8")
    with pytest.raises(BadInput) as syntax:
        load(copy)
    assert (syntax.value.message.params["file"], syntax.value.message.params["line"]) == ("office.toml", 3)
    (copy / "noise.toml").unlink()
    with pytest.raises(BadInput) as missing:
        load(copy)
    assert missing.value.message.params["file"] == "noise.toml"


def test_a_probe_path_of_a_product_that_is_not_listed_is_named(tmp_path: Path, catalogue: Catalogue) -> None:
    assert catalogue.probe_paths["winrar"][0] == "Program Files\\WinRAR\\WinRAR.exe"
    copy = Path(shutil.copytree(FOLDER, tmp_path / "catalogue"))
    with (copy / "probe_paths.toml").open("a", encoding="utf-8") as file:
        file.write("no-such-product = ['Nothing\\nothing.exe']\n")
    with pytest.raises(BadInput) as caught:
        load(copy)
    params = caught.value.message.params
    assert (params["file"], params["key"]) == ("probe_paths.toml", "paths.no-such-product")
