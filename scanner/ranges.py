"""Arithmetic on address ranges: parse, merge, subtract, intersect; pure.

A range is written as CIDR (``10.1.0.0/24``), as two whole addresses (``10.1.0.1-10.1.0.80``) or as one address.
IPv4 and IPv6 never mix: ``::ffff:10.0.0.1`` is not ``10.0.0.1``.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from config.problems import BadInput

SHOWN_CHARACTERS = 64

Address = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """Addresses ``first`` to ``last``, both included, as integers of one IP version (4 or 6)."""

    version: int
    first: int
    last: int

    @property
    def size(self) -> int:
        """How many addresses."""
        return self.last - self.first + 1

    def overlaps(self, other: Interval) -> bool:
        """Whether an address is in both."""
        return self.version == other.version and self.first <= other.last and other.first <= self.last


def parse_address(text: str) -> Address | None:
    """A literal address without zone (``%eth0``), or None."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return None if "%" in text else address


def parse_range(text: str) -> Interval:
    """Turn one written range into an interval.

    Raises BadInput ``scope.bad_range``, ``scope.host_bits`` (``10.1.0.5/24``) or ``scope.reversed_range``.
    """
    clean = text.strip()
    if "/" in clean:
        return _parse_network(clean)
    first_text, dash, last_text = clean.partition("-")
    first = parse_address(first_text.strip())
    last = parse_address(last_text.strip()) if dash else first
    if first is None or last is None or first.version != last.version:
        raise BadInput("scope.bad_range", range=clean[:SHOWN_CHARACTERS])
    if int(last) < int(first):
        raise BadInput("scope.reversed_range", range=clean[:SHOWN_CHARACTERS])
    return Interval(first.version, int(first), int(last))


def _parse_network(text: str) -> Interval:
    try:
        network = ip_network(text, strict=False)
        host = parse_address(text.partition("/")[0])
    except ValueError as error:
        raise BadInput("scope.bad_range", range=text[:SHOWN_CHARACTERS]) from error
    if host is None:
        raise BadInput("scope.bad_range", range=text[:SHOWN_CHARACTERS])
    if host != network.network_address:
        raise BadInput("scope.host_bits", range=text[:SHOWN_CHARACTERS], network=str(network))
    return Interval(network.version, int(network.network_address), int(network.broadcast_address))


def merge(intervals: Iterable[Interval]) -> tuple[Interval, ...]:
    """The same addresses as sorted intervals with a gap between each two."""
    merged: list[Interval] = []
    for interval in sorted(intervals):
        last = merged[-1] if merged else None
        if last and last.version == interval.version and interval.first <= last.last + 1:
            merged[-1] = Interval(last.version, last.first, max(last.last, interval.last))
        else:
            merged.append(interval)
    return tuple(merged)


def subtract(intervals: Iterable[Interval], holes: Iterable[Interval]) -> tuple[Interval, ...]:
    """The addresses of ``intervals`` that lie in none of ``holes``, merged."""
    rest = merge(intervals)
    for hole in merge(holes):
        rest = tuple(piece for interval in rest for piece in _without(interval, hole))
    return rest


def intersect(intervals: Iterable[Interval], window: Interval) -> tuple[Interval, ...]:
    """The addresses of ``intervals`` that lie in ``window`` too, merged."""
    return merge(
        Interval(one.version, max(one.first, window.first), min(one.last, window.last))
        for one in intervals
        if one.overlaps(window)
    )


def holds(merged: tuple[Interval, ...], address: Address) -> bool:
    """Whether merged intervals contain ``address``."""
    number = int(address)
    index = bisect_right(merged, (address.version, number), key=lambda one: (one.version, one.first))
    return index > 0 and merged[index - 1].version == address.version and number <= merged[index - 1].last


def addresses(merged: Iterable[Interval]) -> Iterator[str]:
    """Every address in order, in canonical form."""
    for interval in merged:
        kind = IPv4Address if interval.version == 4 else IPv6Address
        for number in range(interval.first, interval.last + 1):
            yield str(kind(number))


def _without(interval: Interval, hole: Interval) -> Iterator[Interval]:
    if not interval.overlaps(hole):
        yield interval
        return
    if interval.first < hole.first:
        yield Interval(interval.version, interval.first, hole.first - 1)
    if hole.last < interval.last:
        yield Interval(interval.version, hole.last + 1, interval.last)
