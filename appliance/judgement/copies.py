"""Pass 1 of an audit: the facts of one computer become copies. Pure; plain tuples, because a country has millions.

Counting rules: one product on one computer = 1; updates, parts and twins fold into their product; an entry whose files
are gone is 残留, not an install; the operating system is counted by instance, not by package.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple, Protocol

from appliance.judgement.policy import Switches
from appliance.judgement.traces import NO_TRACES, KnownTraces
from appliance.model import Activation, Category, LicensingModel, Product, Recognition
from appliance.rules.evidence import Graded, graded_for, unbound
from appliance.rules.model import Computer, Copy
from config.message import Message
from scanner.model import HostFacts, InstalledSoftware, LicenceState, LicenceStatus, OperatingSystem, Platform
from scanner.wmi_classes import LICENSING_PRODUCT

REMEMBERED_NAMES = 200_000
LINUX_APPLICATIONS = ("kylin", "uos")
OFFICE_SIBLINGS = ("visio", "project")  # licensed apart from the suite, and never folded into it
LICENCES = "windows.licences"
COMMERCIAL = (LicensingModel.COMMERCIAL, LicensingModel.OEM)


class Recogniser(Protocol):
    """What an audit asks of the catalogue."""

    @property
    def version(self) -> str: ...
    @property
    def digest(self) -> str: ...
    @property
    def products(self) -> Mapping[str, Product]: ...
    def recognise_entry(self, entry: InstalledSoftware, platform: Platform) -> Recognition: ...
    def recognise_os(self, os: OperatingSystem) -> Recognition: ...
    def find(self, declared_name: str, version: str = "") -> Product | None: ...


Entries = list[tuple[InstalledSoftware, Recognition]]
Groups = dict[str, tuple[Product, Entries]]
Recognise = Callable[[InstalledSoftware, Platform], Recognition]


class Folded(NamedTuple):
    """What one computer's facts became."""

    copies: tuple[Copy, ...]  # in canonical order: category, product id
    others: tuple[Product, ...]  # free software of categories that are not audited
    recognised: frozenset[str]  # ids of all products, judged or not
    has_antivirus: bool
    has_inbox_antivirus: bool
    os_unrecognised: str  # its name, or empty
    loose: tuple[Graded, ...]  # signs of activators that act on no product of this computer
    entries: int
    noise: int
    residue: int
    unknown: int


@lru_cache(maxsize=2)
def remembering(catalogue: Recogniser) -> Recognise:
    """Recognition that asks the catalogue once for each distinct entry, by all the fields that recognition reads."""
    known: dict[tuple[object, ...], Recognition] = {}

    def recognise(entry: InstalledSoftware, platform: Platform) -> Recognition:
        key = (
            entry.name,
            entry.publisher,
            entry.version,
            entry.package_format,
            entry.section,
            entry.system_component,
            bool(entry.parent_key),
            entry.release_type,
            entry.catalogue_id,
            platform,
        )
        found = known.get(key)
        if found is None:
            if len(known) >= REMEMBERED_NAMES:
                known.clear()
            found = known[key] = catalogue.recognise_entry(entry, platform)
        return found

    return recognise


def is_judged(product: Product, switches: Switches) -> bool:
    """Whether a copy gets a verdict: audited categories, and by policy commercial software of the others."""
    if product.category in switches.audited_categories:
        return True
    return product.licensing in COMMERCIAL and switches.commercial_outside_audit == "judge"


def fold(
    facts: HostFacts,
    computer: Computer,
    catalogue: Recogniser,
    recognise: Recognise,
    switches: Switches,
    known: KnownTraces = NO_TRACES,
) -> Folded:
    """Fold the facts of one computer into copies."""
    platform = platform_of(facts)
    groups, noise, residue, unknown = _group(facts.installations or (), platform, recognise)
    system = catalogue.recognise_os(facts.os) if facts.os else None
    copies, others = _judged(facts, computer, groups, switches)
    if facts.os and system and system.product and is_judged(system.product, switches):
        copies.append(_os_copy(facts, facts.os, computer, system, system.product))
    if why := why_unread(facts):
        copies = [copy._replace(why=why) if _needs_wmi(copy) else copy for copy in copies]
    if facts.traces:
        copies = [_with_traces(copy, graded_for(facts.traces, copy.product, known)) for copy in copies]
    products = [product for product, _ in groups.values()] + ([system.product] if system and system.product else [])
    present, inbox = _antivirus(facts, products, switches)
    return Folded(
        copies=tuple(sorted(copies, key=lambda copy: (copy.product.category, copy.product.id))),
        others=tuple(sorted(others, key=lambda product: product.id)),
        recognised=frozenset(product.id for product in products),
        has_antivirus=present,
        has_inbox_antivirus=inbox,
        os_unrecognised=facts.os.name if facts.os and not (system and system.product) else "",
        loose=unbound(facts.traces, products, known) if facts.traces else (),
        entries=len(facts.installations or ()),
        noise=noise,
        residue=residue,
        unknown=unknown,
    )


def platform_of(facts: HostFacts) -> Platform:
    """What was read, else what the operating system says, else Windows."""
    return facts.platform or (facts.os.family if facts.os else Platform.WINDOWS)


def why_unread(facts: HostFacts) -> Message | None:
    """What kept WMI's licence states from being read: it was not opened or refused, a query failed, no such class."""
    results = {result.collector: result for result in facts.collectors}
    if facts.platform is not Platform.WINDOWS or not results:
        return None
    if LICENCES not in results:
        return Message.of("wmi.not_opened")
    skipped = (entry.reason for entry in facts.skipped if entry.source == LICENSING_PRODUCT.path)
    return results[LICENCES].reason or next(skipped, None)


def _needs_wmi(copy: Copy) -> bool:
    of_windows = copy.product.category is Category.OPERATING_SYSTEM
    return copy.unread and copy.state is None and (of_windows or _is_microsoft_office(copy.product))


def _with_traces(copy: Copy, traces: tuple[Graded, ...]) -> Copy:
    own = {trace.observation or trace.source for trace in traces}
    return copy._replace(traces=traces, observations=tuple(sorted({*copy.observations, *own}))) if traces else copy


def _judged(
    facts: HostFacts, computer: Computer, groups: Groups, switches: Switches
) -> tuple[list[Copy], list[Product]]:
    """The copies that get a verdict, and the free products of other categories."""
    copies: list[Copy] = []
    others: list[Product] = []
    for product, entries in groups.values():
        if is_judged(product, switches):
            copies.append(_copy(facts, computer, product, entries))
        elif product.licensing not in COMMERCIAL:
            others.append(product)
    return copies, others


def _group(
    installations: Iterable[InstalledSoftware], platform: Platform, recognise: Recognise
) -> tuple[Groups, int, int, int]:
    groups: Groups = {}
    noise = residue = unknown = 0
    for entry in installations:
        if entry.files_present is False:
            residue += 1
            continue
        found = recognise(entry, platform)
        product = found.product
        if product is None:
            noise += found.noise
            unknown += not found.noise
        elif product.licensing is LicensingModel.COMPONENT or product.category is Category.OPERATING_SYSTEM:
            noise += 1
        elif product.id in groups:
            groups[product.id][1].append((entry, found))
        else:
            groups[product.id] = (product, [(entry, found)])
    return groups, noise, residue, unknown


def _copy(facts: HostFacts, computer: Computer, product: Product, entries: Entries) -> Copy:
    states = states_of(product, facts.licence_states or ())
    return Copy(
        computer=computer,
        product=product,
        versions=tuple(sorted({v for entry, found in entries if (v := found.version or entry.version)})),
        edition=min((e for entry, found in entries if (e := found.edition or entry.edition)), default=""),
        state=states[0] if states else None,
        observations=_observations([entry_ref(e.observation, e.source) for e, _ in entries], states),
        servers=_servers(facts, product) if facts.floating_licences else (),
        platform=platform_of(facts).value,
    )


def _servers(facts: HostFacts, product: Product) -> tuple[str, ...]:
    """The licence servers that this computer names for a product, lower case."""
    words = {word.casefold() for word in (product.id, product.name, product.family, product.vendor) if word}
    named = (seen for seen in facts.floating_licences or () if seen.product.casefold() in words)
    return tuple(sorted({seen.server.strip().casefold() for seen in named}))


def _os_copy(
    facts: HostFacts, system: OperatingSystem, computer: Computer, found: Recognition, product: Product
) -> Copy:
    states = states_of(product, facts.licence_states or ())
    version = found.version or system.version or ""
    return Copy(
        computer=computer,
        product=product,
        versions=(version,) if version else (),
        edition=found.edition or system.edition or "",
        state=states[0] if states else None,
        observations=_observations([system.observation or "os"], states),
        platform=platform_of(facts).value,
    )


def entry_ref(observation: str, source: str) -> str:
    """``<observation>#<source>``: one raw record often lists many entries; the source alone where there is none."""
    return f"{observation}#{source}" if observation else source


def _observations(seen: list[str], states: tuple[LicenceState, ...]) -> tuple[str, ...]:
    """Where the copy was seen: its entries, and the raw records of its licence states."""
    return tuple(sorted({*seen, *(state.observation or state.source for state in states)}))


def states_of(product: Product, states: Iterable[LicenceState]) -> tuple[LicenceState, ...]:
    """The licence states that speak about a product, the one that decides first: activated before all others."""
    mine = [state for state in states if _speaks_about(state, product)]
    return tuple(sorted(mine, key=_weight))


def _speaks_about(state: LicenceState, product: Product) -> bool:
    application = (state.application or "").casefold()
    name = product.name.casefold()
    if application == "windows":
        return product.category is Category.OPERATING_SYSTEM and "windows" in name
    if application in LINUX_APPLICATIONS:
        return product.category is Category.OPERATING_SYSTEM and "windows" not in name
    if application == "office":
        return _is_microsoft_office(product) and _sibling(name) == _sibling(
            f"{state.name} {state.licence_family or ''}".casefold()
        )
    words = (product.id.casefold(), product.family.casefold(), name)
    return bool(application) and application != "other" and any(application in word for word in words)


def _is_microsoft_office(product: Product) -> bool:
    microsoft = "microsoft" in product.vendor.casefold() or "微软" in product.vendor
    readable = product.activation is Activation.READABLE
    return microsoft and readable and product.category is not Category.OPERATING_SYSTEM


def _sibling(text: str) -> str:
    return next((word for word in OFFICE_SIBLINGS if word in text), "")


def _weight(state: LicenceState) -> tuple[bool, bool, str, str, str]:
    licensed = state.status is LicenceStatus.LICENSED
    return (not licensed, state.status is None, state.source, state.name, state.channel or "")


def _antivirus(facts: HostFacts, products: Iterable[Product], switches: Switches) -> tuple[bool, bool]:
    """Whether any antivirus is present, and whether an in-box one is; the in-box one counts only by policy (R25)."""
    names = [seen.name.casefold() for seen in facts.antivirus or ()]
    is_inbox = [any(word in name for word in switches.inbox_antivirus_names) for name in names]
    bought = any(p.category is Category.ANTIVIRUS and p.licensing is not LicensingModel.COMPONENT for p in products)
    present = bought or not all(is_inbox) or (any(is_inbox) and switches.inbox_antivirus)
    return present, any(is_inbox)
