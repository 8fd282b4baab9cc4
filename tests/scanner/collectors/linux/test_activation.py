"""What 麒麟 and UOS say of their activation, and that other words are kept and judged by nobody here."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.collectors.linux import activation
from scanner.collectors.linux.answers import Answer, split
from scanner.collectors.linux.commands import ACTIVATION
from scanner.model import LicenceState, LicenceStatus, SkippedEntry
from tests.scanner.collectors.linux.shell import session_of


def collected(text: str) -> list[LicenceState | SkippedEntry]:
    return list(activation.collect(session_of({ACTIVATION: f"{text}\n@@end\n"})))


@pytest.mark.parametrize(
    ("code", "status"),
    [("present", LicenceStatus.LICENSED), ("absent", LicenceStatus.UNLICENSED), ("empty", None), ("", None)],
)
def test_kylin_is_activated_when_its_code_is_there(code: str, status: LicenceStatus | None) -> None:
    [state] = collected(f"@@kylin\nterm=2025-12-18\ncode={code}")
    assert isinstance(state, LicenceState)
    assert (state.application, state.status, state.service_until) == ("kylin", status, "2025-12-18")
    assert state.valid_until is None, "the service period is no term of the right of use"


@pytest.mark.parametrize(
    ("said", "status", "until"),
    [
        ("激活状态：已激活", LicenceStatus.LICENSED, None),
        ("授权状态：已授权\n授权到期时间：2027年01月02日", LicenceStatus.LICENSED, "2027-01-02"),
        ("免费授权", LicenceStatus.LICENSED, None),
        ("激活状态：未激活", LicenceStatus.UNLICENSED, None),
        ("授权已过期", LicenceStatus.UNLICENSED, None),
        ("Not activated", LicenceStatus.UNLICENSED, None),
        ("System is unauthorized", LicenceStatus.UNLICENSED, None),
        ("Activation status: activated", LicenceStatus.LICENSED, None),
        ("激活状态：试用期\n到期时间：2026-03-01", LicenceStatus.TRIAL, "2026-03-01"),
        ("试用期已过期：2024/2/30 2024/3/1", LicenceStatus.TRIAL_EXPIRED, "2024-03-01"),
        ("Trial expired", LicenceStatus.TRIAL_EXPIRED, None),
        ("D-Bus error", None, None),
    ],
)
def test_what_uos_says_becomes_a_state(said: str, status: LicenceStatus | None, until: str | None) -> None:
    [state] = collected(f"@@uos\n{said}\n\n@@exit\n0")
    assert isinstance(state, LicenceState)
    assert (state.application, state.status) == ("uos", status)
    assert (state.evaluation_end or state.valid_until) == until
    assert state.status_reason == said.replace("\n", " / ")


@pytest.mark.parametrize("answer", ["@@uos\n\n@@exit\n1", "@@uos\n已激活\n@@exit\n124"])
def test_a_tool_that_is_silent_or_cut_off_says_nothing_of_the_activation(answer: str) -> None:
    [entry] = collected(answer)
    assert isinstance(entry, SkippedEntry)
    assert entry.reason.code == "linux.activation_silent"


def test_another_system_has_no_state() -> None:
    assert collected("") == []


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(["kylin", "uos"]), st.text())
def test_no_answer_breaks_the_parsers(section: str, text: str) -> None:
    answer = Answer(split(f"@@{section}\n{text}\n"), "o1")
    found = activation.parse_kylin(answer) if section == "kylin" else activation.parse_uos(answer)
    assert found.observation == "o1"
