"""Ledgers as they come: every row is accounted for, and every record is the one worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from appliance.ledger.importing import ImportPreview, guess_kind, preview
from appliance.ledger.model import (
    Asset,
    AssetState,
    DeclaredRecord,
    FreeListEntry,
    LedgerKind,
    Licence,
    LicenceType,
    RowRef,
    SoftwareType,
)
from appliance.ledger.reading import Workbook, read_table
from config import settings
from config.clock import SystemClock
from config.messages import render
from config.problems import BadInput
from tests.appliance.ledger import files

LIMITS = settings.load(environment={}).ledger.model_copy(update={"child_seconds": 30})
ASSETS, LICENCES, FREE = LedgerKind.ASSETS, LedgerKind.LICENCES, LedgerKind.FREE_LIST
LICENCE = files.LICENCE_HEADER
FREE_HEAD = files.FREE_HEADER


def read(path: Path) -> Workbook:
    return read_table(path, LIMITS, SystemClock())


def at(row: int, sheet: str = "表") -> RowRef:
    return RowRef("f1", sheet, row)


def asset(row: int, asset_no: str, **fields: Any) -> Asset:
    return Asset(at(row), asset_no, **fields)


def licence(row: int, software_no: str, name: str, **fields: Any) -> Licence:
    return Licence(at(row), software_no, name, **fields)


def free(row: int, software_no: str, name: str, **fields: Any) -> FreeListEntry:
    return FreeListEntry(at(row), software_no, name, **fields)


@dataclass(frozen=True)
class Messy:
    """One messy ledger and what must come of it. ``rejected`` and ``notes``: row → codes without their area."""

    kind: LedgerKind
    grid: files.Grid
    accepted: Sequence[DeclaredRecord]
    rejected: dict[int, set[str]] = field(default_factory=dict[int, set[str]])
    notes: dict[int, set[str]] = field(default_factory=dict[int, set[str]])
    skipped: dict[str, tuple[int, ...]] = field(default_factory=dict[str, tuple[int, ...]])
    merges: Sequence[str] = ()


COMMERCIAL = SoftwareType.COMMERCIAL
MESSY: dict[str, Messy] = {
    "title rows above the header, a sum and a signature below": Messy(
        ASSETS,
        [
            ["某某局固定资产台账"],
            ["填表日期：2026年10月31日"],
            [],
            ["序号", "资产编号", "资产名称", "数量"],
            [1, "GD-1", "台式机", 1],
            [],
            ["合  计", None, None, 1],
            ["制表人：张三", None, "审核人：李四"],
            ["注：本表一式两份"],
        ],
        [asset(5, "GD-1", name="台式机")],
        skipped={
            "skip_title": (1, 2),
            "skip_blank": (3, 6),
            "skip_header": (4,),
            "skip_total": (7,),
            "skip_note": (8, 9),
        },
    ),
    "a header over two rows, groups merged": Messy(
        ASSETS,
        [
            ["资产编号", "资产名称", "网络信息", None, "使用情况", None],
            [None, None, "IP地址", "MAC地址", "使用部门", "使用人"],
            ["GD-1", "台式机", "10.0.0.1", "001A.2B3C.4D5E", "财务科", "张三"],
        ],
        [
            asset(
                3,
                "GD-1",
                name="台式机",
                addresses=("10.0.0.1",),
                macs=("00:1a:2b:3c:4d:5e",),
                department="财务科",
                user="张三",
            )
        ],
        skipped={"skip_header": (1, 2)},
        merges=["C1:D1", "E1:F1"],
    ),
    "a word of the header broken over two rows": Messy(
        LICENCES,
        [
            ["软件编号", "软件名称", "采购", None, "许可"],
            [None, None, "时间", "金额(万元)", "数量"],
            ["RJ1", "WPS Office", "2021.3", "1.25", 10],
        ],
        [licence(3, "RJ1", "WPS Office", purchased_on=date(2021, 3, 1), amount_fen=1_250_000, quantity=10)],
        notes={3: {"type_assumed"}},
        skipped={"skip_header": (1, 2)},
        merges=["C1:D1"],
    ),
    "headers with spaces, marks, brackets and full-width letters": Messy(
        ASSETS,
        [
            ["*资产编号（必填）", "资 产 名 称：", "数量\n(台/套)", "ＭＡＣ地址", "ip 地址"],
            ["GD-1", "主机", "２", None, None],
        ],
        [asset(2, "GD-1", name="主机", quantity=2)],
        skipped={"skip_header": (1,)},
    ),
    "full-width digits and units in quantities": Messy(
        ASSETS,
        [
            ["资产编号", "名称", "数量"],
            ["ＧＤ－１", "电脑", "３０台"],
            ["GD-2", "电脑", "1,000"],
            ["GD-3", "电脑", 2.0],
        ],
        [
            asset(2, "GD-1", name="电脑", quantity=30),
            asset(3, "GD-2", name="电脑", quantity=1000),
            asset(4, "GD-3", name="电脑", quantity=2),
        ],
        skipped={"skip_header": (1,)},
    ),
    "quantities that are none": Messy(
        ASSETS,
        [
            ["资产编号", "名称", "数量"],
            ["GD-1", "电脑", 0],
            ["GD-2", "电脑", -3],
            ["GD-3", "电脑", "若干"],
            ["GD-4", "电脑", 1.5],
            ["GD-5", "电脑", None],
            ["GD-6", "电脑", "不限"],
            ["GD-7", "电脑", 99_999_999],
        ],
        [asset(6, "GD-5", name="电脑")],
        rejected={
            2: {"quantity_below_one"},
            3: {"number_out_of_range"},
            4: {"not_a_number"},
            5: {"not_a_number"},
            7: {"not_a_number"},
            8: {"number_out_of_range"},
        },
        notes={6: {"quantity_assumed"}},
        skipped={"skip_header": (1,)},
    ),
    "an asset number twice": Messy(
        ASSETS,
        [["资产编号", "名称"], ["GD-1", "电脑"], ["gd-1 ", "主机"], [None, "主机"]],
        [asset(2, "GD-1", name="电脑")],
        rejected={3: {"duplicate"}, 4: {"missing_value"}},
        skipped={"skip_header": (1,)},
    ),
    "an asset number that lost its digits": Messy(
        ASSETS,
        [["资产编号", "名称"], [202100000000000123, "电脑"], ["2.021E+17", "电脑"], [20210001, "电脑"]],
        [asset(4, "20210001", name="电脑")],
        rejected={2: {"digits_lost"}, 3: {"digits_lost"}},
        skipped={"skip_header": (1,)},
    ),
    "MAC addresses in every notation": Messy(
        ASSETS,
        [
            ["资产编号", "名称", "MAC地址"],
            ["1", "电脑", "00-1A-2B-3C-4D-5E"],
            ["2", "电脑", "001a.2b3c.4d5f"],
            ["3", "电脑", "有线：00:1A:2B:3C:4D:60\n无线：００１Ａ２Ｂ３Ｃ４Ｄ６１"],
            ["4", "电脑", "00 1A 2B 3C 4D 62"],
            ["5", "电脑", "00-1A-2B-3C-4D"],
            ["6", "电脑", "00-00-00-00-00-00"],
            ["7", "电脑", "无"],
        ],
        [
            asset(2, "1", name="电脑", macs=("00:1a:2b:3c:4d:5e",)),
            asset(3, "2", name="电脑", macs=("00:1a:2b:3c:4d:5f",)),
            asset(4, "3", name="电脑", macs=("00:1a:2b:3c:4d:60", "00:1a:2b:3c:4d:61")),
            asset(5, "4", name="电脑", macs=("00:1a:2b:3c:4d:62",)),
            asset(6, "5", name="电脑"),
            asset(7, "6", name="电脑"),
            asset(8, "7", name="电脑"),
        ],
        notes={6: {"bad_mac"}, 7: {"bad_mac"}},
        skipped={"skip_header": (1,)},
    ),
    "two MAC columns are one field": Messy(
        ASSETS,
        [["资产编号", "名称", "有线MAC", "无线MAC"], ["1", "电脑", "001A2B3C4D5E", "001A2B-3C4D5F"]],
        [asset(2, "1", name="电脑", macs=("00:1a:2b:3c:4d:5e", "00:1a:2b:3c:4d:5f"))],
        skipped={"skip_header": (1,)},
    ),
    "several addresses, padded, with a prefix, and none": Messy(
        ASSETS,
        [
            ["资产编号", "名称", "IP地址"],
            ["1", "电脑", "192.168.001.005、10.0.0.7/24"],
            ["2", "电脑", "DHCP"],
            ["3", "电脑", "10.0.0.1/10.0.0.2"],
            ["4", "电脑", "10.0.0.300"],
        ],
        [
            asset(2, "1", name="电脑", addresses=("192.168.1.5", "10.0.0.7")),
            asset(3, "2", name="电脑"),
            asset(4, "3", name="电脑", addresses=("10.0.0.1", "10.0.0.2")),
            asset(5, "4", name="电脑"),
        ],
        notes={5: {"bad_address"}},
        skipped={"skip_header": (1,)},
    ),
    "several serials in a cell, and junk ones": Messy(
        ASSETS,
        [
            ["资产编号", "名称", "数量", "序列号"],
            ["1", "电脑", 3, "PF1ABCDE、PF1ABCDF；PF1ABCDG"],
            ["2", "电脑", 30, None],
            ["3", "电脑", 1, "To be filled by O.E.M."],
            ["4", "电脑", 1, "Default string、S/N: 7HQ4K23"],
            ["5", "电脑", 1, "AAA111 BBB222"],
            ["6", "电脑", 1, "00000000"],
        ],
        [
            asset(2, "1", name="电脑", quantity=3, serials=("PF1ABCDE", "PF1ABCDF", "PF1ABCDG")),
            asset(3, "2", name="电脑", quantity=30),
            asset(4, "3", name="电脑"),
            asset(5, "4", name="电脑", serials=("7HQ4K23",)),
            asset(6, "5", name="电脑", serials=("AAA111", "BBB222")),
            asset(7, "6", name="电脑"),
        ],
        notes={4: {"junk_serial"}, 5: {"junk_serial"}, 6: {"more_serials"}, 7: {"junk_serial"}},
        skipped={"skip_header": (1,)},
    ),
    "states and 信创 in the words of the unit": Messy(
        ASSETS,
        [
            ["资产编号", "名称", "使用状况", "是否信创"],
            ["1", "电脑", "使用中", "√"],
            ["2", "电脑", "库存", "非信创"],
            ["3", "电脑", "已处置", None],
            ["4", "电脑", "说不清", "大概"],
        ],
        [
            asset(2, "1", name="电脑", xinchuang=True),
            asset(3, "2", name="电脑", state=AssetState.IDLE, xinchuang=False),
            asset(4, "3", name="电脑", state=AssetState.SCRAPPED),
            asset(5, "4", name="电脑"),
        ],
        notes={5: {"unknown_word", "not_yes_or_no"}},
        skipped={"skip_header": (1,)},
    ),
    "computers and other devices on one ledger": Messy(
        ASSETS,
        [
            ["资产编号", "分类代码", "资产名称", "型号"],
            ["1", "2010104", "设备", None],
            ["2", "A02010105", "台式计算机", None],
            ["3", "A02021003", "激光打印机", None],
            ["4", None, "多功能一体机", None],
            ["5", None, "一体机", None],
            ["6", None, "电脑桌", None],
            ["7", None, "台式机（含显示器）", None],
            ["8", None, "设备", "ThinkCentre M750t"],
            ["9", None, "某某设备", None],
            ["10", "2010104", "打印机", None],
        ],
        [
            asset(2, "1", classification_code="2010104", name="设备"),
            asset(3, "2", classification_code="A02010105", name="台式计算机"),
            asset(4, "3", classification_code="A02021003", name="激光打印机", is_computer=False),
            asset(5, "4", name="多功能一体机", is_computer=False),
            asset(6, "5", name="一体机"),
            asset(7, "6", name="电脑桌", is_computer=False),
            asset(8, "7", name="台式机（含显示器）"),
            asset(9, "8", name="设备", model="ThinkCentre M750t"),
            asset(10, "9", name="某某设备", is_computer=False),
            asset(11, "10", classification_code="2010104", name="打印机"),
        ],
        notes={10: {"computer_unknown"}, 11: {"computer_conflict"}},
        skipped={"skip_header": (1,)},
    ),
    "a department merged over its rows": Messy(
        ASSETS,
        [["资产编号", "名称", "部门"], ["1", "电脑", "财务科"], ["2", "电脑", None], ["3", "电脑", None]],
        [
            asset(2, "1", name="电脑", department="财务科"),
            asset(3, "2", name="电脑", department="财务科"),
            asset(4, "3", name="电脑"),
        ],
        skipped={"skip_header": (1,)},
        merges=["C2:C3"],
    ),
    "a quantity merged over its rows": Messy(
        ASSETS,
        [["资产编号", "名称", "数量"], ["1", "电脑", 3], ["2", "电脑", None], ["3", "电脑", 1]],
        [asset(4, "3", name="电脑")],
        rejected={2: {"merged_quantity"}, 3: {"merged_quantity"}},
        skipped={"skip_header": (1,)},
        merges=["C2:C3"],
    ),
    "the header printed again on each page, and column numbers": Messy(
        ASSETS,
        [
            ["资产编号", "名称", "数量"],
            [1, 2, 3],
            ["A1", "电脑", 1],
            ["本页合计", None, 1],
            ["资产编号", "名称", "数量"],
            ["A2", "电脑", 1],
            ["总计：", None, 2],
        ],
        [asset(3, "A1", name="电脑"), asset(6, "A2", name="电脑")],
        skipped={"skip_header": (1, 2), "skip_total": (4, 7), "skip_repeated_header": (5,)},
    ),
    "the form of 附件7 with its head and unfilled lines": Messy(
        LICENCES,
        [
            ["软件使用情况汇总表"],
            ["单位名称（盖章）：_____ 填表人：_____"],
            ["人员情况", None, "总人数", 21, "使用计算机人数", 19],
            ["计算机情况", None, "服务器数", 1, "台式机数", 5],
            LICENCE,
            [
                1,
                "RJ001",
                "WPS Office",
                11,
                "商业软件",
                "2023年5月",
                "28,000.00元",
                "场地授权",
                "场地",
                11,
                "永久",
                None,
                2,
            ],
            [2, None, None, None, "商业软件"],
            [4, None, None, None, "OEM软件", None, None, None, "—"],
            [None, None, None, None, "oem软件", "_____"],
        ],
        [
            licence(
                6,
                "RJ001",
                "WPS Office",
                version="11",
                purchased_on=date(2023, 5, 1),
                amount_fen=2_800_000,
                licence_type=LicenceType.SITE,
                usable_versions=("11",),
                perpetual=True,
                installed_count=2,
            )
        ],
        skipped={"skip_title": (1, 2, 3, 4), "skip_header": (5,), "skip_unfilled": (7, 8, 9)},
    ),
    "dates as text, serial numbers, months and years": Messy(
        LICENCES,
        [
            ["软件编号", "软件名称", "软件类型", "采购时间", "许可数量", "许可期限"],
            ["1", "甲", "商业", "2021-03-05", 1, "2024.2"],
            ["2", "甲", "商业", 44260, 1, 45351],
            ["3", "甲", "商业", "44260", 1, "2024年2月29日到期"],
            ["4", "甲", "商业", 2021.3, 1, "2021.3.1-2024.2.28"],
            ["5", "甲", "商业", 2021.1, 1, "2024"],
            ["6", "甲", "商业", date(2021, 3, 5), 1, "三年"],
            ["7", "甲", "商业", "２０２１／３／５", 1, "36个月"],
            ["8", "甲", "商业", "20210305", 1, "9999-12-31"],
            ["9", "甲", "商业", "去年", 1, "长期有效"],
            ["10", "甲", "商业", None, 1, "3年"],
            ["11", "甲", "商业", None, 1, "到2021-02-30"],
            ["12", "甲", "商业", "2024.2", 1, "1年"],
        ],
        [
            licence(2, "1", "甲", purchased_on=date(2021, 3, 5), quantity=1, valid_until=date(2024, 2, 29)),
            licence(3, "2", "甲", purchased_on=date(2021, 3, 5), quantity=1, valid_until=date(2024, 2, 29)),
            licence(4, "3", "甲", purchased_on=date(2021, 3, 5), quantity=1, valid_until=date(2024, 2, 29)),
            licence(5, "4", "甲", purchased_on=date(2021, 3, 1), quantity=1, valid_until=date(2024, 2, 28)),
            licence(6, "5", "甲", purchased_on=date(2021, 1, 1), quantity=1, valid_until=date(2024, 12, 31)),
            licence(7, "6", "甲", purchased_on=date(2021, 3, 5), quantity=1, valid_until=date(2024, 3, 5)),
            licence(8, "7", "甲", purchased_on=date(2021, 3, 5), quantity=1, valid_until=date(2024, 3, 5)),
            licence(9, "8", "甲", purchased_on=date(2021, 3, 5), quantity=1, perpetual=True),
            licence(10, "9", "甲", quantity=1, perpetual=True),
            licence(13, "12", "甲", purchased_on=date(2024, 2, 1), quantity=1, valid_until=date(2025, 2, 28)),
        ],
        rejected={11: {"term_without_purchase"}, 12: {"not_a_date"}},
        notes={
            6: {"month_ambiguous"},
            7: {"term_computed"},
            8: {"term_computed"},
            10: {"not_a_date"},
            13: {"term_computed"},
        },
        skipped={"skip_header": (1,)},
    ),
    "money in yuan and ten thousands": Messy(
        LICENCES,
        [
            ["软件编号", "软件名称", "软件类型", "采购金额（万元）", "许可数"],
            ["1", "甲", "商业", 1.2, 1],
            ["2", "甲", "商业", "¥12,000.50元", 1],
            ["3", "甲", "商业", "赠送", 1],
            ["4", "甲", "商业", "—", 1],
        ],
        [
            licence(2, "1", "甲", amount_fen=1_200_000, quantity=1),
            licence(3, "2", "甲", amount_fen=1_200_050, quantity=1),
            licence(4, "3", "甲", quantity=1),
            licence(5, "4", "甲", quantity=1),
        ],
        notes={4: {"not_an_amount"}},
        skipped={"skip_header": (1,)},
    ),
    "site licences and counts without a number": Messy(
        LICENCES,
        [
            ["软件编号", "软件名称", "软件类型", "许可类型", "许可数量"],
            ["1", "甲", "商业", "场地授权", "场地"],
            ["2", "甲", "商业", None, "不限"],
            ["3", "甲", "商业", "批量许可", "无限"],
            ["4", "甲", "商业", "批量许可", None],
            ["5", "甲", "商业", "随便", 5],
            ["6", "甲", "商业", "批量许可", 0],
            ["7", "甲", "OEM软件", "—", 0],
        ],
        [
            licence(2, "1", "甲", licence_type=LicenceType.SITE),
            licence(3, "2", "甲", licence_type=LicenceType.SITE),
            licence(4, "3", "甲", licence_type=LicenceType.VOLUME),
            licence(5, "4", "甲", licence_type=LicenceType.VOLUME),
            licence(6, "5", "甲", licence_type=LicenceType.OTHER, quantity=5),
            licence(8, "7", "甲", software_type=SoftwareType.OEM),
        ],
        rejected={7: {"quantity_below_one"}},
        notes={
            4: {"site_conflict"},
            5: {"quantity_not_stated"},
            6: {"unknown_licence_type"},
            8: {"quantity_below_one"},
        },
        skipped={"skip_header": (1,)},
    ),
    "software types as words and ticked boxes": Messy(
        LICENCES,
        [
            ["软件编号", "软件名称", "软件类型", "许可数量"],
            ["1", "甲", "oem软件", None],
            ["2", "甲", "免费软件", None],
            ["3", "甲", "☑商业软件 □OEM软件 □免费软件", 5],
            ["4", "甲", "□商业软件 □OEM软件 □免费软件", 5],
            ["5", "甲", "☑商业软件 ☑OEM软件", 5],
            ["6", "甲", "共享软件", 5],
            ["7", "甲", None, 5],
        ],
        [
            licence(2, "1", "甲", software_type=SoftwareType.OEM),
            licence(3, "2", "甲", software_type=SoftwareType.FREE),
            licence(4, "3", "甲", quantity=5),
            licence(5, "4", "甲", quantity=5),
            licence(8, "7", "甲", quantity=5),
        ],
        rejected={6: {"several_types"}, 7: {"unknown_word"}},
        notes={5: {"type_assumed"}, 8: {"type_assumed"}},
        skipped={"skip_header": (1,)},
    ),
    "software types as three columns to tick": Messy(
        LICENCES,
        [
            ["软件编号", "软件名称", "软件类型", None, None, "许可数量"],
            [None, None, "商业软件", "OEM软件", "免费软件", None],
            ["1", "甲", "√", None, None, 5],
            ["2", "甲", None, "☑", "□", None],
            ["3", "甲", "√", "√", None, 5],
        ],
        [licence(3, "1", "甲", quantity=5), licence(4, "2", "甲", software_type=SoftwareType.OEM)],
        rejected={5: {"several_types"}},
        skipped={"skip_header": (1, 2)},
        merges=["C1:E1"],
    ),
    "product keys anywhere in the row": Messy(
        LICENCES,
        [
            ["软件编号", "软件名称", "软件类型", "许可数量", "序列号", "备注"],
            ["1", "甲", "商业", 1, "VK7JG-NPHTM-C97JM-9MPGT-3V66T", "密钥 VK7JG-NPHTM-C97JM-9MPGT-3V66T"],
            ["2", "甲", "商业", 1, "＊＊＊＊-7K2QD", None],
            ["3", "甲", "商业", 1, "1234", None],
            ["4", "甲", "商业", 1, "AAAAABBBBBCCCCC11111、AAAAABBBBBCCCCC22222", None],
        ],
        [
            licence(2, "1", "甲", quantity=1, serial_tail="3V66T", remark="密钥 *****-3V66T"),
            licence(3, "2", "甲", quantity=1, serial_tail="7K2QD"),
            licence(4, "3", "甲", quantity=1, serial_tail="34"),
            licence(5, "4", "甲", quantity=1, serial_tail="11111,22222"),
        ],
        skipped={"skip_header": (1,)},
    ),
    "a software number twice, a name missing": Messy(
        LICENCES,
        [
            ["软件编号", "软件名称", "软件类型", "许可数量", "可使用版本"],
            ["RJ1", "甲", "商业", 1, "10、11；2019及以下"],
            ["RJ1", "乙", "商业", 1, None],
            ["RJ2", None, "商业", 1, None],
            ["示例", "某软件", "商业", 1, None],
        ],
        [licence(2, "RJ1", "甲", quantity=1, usable_versions=("10", "11", "2019及以下"))],
        rejected={3: {"duplicate"}, 4: {"missing_value"}},
        skipped={"skip_header": (1,), "skip_example": (5,)},
    ),
    "the form of 附件6": Messy(
        FREE,
        [
            ["可使用免费软件清单"],
            FREE_HEAD,
            [1, "RJ013", "LibreOffice", 7.0, "官网", "TDF", "x@y.z", "全单位", "查看文档"],
            [2, "RJ014", "7-Zip", "１９．００", "官网", "Igor Pavlov", None, "财务科、办公室", None],
            [3, "RJ014", "7-Zip", "19.00", "官网", None, None, "财务科、办公室", None],
            [4, "RJ014", "7-Zip", "21.07", "官网", None, None, None, None],
            [5],
        ],
        [
            free(3, "RJ013", "LibreOffice", version="7", source="官网", vendor="TDF", reason="查看文档"),
            free(
                4,
                "RJ014",
                "7-Zip",
                version="19.00",
                source="官网",
                vendor="Igor Pavlov",
                departments=("财务科", "办公室"),
            ),
            free(6, "RJ014", "7-Zip", version="21.07", source="官网"),
        ],
        rejected={5: {"duplicate"}},
        skipped={"skip_title": (1,), "skip_header": (2,), "skip_unfilled": (7,)},
    ),
    "control characters and bidi marks in names": Messy(
        ASSETS,
        [["资产编号", "名称", "使用人"], ["GD\u200b-1", "台式机\u202e", "张\u3000 三"]],
        [asset(2, "GD-1", name="台式机", user="张 三")],
        skipped={"skip_header": (1,)},
    ),
}


def codes(found: ImportPreview, rejected: bool) -> dict[int, set[str]]:
    answer: dict[int, set[str]] = {}
    for problem in found.problems:
        if problem.rejected is rejected:
            answer.setdefault(problem.ref.row, set()).add(problem.reason.code.removeprefix("ledger."))
    return answer


def accounted(found: ImportPreview) -> bool:
    """Rows add up, and a rejected row always has a reason whose sentence is complete."""
    sentences = [render(problem.reason) for problem in found.problems]
    assert not [text for text in sentences if text.startswith("ledger.") or "（未知）" in text]
    rejected = {problem.ref.row for problem in found.problems if problem.rejected}
    assert len(rejected) == found.rows_rejected
    return found.rows_read == found.rows_accepted + found.rows_rejected + found.rows_skipped


@pytest.mark.parametrize("name", MESSY)
def test_a_messy_ledger_gives_the_records_worked_out_by_hand(tmp_path: Path, name: str) -> None:
    case = MESSY[name]
    found = preview(case.kind, read(files.xlsx(tmp_path / "a.xlsx", {"表": case.grid}, {"表": case.merges})), "f1")
    assert list(found.accepted) == list(case.accepted)
    assert codes(found, rejected=True) == case.rejected
    kept = {row: notes for row, notes in codes(found, rejected=False).items() if row not in case.rejected}
    assert kept == case.notes
    assert {reason.removeprefix("ledger."): rows for reason, rows in found.skipped.items()} == case.skipped
    assert accounted(found)
    assert found.rows_accepted == len(case.accepted)


@pytest.mark.parametrize("name", MESSY)
def test_the_kind_of_ledger_is_guessed_from_its_header(tmp_path: Path, name: str) -> None:
    case = MESSY[name]
    grid = case.grid
    assert guess_kind(read(files.xlsx(tmp_path / "a.xlsx", {"表": grid}, {"表": case.merges}))) == case.kind


def refused(kind: LedgerKind, workbook: Workbook, sheet: str | None = None) -> BadInput:
    with pytest.raises(BadInput) as caught:
        preview(kind, workbook, "f1", sheet=sheet)
    return caught.value


def test_a_missing_column_is_named_with_the_headers_that_were_seen(tmp_path: Path) -> None:
    path = files.xlsx(tmp_path / "a.xlsx", {"表": [["资产名称", "数量", "部门"], ["电脑", 1, "办公室"]]})
    sentence = render(refused(ASSETS, read(path)).message)
    assert "资产编号" in sentence
    assert "资产名称、数量、部门" in sentence


def test_a_file_without_a_header_is_refused_naming_the_columns_expected(tmp_path: Path) -> None:
    path = files.xlsx(tmp_path / "a.xlsx", {"表": [["随便", "写的"], [1, 2]]})
    assert "资产编号" in render(refused(ASSETS, read(path)).message)
    assert guess_kind(read(path)) is None


@pytest.mark.parametrize("kind", [ASSETS, LICENCES, FREE])
def test_another_form_is_not_taken_for_this_one(tmp_path: Path, kind: LedgerKind) -> None:
    annex_8 = ["序号", "部门", "姓名", "计算机编号", "资产编号", "软件编号", "软件名称", "软件版本", "安装日期"]
    path = files.xlsx(tmp_path / "a.xlsx", {"表": [annex_8, [1, "办", "张", "PC1", "G1", "RJ1", "甲", "1", "2021"]]})
    assert refused(kind, read(path)).message.code == "ledger.wrong_form"
    assert guess_kind(read(path)) is None


def test_sheets_that_are_not_read_are_told(tmp_path: Path) -> None:
    good = [["资产编号", "名称"], ["1", "电脑"]]
    path = files.xlsx(tmp_path / "a.xlsx", {"说明": [["填表说明"]], "机关": good, "下属": good})
    found = preview(ASSETS, read(path), "f1")
    assert found.sheet == "机关"
    told = {problem.ref.sheet: problem.reason.code for problem in found.problems}
    assert told == {"说明": "ledger.sheet_not_read", "下属": "ledger.same_form_on_other_sheet"}
    assert preview(ASSETS, read(path), "f1", sheet="下属").accepted == (
        replace(asset(2, "1", name="电脑"), ref=at(2, "下属")),
    )
    assert refused(ASSETS, read(path), "没有").message.code == "ledger.no_such_sheet"


def test_a_duplicate_names_both_rows(tmp_path: Path) -> None:
    path = files.xlsx(
        tmp_path / "a.xlsx", {"表": [["资产编号", "名称"], ["G1", "电脑"], ["G2", "电脑"], ["G1", "电脑"]]}
    )
    (problem,) = preview(ASSETS, read(path), "f1").problems
    assert (problem.ref.row, problem.column) == (4, "资产编号")
    assert dict(problem.reason.params) == {"value": "G1", "first": 2, "row": 4}


def test_columns_that_were_not_understood_are_listed(tmp_path: Path) -> None:
    path = files.xlsx(tmp_path / "a.xlsx", {"表": [["资产编号", "名称", "星座"], ["G1", "电脑", "双鱼"]]})
    found = preview(ASSETS, read(path), "f1")
    assert found.unmapped == ("星座",)
    assert found.mapping == {"asset_no": ("资产编号",), "name": ("名称",)}


def test_a_gbk_table_with_tabs_is_a_ledger_like_any_other(tmp_path: Path) -> None:
    path = tmp_path / "台账.xls"
    grid = [["某局资产"], ["资产编号", "资产名称", "数量"], ["GD-1", "台式机", "3"], ["合计", "", "3"]]
    path.write_bytes(files.csv_text(grid, "\t").encode("gbk"))
    found = preview(ASSETS, read(path), "f1")
    assert found.accepted == (Asset(RowRef("f1", "", 3), "GD-1", quantity=3, name="台式机"),)
    assert accounted(found)


def test_no_full_product_key_is_left_in_anything_that_is_stored(tmp_path: Path) -> None:
    key = "VK7JG-NPHTM-C97JM-9MPGT-3V66T"
    grid = [
        LICENCE,
        [1, *[key] * (len(LICENCE) - 1)],
        [2, "RJ2", key, key, "商业", key, key, key, 1, key, "永久", key, key],
    ]
    found = preview(LICENCES, read(files.xlsx(tmp_path / "a.xlsx", {"表": grid})), "f1")
    assert "NPHTM" not in repr(found)
    assert found.rows_rejected == 1
    assert accounted(found)
