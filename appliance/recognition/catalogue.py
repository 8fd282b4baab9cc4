"""Recognition: what product a raw name is. Pure; the knowledge is in ``config/catalogue/*.toml``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from appliance.model import Product, Recognition
from appliance.recognition.catalogue_file import CatalogueFiles, read
from appliance.recognition.catalogue_index import Index, Rule
from appliance.recognition.catalogue_vendors import Vendor, Vendors
from appliance.recognition.names import Words, bare, fold, holds, year
from scanner.model import InstalledSoftware, OperatingSystem, Platform

FOLDER = Path(__file__).parents[2] / "config" / "catalogue"
UNKNOWN = Recognition(None, "unknown")
PROGRAMS = ("desktop", "appimage")  # formats on Linux whose names are display names
WINDOWS_11_BUILD = 22000  # the registry of Windows 11 still says "Windows 10"
# an id in the stores of UOS and deepin: the maker's domain turned round, then the program
STORE_ID = re.compile(r"(?:com|cn|net|org|io)\.(?:com\.)?([a-z0-9-]+)\.([a-z0-9._-]+)$")
SHORTEST_INNER_NAME = 3  # a shorter name or alias is never looked for inside a declared name


class Catalogue:
    """The recognition rules of one version of the catalogue."""

    def __init__(self, files: CatalogueFiles) -> None:
        self.version = files.version
        self.digest = files.digest
        self.products: Mapping[str, Product] = files.products
        self.vendors: Mapping[str, Vendor] = files.vendors
        self.rules = files.rules
        self.sources: Mapping[str, str] = files.sources
        self.open_source = files.open_source
        self.edition_licensing = files.edition_licensing
        self.probe_paths = files.probe_paths
        self._files = files
        self._index = Index(files.rules)
        self._editions = _word_pattern(files.editions)
        self._declared = _declared_names(files.products.values())
        self._makers = Vendors.of(files.vendors.values())
        last = (*files.noise.last_names, *files.noise.last_packages)
        self._last_of_anyone = {
            False: tuple(rule for rule in files.noise.last_names if not rule.publisher),
            True: tuple(rule for rule in files.noise.last_packages if not rule.publisher),
        }
        self._noise_makers = Words.of((*files.noise.publishers, *(word for rule in last for word in rule.publisher)))

    def recognise(
        self,
        name: str,
        publisher: str | None = None,
        version: str | None = None,
        *,
        platform: Platform,
        package_format: str | None = None,
        section: str | None = None,
        system_component: bool | None = None,
        parent_key: str | None = None,
        release_type: str | None = None,
    ) -> Recognition:
        """Say what one raw entry is. ``rule`` names what decided: a rule's id, ``field.*`` or ``unknown``.

        ``package_format`` tells packages from programs on Linux (``None`` is a package there); Windows has no packages
        but ``appx``, whose names are display names. Desktop entries and AppImages are named for people as well.
        """
        if parent_key:
            return Recognition(None, "field.parent_key", noise=True)
        if release_type and fold(release_type) in self._files.noise.release_types:
            return Recognition(None, "field.release_type", noise=True)
        text, maker = fold(name), fold(publisher or "")
        is_package = platform is Platform.LINUX and package_format not in PROGRAMS
        rule = self._index.package(text) if is_package else self._index.program(text, maker)
        if rule is None:
            rule = self._in_store(text) if is_package else self._behind_maker(text, maker)
        if rule is not None:
            return self._by_rule(rule, text, version)
        if maker and not is_package and (product := self._named_by_its_maker(text, maker)):
            release = self.release_of(text, version, product.id)
            return Recognition(product, product.id, edition=self.edition_of(text), version=release)
        words = self._noise_makers.held_by(maker)
        if not is_package and not words.isdisjoint(self._files.noise.publishers):
            return Recognition(None, "field.publisher", noise=True)
        if rule := self._last(text, maker, words, is_package=is_package):
            return Recognition(None, rule.id, noise=True)
        if section and section.rpartition("/")[2].lower() in self._files.noise.sections:
            return Recognition(None, "field.section", noise=True)
        return Recognition(None, "field.system_component", noise=True) if system_component else UNKNOWN

    def recognise_entry(self, entry: InstalledSoftware, platform: Platform) -> Recognition:
        """:meth:`recognise` for a collected entry; a portable copy is the product whose path it was found at."""
        if entry.catalogue_id and (product := self.products.get(entry.catalogue_id)):
            return Recognition(product, "probe_path")
        return self.recognise(
            entry.name,
            entry.publisher,
            entry.version,
            platform=platform,
            package_format=entry.package_format,
            section=entry.section,
            system_component=entry.system_component,
            parent_key=entry.parent_key,
            release_type=entry.release_type,
        )

    def recognise_os(self, os: OperatingSystem) -> Recognition:
        """The product, edition and version of an operating system instance."""
        text = fold(" ".join(part for part in (os.name, os.version, os.release) if part))
        if os.family is Platform.WINDOWS and (os.build or "").isdigit() and int(os.build or 0) >= WINDOWS_11_BUILD:
            text = text.replace("windows 10", "windows 11", 1)
        rule = self._index.system(text, fold(os.distribution or ""))
        if rule is None:
            return UNKNOWN
        edition = rule.edition or self._files.edition_codes.get(fold(os.edition or "")) or self.edition_of(text)
        return Recognition(
            product=self.products[rule.product],
            rule=rule.id,
            edition=edition or (os.edition or ""),
            version=_shown_version(_named_version(rule, text)) or os.version or "",
        )

    def find(self, declared_name: str, version: str = "") -> Product | None:
        """The product that a ledger row means: by name or alias, by the rules, then by a name inside the name."""
        text = fold(declared_name)
        if product := self._declared.get(_squeezed(text)) or self._declared.get(_squeezed(bare(text))):
            return product
        rule = self._index.system(text) or self._index.program(text, "") or self._index.package(text)
        if rule is not None:
            return self.products.get(rule.product)
        if inner := self._by_inner_name(text):
            return inner
        return self.find(f"{declared_name} {version}") if version else None

    def vendor_of(self, name: str, publisher: str | None = None) -> Vendor | None:
        """Who made it, as far as publisher, name or store id tell; unknown products and unknown makers have one too."""
        text = fold(name)
        if found := self._makers.find(text, publisher or ""):
            return found
        store_id = STORE_ID.match(text)
        return self._makers.find("", store_id[1], known_only=True) if store_id else None

    def vendor_named(self, name: str) -> Vendor | None:
        """The maker of this very name."""
        return self._makers.by_name.get(name)

    def edition_of(self, text: str) -> str:
        """The edition named in a name, in the words of ``editions.toml`` (``ProPlus`` → 专业增强版), or ``""``."""
        found = self._editions.search(fold(text))
        return self._files.editions[found[0]] if found else ""

    def release_of(self, name: str, version: str | None = None, product_id: str = "") -> str:
        """The release that is compared with a licence: the year in the name, else what the version number means."""
        if found := year(fold(name)):
            return found
        numbers = self._files.releases.get(product_id, {})
        return numbers.get((version or "").partition(".")[0]) or version or ""

    def _behind_maker(self, text: str, publisher: str) -> Rule | None:
        """The rule of a product that is named behind its own maker's name."""
        for vendor, rest in self._makers.after_name(text):
            rule = self._index.program(rest, publisher)
            if rule and rule.product and self.products[rule.product].vendor == vendor.name:
                return rule
        return None

    def _named_by_its_maker(self, text: str, publisher: str) -> Product | None:
        """The product that a whole name names, however short (Inventor, ADS), where its own maker publishes it."""
        if not (maker := self._makers.find("", publisher, known_only=True)):
            return None
        product = self._declared.get(_squeezed(text)) or self._declared.get(_squeezed(bare(text)))
        return product if product and product.vendor == maker.name else None

    def _in_store(self, text: str) -> Rule | None:
        """The rule of a product that a store's id names behind its own maker's domain (com.sangfor.easyconnect)."""
        if not (found := STORE_ID.match(text)) or not (maker := self._makers.find("", found[1], known_only=True)):
            return None
        words = (found[2].replace(".", " "), *found[2].split("."))
        rules = (self._index.program(word, "") for word in words)
        return next((r for r in rules if r and r.product and self.products[r.product].vendor == maker.name), None)

    def _last(self, text: str, publisher: str, words: frozenset[str], *, is_package: bool) -> Rule | None:
        """The first rule without a literal that fits; one of certain makers wants the publisher to be told."""
        rules = self._files.noise.last_packages if is_package else self._files.noise.last_names
        if not words:
            rules = self._last_of_anyone[is_package]
        asked = (rule for rule in rules if rule.accepts(text, publisher))
        return next((rule for rule in asked if not rule.publisher or not words.isdisjoint(rule.publisher)), None)

    def _by_rule(self, rule: Rule, text: str, version: str | None) -> Recognition:
        if not rule.product:
            return Recognition(None, rule.id, noise=True)
        return Recognition(
            product=self.products[rule.product],
            rule=rule.id,
            edition=rule.edition or self.edition_of(text),
            version=_named_version(rule, text) or self.release_of(text, version, rule.product),
        )

    def _by_inner_name(self, text: str) -> Product | None:
        squeezed = _squeezed(text)
        inside = [n for n in self._declared if len(n) >= SHORTEST_INNER_NAME and holds(squeezed, n)]
        longest = max(map(len, inside), default=0)
        found = {self._declared[n].id: self._declared[n] for n in inside if len(n) == longest}
        return next(iter(found.values())) if len(found) == 1 else None


def load(folder: Path = FOLDER) -> Catalogue:
    """Load a catalogue folder. Raises BadInput ``catalogue.bad_file`` naming file, line and key."""
    return Catalogue(read(folder))


def _named_version(rule: Rule, text: str) -> str:
    if rule.version or rule.matching is None or "version" not in rule.matching.groupindex:
        return rule.version
    found = rule.matching.search(text)
    return (found["version"] or "") if found else ""


def _shown_version(version: str) -> str:
    """``v10 sp1`` → ``V10 SP1``, ``xp`` → ``XP``, ``vista`` → ``Vista``: as makers and ledgers write it."""
    return version.capitalize() if version.isalpha() and len(version) > 2 else version.upper()


def _word_pattern(words: Mapping[str, str]) -> re.Pattern[str]:
    """Any of the words, the longest first; Latin words only as whole words."""
    ordered = sorted(words, key=lambda word: (-len(word), word))
    return re.compile("|".join(rf"(?<![a-z]){re.escape(w)}(?![a-z])" if w.isascii() else re.escape(w) for w in ordered))


def _squeezed(text: str) -> str:
    return text.replace(" ", "")


def _declared_names(products: Iterable[Product]) -> dict[str, Product]:
    """Names and aliases without spaces; where two products share one, the first in the files has it."""
    names: dict[str, Product] = {}
    for product in products:
        for name in (product.name, *product.aliases):
            names.setdefault(_squeezed(fold(name)), product)
    return names
