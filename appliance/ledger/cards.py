"""Asset cards that stand for many computers, as single computers. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from appliance.ledger.model import Asset


@dataclass(frozen=True, slots=True)
class CardComputer:
    """One computer of a card: ``number`` of ``of``. Serial and MAC are set only where the card names one a computer."""

    asset_no: str
    number: int
    of: int
    serial: str = ""
    mac: str = ""

    @property
    def label(self) -> str:
        """The asset number, with its place in the card where there are several: ``GD-1 (3/30)``."""
        return self.asset_no if self.of == 1 else f"{self.asset_no} ({self.number}/{self.of})"


def split(asset: Asset) -> Iterator[CardComputer]:
    """The computers of a card, as many as its 数量.

    Serials or MACs are handed out in order only when there are exactly as many as computers: otherwise nobody can say
    which is whose (two MACs of a notebook are one computer's).
    """
    serials, macs = (_each(values, asset.quantity) for values in (asset.serials, asset.macs))
    for place in range(asset.quantity):
        yield CardComputer(asset.asset_no, place + 1, asset.quantity, serials[place], macs[place])


def _each(values: tuple[str, ...], quantity: int) -> tuple[str, ...]:
    return values if len(values) == quantity else ("",) * quantity
