"""Every sentence that code names exists, and gets what it needs; every rule and ledger has all its places."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import api
import appliance
import config
import credentials
import scanner
from appliance.ledger.columns import FIELDS
from appliance.ledger.kinds import KINDS
from appliance.ledger.model import LedgerKind
from appliance.store.ledgers import ADAPTERS
from config.messages import catalogue
from config.problems import Problem
from scanner.session import SessionError

ROOMS = (api, appliance, config, credentials, scanner)
ROOT = Path(__file__).parents[2]
CODE = re.compile(r"[a-z_]+\.\w+")
PARAMETER = re.compile(r"\{(\w+)")
ADDED_LATER = "discovery."  # the chunk adds its addresses to whatever its child said


def classes(base: type) -> set[str]:
    """Names of ``base`` and of all that derive from it, once every room is imported."""
    found = {base.__name__}
    for derived in base.__subclasses__():
        found |= classes(derived)
    return found


def problem_classes() -> set[str]:
    for room in ROOMS:
        for module in pkgutil.walk_packages(room.__path__, f"{room.__name__}."):
            if not module.name.endswith(("__main__", "verify_template.verify")):
                importlib.import_module(module.name)
    return classes(Problem)


def named(names: set[str]) -> Iterator[tuple[str, str, set[str] | None]]:
    """Place, code and keywords (None when more come from elsewhere) of every call of ``names`` with a code."""
    for room in ROOMS:
        for file in sorted((ROOT / room.__name__).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                if isinstance(node, ast.Call) and callee(node) in names and node.args:
                    first = node.args[0]
                    if isinstance(first, ast.Constant) and isinstance(first.value, str) and CODE.fullmatch(first.value):
                        yield f"{file.relative_to(ROOT)}:{node.lineno}", first.value, keywords(node)


def callee(node: ast.Call) -> str:
    match node.func:
        case ast.Name(name):
            return name
        case ast.Attribute(ast.Name("Message"), "of"):
            return "Message.of"
        case ast.Attribute(_, name):
            return name
        case _:
            return ""


def keywords(node: ast.Call) -> set[str] | None:
    found = {keyword.arg for keyword in node.keywords}
    return None if None in found else {name for name in found if name}


def test_every_code_that_is_named_has_its_sentence() -> None:
    names = problem_classes() | classes(SessionError) | {"Message.of", "Message", "tell"}
    calls = list(named(names))
    assert len(calls) > 500
    assert [(place, code) for place, code, _ in calls if code not in catalogue()] == []


def test_every_sentence_gets_its_parameters() -> None:
    missing = [
        (place, code, sorted(lacking))
        for place, code, given in named(problem_classes() | {"Message.of"})
        if given is not None
        and code in catalogue()
        and not code.startswith(ADDED_LATER)
        and (lacking := set(PARAMETER.findall(catalogue()[code])) - given)
    ]
    assert missing == []


def test_every_rule_is_named_and_stated() -> None:
    sources = [file.read_text("utf-8") for file in (ROOT / "appliance" / "rules").glob("*.py")]
    rules = set(re.findall(r'"(R\d+)"', " ".join(sources)))
    assert len(rules) > 25
    assert {f"{area}.{rule}" for area in ("rule", "label.rule") for rule in rules} <= catalogue().keys()


def test_every_kind_of_ledger_is_read_stored_and_named() -> None:
    tables = set(LedgerKind) - {LedgerKind.STATISTICS}  # a form of its own, not a table
    assert tables == set(KINDS) == set(FIELDS)
    assert set(LedgerKind) == set(ADAPTERS)
    assert {f"label.ledger.{kind}" for kind in LedgerKind} <= catalogue().keys()
