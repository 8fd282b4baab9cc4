"""差异表: the official client's result beside ours, computer by computer. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from appliance.judgement.declared import OfficialResult
from appliance.judgement.entitlements import Finder

Ours = Mapping[tuple[str, str], tuple[str, str]]
"""(资产编号, product id) → (decision, verdict id)."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One line: ``official`` and ``ours`` are decisions, empty where that side knows nothing of the product."""

    asset_no: str
    product_id: str
    name: str
    official: str
    ours: str
    verdict: str


def differences(official: Iterable[OfficialResult], ours: Ours, catalogue: Finder) -> tuple[Difference, ...]:
    """Every product on which the two sides differ, on computers that both speak of; in order."""
    return tuple(line for result in sorted(official, key=_number) for line in _of_computer(result, ours, catalogue))


def _number(result: OfficialResult) -> str:
    return result.asset_no


def _of_computer(result: OfficialResult, ours: Ours, catalogue: Finder) -> Iterator[Difference]:
    mine = {product: found for (asset, product), found in ours.items() if asset == result.asset_no}
    if not mine:
        return
    theirs: dict[str, tuple[str, str]] = {}
    for name, decision in sorted(result.products.items()):
        product = catalogue.find(name)
        theirs[product.id if product else name] = (name, decision)
    for product_id in sorted(mine.keys() | theirs.keys()):
        name, said = theirs.get(product_id, ("", ""))
        decision, verdict = mine.get(product_id, ("", ""))
        if said != decision:
            yield Difference(result.asset_no, product_id, name, said, decision, verdict)
