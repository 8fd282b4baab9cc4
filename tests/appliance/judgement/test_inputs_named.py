"""The head names every input by digest: two audits with the same names had the same inputs."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from appliance.judgement.audit_output import input_digests
from appliance.judgement.declared import UnitKind
from appliance.judgement.host_signs import HostSign
from appliance.judgement.survey import AuditInputs
from config.message import Message
from tests.appliance.judgement.test_audit import busy_unit

STATED = {"inspection_id", "unit", "as_of", "phase", "policy", "catalogue", "window", "known"}
"""In the head by themselves, made of what is, or a part of the program."""
READ = {"facts", "reads"}
"""Named by the hosts, and by a digest of their own when they were read."""
SAID = Message.of("finding.not_restored", address="10.0.0.1", begun_at="x", step="started")

CHANGED: dict[str, Any] = {
    "unit_kind": UnitKind.SCHOOL,
    "unrestored": {"h1": SAID},
    "signs": (HostSign("h1", "suspected_nat", (SAID,)),),
}


@pytest.mark.parametrize("name", sorted(CHANGED))
def test_an_audit_of_another_input_has_another_head(name: str) -> None:
    one, other = input_digests(busy_unit().inputs()), input_digests(busy_unit().inputs(**{name: CHANGED[name]}))
    assert {key for key in one if one[key] != other[key]} == {name}


def test_no_input_is_left_unnamed() -> None:
    named = input_digests(busy_unit().inputs()).keys()
    assert {field.name for field in fields(AuditInputs)} - STATED - READ - {"declared"} <= named
