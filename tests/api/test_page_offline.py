"""The page for computers without the network: make the kit, import a folder, see where each value came from."""

from __future__ import annotations

import io
import subprocess
import zipfile
from pathlib import Path

import pytest

from tests.api.test_page import Page, inspection, page, served

__all__ = ["inspection", "page", "served"]


@pytest.mark.lab
def test_a_folder_is_imported_from_the_page_and_its_values_are_traced(page: Page, tmp_path: Path) -> None:
    made = page.client.send("POST", "/api/v1/inspections", {"unit": {"name": "没有网络的单位"}})["id"]
    packed = page.client.post_for_file(f"/api/v1/inspections/{made}/collector")
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        archive.extractall(tmp_path)
    typed = "ZC-0042\n办公室\n张三\n".encode()
    subprocess.run(["sh", tmp_path / "hezheng-linux.sh"], input=typed, capture_output=True, check=True, timeout=120)
    (folder,) = (tmp_path / "results").iterdir()
    window = page.window
    window.open(f"{page.address}/#/{made}/scan")
    window.wait_for("制作单机采集器", "#tab-scan")
    window.click("#collector-make")
    window.wait_for("只有本次督查能导入", "#notice")
    window.upload("#folder-form [name=files]", folder)
    window.click("#folder-form button")
    window.wait_for("已导入资产编号 ZC-0042", "#notice")
    window.wait_for("单机采集", "#hosts")
    window.click("#hosts td button")
    window.wait_for("各值的来源", "#facts-body")
    shown = window.text("#facts-dialog")
    for text in ("单机采集 ZC-0042 办公室 张三", "single-machine", "杀毒软件未采集", "操作系统 kernel"):
        assert text in shown
    window.run("document.getElementById('facts-dialog').close()")
    window.upload("#folder-form [name=files]", folder)
    window.click("#folder-form button")
    window.wait_for("无需重复导入", "#folder-form")
    assert [line for line in window.console() if "409" not in line] == []
