"""The published JSON Schema is the one the code writes, and every field that judgement needs is in it."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from config.problems import BadInput
from scanner import facts
from scanner.facts import Attempt
from scanner.model import Identity, InstalledSoftware, OperatingSystem, Outcome, Platform, Scope

PUBLISHED = Path(__file__).parent.parent / "docs" / "facts.schema.json"
ATTEMPT = Attempt("01J0000000000000000000000A", "10.0.0.1", "2026-11-21T09:00:00+08:00", "2026-11-21T09:00:01+08:00")


def test_the_published_schema_is_the_one_the_code_makes() -> None:
    assert json.loads(PUBLISHED.read_text("utf-8")) == facts.json_schema()


def test_facts_fit_their_schema_and_come_back_the_same() -> None:
    records = [
        Identity(hostname="PC-1", serial="S1"),
        OperatingSystem(Platform.WINDOWS, "Windows 11 专业版", build="22631"),
        InstalledSoftware("WPS Office", r"HKLM\SOFTWARE\…\Kingsoft Office", Scope.MACHINE_32, observation="o00001"),
    ]
    read = facts.assemble(ATTEMPT, records, ())
    document = facts.to_json(read)
    jsonschema.validate(document, json.loads(PUBLISHED.read_text("utf-8")))
    assert facts.from_json(document) == read


def test_a_group_that_was_not_read_is_absent_and_an_empty_one_is_not() -> None:
    document = facts.to_json(facts.failed(ATTEMPT, Outcome.UNREACHABLE, facts.Message.of("smb.unreachable")))
    assert "installations" not in document
    assert facts.from_json({**document, "installations": []}).installations == ()


def test_unknown_fields_are_ignored_and_another_schema_is_refused() -> None:
    document = facts.to_json(facts.failed(ATTEMPT, Outcome.FAILED, facts.Message.of("worker.nothing_read")))
    assert facts.from_json({**document, "from_the_future": 1}).outcome is Outcome.FAILED
    with pytest.raises(BadInput) as caught:
        facts.from_json({**document, "schema": "hezheng.facts/9"})
    assert caught.value.message.code == "facts.wrong_schema"


def test_a_field_of_the_wrong_type_is_named() -> None:
    document = facts.to_json(facts.failed(ATTEMPT, Outcome.FAILED, facts.Message.of("worker.nothing_read")))
    with pytest.raises(BadInput) as caught:
        facts.from_json({**document, "installations": [{"name": 5}]})
    assert str(caught.value.message.params["field"]).startswith("installations.0")
