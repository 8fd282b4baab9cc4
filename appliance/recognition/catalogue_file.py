"""The catalogue's files: read, checked, turned into products, vendors, editions and rules.

A folder holds ``catalogue.toml`` (the version), ``vendors.toml``, ``editions.toml``, ``noise.toml``,
``probe_paths.toml`` and one file a category.
A mistake is a BadInput ``catalogue.bad_file`` that names file, line and key.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from appliance.model import Activation, Category, LicensingModel, Product, SoftwareOrigin
from appliance.recognition.catalogue_index import Rule
from appliance.recognition.catalogue_vendors import Vendor, longer, shorter
from appliance.recognition.names import fold
from config.probe_paths import probe_paths
from config.problems import BadInput
from config.toml_place import line_of

PRODUCT_PRIORITY = 100
NOISE_PRIORITY = 200
Words = tuple[Annotated[str, Field(min_length=1)], ...]
Packages = tuple[Annotated[str, Field(pattern=r"^(?:\*[^*]+|[^*]+\*?)$")], ...]  # one star, at one end


@dataclass(frozen=True, slots=True)
class NoiseFields:
    """What marks an entry as noise beside its name."""

    release_types: frozenset[str]
    sections: frozenset[str]
    publishers: tuple[str, ...]
    last_names: tuple[Rule, ...]  # asked in order about a program of which no other rule speaks
    last_packages: tuple[Rule, ...]  # the same for packages


@dataclass(frozen=True, slots=True)
class CatalogueFiles:
    """All files, checked."""

    version: str
    digest: str
    products: Mapping[str, Product]
    vendors: Mapping[str, Vendor]
    editions: Mapping[str, str]  # folded word → name
    edition_codes: Mapping[str, str]  # folded EditionID → name
    edition_licensing: Mapping[str, str]  # name → trial or education, for editions that say so
    releases: Mapping[str, Mapping[str, str]]  # product id → first part of the file version → release
    noise: NoiseFields
    rules: tuple[Rule, ...]
    sources: Mapping[str, str]  # product id → what confirms the entry; absent: unconfirmed
    open_source: frozenset[str]  # ids of free products whose licence is an open-source one
    probe_paths: Mapping[str, tuple[str, ...]]  # product id → where portable copies lie, see config.probe_paths


class Shape(BaseModel):
    """A table of a catalogue file; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Finder(Shape):
    starts: Words = ()
    exact: Words = ()
    has: Words = ()
    package: Packages = ()
    os: Words = ()
    distribution: Words = ()
    matching: re.Pattern[str] | None = None
    unless: re.Pattern[str] | None = None
    publisher: Words = ()
    edition: str = ""
    version: str = ""
    priority: int = PRODUCT_PRIORITY

    def finds(self) -> bool:
        return any((self.starts, self.exact, self.has, self.package, self.os, self.distribution))

    def rule(self, name: str, product: str) -> Rule:
        values: dict[str, Any] = {key: getattr(self, key) for key in Finder.model_fields if key != "publisher"}
        return Rule(id=name, product=product, publisher=tuple(map(fold, self.publisher)), **values)


class Defaults(Shape):
    licensing: LicensingModel = LicensingModel.COMMERCIAL
    activation: Activation = Activation.UNREADABLE


class ProductEntry(Finder):
    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    name: Annotated[str, Field(min_length=1)]
    vendor: str
    origin: SoftwareOrigin | None = None
    licensing: LicensingModel | None = None
    activation: Activation | None = None
    industrial_class: Annotated[str, Field(alias="class", pattern="^(CAD|CAE|CAM|EDA|BIM|MBSE|CAPP|)$")] = ""
    family: str = ""
    aliases: Words = ()
    replaced_by: str = ""
    releases: dict[str, str] = {}
    also: tuple[Finder, ...] = ()
    source: str = ""  # what confirms name, maker and licensing; empty: unconfirmed
    open_source: bool = False


class CategoryFile(Shape):
    category: Category
    defaults: Defaults = Defaults()
    products: tuple[ProductEntry, ...]


class NoiseEntry(Finder):
    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    priority: int = NOISE_PRIORITY


class LastEntry(Shape):
    """A rule without a literal: only a pattern, and the makers of whose entries it may speak."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    matching: re.Pattern[str]
    unless: re.Pattern[str] | None = None
    publisher: Words = ()

    def rule(self) -> Rule:
        publisher = tuple(map(fold, self.publisher))
        return Rule(f"noise.{self.id}", "", 0, matching=self.matching, unless=self.unless, publisher=publisher)


class NoiseFile(Shape):
    release_types: Words
    sections: Words
    publishers: Words = ()
    rules: tuple[NoiseEntry, ...]
    last_names: tuple[LastEntry, ...] = ()
    last_packages: tuple[LastEntry, ...] = ()

    def fields(self) -> NoiseFields:
        return NoiseFields(
            release_types=frozenset(map(fold, self.release_types)),
            sections=frozenset(self.sections),
            publishers=tuple(map(fold, self.publishers)),
            last_names=tuple(entry.rule() for entry in self.last_names),
            last_packages=tuple(entry.rule() for entry in self.last_packages),
        )


class VendorEntry(Shape):
    id: str
    name: str
    origin: SoftwareOrigin
    aliases: Words = ()
    publishers: Words = ()
    starts: Words = ()

    def vendor(self) -> Vendor:
        """The maker; what its publisher's name holds is a name of it too, so are its names shorter and longer."""
        called = (self.name, *self.aliases)
        forms = (form for name in called for form in (*shorter(name), *longer(name)))
        names = tuple(dict.fromkeys((*self.aliases, *self.publishers, *forms)))
        return Vendor(self.id, self.name, self.origin, names, self.publishers, self.starts)


class VendorFile(Shape):
    vendors: tuple[VendorEntry, ...]


class EditionEntry(Shape):
    name: str
    words: Words = ()
    codes: Words = ()
    licensing: Literal["", "trial", "education"] = ""


class EditionFile(Shape):
    editions: tuple[EditionEntry, ...]


class VersionFile(Shape):
    version: Annotated[str, Field(pattern=r"^\d{4}\.\d{1,2}\.\d+$")]


ShapeT = TypeVar("ShapeT", bound=Shape)
PROBE_PATHS = "probe_paths.toml"
SPECIAL = frozenset({"catalogue.toml", "vendors.toml", "editions.toml", "noise.toml", PROBE_PATHS})


def read(folder: Path) -> CatalogueFiles:
    """Read and check a catalogue folder. Raises BadInput ``catalogue.bad_file`` (file, line, key, detail)."""
    files = {file.name: file for file in sorted(folder.glob("*.toml"))}
    for name in sorted(SPECIAL - files.keys()):
        raise _bad(folder / name, 1, "", "file is missing")
    vendors = {v.id: v.vendor() for v in _parse(files["vendors.toml"], VendorFile).vendors}
    editions = _parse(files["editions.toml"], EditionFile).editions
    noise = _parse(files["noise.toml"], NoiseFile)
    products: dict[str, Product] = {}
    entries: list[ProductEntry] = []
    rules = [entry.rule(f"noise.{entry.id}", "") for entry in noise.rules]
    for name in sorted(files.keys() - SPECIAL):
        for entry, product in _products(files[name], vendors):
            if entry.id in products:
                raise _bad_entry(files[name], entry.id, "id", "used twice")
            products[entry.id] = product
            entries.append(entry)
            rules += _rules_of(entry)
    return CatalogueFiles(
        version=_parse(files["catalogue.toml"], VersionFile).version,
        digest=_digest(files.values()),
        products=products,
        vendors=vendors,
        editions={fold(word): e.name for e in editions for word in e.words},
        edition_codes={fold(word): e.name for e in editions for word in (*e.words, *e.codes)},
        edition_licensing={e.name: e.licensing for e in editions if e.licensing},
        releases={entry.id: entry.releases for entry in entries if entry.releases},
        noise=noise.fields(),
        rules=tuple(rules),
        sources={entry.id: entry.source for entry in entries if entry.source},
        open_source=frozenset(entry.id for entry in entries if entry.open_source),
        probe_paths=_probe_paths(files[PROBE_PATHS], products),
    )


def _probe_paths(file: Path, products: Mapping[str, Product]) -> Mapping[str, tuple[str, ...]]:
    paths = probe_paths(file)
    for product in paths:
        if product not in products:
            raise _bad(
                file, line_of(file.read_text("utf-8"), ["paths", product]), f"paths.{product}", "no such product"
            )
    return paths


def _products(file: Path, vendors: Mapping[str, Vendor]) -> Iterator[tuple[ProductEntry, Product]]:
    content = _parse(file, CategoryFile)
    for entry in content.products:
        if entry.vendor not in vendors:
            raise _bad_entry(file, entry.id, "vendor", f"no vendor {entry.vendor} in vendors.toml")
        yield entry, _product(entry, vendors[entry.vendor], content)


def _product(entry: ProductEntry, vendor: Vendor, content: CategoryFile) -> Product:
    licensing = entry.licensing or content.defaults.licensing
    free = licensing in (LicensingModel.FREE, LicensingModel.FREE_PERSONAL, LicensingModel.COMPONENT)
    return Product(
        id=entry.id,
        name=entry.name,
        vendor=vendor.name,
        category=content.category,
        origin=entry.origin or vendor.origin or SoftwareOrigin.FOREIGN,
        licensing=licensing,
        activation=entry.activation or (Activation.NONE if free else content.defaults.activation),
        industrial_class=entry.industrial_class,
        family=entry.family,
        aliases=entry.aliases,
        replaced_by=entry.replaced_by,
    )


def _rules_of(entry: ProductEntry) -> Iterator[Rule]:
    """The product's own rule, then ``also``; a product that names no literal is found by its name."""
    own = entry if entry.finds() or entry.also else entry.model_copy(update={"starts": (entry.name,)})
    if own.finds():
        yield own.rule(entry.id, entry.id)
    for number, finder in enumerate(entry.also, 2):
        yield finder.rule(f"{entry.id}#{number}", entry.id)


def _parse(file: Path, shape: type[ShapeT]) -> ShapeT:
    try:
        text = file.read_text("utf-8")
        return shape.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        raise _bad(file, int(line[1]) if line else 1, "", str(error)) from error
    except UnicodeDecodeError as error:
        raise _bad(file, 1, "", str(error)) from error
    except ValidationError as error:
        first = error.errors()[0]
        loc = tuple(first["loc"])
        key = ".".join(map(str, loc))
        raise _bad(file, _line_of(file.read_text("utf-8"), loc), key, first["msg"]) from error


def _line_of(text: str, loc: tuple[int | str, ...]) -> int:
    """The line of an entry: every entry stands on a line of its own that starts with ``{``."""
    lines = text.splitlines()
    if len(loc) > 1 and isinstance(loc[1], int):
        entries = [number for number, line in enumerate(lines, 1) if line.lstrip().startswith("{")]
        return entries[loc[1]] if loc[1] < len(entries) else len(lines)
    return next((number for number, line in enumerate(lines, 1) if loc and line.startswith(str(loc[0]))), 1)


def _bad_entry(file: Path, entry: str, key: str, detail: str) -> BadInput:
    lines = file.read_text("utf-8").splitlines()
    at = [number for number, line in enumerate(lines, 1) if f'id = "{entry}"' in line]
    return _bad(file, at[-1] if at else 1, f"{entry}.{key}", detail)


def _bad(file: Path, line: int, key: str, detail: str) -> BadInput:
    return BadInput("catalogue.bad_file", file=file.name, line=line, key=key, detail=detail)


def _digest(files: Any) -> str:
    """SHA-256 over (name, length, content) of the files in order of name."""
    digest = hashlib.sha256()
    for file in files:
        content = file.read_bytes()
        digest.update(f"{file.name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()
