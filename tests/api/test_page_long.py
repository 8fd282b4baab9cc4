"""Long lists on the page: a page of rows at a time, found by text or value, and whole on paper."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from api.commands.demo import serve_inside
from tests.api.browser import Browser, browser

MAKE = """
const { longTable } = await import('/static/long.js');
const names = [...Array(1000).keys()].map((n) => `PC-${String(n).padStart(4, "0")}`);
const rows = names.map((name, n) => ({ name, state: n % 10 ? "READ" : "DENIED" }));
let place = document.getElementById('long-here');
if (!place) { place = document.createElement('div'); place.id = 'long-here'; document.body.append(place); }
longTable(place, [['name', (row) => row.name]], rows.slice(0, arguments[0]), {
  empty: 'EMPTY', text: (row) => row.name, value: (row) => row.state, valueName: 'state' });
"""


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    served = serve_inside([], tmp_path_factory.mktemp("long"))
    with browser() as opened:
        opened.show(served.launch_url())
        yield opened
    served.stop()


def make(window: Browser, rows: int) -> None:
    window.run(f"return (async function () {{ {MAKE} }})(...arguments)", rows)


def shown(window: Browser) -> list[Any]:
    return window.run("return [...document.querySelectorAll('#long-here tbody td')].map((cell) => cell.textContent)")


def search(window: Browser, text: str) -> None:
    window.run(
        "const e = document.querySelector('#long-here [type=search]'); e.focus(); e.value = arguments[0];"
        "e.dispatchEvent(new Event('input'))",
        text,
    )


def test_a_thousand_rows_are_shown_a_page_at_a_time_and_whole_on_paper(window: Browser) -> None:
    make(window, 1000)
    assert len(shown(window)) == 50
    assert "显示 50 行，符合条件 1000 行，共 1000 行" in window.text("#long-here")
    window.click("#long-here .rest button")
    assert len(shown(window)) == 150
    window.run("window.dispatchEvent(new Event('beforeprint'))")
    assert len(shown(window)) == 1000
    window.run("window.dispatchEvent(new Event('afterprint'))")
    assert len(shown(window)) == 150


def test_what_is_searched_survives_a_refresh_and_keeps_the_focus(window: Browser) -> None:
    make(window, 1000)
    search(window, "pc-001")
    assert shown(window) == [f"PC-001{n}" for n in range(10)]
    make(window, 1000)
    assert shown(window) == [f"PC-001{n}" for n in range(10)]
    assert window.run("return document.activeElement === document.querySelector('#long-here [type=search]')")
    window.type("#long-here select", "DENIED")
    assert shown(window) == ["PC-0010"]
    search(window, "nothing like it")
    assert "没有符合条件的行" in window.text("#long-here")


def test_a_short_list_has_no_filters_and_an_empty_one_says_so(window: Browser) -> None:
    search(window, "")
    window.type("#long-here select", "")
    make(window, 3)
    assert len(shown(window)) == 3
    assert not window.run("return document.querySelector('#long-here .filters').offsetParent")
    make(window, 0)
    assert window.text("#long-here") == "EMPTY"
