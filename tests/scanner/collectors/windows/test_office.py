"""Office releases of Click-to-Run."""

from __future__ import annotations

from scanner.collectors.windows.office import CONFIGURATION, collect
from scanner.model import LicenceState
from tests.scanner.collectors.windows.hive import key, session


def states(**values: str) -> list[LicenceState]:
    return [r for r in collect(session(key(CONFIGURATION, **values))) if isinstance(r, LicenceState)]


def test_each_release_is_named_and_none_is_called_activated() -> None:
    found = states(
        ProductReleaseIds="ProPlus2021Volume,VisioPro2021Volume", VersionToReport="16.0.14332.20763", Platform="x64"
    )
    assert [(state.name, state.description) for state in found] == [
        ("ProPlus2021Volume", "16.0.14332.20763 x64"),
        ("VisioPro2021Volume", "16.0.14332.20763 x64"),
    ]
    assert all(state.status is None and state.channel is None and state.application == "office" for state in found)


def test_a_subscription_is_marked_as_not_visible_on_the_device() -> None:
    assert [state.subscription_on_device for state in states(ProductReleaseIds="O365ProPlusRetail")] == [False]
    assert [state.subscription_on_device for state in states(ProductReleaseIds="ProPlus2019Retail")] == [None]


def test_without_click_to_run_there_is_nothing_to_say() -> None:
    assert list(collect(session())) == []
    assert states(ProductReleaseIds=" , ") == []
