"""Use cases of recognition: ask the catalogue, list it, correct it for a unit, and see what an inspection's names are.

Corrections live in the inspection's folder (``recognition.json``) and are remembered for the unit
(``DATA/units/<unit id>.recognition.json``); a new inspection of the unit starts with them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Any

from appliance.context import Appliance
from appliance.folder import InspectionFolder
from appliance.model import LicensingModel, Product, Recognition
from appliance.recognition import corrections
from appliance.recognition.catalogue import Catalogue
from appliance.recognition.corrections import Corrected, Correction
from appliance.store import hosts as host_store
from appliance.store import inspections as store
from appliance.store.database import Db
from config.clock import rfc3339
from config.durable import private_folder, replace_file
from config.problems import BadInput, NotFound
from scanner.model import HostFacts, InstalledSoftware, OperatingSystem, Platform

Document = dict[str, Any]
CORRECTING = Lock()
"""Held while corrections are read and written: those of a unit belong to all of its inspections."""
CSV_FIELDS = ("package_format", "section", "parent_key", "release_type")


def product_document(catalogue: Catalogue, product: Product) -> Document:
    """One product as it is listed; ``source`` is empty while nothing confirms the entry."""
    return {
        "id": product.id,
        "name": product.name,
        "aliases": list(product.aliases),
        "vendor": product.vendor,
        "category": product.category.value,
        "subcategory": product.industrial_class,
        "origin": product.origin.value,
        "licensing": product.licensing.value,
        "activation": product.activation.value,
        "replaced_by": product.replaced_by,
        "source": catalogue.sources.get(product.id, ""),
    }


def list_products(catalogue: Catalogue, category: str | None = None) -> Iterator[Document]:
    """All products in the order of the files."""
    wanted = (p for p in catalogue.products.values() if category in (None, p.category.value))
    return (product_document(catalogue, product) for product in wanted)


def check(catalogue: Catalogue) -> Document:
    """What a catalogue holds, counted; reading it already checked it."""
    unconfirmed = sum(not catalogue.sources.get(product_id) for product_id in catalogue.products)
    return {
        "version": catalogue.version,
        "digest": catalogue.digest,
        "products": len(catalogue.products),
        "vendors": len(catalogue.vendors),
        "rules": len(catalogue.rules),
        "unconfirmed": unconfirmed,
    }


def recognise(
    catalogue: Catalogue,
    name: str,
    publisher: str = "",
    version: str = "",
    platform: Platform = Platform.WINDOWS,
    fields: Mapping[str, Any] | None = None,
) -> Document:
    """One raw name, with everything that a table of names shows."""
    found = catalogue.recognise(name, publisher or None, version or None, platform=platform, **(fields or {}))
    return describe(catalogue, found, name, publisher)


def recognise_system(catalogue: Catalogue, name: str, version: str, platform: Platform) -> Document:
    """One name of an operating system, as a computer or a ledger writes it."""
    found = catalogue.recognise_os(OperatingSystem(platform, name, version=version or None))
    return describe(catalogue, found, name, "")


def describe(catalogue: Catalogue, found: Recognition, name: str, publisher: str) -> Document:
    """Product, maker, codes of category and origin, edition, and the rule that spoke.

    The maker is named for unknown programs too, as far as publisher or name tell.
    """
    product = found.product
    vendor = catalogue.vendor_named(product.vendor) if product else catalogue.vendor_of(name, publisher)
    return {
        "product": product.name if product else "",
        "product_id": product.id if product else "",
        "product_aliases": list(product.aliases) if product else [],
        "vendor": product.vendor if product else (vendor.name if vendor else ""),
        "vendor_aliases": list(vendor.aliases) if vendor else [],
        "category": product.category.value if product else "",
        "subcategory": product.industrial_class if product else "",
        "origin": product.origin.value if product else (vendor.origin.value if vendor and vendor.origin else ""),
        "licensing": licensing_of(catalogue, product, found.edition) if product else "",
        "edition": found.edition,
        "release": found.version,
        "is_noise": found.noise or bool(product and product.licensing is LicensingModel.COMPONENT),
        "rule": found.rule,
    }


def licensing_of(catalogue: Catalogue, product: Product, edition: str) -> str:
    """The licensing model of this copy: what its edition says counts before what the product usually is."""
    if said := catalogue.edition_licensing.get(edition):
        return said
    return "open_source" if product.id in catalogue.open_source else product.licensing.value


def recognise_rows(catalogue: Catalogue, rows: Iterable[Mapping[str, str]]) -> Iterator[Document]:
    """Rows of a table, in their order: their own columns pass through, the recognition's columns stand beside them.

    ``display_name`` or ``package``, ``publisher`` or ``maintainer``, ``version``, ``platform`` or ``platform_os`` are
    read. Raises BadInput ``catalogue.no_name_column``.
    """
    for row in rows:
        if not {"display_name", "package"} & row.keys():
            raise BadInput("catalogue.no_name_column", columns="、".join(row))
        name = row.get("display_name") or row.get("package") or ""
        publisher = row.get("publisher") or row.get("maintainer") or ""
        fields: Document = {key: row[key] for key in CSV_FIELDS if row.get(key)}
        if row.get("system_component"):
            fields["system_component"] = row["system_component"].lower() in ("1", "true")
        yield {**row, **recognise(catalogue, name, publisher, row.get("version") or "", platform_of(row), fields)}


def platform_of(row: Mapping[str, str]) -> Platform:
    """``windows`` or ``linux`` from ``platform``, the system's name in ``platform_os``, or the kind of the name."""
    said = (row.get("platform") or row.get("platform_os") or "").casefold()
    if not said:
        return Platform.LINUX if row.get("package") else Platform.WINDOWS
    return Platform.WINDOWS if "windows" in said or said.startswith("win") else Platform.LINUX


def list_corrections(appliance: Appliance, inspection_id: str) -> list[Document]:
    """Corrections of an inspection, in order of name."""
    with appliance.inspection(inspection_id) as (_, folder):
        return [_document(appliance.catalogue, one) for one in in_force(folder)]


def correct(appliance: Appliance, inspection_id: str, correction: Correction) -> Document:
    """Say what a name means, in this inspection and for the unit from now on.

    Raises BadInput unless the correction says exactly one thing, NotFound for an unknown product, Refused once sealed.
    """
    if not correction.is_whole():
        raise BadInput("catalogue.bad_correction", name=correction.name)
    if correction.product_id and correction.product_id not in appliance.catalogue.products:
        raise NotFound("catalogue.unknown_product", product=correction.product_id)
    now = rfc3339(appliance.clock.now())
    whole = replace(correction, operator=appliance.operator, recorded_at=now)
    with appliance.open_inspection(inspection_id) as (db, folder):
        appliance.log(inspection_id, "recognition.corrected", name=whole.name, correction=whole.id)
        with CORRECTING:
            for file in (_own_file(folder), _unit_file(appliance, db)):
                _write(file, corrections.merged(_read(file), [whole]))
    return _document(appliance.catalogue, whole)


def withdraw(appliance: Appliance, inspection_id: str, correction_id: str) -> None:
    """Forget a correction, here and for the unit. Raises NotFound, Refused once sealed."""
    with appliance.open_inspection(inspection_id) as (db, folder):
        if correction_id not in {one.id for one in in_force(folder)}:
            raise NotFound("catalogue.unknown_correction", correction=correction_id)
        appliance.log(inspection_id, "recognition.correction_withdrawn", correction=correction_id)
        with CORRECTING:
            for file in (_own_file(folder), _unit_file(appliance, db)):
                _write(file, [one for one in _read(file) if one.id != correction_id])


def recall(appliance: Appliance, unit_id: str, folder: InspectionFolder) -> None:
    """Give a new inspection what earlier ones of its unit have corrected."""
    if remembered := _read(_remembered(appliance, unit_id)):
        _write(_own_file(folder), remembered)


def sealed_file(folder: InspectionFolder) -> Path | None:
    """The file of an inspection's corrections, when it has any."""
    file = _own_file(folder)
    return file if file.exists() else None


def in_force(folder: InspectionFolder) -> tuple[Correction, ...]:
    """The corrections of one inspection."""
    return _read(_own_file(folder))


def corrected(appliance: Appliance, folder: InspectionFolder) -> Corrected:
    """The catalogue as this inspection uses it."""
    return Corrected(appliance.catalogue, in_force(folder))


def names_of(appliance: Appliance, inspection_id: str, state: str | None = None) -> list[Document]:
    """Every distinct name and publisher found in an inspection, with what it is and on how many computers.

    ``state``: ``product``, ``noise``, ``unknown`` or ``corrected`` alone.
    """
    with appliance.inspection(inspection_id) as (db, folder):
        catalogue = corrected(appliance, folder)
        seen = _counted(facts for _, facts in host_store.stream_facts(db))
    documents = (_seen_document(appliance.catalogue, catalogue, *item) for item in sorted(seen.items()))
    return [document for document in documents if state in (None, document["state"], document["corrected"])]


Seen = dict[tuple[str, str, Platform], tuple[InstalledSoftware, set[str]]]


def _counted(all_facts: Iterable[HostFacts]) -> Seen:
    seen: Seen = {}
    for facts in all_facts:
        platform = facts.platform or (facts.os.family if facts.os else Platform.WINDOWS)
        for entry in facts.installations or ():
            _, hosts = seen.setdefault((entry.name, entry.publisher or "", platform), (entry, set()))
            hosts.add(facts.id)
    return seen


def _seen_document(
    base: Catalogue, catalogue: Corrected, key: tuple[str, str, Platform], found: tuple[InstalledSoftware, set[str]]
) -> Document:
    (name, publisher, platform), (entry, hosts) = key, found
    recognition = catalogue.recognise_entry(entry, platform)
    told = describe(base, recognition, name, publisher)
    return {
        "name": name,
        "publisher": publisher,
        "platform": platform.value,
        "computers": len(hosts),
        "state": "noise" if told["is_noise"] else ("product" if recognition.product else "unknown"),
        "corrected": "corrected" if recognition.rule.startswith("correction.") else "",
        **told,
    }


def _document(catalogue: Catalogue, one: Correction) -> Document:
    product = one.own.product() if one.own else catalogue.products.get(one.product_id)
    return {
        "id": one.id,
        "name": one.name,
        "publisher": one.publisher,
        "product": product_document(catalogue, product) if product else None,
        "noise": one.noise,
        "note": one.note,
        "operator": one.operator,
        "recorded_at": one.recorded_at,
    }


def _own_file(folder: InspectionFolder) -> Path:
    return folder.root / "recognition.json"


def _unit_file(appliance: Appliance, db: Db) -> Path:
    return _remembered(appliance, store.read(db)["unit_id"])


def _remembered(appliance: Appliance, unit_id: str) -> Path:
    return appliance.folder.root / "units" / f"{unit_id}.recognition.json"


def _read(file: Path) -> tuple[Correction, ...]:
    return corrections.parse(file.read_text("utf-8")) if file.exists() else ()


def _write(file: Path, all_of_them: Iterable[Correction]) -> None:
    private_folder(file.parent)
    replace_file(file, corrections.dump(all_of_them).encode())
