"""Who made a program: by the publisher's words, by how its name begins, else what the publisher calls itself."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from appliance.model import SoftwareOrigin
from appliance.recognition.catalogue_index import Prefixes
from appliance.recognition.names import ends_word, first_token, fold, holds, tokens

LEGAL = (
    r"inc(?:orporated)?|l\.?l\.?c|ltd|limited|co|company|corp(?:oration)?|gmbh|mbh|ag|kg|kgaa|ug|e\.? ?k|e\.? ?v|"
    r"s\.?r\.?l|s\.?p\.?a|b\.?v|n\.?v|oy|oyj|ab|as|a/s|aps|asa|kft|zrt|s\.?a(?:\.?s)?|s\.?a\.?r\.?l|plc|pty|pte|pvt|"
    r"private|k\.?k|sp\.? z ?o\.?o|d\.?o\.?o|s\.?r\.?o|a\.s|spol|ou|oü|ooo|ltda|s\.? de r\.?l|bhd|sdn|lp|llp|tov|eood|"
    r"ulc|unlimited|uab|sia|sl|s\.l|eirl|cv|bvba|sprl|ehf|hf|js?c|ojsc|pjsc|zao|ооо|оао|зао|пао|ao|ао"
)
LEGAL_FORM = re.compile(
    rf"(?:[ ,(]+(?:& ?)?(?:{LEGAL})|[ ,]+株式会社|[ ,]*(?:股份|集团)?有限(?:责任)?公司|[ ,]*公司)[.,) ]*$"
)
FIRST_FORM = re.compile(r"^.{2,}?(?=,? (?:inc|llc|ltd|gmbh|corp|limited)\b)", re.IGNORECASE)
SHORTEST_BRAND = 5  # a maker without beginnings of his own is found by his name from this length on
FRONT = re.compile(
    r"^(?:copyright|©|\(c\)|the|by|ооо|株式会社|市?北京市?|上海市?|天津市?|重庆市?|深圳市?|广州市?|杭州市?|南京市?|"
    r"苏州市?|武汉市?|成都市?|西安市?|厦门市?|福州市?|福建省?|珠海市?|东莞市?|佛山市?|合肥市?|长沙市?|济南市?|"
    r"青岛市?|郑州市?|大连市?|沈阳市?|无锡市?|宁波市?|浙江省?|江苏省?|广东省?|山东省?|湖南省?|湖北省?|四川省?|"
    r"河南省?|海南省?|安徽省?|中国)[ ]*"
)
GENERIC = re.compile(
    r"(?: (?:technolog(?:y|ies)|software|systems?|labs?|solutions?|group|studios?|team|project|developers?|electronics|"
    r"interactive|entertainment|international|industries|foundation|holdings?|networks?|computer|digital|games|online|"
    r"development|community|contributors|authors|usa|america|europe|china|worldwide|global|products|services|tech|"
    r"engineering|consulting|media|enterprises?|publishing|research|innovations?|corp|inc|tools?)|\.(?:com|org|net|io)|"
    r"(?:软件|信息|网络|科技|技术|系统|电子|智能|数字|数据|工程|发展|服务|文化|传媒|集团|股份|安全))$"
)
PLACE = re.compile(
    r" ?[(（](?:中国|北京|上海|天津|重庆|深圳|广州|杭州|南京|苏州|武汉|成都|西安|厦门|珠海|青岛|济南|大连|长沙|合肥|"
    r"香港|china|beijing|shanghai|shenzhen|guangzhou|hangzhou|hong ?kong|prc)[)）]",
    re.IGNORECASE,
)
LONGER = ("软件", "科技", "网络", "信息")  # what people add to a short Chinese name of a maker (开目 → 开目软件)
CHINESE = re.compile(r"[\u4e00-\u9fff]")
KANA = re.compile(r"[\u3040-\u30ff\uac00-\ud7a3]|株式会社")
CHINESE_PLACE = re.compile(
    r"\b(?:beijing|shanghai|shenzhen|guangzhou|hangzhou|zhuhai|nanjing|chengdu|wuhan|xiamen|fuzhou|fujian|suzhou|"
    r"hefei|changsha|jinan|tianjin|chongqing|dalian|zhejiang|guangdong|jiangsu|dongguan|hong ?kong|china|prc)\b"
)


@dataclass(frozen=True, slots=True)
class Vendor:
    """Who makes software; ``publishers`` are parts of the publisher's name, ``starts`` of product names.

    A maker that stands in no file has neither an id nor, unless its name tells, an origin.
    """

    id: str
    name: str
    origin: SoftwareOrigin | None
    aliases: tuple[str, ...] = ()
    publishers: tuple[str, ...] = ()
    starts: tuple[str, ...] = ()


@dataclass(slots=True)
class Vendors:
    """All makers of the catalogue, found by a literal as rules are; the longest literal speaks."""

    by_name: dict[str, Vendor] = field(default_factory=dict[str, Vendor])
    _parts: dict[str, list[tuple[str, Vendor]]] = field(default_factory=dict[str, list[tuple[str, Vendor]]])
    _starts: Prefixes = field(default_factory=Prefixes)
    _names: Prefixes = field(default_factory=Prefixes)
    _ranked: list[Vendor] = field(default_factory=list[Vendor])

    @classmethod
    def of(cls, vendors: Iterable[Vendor]) -> Vendors:
        """Index the makers of the files."""
        index = cls()
        for vendor in vendors:
            index._add(vendor)
        index._starts.close()
        index._names.close()
        return index

    def find(self, name: str, publisher: str, *, known_only: bool = False) -> Vendor | None:
        """The maker of a folded name and a publisher as it was found.

        Beside a publisher that stands in no file a name speaks only when it begins with a maker's own name.
        ``known_only`` makes no maker out of an unknown publisher.
        """
        said = fold(publisher)
        if said and (known := self._longest(self._by_publisher(said))):
            return known
        starts = [found for found in self._by_start(name) if not said or _begins_with_maker(name, *found)]
        return self._longest(starts) or (None if known_only else named_by(publisher))

    def after_name(self, name: str) -> Iterator[tuple[Vendor, str]]:
        """What follows a maker's own name in a folded name (同元软控 mworks → 同元软控, mworks), the longest first."""
        found = [(length, rank) for length, ranks in self._names.find(name) for rank in ranks]
        for length, rank in sorted(found, reverse=True):
            if (rest := name[length:].lstrip(" -_")) and ends_word(name, length):
                yield self._ranked[rank], rest

    def _add(self, vendor: Vendor) -> None:
        self.by_name[vendor.name] = vendor
        rank = len(self._ranked)
        self._ranked.append(vendor)
        for part in map(fold, vendor.publishers):
            self._parts.setdefault(first_token(part), []).append((part, vendor))
        brand = fold(vendor.name)
        implied = (brand,) if not vendor.starts and len(brand) >= SHORTEST_BRAND and brand.isascii() else ()
        for start in (*map(fold, vendor.starts), *implied):
            self._starts.add(start, rank)
        for called in {fold(called) for called in (vendor.name, *vendor.aliases) if len(called) > 1}:
            self._names.add(called, rank)

    def _by_publisher(self, said: str) -> Iterator[tuple[int, Vendor]]:
        for token in tokens(said) & self._parts.keys():
            yield from ((len(part), vendor) for part, vendor in self._parts[token] if holds(said, part))

    def _by_start(self, text: str) -> Iterator[tuple[int, Vendor]]:
        for length, ranks in self._starts.find(text):
            if ends_word(text, length):
                yield from ((length, self._ranked[rank]) for rank in ranks)

    @staticmethod
    def _longest(found: Iterable[tuple[int, Vendor]]) -> Vendor | None:
        best = max(found, key=lambda pair: (pair[0], pair[1].id), default=None)
        return best[1] if best else None


def _begins_with_maker(text: str, length: int, vendor: Vendor) -> bool:
    return text[:length] in map(fold, (vendor.name, *vendor.aliases))


def named_by(publisher: str) -> Vendor | None:
    """The maker that a publisher's name names: without legal form and place; shorter forms are aliases.

    >>> named_by("Binary Fortress Software, Ltd.").name
    'Binary Fortress Software'
    """
    whole = " ".join(publisher.split()).strip("\"' ,")
    if not whole:
        return None
    name = _without(PLACE.sub("", whole) or whole, LEGAL_FORM, FRONT)
    first = FIRST_FORM.match(name)
    forms = [name, *shorter(name), whole, *((first[0],) if first else ())]
    return Vendor("", name, _origin(whole), tuple(dict.fromkeys(form for form in forms[1:] if form != name)))


def _without(text: str, *patterns: re.Pattern[str]) -> str:
    """The text without what the patterns find, as long as something is left; letters keep their case."""
    for pattern in patterns:
        while (found := pattern.search(text.casefold())) and len(found[0]) < len(text):
            text = (text[: found.start()] if found.end() == len(text) else text[found.end() :]).strip(" ,")
    return text


def shorter(name: str) -> Iterator[str]:
    """The name without its last general word, again and again (``IAR Systems`` → ``IAR``, 亚控科技 → 亚控)."""
    while (found := GENERIC.search(name.casefold())) and found.start() > 1:
        name = name[: found.start()].strip(" ,&-")
        yield name


def longer(name: str) -> Iterator[str]:
    """A bare Chinese name with the words that are often said behind it."""
    if CHINESE.search(name[-1:]) and not GENERIC.search(name):
        yield from (name + word for word in LONGER)


def _origin(publisher: str) -> SoftwareOrigin | None:
    text = publisher.casefold()
    if KANA.search(text):
        return SoftwareOrigin.FOREIGN
    return SoftwareOrigin.DOMESTIC if CHINESE.search(text) or CHINESE_PLACE.search(text) else None
