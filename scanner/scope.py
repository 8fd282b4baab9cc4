"""Is this address inside the authorisation (检测授权), now? Pure; :mod:`scanner.guard` enforces the answer in workers.

Decisions that no text makes for us:

- Public addresses are refused unless the signed document names them (``public_confirmed``): 政务外网 numbers many of
  its computers from public blocks, so they cannot be refused outright. Local means RFC 1918, RFC 6598, RFC 4193,
  loopback and link-local. Multicast, reserved and unspecified addresses are never in scope.
- All ranges together hold at most 2**20 addresses (an IPv4 /12).
- The window includes its first and its last moment.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise

from config.problems import BadInput, Refused
from scanner.guard import Guard, OutOfScope, install_guard
from scanner.ranges import Interval, addresses, holds, intersect, merge, parse_address, parse_range, subtract

__all__ = ["Authorisation", "Guard", "OutOfScope", "Scope", "check_authorisation", "install_guard", "require"]

SIZE_LIMIT = 1 << 20

LOCAL = merge(
    map(
        parse_range,
        (
            "10.0.0.0/8",
            "172.16.0.0/12",
            "192.168.0.0/16",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "169.254.0.0/16",
            "fc00::/7",
            "fe80::/10",
            "::1",
        ),
    )
)
NEVER = merge(map(parse_range, ("0.0.0.0/8", "224.0.0.0/4", "240.0.0.0/4", "::", "ff00::/8")))


@dataclass(frozen=True, slots=True)
class Authorisation:
    """Written permission to inspect. Times are aware; ``recorded_at`` is RFC 3339.

    ``no_classified`` is the unit's signed statement that no 涉密 network or computer lies inside the ranges;
    ``public_confirmed`` says that the document itself names the public addresses among them.
    """

    id: str
    ranges: tuple[str, ...]
    exclusions: tuple[str, ...]
    not_before: datetime
    not_after: datetime
    document_no: str
    signer: str
    no_classified: bool
    signed_on: date | None
    recorded_at: str
    permits_service_start: bool = False
    public_confirmed: bool = False


@dataclass(frozen=True, slots=True)
class Scope:
    """The addresses that an authorisation leaves after its exclusions, or one segment's part of them."""

    authorisation: Authorisation
    intervals: tuple[Interval, ...]

    @classmethod
    def of(cls, authorisation: Authorisation, segment: str | None = None) -> Scope:
        """Build the scope, cut to ``segment`` (one range) when given.

        Raises BadInput ``scope.segment_outside`` when nothing is left, or what :func:`parse_range` raises.
        """
        intervals = _granted(authorisation)
        if segment is not None:
            intervals = intersect(intervals, parse_range(segment))
            if not intervals:
                raise BadInput("scope.segment_outside", segment=segment)
        return cls(authorisation, intervals)

    @property
    def size(self) -> int:
        """How many addresses."""
        return _size(self.intervals)

    def contains(self, address: str) -> bool:
        """Whether a literal address without zone is inside; any other text is not."""
        parsed = parse_address(address)
        return parsed is not None and holds(self.intervals, parsed)

    def addresses(self) -> Iterator[str]:
        """Every address in order, IPv4 first, in canonical form."""
        return addresses(self.intervals)

    def permits(self, address: str, at: datetime) -> bool:
        """Whether ``address`` may be touched at ``at``: inside, stated and signed, in the window."""
        return _objection(self.authorisation, at) is None and self.contains(address)


def check_authorisation(authorisation: Authorisation) -> None:
    """Check what the inspector entered. Raises BadInput with the first fault; pure."""
    for name in ("document_no", "signer"):
        if not getattr(authorisation, name).strip():
            raise BadInput(f"scope.no_{name}")
    _check_window(authorisation.not_before, authorisation.not_after)
    if not authorisation.ranges:
        raise BadInput("scope.no_ranges")
    spans = tuple(parse_range(text) for text in authorisation.ranges)
    _check_overlaps(authorisation.ranges, spans)
    for text, span in zip(authorisation.ranges, spans, strict=True):
        _check_kind(text, span, authorisation.public_confirmed)
    _check_exclusions(authorisation.exclusions, spans)
    if _size(spans) > SIZE_LIMIT:
        raise BadInput("scope.too_large", size=_size(spans), limit=SIZE_LIMIT)
    if not _granted(authorisation):
        raise BadInput("scope.nothing_left")


def require(authorisation: Authorisation, at: datetime) -> None:
    """Stop a scan that may not run at ``at``.

    Raises Refused ``scope.no_statement``, ``scope.unsigned``, ``scope.window_not_open`` or ``scope.window_closed``.
    """
    if (refusal := _objection(authorisation, at)) is not None:
        raise refusal


def _objection(authorisation: Authorisation, at: datetime) -> Refused | None:
    if not authorisation.no_classified:
        return Refused("scope.no_statement")
    if authorisation.signed_on is None:
        return Refused("scope.unsigned", document_no=authorisation.document_no)
    if at < authorisation.not_before:
        return Refused("scope.window_not_open", at=_minute(at), opens=_minute(authorisation.not_before))
    if at > authorisation.not_after:
        return Refused("scope.window_closed", at=_minute(at), closed=_minute(authorisation.not_after))
    return None


def _minute(moment: datetime) -> str:
    return moment.isoformat(" ", "minutes")


def _granted(authorisation: Authorisation) -> tuple[Interval, ...]:
    return subtract(map(parse_range, authorisation.ranges), map(parse_range, authorisation.exclusions))


def _size(intervals: Iterable[Interval]) -> int:
    return sum(one.size for one in intervals)


def _check_window(not_before: datetime, not_after: datetime) -> None:
    if not_before.tzinfo is None or not_after.tzinfo is None:
        raise BadInput("scope.window_without_offset")
    if not_after <= not_before:
        raise BadInput("scope.window_reversed", opens=_minute(not_before), closes=_minute(not_after))


def _check_overlaps(texts: tuple[str, ...], spans: tuple[Interval, ...]) -> None:
    # In sorted order two ranges overlap only if some neighbours do.
    for (one, one_text), (other, other_text) in pairwise(sorted(zip(spans, texts, strict=True))):
        if one.overlaps(other):
            raise BadInput("scope.overlap", first=one_text, second=other_text)


def _check_kind(text: str, span: Interval, public_confirmed: bool) -> None:
    if any(span.overlaps(never) for never in NEVER):
        raise BadInput("scope.never_allowed", range=text)
    if subtract([span], LOCAL) and not public_confirmed:
        raise BadInput("scope.public_range", range=text)


def _check_exclusions(texts: tuple[str, ...], spans: tuple[Interval, ...]) -> None:
    for text in texts:
        if subtract([parse_range(text)], spans):
            raise BadInput("scope.exclusion_outside", exclusion=text)
