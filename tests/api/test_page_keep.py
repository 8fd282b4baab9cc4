"""What a person types, chooses or points at is not taken away by the refresh that comes while a job runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.folder import DataFolder
from tests.api.browser import Browser, browser
from tests.api.conftest import SMALL_VAULT, Api
from tests.api.test_follow_up import UNIT, identifier, serving, visit
from tests.api.test_page_follow_up import enter

ASSETS = "资产编号,资产名称,数量,序列号,部门,备注列\nZC-1,台式计算机,1,SN1,办公室,x\n"
INPUT = "new Event('input', { bubbles: true })"


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Api, Browser, str]]:
    data = tmp_path_factory.mktemp("keep") / "data"
    data.mkdir()
    (data / "hezheng.toml").write_text(SMALL_VAULT)
    with serving(DataFolder(data)) as api, browser((1366, 900)) as page:
        api.post("/api/v1/units", {"name": UNIT})
        one = visit(api, "initial", {1: ("autocad",), 2: ("solidworks",)}, "1")
        for day in ("2099-01-31", "2099-02-28"):
            api.post(f"{one}/notices", {"number": day, "deadline": day})
        enter(api, page)
        yield api, page, one


def show(page: Browser, one: str, tab: str) -> None:
    page.show(f"{page.url.partition('#')[0]}#/{identifier(one)}/{tab}")


COUNTED = """
if (window.asked) return;
window.asked = { open: 0 };
const ask = window.fetch;
window.fetch = async (...all) => {
  asked.open += 1;
  try {
    const answer = await ask(...all);
    await answer.clone().arrayBuffer();
    return answer;
  } finally { asked.open -= 1; }
};
"""
QUIET = "return new Promise((done) => setTimeout(() => done(asked.open === 0), 100))"


def refresh(page: Browser) -> None:
    """Draw everything anew, as every few seconds while a job runs, until nothing more is asked for.

    What details that stay open hold is asked for at the end of it.
    """
    page.run(COUNTED)
    page.redraw()
    page.wait(QUIET)


def keys(page: Browser, selector: str, text: str) -> None:
    """Type as on a keyboard: the field has the focus, and says with each character that it changed."""
    page.run(
        f"const e = document.querySelector(arguments[0]); e.focus(); e.value = arguments[1]; e.dispatchEvent({INPUT})",
        selector,
        text,
    )


def value(page: Browser, selector: str) -> str:
    return str(page.run("return document.querySelector(arguments[0]).value", selector))


def open_all(page: Browser, tab: str) -> None:
    page.run(f"for (const one of document.querySelectorAll('#tab-{tab} details')) one.open = true")


FORMS = {
    "prepare": {
        "#authorisation-form [name=ranges]": "10.9.0.0/24\n10.9.1",
        "#segment-form [name=label]": "三号楼",
        "#proof-form [name=number]": "合同 2026-1",
        "#credential-form [name=username]": "insp",
    },
    "scan": {
        "#schedule-form [name=days]": "1,3",
        "#manual-form [name=department]": "财务科",
        "#manual-form [name=software]": "WPS,11",
    },
    "result": {"#same-form [name=reason]": "两台机身序列号不同"},
    "follow": {"#notice-form [name=note]": "限期整改", "#notices [name=text]": "已卸载，附照"},
}


@pytest.mark.parametrize("tab", FORMS)
def test_half_typed_forms_of_a_step_survive_the_refresh(shown: tuple[Api, Browser, str], tab: str) -> None:
    _, page, one = shown
    show(page, one, tab)
    open_all(page, tab)
    for selector, text in FORMS[tab].items():
        keys(page, selector, text)
    last = list(FORMS[tab])[-1]
    refresh(page)
    refresh(page)
    assert {selector: value(page, selector) for selector in FORMS[tab]} == FORMS[tab]
    assert page.run("return document.activeElement === document.querySelector(arguments[0])", last)
    closed = f"#tab-{tab} details:not([open]):not(#verdicts details):not(#notices details)"
    assert page.run("return document.querySelectorAll(arguments[0]).length", closed) == 0


def test_the_chosen_phase_is_still_the_chosen_one_after_a_refresh(shown: tuple[Api, Browser, str]) -> None:
    _, page, one = shown
    show(page, one, "result")
    assert value(page, "#phase-choice") == "on_site"
    page.type("#phase-choice", "final")
    refresh(page)
    assert value(page, "#phase-choice") == "final"
    page.run("document.querySelector('#phase-choice').focus()")
    refresh(page)
    assert value(page, "#phase-choice") == "final"


def test_a_chosen_file_stays_chosen_and_others_are_drawn_anew(shown: tuple[Api, Browser, str], tmp_path: Path) -> None:
    api, page, one = shown
    show(page, one, "follow")
    first, second = (notice["id"] for notice in api.get(f"{one}/notices")["items"])
    (tmp_path / "照片.jpg").write_bytes(b"x")
    page.upload(f"form[data-key='{first}-paper'] [type=file]", tmp_path / "照片.jpg")
    api.post(f"/api/v1/notices/{second}/events", {"kind": "reply", "text": "已回复"})
    refresh(page)
    page.wait_for("已回复，待审核", "#notices")
    assert page.run(f"return document.querySelector(\"form[data-key='{first}-paper'] [type=file]\").files[0].name") == (
        "照片.jpg"
    )


def test_a_character_that_is_being_put_together_is_not_cut_off(shown: tuple[Api, Browser, str]) -> None:
    api, page, one = shown
    show(page, one, "follow")
    [notice] = [notice for notice in api.get(f"{one}/notices")["items"] if notice["number"] == "2099-02-28"]
    field = f"form[data-key='{notice['id']}'] [name=text]"
    keys(page, field, "zheng")
    page.run(
        f'window.typed = document.querySelector("{field}");'
        "typed.dispatchEvent(new CompositionEvent('compositionstart', { bubbles: true }))"
    )
    refresh(page)
    assert page.run(f'return document.querySelector("{field}") === window.typed && document.activeElement === typed')
    api.post(f"/api/v1/notices/{notice['id']}/events", {"kind": "reminder", "text": "催办"})
    keys(page, field, "整改")
    page.run("typed.dispatchEvent(new CompositionEvent('compositionend', { bubbles: true })); typed.blur()")
    page.wait(f"return document.querySelector(\"{field}\").value === '整改'")


def test_a_button_under_the_pointer_is_still_there_when_the_pointer_comes_up(shown: tuple[Api, Browser, str]) -> None:
    _, page, one = shown
    show(page, one, "scan")
    page.wait("return document.querySelector('#hosts button')")
    page.run(
        "window.held = document.querySelector('#hosts tbody button');"
        "held.dispatchEvent(new PointerEvent('pointerdown', { bubbles: true }))"
    )
    refresh(page)
    assert page.run("return held.isConnected")
    page.run("held.dispatchEvent(new PointerEvent('pointerup', { bubbles: true })); held.click()")
    page.wait("return document.getElementById('facts-dialog').open && !held.isConnected")
    page.run("document.getElementById('facts-dialog').close()")


def test_what_was_typed_for_one_inspection_is_not_left_in_the_form_of_another(shown: tuple[Api, Browser, str]) -> None:
    api, page, one = shown
    other = api.new_inspection("另一单位")
    show(page, one, "seal")
    keys(page, "#end-form [name=copy_path]", "/media/甲单位")
    show(page, one, "result")
    keys(page, "#same-form [name=reason]", "甲单位的理由")
    show(page, other, "seal")
    assert value(page, "#end-form [name=copy_path]") == ""
    assert value(page, "#same-form [name=reason]") == ""
    assert page.console() == []


def test_the_mapping_of_a_ledger_s_columns_survives_while_its_dialog_is_open(
    shown: tuple[Api, Browser, str], tmp_path: Path
) -> None:
    _, page, one = shown
    (tmp_path / "资产.csv").write_text(ASSETS, "utf-8")
    show(page, one, "prepare")
    page.upload("#ledger-form [name=file]", tmp_path / "资产.csv")
    open_all(page, "prepare")
    page.click("#ledger-form button")
    page.wait("return document.getElementById('ledger-dialog').open")
    page.click("#ledger-columns-summary")
    page.type("#ledger-columns [data-header='备注列']", "user")
    refresh(page)
    assert value(page, "#ledger-columns [data-header='备注列']") == "user"
    assert page.run("return document.getElementById('ledger-columns-details').open")
    page.run("document.getElementById('ledger-dialog').close()")
