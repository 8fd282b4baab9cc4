"""The page for computers without the network: make the kit, import a folder, see where each value came from."""

from __future__ import annotations

import io
import subprocess
import zipfile
from pathlib import Path

import pytest

from tests.api.test_offline_readings import BY_HAND, PHOTO, SIGNED
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
    window.show(f"{page.address}/#/{made}/scan")
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
    enter_by_hand(page, tmp_path)
    assert window.console() == []


def enter_by_hand(page: Page, folder: Path) -> None:
    photo, signed = folder / "photo.jpg", folder / "signed.pdf"
    photo.write_bytes(PHOTO)
    signed.write_bytes(SIGNED)
    window = page.window
    window.run("document.querySelector('#manual-form').closest('details').open = true")
    for name in ("asset_no", "department", "person", "os_name", "signed_by"):
        window.type(f"#manual-form [name={name}]", str(BY_HAND[name]))
    window.type("#manual-form [name=activation]", "notification")
    window.type("#manual-form [name=software]", "WPS Office 2019 专业版,11.8.2.8361,Kingsoft Corp.")
    window.upload("#manual-form [name=photo]", photo)
    window.upload("#manual-form [name=signature]", signed)
    window.click("#manual-form button")
    window.wait_for("已手工登记资产编号 ZC-0901", "#notice")
    window.wait_for("手工登记", "#hosts")
