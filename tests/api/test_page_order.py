"""Answers that come late or in another order: the page shows what was asked last, and loses no click."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.api.browser import Browser
from tests.api.conftest import Api
from tests.api.test_follow_up import done, read_pc
from tests.api.test_page_follow_up import judged_page
from tests.api.test_page_keep import show

HOLD = """
window.held ??= [];
window.asking ??= window.fetch;
let waiting = arguments[0];
window.fetch = async (...all) => {
  const answer = await asking(...all);
  if (waiting && String(all[0]).includes(waiting)) {
    waiting = '';
    await new Promise((go) => held.push(go));
  }
  return answer;
};
"""
LET_GO = "window.fetch = asking; for (const go of held.splice(0)) go();"
PRESS = ("pointerdown", "pointerup")
DRAW_BOX = """async () => {
  const { $, fill, h } = await import('/static/dom.js');
  fill($('keys'), h('input', { type: 'checkbox', name: 'fingerprint', value: 'SHA256:x' }));
}"""
SHOWN = "return document.querySelector('#facts-title').textContent"


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Api, Browser, str]]:
    with judged_page(tmp_path_factory.mktemp("order")) as found:
        yield found


def hold(page: Browser, path: str) -> None:
    """The next answer whose address contains ``path`` is kept back: the appliance has said it, the page has not it."""
    page.run(HOLD, path)


def is_held(page: Browser) -> None:
    page.wait("return held.length === 1")


def let_go(page: Browser) -> None:
    page.run(LET_GO)


def test_of_two_computers_the_one_clicked_last_is_shown(shown: tuple[Api, Browser, str]) -> None:
    _, page, one = shown
    show(page, one, "scan")
    hold(page, "/facts")
    page.run("document.querySelectorAll('#hosts tbody button')[0].click()")
    is_held(page)
    page.run("document.querySelectorAll('#hosts tbody button')[1].click()")
    page.wait("return document.getElementById('facts-dialog').open")
    second = page.run(SHOWN)
    let_go(page)
    page.redraw()  # what was let go has arrived long before all this
    assert page.run(SHOWN) == second


def test_a_computer_is_not_opened_over_a_page_to_which_one_went_meanwhile(shown: tuple[Api, Browser, str]) -> None:
    _, page, one = shown
    show(page, one, "scan")
    hold(page, "/facts")
    page.click("#hosts tbody button")
    is_held(page)
    show(page, one, "prepare")
    let_go(page)
    page.redraw()
    assert page.run("return document.querySelector('dialog[open]')") is None


def test_the_verdicts_are_those_of_the_filter_chosen_last(shown: tuple[Api, Browser, str]) -> None:
    api, page, one = shown
    show(page, one, "result")
    hold(page, "/verdicts")
    page.click("#decisions [value=unlicensed]")
    is_held(page)
    page.run("document.querySelector('#decisions [value=licensed]').click()")
    let_go(page)
    page.wait("return document.querySelector('#decisions [value=licensed]').ariaPressed === 'true'")
    page.redraw()
    count = api.get(f"{one}/summary")["verdicts"].get("licensed", 0)
    assert page.run("return document.querySelectorAll('#verdicts tbody tr').length") == count
    page.click("#decisions [value='']")


def test_what_changed_while_the_page_was_drawn_is_on_it_in_the_end(shown: tuple[Api, Browser, str]) -> None:
    api, page, one = shown
    show(page, one, "follow")
    hold(page, "/notices")
    page.run("dispatchEvent(new HashChangeEvent('hashchange'))")
    is_held(page)
    api.post(f"{one}/notices", {"number": "迟到的1号", "deadline": "2099-01-31"})
    page.run("dispatchEvent(new HashChangeEvent('hashchange'))")
    let_go(page)
    page.drawn()
    assert "迟到的1号" in page.text("#notices")


def test_another_inspection_never_shows_what_came_late_of_the_one_before(shown: tuple[Api, Browser, str]) -> None:
    api, page, one = shown
    other = api.new_inspection("另一单位")
    show(page, one, "scan")
    hold(page, "/host-keys")
    page.run("dispatchEvent(new HashChangeEvent('hashchange'))")
    is_held(page)
    page.run(f"location.hash = '#/{other.rpartition('/')[2]}/scan'")
    page.wait("return document.getElementById('inspection').hidden")
    let_go(page)
    page.drawn()
    assert page.text("#unit") == "另一单位"
    assert "PC1-1" not in page.text("#hosts")
    assert page.console() == []


def test_a_job_that_an_older_status_does_not_know_yet_is_not_called_done(shown: tuple[Api, Browser, str]) -> None:
    api, page, one = shown
    show(page, one, "result")
    page.hush()
    hold(page, "/status")
    page.run("document.dispatchEvent(new Event('visibilitychange'))")
    is_held(page)
    page.click("#audit-start")
    page.click("#ask-yes")
    page.wait("return document.getElementById('audit-start').disabled")
    let_go(page)
    page.wait_for("判定已完成", "#notice")
    page.drawn()
    assert api.get(f"{one}/rates")["created_at"]
    assert page.console() == []


def test_a_job_whose_end_came_while_the_connection_was_away_is_told_and_shown(
    shown: tuple[Api, Browser, str],
) -> None:
    _, page, one = shown
    show(page, one, "result")
    page.hush()
    page.run(
        "window.asking ??= window.fetch; window.fetch = (...all) =>"
        " String(all[0]).includes('/jobs/') ? Promise.reject(new TypeError('away')) : asking(...all)"
    )
    page.click("#audit-start")
    page.click("#ask-yes")
    page.wait_for("连不上核正", "#notice")
    let_go(page)
    page.wait_for("判定已完成", "#notice")
    page.drawn()
    assert page.text("#notice").startswith("判定已完成")
    page.console()  # the lost connection is in it


def test_what_a_command_did_between_two_looks_shows_by_itself(shown: tuple[Api, Browser, str]) -> None:
    api, page, one = shown
    show(page, one, "result")
    assert "PC3-1" not in page.text("#verdicts")
    read_pc(api, one, 3, ("autocad",), "1")
    done(api, api.post(f"{one}/audits"))
    page.wait_for("PC3-1", "#verdicts")
    assert page.console() == []


def test_a_box_that_is_ticked_while_a_new_drawing_waits_for_the_pointer_stays_ticked(
    shown: tuple[Api, Browser, str],
) -> None:
    _, page, one = shown
    show(page, one, "scan")
    page.run(f"return ({DRAW_BOX})()")
    down, up = (f"box.dispatchEvent(new PointerEvent('{name}', {{ bubbles: true }}))" for name in PRESS)
    page.run(f"window.box = document.querySelector('#keys input'); {down}")
    page.run(f"return ({DRAW_BOX})()")
    page.run(f"{up}; box.click()")
    page.wait("return !box.isConnected")
    assert page.run("return document.querySelector('#keys input').checked")
