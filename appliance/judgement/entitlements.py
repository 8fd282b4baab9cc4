"""The unit's ledgers as entitlements, by product. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Protocol, TypeVar

from appliance.judgement.declared import NOTHING, Declared
from appliance.ledger.model import FreeListEntry, Licence, Proof, ProofLevel, SoftwareType
from appliance.model import Product
from appliance.recognition.names import fold, year
from appliance.rules.editions import rank_of
from appliance.rules.education import for_teaching_only
from appliance.rules.model import Copy, Entitlements, Grant, GrantKind, Seat, kind_of
from appliance.rules.term import has_ended
from appliance.rules.versions import Fit, fit, named_in

T = TypeVar("T")
ClassKey = tuple[str, tuple[str, ...], int, str, str]  # product id, versions, rank of edition, platform, department
GIFT = ("受赠", "捐赠", "赠送", "调剂", "划转", "调拨")
DOWNGRADE, UPGRADE = ("降级",), ("升级权", "可升级", "软件保障", "免费升级")
PLATFORMS = (("linux", ("linux", "信创版", "麒麟版", "统信版", "uos版")), ("windows", ("windows版", "for windows")))
NEGATED = ("不含", "不可", "不得", "不允许", "不支持", "无")


class Finder(Protocol):
    """What is asked of the catalogue about declared names."""

    def find(self, declared_name: str, version: str = "") -> Product | None: ...


@dataclass(slots=True)
class Register:
    """Grants and free-list entries by product id, and the rows whose software the catalogue does not know."""

    grants: Mapping[str, tuple[Grant, ...]]
    free: Mapping[str, tuple[FreeListEntry, ...]]
    unrecognised: tuple[Licence | FreeListEntry, ...]
    allocated: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])  # product → 计算机编号
    _known: dict[tuple[ClassKey, Seat], Entitlements] = field(
        default_factory=dict[tuple[ClassKey, Seat], Entitlements], repr=False
    )

    def of(
        self,
        product: Product,
        versions: tuple[str, ...],
        seat: Seat = Seat.NONE,
        level: int = 0,
        platform: str = "",
        department: str = "",
    ) -> Entitlements:
        """What the ledgers say about these versions of a product; ``level``: rank of the installed edition. Rows that
        name the copy's ``platform`` come first, those that name another one last. A row that does not reach
        ``department`` covers only where nothing else does.
        """
        reach = (
            department if any(grant.departments or grant.beyond for grant in self.grants.get(product.id, ())) else ""
        )
        key = ((product.id, versions, level, platform, reach), seat)
        if key not in self._known:
            found = self._build(product, versions, level)
            reaching = [grant for grant in found.covering if grant.reaches(reach)] or found.covering
            covering = sorted(reaching, key=lambda g: (g.platform != platform, g.platform != ""))
            self._known[key] = replace(found, covering=tuple(covering), seat=seat, reach=reach)
        return self._known[key]

    def of_copy(self, copy: Copy, seat: Seat = Seat.NONE) -> Entitlements:
        """What the ledgers say about one copy; a volume activation rests on no OEM row where another one covers it."""
        found = self.of(copy.product, copy.versions, seat, copy.level, copy.platform, copy.computer.department)
        if not copy.channel.startswith("VOLUME"):
            return found
        bought = tuple(grant for grant in found.covering if grant.kind is not GrantKind.OEM)
        return replace(found, covering=bought) if 0 < len(bought) < len(found.covering) else found

    def products_by_number(self) -> dict[str, str]:
        """软件编号 → product id, over 附件7 and 附件6."""
        numbers = {entry.software_no: key for key, found in self.free.items() for entry in found}
        return numbers | {g.row.software_no: key for key, found in self.grants.items() for g in found}

    def is_allocated(self, copy: Copy) -> bool:
        """Whether 附件8 gives this computer a seat of the product."""
        return copy.computer.computer_no in self.allocated.get(copy.product.id, frozenset()) - {""}

    def _build(self, product: Product, versions: tuple[str, ...], level: int) -> Entitlements:
        grants = self.grants.get(product.id, ())
        live = tuple(grant for grant in grants if not grant.ended)
        return Entitlements(
            live=live,
            covering=tuple(grant for grant in live if covers(grant, product, versions, level)),
            ended=tuple(grant for grant in grants if grant.ended and covers(grant, product, versions, level)),
            free=self.free.get(product.id, ()),
        )


def build_register(
    licences: Iterable[Licence],
    proofs: Iterable[Proof],
    free_list: Iterable[FreeListEntry],
    catalogue: Finder,
    as_of: date,
    required: ProofLevel,
    declared: Declared = NOTHING,
    not_teaching: Iterable[str] = (),
) -> Register:
    """Bring ledger rows to products. Rows of type 免费软件 in 附件7 grant nothing: 附件6 decides about free software.

    ``not_teaching``: in a school, words of departments that a licence for 教学 does not reach.
    """
    proofs = tuple(proofs)
    read = _Reading(
        proof_levels(proofs),
        frozenset(proof.software_no for proof in proofs if any(word in proof.kind for word in GIFT)),
        {scope.software_no: scope.departments for scope in declared.site_scopes},
        as_of,
        required,
        tuple(sorted(not_teaching)),
    )
    grants: dict[str, list[Grant]] = {}
    free: dict[str, list[FreeListEntry]] = {}
    unrecognised: list[Licence | FreeListEntry] = []
    for row in sorted(licences, key=lambda r: (r.software_no, r.ref.text())):
        product = catalogue.find(row.name, row.version)
        if product is None:
            unrecognised.append(row)
        elif row.software_type is not SoftwareType.FREE:
            grants.setdefault(product.id, []).append(_grant(row, product, read))
    for entry in sorted(free_list, key=lambda e: (e.software_no, e.ref.text())):
        if product := catalogue.find(entry.name, entry.version):
            free.setdefault(product.id, []).append(entry)
        else:
            unrecognised.append(entry)
    return Register(_frozen(grants), _frozen(free), tuple(unrecognised), _allocated(grants, declared))


def _allocated(grants: Mapping[str, list[Grant]], declared: Declared) -> dict[str, frozenset[str]]:
    """The computers to which 附件8 gives seats of counted rows, by product."""
    product_of = {g.row.software_no: key for key, found in grants.items() for g in found if g.kind is GrantKind.COUNTED}
    allocated: dict[str, set[str]] = {}
    for row in declared.allocations:
        if row.software_no in product_of and row.computer_no:
            allocated.setdefault(product_of[row.software_no], set()).add(row.computer_no)
    return {key: frozenset(numbers) for key, numbers in allocated.items()}


@dataclass(frozen=True, slots=True)
class _Reading:
    """What turns rows into grants."""

    levels: Mapping[str, ProofLevel]
    gifts: frozenset[str]  # 软件编号 whose proof is a deed of gift
    scopes: Mapping[str, tuple[str, ...]]
    as_of: date
    required: ProofLevel
    not_teaching: tuple[str, ...]


def proof_levels(proofs: Iterable[Proof]) -> dict[str, ProofLevel]:
    """The highest proof level entered for each 软件编号."""
    levels: dict[str, ProofLevel] = {}
    for proof in proofs:
        levels[proof.software_no] = max(levels.get(proof.software_no, ProofLevel.P0), proof.level)
    return levels


def covers(grant: Grant, product: Product, versions: tuple[str, ...], level: int = 0) -> bool:
    """Whether a row's version cells hold every installed version and its edition is not exceeded; what cannot be
    compared contradicts nothing.
    """
    if level > grant.level > 0:
        return False
    named = any(named_in(cell, product.name) for cell in grant.cells)
    return named or fit(grant.cells, versions) is not Fit.OUTSIDE


def release_of(row: Licence, product: Product) -> str:
    """The release in a row's 软件名称: ``10 专业版`` of ``Windows 10 专业版``."""
    name = fold(row.name)
    known = max((n for n in map(fold, (product.name, *product.aliases)) if n in name), key=len, default=None)
    return year(name) if known is None else name.replace(known, " ", 1).strip()


def version_cells(row: Licence, product: Product) -> tuple[str, ...]:
    """What a row says about versions: 可使用版本, 软件版本, the release in its name, and rights in its 备注."""
    release = release_of(row, product)
    rights = tuple(f"{cell}{bound}" for bound in _rights(row) for cell in (row.version, release))
    return tuple(cell for cell in (*row.usable_versions, row.version, release, *rights) if cell.strip())


def _rights(row: Licence) -> tuple[str, ...]:
    """Downgrade and upgrade rights that the row states."""
    text = " ".join((row.remark, *row.usable_versions))
    stated = ((DOWNGRADE, "及以下"), (UPGRADE, "及以上"))
    return tuple(bound for words, bound in stated if any(_states(text, word) for word in words))


def _states(text: str, word: str) -> bool:
    before, found, _ = text.partition(word)
    return bool(found) and not any(before.rstrip(" 　").endswith(no) for no in NEGATED)


def _grant(row: Licence, product: Product, read: _Reading) -> Grant:
    kind = kind_of(row)
    proof = read.levels.get(row.software_no, ProofLevel.P0)
    counted = kind is not GrantKind.COUNTED or row.quantity is not None
    release = release_of(row, product)
    editions = (f"{row.name} {row.version}", *row.usable_versions) if kind is not GrantKind.OEM else ()
    return Grant(
        row=row,
        kind=kind,
        proof=proof,
        proven=proof >= read.required and counted,
        ended=has_ended(row, read.as_of),
        cells=version_cells(row, product),
        release=next((text for text in (row.version, release) if any(c.isdigit() for c in text)), ""),
        level=max((rank_of(product, text) for text in editions), default=0),
        gift=row.software_no in read.gifts or any(word in row.remark for word in GIFT),
        departments=read.scopes.get(row.software_no, ()),
        beyond=read.not_teaching if for_teaching_only(row.remark) else (),
        platform=_platform(f"{row.name} {row.version}"),
    )


def _platform(text: str) -> str:
    """The platform that a row's name states, or empty."""
    folded = text.casefold()
    return next((name for name, words in PLATFORMS if any(word in folded for word in words)), "")


def _frozen(lists: Mapping[str, list[T]]) -> dict[str, tuple[T, ...]]:
    return {key: tuple(items) for key, items in lists.items()}
