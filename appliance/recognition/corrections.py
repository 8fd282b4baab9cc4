"""Corrections of recognition: what one unit's names mean, where the catalogue is wrong or does not know them. Pure.

A correction speaks before every rule of the catalogue, is shown with the rule ``correction.<id>``, and is part of the
digest that every audit freezes: the same corrections over the same catalogue give the same digest, in any order.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import TypeAdapter

from appliance.model import Activation, Category, LicensingModel, Product, Recognition, SoftwareOrigin
from appliance.recognition.catalogue import Catalogue
from appliance.recognition.names import fold
from scanner.model import InstalledSoftware, OperatingSystem, Platform

Key = tuple[str, str]
"""Folded name and folded publisher; an empty publisher means any."""


@dataclass(frozen=True, slots=True)
class OwnProduct:
    """A product that only this unit knows."""

    name: str
    vendor: str
    category: Category
    origin: SoftwareOrigin
    licensing: LicensingModel
    industrial_class: str = ""

    def product(self) -> Product:
        """The product, with an id that depends on its name alone, so that it is the same in every inspection."""
        free = self.licensing in (LicensingModel.FREE, LicensingModel.FREE_PERSONAL, LicensingModel.COMPONENT)
        return Product(
            id=f"own-{hashlib.sha256(fold(self.name).encode()).hexdigest()[:12]}",
            name=self.name,
            vendor=self.vendor,
            category=self.category,
            origin=self.origin,
            licensing=self.licensing,
            activation=Activation.NONE if free else Activation.UNREADABLE,
            industrial_class=self.industrial_class,
        )


@dataclass(frozen=True, slots=True)
class Correction:
    """One name and what it means: a product of the catalogue, a product of the unit's own, or noise."""

    name: str
    publisher: str = ""
    product_id: str = ""
    own: OwnProduct | None = None
    noise: bool = False
    note: str = ""
    operator: str = ""
    recorded_at: str = ""

    @property
    def key(self) -> Key:
        """What it is found by."""
        return fold(self.name), fold(self.publisher)

    @property
    def id(self) -> str:
        """The same for the same name and publisher; a later correction replaces an earlier one."""
        return hashlib.sha256("\0".join(self.key).encode()).hexdigest()[:16]

    def is_whole(self) -> bool:
        """Whether it says exactly one thing about a name."""
        return bool(fold(self.name)) and sum((bool(self.product_id), self.own is not None, self.noise)) == 1


_CORRECTIONS = TypeAdapter(tuple[Correction, ...])


def parse(text: str) -> tuple[Correction, ...]:
    """Corrections from JSON. Raises pydantic's ValidationError."""
    return _CORRECTIONS.validate_json(text)


def dump(corrections: Iterable[Correction]) -> str:
    """JSON that :func:`parse` reads, in order of name."""
    return json.dumps([asdict(one) for one in _ordered(corrections)], ensure_ascii=False, indent=1, sort_keys=True)


def merged(first: Iterable[Correction], second: Iterable[Correction]) -> tuple[Correction, ...]:
    """Both, the second's word counting where both speak about the same name."""
    return _ordered({one.key: one for one in (*first, *second)}.values())


def _ordered(corrections: Iterable[Correction]) -> tuple[Correction, ...]:
    return tuple(sorted(corrections, key=lambda one: one.key))


class Corrected:
    """A catalogue under corrections; what an audit asks of a catalogue (``judgement.copies.Recogniser``)."""

    def __init__(self, catalogue: Catalogue, corrections: Iterable[Correction]) -> None:
        self._catalogue = catalogue
        self._corrections = {one.key: one for one in corrections}
        own = [one.own.product() for one in self._corrections.values() if one.own]
        self._own = {fold(product.name): product for product in own}
        self.products: Mapping[str, Product] = {**catalogue.products, **{product.id: product for product in own}}
        self.version = catalogue.version
        self.digest = _digest(catalogue.digest, self._corrections.values())

    def recognise(
        self, name: str, publisher: str | None = None, version: str | None = None, *, platform: Platform, **fields: Any
    ) -> Recognition:
        """:meth:`Catalogue.recognise`, unless the name has been corrected."""
        found = self._said(name, publisher, version)
        return found or self._catalogue.recognise(name, publisher, version, platform=platform, **fields)

    def recognise_entry(self, entry: InstalledSoftware, platform: Platform) -> Recognition:
        """:meth:`Catalogue.recognise_entry`, unless the name has been corrected."""
        found = self._said(entry.name, entry.publisher, entry.version)
        return found or self._catalogue.recognise_entry(entry, platform)

    def recognise_os(self, os: OperatingSystem) -> Recognition:
        """As the catalogue says; a correction is about programs."""
        return self._catalogue.recognise_os(os)

    def find(self, declared_name: str, version: str = "") -> Product | None:
        """The product that a ledger row means: one of the unit's own by its name, else as the catalogue says."""
        return self._own.get(fold(declared_name)) or self._catalogue.find(declared_name, version)

    def _said(self, name: str, publisher: str | None, version: str | None) -> Recognition | None:
        if not self._corrections:
            return None
        text = fold(name)
        one = self._corrections.get((text, fold(publisher or ""))) or self._corrections.get((text, ""))
        if one is None:
            return None
        product = one.own.product() if one.own else self.products.get(one.product_id)
        if product is None:
            return Recognition(None, f"correction.{one.id}", noise=one.noise)
        return Recognition(
            product=product,
            rule=f"correction.{one.id}",
            edition=self._catalogue.edition_of(text),
            version=self._catalogue.release_of(text, version, product.id),
        )


def _digest(catalogue: str, corrections: Iterable[Correction]) -> str:
    """The catalogue's own digest when nothing is corrected, else SHA-256 over it and what the corrections say."""
    said = sorted(
        json.dumps([*one.key, one.product_id, one.noise, asdict(one.own) if one.own else None], sort_keys=True)
        for one in corrections
    )
    return hashlib.sha256("\n".join([catalogue, *said]).encode()).hexdigest() if said else catalogue
