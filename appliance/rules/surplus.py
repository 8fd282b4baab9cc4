"""R14: "installs > 许可数量: the surplus is 非正版 (超许可数量使用) at product level".

A named machine is blamed only where 附件8 allocates seats; per computer the answer is 不可分摊. For the rate,
min(installs, 许可数量) are 正版 by count.
"""

from __future__ import annotations

from appliance.model import Decision, Product
from appliance.rules.model import Grant, Ruling
from appliance.rules.papers import GENUINE, refs
from config.message import Message


def surplus(product: Product, installs: int, over: int, apart: int, grants: tuple[Grant, ...]) -> Ruling | None:
    """非正版 for ``over`` of ``installs`` copies; exactly 许可数量 is no surplus. ``apart`` of them: 实有账无."""
    if over <= 0:
        return None
    quantity = sum(grant.row.quantity or 0 for grant in grants)
    reason = Message.of("verdict.over_quantity", product=product.name, installs=installs, quantity=quantity, over=over)
    remarks = (Message.of("verdict.surplus_apart", apart=apart),) if apart else ()
    number = grants[0].row.software_no if len(grants) == 1 else ""
    return Ruling(Decision.UNLICENSED, "R14", (reason,), GENUINE, refs(grants), number, remarks=remarks)
