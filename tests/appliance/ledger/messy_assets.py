"""固定资产 ledgers as units hand them in, with the records worked out by hand."""

from __future__ import annotations

from typing import Any

from appliance.ledger.model import Asset, AssetCategory, AssetState, CodeEdition, LedgerKind
from tests.appliance.ledger.messy import Messy, at

ASSETS = LedgerKind.ASSETS
DESKTOP = AssetCategory.DESKTOP


def asset(row: int, asset_no: str, **fields: Any) -> Asset:
    """An asset; its kind follows from its name where the case says no other."""
    unnamed = AssetCategory.OTHER if fields.get("is_computer", True) else AssetCategory.NONE
    fields.setdefault("category", BY_NAME.get(fields.get("name", ""), unnamed))
    return Asset(at(row), asset_no, **fields)


BY_NAME = dict.fromkeys(
    ("台式机", "台式计算机", "一体机", "台式机（含显示器）", "台式电脑", "台式"), AssetCategory.DESKTOP
)


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
            asset(
                2, "1", classification_code="2010104", name="设备", category=DESKTOP, code_edition=CodeEdition.OF_2010
            ),
            asset(3, "2", classification_code="A02010105", name="台式计算机", code_edition=CodeEdition.OF_2022),
            asset(4, "3", classification_code="A02021003", name="激光打印机", is_computer=False),
            asset(5, "4", name="多功能一体机", is_computer=False),
            asset(6, "5", name="一体机"),
            asset(7, "6", name="电脑桌", is_computer=False),
            asset(8, "7", name="台式机（含显示器）"),
            asset(9, "8", name="设备", model="ThinkCentre M750t", category=DESKTOP),
            asset(10, "9", name="某某设备", is_computer=False),
            asset(
                11,
                "10",
                classification_code="2010104",
                name="打印机",
                category=DESKTOP,
                code_edition=CodeEdition.OF_2010,
            ),
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
    "control characters and bidi marks in names": Messy(
        ASSETS,
        [["资产编号", "名称", "使用人"], ["GD\u200b-1", "台式机\u202e", "张\u3000 三"]],
        [asset(2, "GD-1", name="台式机", user="张 三")],
        skipped={"skip_header": (1,)},
    ),
}
