"""Requests made from the published description: such as fit it, such as nearly fit it, and such as do not.

The part of JSON Schema that our description uses: types with their limits, enum, const, pattern (ids only), anyOf,
$ref, arrays, objects with and without further properties. https://spec.openapis.org/oas/v3.1.1.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any
from urllib.parse import quote

from hypothesis import strategies as st

Document = Mapping[str, Any]
Strategy = st.SearchStrategy[Any]

NASTY = (
    "",
    " ",
    "\x00",
    "=1+1",
    "\u202e",
    "\ud800",
    "𠮷" * 300,
    "../../etc/passwd",
    "NaN",
    "1e999",
    "null",
    "<b>",
    "'; --",
)
TEXTS = st.one_of(st.sampled_from(NASTY), st.text(max_size=40))
SENDABLE = TEXTS.filter(lambda text: "\ud800" not in text)
NUMBERS = st.one_of(st.integers(), st.sampled_from((-1, 0, 1 << 63, 1 << 64, -(1 << 63), 1e308, True)))
ANYTHING = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=6,
)
MOMENTS = ("2026-11-21T08:00:00+08:00", "2026-11-21T08:00:00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00")
DAYS = ("2026-11-21", "0001-01-01", "9999-12-31", "2026-02-29")


@dataclass(frozen=True, slots=True)
class Asked:
    """One request."""

    method: str
    path: str
    json: Any = None
    form: Mapping[str, Any] = field(default_factory=dict[str, Any])
    raw: bytes | None = None


def requests(document: Document, ids: Mapping[str, str], left_out: set[tuple[str, str]]) -> st.SearchStrategy[Asked]:
    """Requests to every operation but ``left_out``; ``ids`` are those of things that exist, by parameter name."""
    operations = [
        _operation(document, method, path, described, ids)
        for path, methods in document["paths"].items()
        for method, described in methods.items()
        if (method.upper(), path) not in left_out
    ]
    return st.one_of(operations)


def _operation(
    document: Document, method: str, path: str, described: Document, ids: Mapping[str, str]
) -> st.SearchStrategy[Asked]:
    parameters = described.get("parameters", [])
    places = {one["name"]: _place(one, ids) for one in parameters if one["in"] == "path"}
    query = {
        one["name"]: st.one_of(fitting(document, one["schema"]), TEXTS) for one in parameters if one["in"] == "query"
    }
    content = described.get("requestBody", {}).get("content", {})
    values = {
        "places": st.fixed_dictionaries(places),
        "query": st.fixed_dictionaries({}, optional=query),
        "json": _body(document, content.get("application/json", {}).get("schema")),
        "form": _form(document, content.get("multipart/form-data", {}).get("schema")),
        "raw": st.one_of(st.none(), st.none(), st.none(), st.binary(max_size=60)),
    }

    def build(drawn: dict[str, Any]) -> Asked:
        filled = path.format(
            **{name: quote(str(value), safe="", errors="replace") for name, value in drawn["places"].items()}
        )
        wanted = "&".join(f"{name}={quote(str(value), errors='replace')}" for name, value in drawn["query"].items())
        address = f"{filled}?{wanted}" if wanted else filled
        return Asked(method.upper(), address, drawn["json"], drawn["form"], drawn["raw"])

    return st.fixed_dictionaries(values).map(build)


def _place(parameter: Document, ids: Mapping[str, str]) -> Strategy:
    known = ids.get(parameter["name"])
    mostly = [st.just(known)] * 4 if known else [st.just("01ARZ3NDEKTSV4RRFFQ69G5FAV"), st.just("1")]
    return st.one_of(*mostly, TEXTS.filter(lambda text: text not in ("", ".", "..")))


def _body(document: Document, schema: Document | None) -> Strategy:
    if schema is None:
        return st.none()
    fit = fitting(document, schema)
    return st.one_of(fit, fit, st.tuples(fit, TEXTS, ANYTHING).map(_spoilt), ANYTHING)


def _spoilt(drawn: tuple[Any, str, Any]) -> Any:
    """A body with one value replaced, or one more."""
    body, name, value = drawn
    if not isinstance(body, dict):
        return body
    names = sorted(body)
    return {**body, (names[len(name) % len(names)] if names else name): value}


def _form(document: Document, schema: Document | None) -> Strategy:
    if schema is None:
        return st.just({})
    fields = _resolved(document, schema).get("properties", {})
    files = st.tuples(st.binary(max_size=200), st.sampled_from(("台账.csv", "a.xlsx", "../x", "a\n.csv"))).map(
        lambda drawn: (BytesIO(drawn[0]), drawn[1])
    )
    return st.fixed_dictionaries({}, optional={name: files if name.startswith("file") else SENDABLE for name in fields})


def _resolved(document: Document, schema: Document) -> Document:
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def fitting(document: Document, schema: Document) -> Strategy:
    """Values that fit ``schema``, or nearly do."""
    schema = _resolved(document, schema)
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "anyOf" in schema:
        return st.one_of([fitting(document, one) for one in schema["anyOf"]])
    if "pattern" in schema:
        return st.just("01ARZ3NDEKTSV4RRFFQ69G5FAV")
    return _typed(document, schema)


def _typed(document: Document, schema: Document) -> Strategy:
    match schema.get("type"):
        case "string":
            return _text(schema)
        case "integer":
            return st.integers(schema.get("minimum", -1000), schema.get("maximum", 1000))
        case "boolean":
            return st.booleans()
        case "array":
            return st.lists(fitting(document, schema.get("items", {})), max_size=3)
        case "object":
            return _object(document, schema)
        case "null":
            return st.none()
        case _:
            return ANYTHING


def _text(schema: Document) -> Strategy:
    match schema.get("format"):
        case "date-time":
            return st.sampled_from(MOMENTS)
        case "date":
            return st.sampled_from(DAYS)
        case "ipvanyaddress" | "ipv4" | "ipv6":
            return st.sampled_from(("10.9.0.1", "::1", "fe80::1%eth0"))
        case _:
            return st.text(min_size=schema.get("minLength", 0), max_size=min(schema.get("maxLength", 20), 20))


def _object(document: Document, schema: Document) -> Strategy:
    properties = {name: fitting(document, one) for name, one in schema.get("properties", {}).items()}
    further = schema.get("additionalProperties")
    if not properties:
        return st.dictionaries(TEXTS, fitting(document, further) if isinstance(further, dict) else ANYTHING, max_size=3)
    required = {name: properties[name] for name in schema.get("required", []) if name in properties}
    optional = {name: one for name, one in properties.items() if name not in required}
    return st.fixed_dictionaries(required, optional=optional)
