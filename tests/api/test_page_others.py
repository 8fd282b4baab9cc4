"""Evidence of other laptops on the page: looked at, vouched for, taken over to be read, judged again, joined."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from api.commands.demo import Served, serve_inside
from appliance.visits import sealing
from tests.api.browser import Browser, browser, until
from tests.appliance.evidence.laptop import Laptop, laptop
from tests.appliance.evidence.sample import SIGNER
from tests.appliance.evidence.test_merge import look_at
from tests.appliance.evidence.test_replay import only, resealed

V1 = "/api/v1"


@dataclass(frozen=True)
class Sealed:
    """A bundle of another laptop."""

    made: Laptop
    path: Path

    @property
    def signer(self) -> str:
        return str(sealing.list_bundles(self.made.appliance, self.made.inspection)[0]["fingerprint"])


def sealed(folder: Path, unit: str, segment: str, *addresses: str) -> Sealed:
    """The bundle of a laptop that looked at one segment and read the computers at ``addresses``."""
    made = laptop(folder, unit)
    look_at(made, segment)
    made.read_pc(addresses[0], f"PC-{folder.name}")
    for address in addresses[1:]:
        made.carry_pc(address, f"SN-{folder.name}-{address[-2:]}")
    made.audit()
    return Sealed(made, made.seal())


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    running = serve_inside([], tmp_path_factory.mktemp("others"))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def window(served: Served) -> Iterator[Browser]:
    with browser((1366, 900)) as opened:
        opened.show(served.launch_url())
        assert "还没有督查" in opened.text("#inspections")
        yield opened


def home(window: Browser) -> str:
    """The list, read anew."""
    root = window.url.split("#")[0]
    window.show(f"{root}#/")
    return root


def look(window: Browser, path: Path) -> None:
    window.run("document.querySelector('#look-form [name=path]').focus()")
    window.type("#look-form [name=path]", str(path))
    window.run("document.querySelector('#look-form [name=path]').dispatchEvent(new Event('input', { bubbles: true }))")
    window.click("#look-form button")


def take(served: Served, window: Browser, path: Path) -> None:
    """Import a bundle as a person does."""
    before = len(imported(served))
    look(window, path)
    window.wait("return !document.getElementById('looked').hidden")
    if window.run("return document.querySelector('[name=vouched]').offsetParent !== null"):
        window.click("[name=vouched]")
    window.click("#take-form button")
    until(lambda: len(imported(served)) > before, f"{path.name} is imported")
    window.wait("return document.getElementById('looked').hidden")


def imported(served: Served) -> list[Any]:
    return served.client.get(f"{V1}/imports")["items"]


def test_an_unknown_signer_is_warned_of_vouched_for_once_and_the_inspection_can_only_be_read(
    served: Served, window: Browser, tmp_path: Path
) -> None:
    bundle = sealed(tmp_path / "a", "云水县档案馆", "10.9.0.0/24", "10.9.0.11", "10.9.0.12")
    window.click("#look-form button")
    window.wait_for("请选择证据包文件", "#look-form .message")
    huge = tmp_path / "很大.zip"
    with huge.open("wb") as file:
        file.truncate((1 << 30) + 1)
    window.upload("#look-form [name=file]", huge)
    window.wait_for(
        "文件 很大.zip 有 1.00 GB，浏览器里最多选 1 GB 的。请改为填写它在本机的完整路径", "#look-form .message"
    )
    window.screenshot(tmp_path / "large.png", whole=True)
    window.run("document.querySelector('#look-form [name=file]').value = ''")
    window.upload("#look-form [name=file]", bundle.path)
    window.click("#look-form button")
    window.wait_for("未确认的签名人", "#looked-facts")
    assert not window.run("return document.getElementById('looked-warning').hidden")
    assert bundle.signer in re.sub(r"\s", "", window.text("#looked-facts"))
    assert "云水县档案馆 · 首次检查" in window.text("#looked-facts")
    window.screenshot(tmp_path / "unknown-signer.png", whole=True)
    window.click("#take-form button")
    assert not window.run("return document.getElementById('take-form').checkValidity()")
    assert imported(served) == []
    window.click("[name=vouched]")
    window.click("#take-form button")
    window.wait_for("云水县档案馆", "#inspections")
    window.wait_for("签名人", "#inspections")
    [row] = imported(served)
    assert (row["inspection_id"], row["fingerprint"]) == (bundle.made.inspection, bundle.signer)
    look(window, bundle.path)
    window.wait_for("已确认的签名人", "#looked-facts")
    assert not window.run("return document.getElementById('looked-here').hidden")
    assert window.run("return document.getElementById('looked-warning').hidden")
    window.screenshot(tmp_path / "imported-home.png", whole=True)
    window.click("#inspections a")
    window.wait_for("导入（签名人", "#sealed-banner")
    assert not window.run("return [...document.querySelectorAll('.writes')].some((e) => e.offsetParent !== null)")
    assert window.console() == []


def test_a_bundle_that_was_changed_and_a_wrong_path_are_refused_with_their_reason(
    window: Browser, tmp_path: Path
) -> None:
    bundle = sealed(tmp_path / "b", "云水县档案馆", "10.9.0.0/24", "10.9.0.11")
    home(window)
    look(window, tmp_path / "没有这个文件.zip")
    window.wait_for("没有找到证据包文件 没有这个文件.zip", "#look-form .message")
    content = bytearray(bundle.path.read_bytes())
    content[len(content) // 3] ^= 1
    (tmp_path / "改过.zip").write_bytes(content)
    look(window, tmp_path / "改过.zip")
    window.wait_for("证据包 改过.zip 已损坏或被改动", "#look-form .message")
    assert window.run("return document.getElementById('looked').hidden")
    window.console()  # the refused path


def test_a_replay_says_byte_identical_or_which_computer_differs(
    served: Served, window: Browser, tmp_path: Path
) -> None:
    bundle = sealed(tmp_path / "c", "云水县图书馆", "10.9.0.0/24", "10.9.0.11", "10.9.0.12")
    raw = only(bundle.path, r"data/hosts/.+/raw/.+\.jsonl")

    def other_system(data: bytes) -> bytes:
        return data.replace(b"Windows 10 Pro", b"Windows 7 Pro!")

    honest = sealed(tmp_path / "d", "云水县文化馆", "10.9.0.0/24", "10.9.0.13")
    forged = resealed(bundle.path, tmp_path / "forged.zip", {raw: other_system})
    root = home(window)
    take(served, window, forged)
    take(served, window, honest.path)
    assert SIGNER.fingerprint in {row["fingerprint"] for row in imported(served)}
    for made, said in ((honest.made, "复算一致"), (bundle.made, "处与封存时不同")):
        window.show(f"{root}#/{made.inspection}/seal")
        window.wait_for("签名人指纹", "#bundles")
        window.click("#bundles .actions button")
        window.wait_for(said, "#bundles")
    assert "10.9.0.11" in window.text("#bundles table")
    assert "采集事实" in window.text("#bundles table")
    assert window.run("return document.getElementById('paper-form').hidden")
    window.screenshot(tmp_path / "replay.png", whole=True)
    assert window.console() == []


def test_parts_of_one_inspection_are_joined_once_every_conflict_is_decided(
    served: Served, window: Browser, tmp_path: Path
) -> None:
    first = sealed(tmp_path / "e", "云水县规划中心", "10.9.0.0/24", "10.9.0.11", "10.9.0.12")
    second = sealed(tmp_path / "f", "云水县规划中心", "10.9.1.0/24", "10.9.1.11", "10.9.0.12")
    root = home(window)
    take(served, window, first.path)
    take(served, window, second.path)
    window.wait("return document.querySelectorAll('#merge-parts input').length >= 2")
    window.click("#merge-form button")
    window.wait_for("请勾选同一单位的两个", "#merge-form .message")
    for one in (first, second):
        window.click(f"#merge-parts [value='{one.made.inspection}']")
    window.redraw()  # what is ticked stays so
    window.click("#merge-form button")
    window.wait_for("两部分都有地址为 10.9.0.12 的主机", "#conflicts")
    assert not window.run("return document.getElementById('conflicts-form').checkValidity()")
    window.screenshot(tmp_path / "conflicts.png", whole=True)
    window.click(f"#conflicts [value='{second.made.inspection}']")
    window.redraw()
    window.click("#conflicts-form button")
    window.wait("return location.hash.endsWith('/result')")
    merged = window.url.split("/")[-2]
    assert merged not in {first.made.inspection, second.made.inspection}
    window.show(f"{root}#/{merged}/seal")
    for one in (first, second):
        window.wait_for(one.made.inspection, "#parts")
        assert one.signer in re.sub(r"\s", "", window.text("#parts"))
    parts = served.client.get(f"{V1}/inspections/{merged}/parts")["parts"]
    shown = re.sub(r"\s", "", window.text("#parts"))
    assert all(part["custody"]["sha256"] in shown for part in parts)
    assert "其中1台未采用" in shown
    window.screenshot(tmp_path / "parts.png", whole=True)
    assert [line for line in window.console() if "favicon" not in line] == []
