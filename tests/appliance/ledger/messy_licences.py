"""附件7 and 附件6 as units hand them in, with the records worked out by hand."""

from __future__ import annotations

from datetime import date
from typing import Any

from appliance.ledger.model import FreeListEntry, LedgerKind, Licence, LicenceType, SoftwareType
from tests.appliance.ledger.files import FREE_HEADER, LICENCE_HEADER
from tests.appliance.ledger.messy import Messy, at

LICENCES, FREE = LedgerKind.LICENCES, LedgerKind.FREE_LIST


def licence(row: int, software_no: str, name: str, **fields: Any) -> Licence:
    return Licence(at(row), software_no, name, **fields)


def free(row: int, software_no: str, name: str, **fields: Any) -> FreeListEntry:
    return FreeListEntry(at(row), software_no, name, **fields)


MESSY: dict[str, Messy] = {
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
    "the form of 附件7 with its head and unfilled lines": Messy(
        LICENCES,
        [
            ["软件使用情况汇总表"],
            ["单位名称（盖章）：_____ 填表人：_____"],
            ["人员情况", None, "总人数", 21, "使用计算机人数", 19],
            ["计算机情况", None, "服务器数", 1, "台式机数", 5],
            LICENCE_HEADER,
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
            FREE_HEADER,
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
}
