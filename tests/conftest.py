"""Fixtures for the whole suite: the demo unit's LAN, started once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.lab import demo_unit
from tests.lab.demo_unit import Demo
from tests.lab.lan import Lan

FUZZ_EXAMPLES = 10_000
UNTIMED: dict[str, Any] = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
"""Of properties: how long an example takes says how busy the machine is."""


def pytest_configure(config: pytest.Config) -> None:
    """Let the programs that tests start compile our code once, and prepare ``make fuzz``.

    There each property runs far longer, whatever number of examples it names for the suite.
    """
    settings.register_profile("suite", **UNTIMED)
    settings.load_profile("suite")
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = str(config.rootpath / ".pytest_cache" / "compiled")
    if os.environ.get("HYPOTHESIS_PROFILE") == "fuzz":
        settings.register_profile("fuzz", max_examples=FUZZ_EXAMPLES, **UNTIMED)
        settings.load_profile("fuzz")


def _lengthen(item: pytest.Item) -> None:
    """Give a property the profile's number of examples in place of its own."""
    function = getattr(getattr(item, "obj", None), "__func__", getattr(item, "obj", None))
    own = getattr(function, "_hypothesis_internal_use_settings", None)
    if own is not None:
        vars(function)["_hypothesis_internal_use_settings"] = settings(own, max_examples=FUZZ_EXAMPLES, deadline=None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Lab tests need root; as root they run, and fail when a program is missing.

    Their files come first, as they take longest: with several processes none is left alone with them in the end.
    """
    with_lab = {item.path for item in items if item.get_closest_marker("lab")}
    items.sort(key=lambda item: item.path not in with_lab)
    if os.environ.get("HYPOTHESIS_PROFILE") == "fuzz":
        for item in items:
            _lengthen(item)
    if os.geteuid() == 0:
        return
    not_root = pytest.mark.skip(reason="the test LAN needs root (network namespaces)")
    for item in items:
        if item.get_closest_marker("lab"):
            item.add_marker(not_root)


@pytest.fixture(scope="session")
def demo() -> Iterator[Demo]:
    """The made-up unit with its LAN up; shared, so tests read and change nothing."""
    with demo_unit.start() as running:
        yield running


@pytest.fixture(scope="session")
def demo_lan(demo: Demo) -> Lan:
    """The LAN of the made-up unit."""
    return demo.lan
