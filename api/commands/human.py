"""What a command answers a person with: Chinese names and words, local times, a table where there are many of a kind.

``--json`` gives the same document with the names and codes of the API instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from api.commands.columns import COLUMNS, HIDDEN, KEYS, KINDS, LEADING, NAMES_TO_TYPE, RATES, SENTENCES, WHOLE, WORDS
from api.commands.tables import EMPTY, Layout, table
from config.messages import catalogue, local_time

NOTHING: tuple[Any, ...] = (None, "", [], {})


def lines(document: Mapping[str, Any], schema: str, width: int | None) -> list[str]:
    """``document`` of ``schema`` for a terminal of ``width`` cells (None: no limit)."""
    found: list[str] = []
    for name, value in _ordered(document):
        if name in HIDDEN.get(schema, ()) or value in NOTHING:
            continue
        if name == "rate" and schema == "explanation":
            found += rates_table({str(document["name"]): value}, width)
        else:
            found += _part(schema, name, value, width)
    if document.get("items") == []:
        found.append(catalogue()["column.none"])
    return found


def _part(schema: str, name: str, value: Any, width: int | None) -> list[str]:
    if name == "rates":
        return [f"{title(name)}：", *rates_table(value, width)]
    wanted = COLUMNS.get(schema if name == "items" else f"{schema}.{name}")
    if wanted is not None and isinstance(value, list):
        rows = items_table(value, wanted, KINDS.get(schema, {}), width)
        return rows if name == "items" else [f"{title(name)}：", *rows]
    return value_lines("" if name == "items" else name, value, KINDS.get(schema, {}))


def items_table(
    items: Sequence[Mapping[str, Any]], wanted: Sequence[str], kinds: Mapping[str, str], width: int | None
) -> list[str]:
    """One row an item; a column that is empty in every row is left out."""
    rows = [[one_line(column, _at(item, column), kinds) for column in wanted] for item in items]
    used = [n for n in range(len(wanted)) if n == 0 or any(row[n] != EMPTY for row in rows)]
    whole, under = (frozenset(k for k, n in enumerate(used) if wanted[n] in names) for names in (WHOLE, SENTENCES))
    heads = [title(wanted[n]) for n in used]
    return table(heads, [[row[n] for n in used] for row in rows], Layout(width, whole, under))


def rates_table(rates: Mapping[str, Mapping[str, Any]], width: int | None) -> list[str]:
    """Rates with numerator, denominator, bounds and what is left out; never a bare percentage."""
    rows = [[_rate_title(name), *_figures(rate), name] for name, rate in rates.items()]
    layout = Layout(width, frozenset(range(len(RATES))), frozenset({len(RATES) - 1}))
    return table([title(f"rate_{part}") for part in RATES], rows, layout)


def _rate_title(name: str) -> str:
    base, _, part = name.partition(".")
    words = catalogue()
    named = words.get(f"label.rate_part.{name}") or words.get(f"label.category.{part}", part)
    return words.get(f"label.rate.{base}", base) + (f"：{named}" if part else "")


def _figures(rate: Mapping[str, Any]) -> list[str]:
    n, d = rate["n"], rate["d"]
    if d == 0:
        return [catalogue()["page.not_applicable"], f"{n}/{d}", EMPTY, str(rate["excluded"])]
    return [
        _percent(n, d),
        f"{n}/{d}",
        f"{_percent(rate['lower'], d)}–{_percent(rate['upper'], d)}",
        str(rate["excluded"]),
    ]


def _percent(n: int, d: int) -> str:
    """Two decimals, half up, in integers."""
    hundredths = (2 * n * 10000 + d) // (2 * d)
    return f"{hundredths // 100}.{hundredths % 100:02d}%"


def title(name: str) -> str:
    """The Chinese name of a field; one that has none is shown as itself."""
    words = catalogue()
    last = name.rpartition(".")[2]
    return next(
        (words[code] for code in (f"column.{name}", f"column.{last}", f"label.field.{last}") if code in words), last
    )


def value_lines(name: str, value: Any, kinds: Mapping[str, str], indent: str = "") -> list[str]:
    """A value under its name; a message is shown by its sentence, empty fields are left out."""
    head = f"{indent}{title(name)}：" if name else indent
    if isinstance(value, dict) and "text" in value and "code" in value:
        return [head + str(value["text"])]
    if isinstance(value, dict):
        inner = [line for key, item in _filled(value) for line in _entry(name, str(key), item, kinds, indent, head)]
        return [head.rstrip(), *inner] if name else inner
    if isinstance(value, list):
        return _listed(name, value, kinds, indent, head)
    return [head + one_line(name, value, kinds)]


def _filled(value: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    return ((key, item) for key, item in _ordered(value) if item not in NOTHING)


def _ordered(value: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """What it is first, then its plain values, then what is longer."""
    return sorted(value.items(), key=lambda entry: (_rank(entry[0]), _is_long(entry[1])))


def _rank(name: str) -> int:
    return LEADING.index(name) if name in LEADING else len(LEADING)


def _is_long(value: Any) -> bool:
    return isinstance(value, dict | list) and "text" not in value and bool(value)


def _entry(name: str, key: str, item: Any, kinds: Mapping[str, str], indent: str, head: str) -> list[str]:
    """One entry of an object; where its keys are codes (``{"licensed": 3}``) they are shown by their words."""
    deeper = indent + "  " if head.strip() else indent
    if name in KEYS or name in NAMES_TO_TYPE:
        return [f"{deeper}{_key(name, key)}：{one_line('', item, kinds)}"]
    return value_lines(key, item, kinds, deeper)


def _listed(name: str, value: Sequence[Any], kinds: Mapping[str, str], indent: str, head: str) -> list[str]:
    if not any(isinstance(item, dict | list) for item in value):
        return [head + "、".join(one_line(name, item, kinds) for item in value)]
    found = [head.rstrip()] if name else []
    for item in value:
        first, *rest = value_lines("", item, kinds, indent + "  ") or [indent]
        found += [f"{indent}- {first.strip()}", *rest]
    return found


def one_line(name: str, value: Any, kinds: Mapping[str, str]) -> str:
    """A value as the text of a cell."""
    if value in NOTHING:
        return EMPTY
    if isinstance(value, dict):
        return str(value["text"]) if "text" in value else "，".join(_pair(name, k, v, kinds) for k, v in _filled(value))
    if isinstance(value, list):
        return "\n".join(one_line(name, item, kinds) for item in value)
    return word(name, value, kinds)


def _pair(name: str, key: str, item: Any, kinds: Mapping[str, str]) -> str:
    return f"{_key(name, key)} {one_line(key, item, kinds)}"


def _key(name: str, key: str) -> str:
    """A key of the object ``name`` in words."""
    if name in NAMES_TO_TYPE:
        return key
    group = KEYS.get(name)
    return catalogue().get(f"label.{group}.{key}", key) if group else title(key)


def word(name: str, value: Any, kinds: Mapping[str, str]) -> str:
    """A scalar: a code by its word, an instant as local time, a truth as 是 or 否."""
    if isinstance(value, bool):
        return catalogue()["column.yes" if value else "column.no"]
    text = local_time(str(value))
    last = name.rpartition(".")[2]
    group = kinds.get(last) or WORDS.get(last)
    return label_of(group, text) if group else text


def label_of(group: str, code: str) -> str:
    """The word of a code; one that has none is shown as itself."""
    return catalogue().get(f"label.{group}.{code}", code)


def _at(item: Mapping[str, Any], path: str) -> Any:
    """The value at ``a.b``; None where a part is missing."""
    value: Any = item
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value
