"""Whatever a computer answers, every collector ends with records or a named reason; ``make fuzz`` asks far longer."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scanner import wmi_classes
from scanner.collectors.windows import WINDOWS_COLLECTORS, WMI_COLLECTORS
from scanner.model import Outcome
from scanner.runner import run_collectors
from scanner.session import RegistryData, RegistryKey, WindowsSession, WmiValue
from scanner.wmi_classes import WmiClass
from tests.lab import complete_pc
from tests.scanner.collectors.windows.hive import HiveRegistry, key
from tests.scanner.collectors.windows.wmi import FixedWmi, NoRegistry

CLASSES = [found for found in vars(wmi_classes).values() if isinstance(found, WmiClass)]
TEXTS = st.sampled_from(
    [
        "", " ", "0", "-1", "20230115083000.000000+480", "20231332256199.999999-999", "16010101000000.000000+000",
        "99991231235959.999999+***", "Windows(R) Operating System, VOLUME_KMSCLIENT channel", "Office 16, RETAIL",
        "55c92734-d682-4d71-983e-d6ec3f16059f", "0ff1ce15-a989-479d-af46-f275c6370663", "FFFFFFFF-FFFF-FFFF",
        "10.0.19045", "6.1", "x", "00:1A:2B:3C:4D:5E", "127.0.0.1:1688", "2024-02-30", "20240230", "\x00\x1b[31m",
        "\ud800",
    ]
)  # fmt: skip
NUMBERS = st.integers(-(2**64), 2**64) | st.integers(0, 7) | st.sampled_from([0x04004F401, 397568, 266240])
SCALARS = st.booleans() | NUMBERS | TEXTS | st.text(max_size=30)
VALUES: st.SearchStrategy[WmiValue] = st.none() | SCALARS | st.lists(SCALARS, max_size=3).map(tuple)
DATA: st.SearchStrategy[RegistryData] = (
    TEXTS
    | st.text(max_size=40)
    | st.integers(0, 2**32 - 1)
    | st.binary(max_size=64)
    | st.lists(TEXTS, max_size=3).map(tuple)
)
UNHURRIED = settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def tables(draw: st.DrawFn) -> Mapping[str, Any]:
    """Rows of every class; a class may be absent."""
    found: dict[str, Any] = {}
    for wanted in CLASSES:
        rows = st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys(wanted.columns, VALUES)), max_size=3)
        if (answer := draw(st.none() | rows)) is not None:
            found[wanted.name] = answer
    return found


@UNHURRIED
@given(tables())
def test_no_rows_of_wmi_break_a_collector(answers: Mapping[str, Any]) -> None:
    session = WindowsSession(NoRegistry(), "smb3.1.1-sealed", FixedWmi(answers))
    _, results = run_collectors(session, WMI_COLLECTORS, lambda _: None)
    assert [result.collector for result in results] == [one.name for one in WMI_COLLECTORS]
    assert all(result.outcome is Outcome.READ or result.reason for result in results)


@cache
def whole() -> Mapping[str, Mapping[str, RegistryData]]:
    """The registry of the complete PC: values by key."""
    return {path: dict(values) for path, values in complete_pc.KEYS.items()}


PLACES = sorted((path, name) for path, values in whole().items() for name in values)


@UNHURRIED
@given(
    st.dictionaries(st.sampled_from(PLACES), st.none() | DATA, max_size=25),
    st.sets(st.sampled_from(sorted(whole())), max_size=6),
    st.none() | st.sampled_from(["2024-05-06T07:08:09.000+00:00", "1601-01-01T00:00:00.000+00:00"]),
)
def test_no_value_of_a_registry_breaks_a_collector(
    changed: Mapping[tuple[str, str], RegistryData | None], gone: set[str], written: str | None
) -> None:
    keys: dict[str, RegistryKey] = {}
    for path, values in whole().items():
        if path not in gone:
            kept = {name: changed.get((path, name), data) for name, data in values.items()}
            keys[path] = key(path, written, **{name: data for name, data in kept.items() if data is not None})
    session = WindowsSession(HiveRegistry(keys), "smb3.1.1-sealed")
    _, results = run_collectors(session, WINDOWS_COLLECTORS, lambda _: None)
    assert [result.collector for result in results] == [one.name for one in WINDOWS_COLLECTORS]
    assert all(result.outcome is Outcome.READ or result.reason for result in results)
