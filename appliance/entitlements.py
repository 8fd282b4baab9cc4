"""The unit's ledgers as entitlements, by product. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Protocol, TypeVar

from appliance.ledger.model import FreeListEntry, Licence, Proof, ProofLevel, SoftwareType
from appliance.model import Product
from appliance.names import fold, year
from appliance.rules.model import Entitlements, Grant, GrantKind, Seat, kind_of
from appliance.rules.term import has_ended
from appliance.rules.versions import Fit, fit, named_in

T = TypeVar("T")
ClassKey = tuple[str, tuple[str, ...]]  # product id, installed versions


class Finder(Protocol):
    """What is asked of the catalogue about declared names."""

    def find(self, declared_name: str, version: str = "") -> Product | None: ...


@dataclass(slots=True)
class Register:
    """Grants and free-list entries by product id, and the rows whose software the catalogue does not know."""

    grants: Mapping[str, tuple[Grant, ...]]
    free: Mapping[str, tuple[FreeListEntry, ...]]
    unrecognised: tuple[Licence | FreeListEntry, ...]
    _known: dict[tuple[ClassKey, Seat], Entitlements] = field(
        default_factory=dict[tuple[ClassKey, Seat], Entitlements], repr=False
    )

    def of(self, product: Product, versions: tuple[str, ...], seat: Seat = Seat.NONE) -> Entitlements:
        """What the ledgers say about these versions of a product."""
        key = ((product.id, versions), seat)
        if key not in self._known:
            self._known[key] = replace(self._build(product, versions), seat=seat)
        return self._known[key]

    def _build(self, product: Product, versions: tuple[str, ...]) -> Entitlements:
        grants = self.grants.get(product.id, ())
        live = tuple(grant for grant in grants if not grant.ended)
        return Entitlements(
            live=live,
            covering=tuple(grant for grant in live if covers(grant, product, versions)),
            ended=tuple(grant for grant in grants if grant.ended and covers(grant, product, versions)),
            free=self.free.get(product.id, ()),
        )


def build_register(
    licences: Iterable[Licence],
    proofs: Iterable[Proof],
    free_list: Iterable[FreeListEntry],
    catalogue: Finder,
    as_of: date,
    required: ProofLevel,
) -> Register:
    """Bring ledger rows to products. Rows of type 免费软件 in 附件7 grant nothing: 附件6 decides about free
    software.
    """
    levels = proof_levels(proofs)
    grants: dict[str, list[Grant]] = {}
    free: dict[str, list[FreeListEntry]] = {}
    unrecognised: list[Licence | FreeListEntry] = []
    for row in sorted(licences, key=lambda r: (r.software_no, r.ref.text())):
        product = catalogue.find(row.name, row.version)
        if product is None:
            unrecognised.append(row)
        elif row.software_type is not SoftwareType.FREE:
            grants.setdefault(product.id, []).append(_grant(row, product, levels, as_of, required))
    for entry in sorted(free_list, key=lambda e: (e.software_no, e.ref.text())):
        if product := catalogue.find(entry.name, entry.version):
            free.setdefault(product.id, []).append(entry)
        else:
            unrecognised.append(entry)
    return Register(_frozen(grants), _frozen(free), tuple(unrecognised))


def proof_levels(proofs: Iterable[Proof]) -> dict[str, ProofLevel]:
    """The highest proof level entered for each 软件编号."""
    levels: dict[str, ProofLevel] = {}
    for proof in proofs:
        levels[proof.software_no] = max(levels.get(proof.software_no, ProofLevel.P0), proof.level)
    return levels


def covers(grant: Grant, product: Product, versions: tuple[str, ...]) -> bool:
    """Whether a row's version cells hold every installed version; what cannot be compared contradicts nothing."""
    named = any(named_in(cell, product.name) for cell in grant.cells)
    return named or fit(grant.cells, versions) is not Fit.OUTSIDE


def version_cells(row: Licence, product: Product) -> tuple[str, ...]:
    """What a row says about versions. The release often stands in its 软件名称: ``Windows 10 专业版`` of
    ``Windows``.
    """
    name = fold(row.name)
    known = max((n for n in map(fold, (product.name, *product.aliases)) if n in name), key=len, default=None)
    release = year(name) if known is None else name.replace(known, " ", 1).strip()
    return tuple(cell for cell in (*row.usable_versions, row.version, release) if cell.strip())


def _grant(
    row: Licence, product: Product, levels: Mapping[str, ProofLevel], as_of: date, required: ProofLevel
) -> Grant:
    kind = kind_of(row)
    proof = levels.get(row.software_no, ProofLevel.P0)
    counted = kind is not GrantKind.COUNTED or row.quantity is not None
    cells = version_cells(row, product)
    return Grant(row, kind, proof, proof >= required and counted, has_ended(row, as_of), cells)


def _frozen(lists: Mapping[str, list[T]]) -> dict[str, tuple[T, ...]]:
    return {key: tuple(items) for key, items in lists.items()}
