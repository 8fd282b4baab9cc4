"""10,000 generated scopes: the gate lets in exactly the addresses of the authorisation, compared with plain sets."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.scanner.test_scope import Span, spans, test_a_scope_equals_the_set_of_its_addresses

SCOPES = 10_000


def main() -> dict[str, Any]:
    """How many scopes held; a scope that does not raises AssertionError with the smallest example."""
    held: set[str] = set()
    check: Callable[..., None] = test_a_scope_equals_the_set_of_its_addresses.hypothesis.inner_test  # pyright: ignore

    unhurried = [HealthCheck.too_slow, HealthCheck.data_too_large]

    @settings(max_examples=SCOPES * 2, deadline=None, database=None, suppress_health_check=unhurried)
    @given(st.lists(spans, max_size=5), st.lists(spans, max_size=5), st.none() | spans)
    def every(ranges: list[Span], exclusions: list[Span], segment: Span | None) -> None:
        scope = repr((ranges, exclusions, segment))
        if len(held) < SCOPES and scope not in held:
            check(ranges, exclusions, segment)
            held.add(scope)

    every()
    how = "different ranges, exclusions and segments; membership, listing and size over 128 addresses each"
    return {"name": "scope-gate", "ours": len(held), "peer": None, "ratio": None, "unit": "scopes", "how": how}


if __name__ == "__main__":
    print(json.dumps(main()))
