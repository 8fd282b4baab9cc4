"""附件5: five tables one below the other."""

from __future__ import annotations

from pathlib import Path

from appliance.ledger.importing import guess_kind, preview
from appliance.ledger.model import LedgerKind, Statistic
from appliance.model import SoftwareOrigin
from appliance.visits.declared_ledgers import purchases
from tests.appliance.ledger import files
from tests.appliance.ledger.test_importing import accounted, codes, read

KINDS = ["操作系统软件\n(不含预装操作系统)", None, "办公软件", None, "杀毒软件", None, "总计", None]
FORM = [
    ["软件正版化工作信息统计表"],
    ["单位名称（盖章）：某局"],
    ["一、负责软件正版化工作部门情况"],
    ["部门名称", "部门负责人姓名", "部门负责人电话", "部门传真"],
    ["办公室", "王一", "010-1234", None],
    ["二、人员情况"],
    ["总人数", "使用计算机人数"],
    [210, "１９０人"],
    ["三、计算机情况"],
    ["服务器数", "台式机数", "便携机数", "合计"],
    [4, 180, 20, 204],
    ["四、本年度软件采购情况"],
    ["软件属性", *KINDS],
    [None, *["许可数\n(个)", "金额\n(万元)"] * 4],
    ["国内", 10, 1.25, 50, "2.5", None, None, 60, 3.75],
    ["国外", None, None, 5, 1, None, None, 5, 1],
    ["合计", 10, 1.25, 55, 3.5, None, None, 65, 4.75],
    ["五、累计拥有软件许可情况"],
    ["软件属性", "操作系统软件(含预装操作系统)许可数(个)", "办公软件许可数(个)", "杀毒软件许可数(个)", "总计"],
    ["国内", 30, 200, "若干", None],
    ["国外", 170, 20, None, 190],
    ["合计", None, None, None, None],
]


def test_the_statistics_are_read_part_by_part_and_every_row_is_accounted_for(tmp_path: Path) -> None:
    book = read(files.xlsx(tmp_path / "a.xlsx", {"表": FORM}))
    assert guess_kind(book) is LedgerKind.STATISTICS
    found = preview(LedgerKind.STATISTICS, book, "f1")
    assert accounted(found)
    assert codes(found, rejected=True) == {20: {"not_a_number"}}
    values = {(cell.part, cell.row, cell.column): cell.value for cell in found.accepted if isinstance(cell, Statistic)}
    assert values[1, "", "部门负责人姓名"] == "王一"
    assert values[3, "", "台式机数"] == "180"
    assert values[4, "国内", "办公软件 金额 (万元)"] == "2.5"
    assert values[5, "国外", "办公软件许可数(个)"] == "20"
    assert found.rows_accepted == 7
    assert found.skipped["ledger.skip_unfilled"] == (22,)


def test_purchases_keep_origin_sets_and_money_and_leave_sums_out(tmp_path: Path) -> None:
    found = preview(LedgerKind.STATISTICS, read(files.xlsx(tmp_path / "a.xlsx", {"表": FORM})), "f1")
    bought = purchases(cell for cell in found.accepted if isinstance(cell, Statistic))
    domestic, foreign = SoftwareOrigin.DOMESTIC, SoftwareOrigin.FOREIGN
    assert {(p.name, p.origin, p.sets, p.amount_fen) for p in bought} == {
        ("操作系统软件", domestic, 10, 1_250_000),
        ("办公软件", domestic, 50, 2_500_000),
        ("办公软件", foreign, 5, 1_000_000),
    }
