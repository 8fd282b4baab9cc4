"""R14: "installs > 许可数量: the surplus is 非正版 (超许可数量使用) at product level".

A named machine is blamed only where 附件8 allocates seats; per computer the answer is 不可分摊. For the rate,
min(installs, 许可数量) are 正版 by count.
"""

from __future__ import annotations

from appliance.model import Decision, Product
from appliance.rules.model import Copy, Entitlements, Grant, GrantKind, Ruling
from appliance.rules.papers import GENUINE, refs
from config.message import Message


def surplus(
    product: Product, installs: int, over: int, apart: int, grants: tuple[Grant, ...], rule: str = "R14"
) -> Ruling | None:
    """非正版 for ``over`` of ``installs`` copies; exactly 许可数量 is no surplus. ``apart`` of them: 实有账无.

    ``rule`` R23: ``installs`` is the peak of clients at one time of a floating licence.
    """
    if over <= 0:
        return None
    code = "verdict.over_peak" if rule == "R23" else "verdict.over_quantity"
    quantity = sum(grant.row.quantity or 0 for grant in grants)
    reason = Message(code, {"product": product.name, "installs": installs, "quantity": quantity, "over": over})
    remarks = (Message.of("verdict.surplus_apart", apart=apart),) if apart else ()
    number = grants[0].row.software_no if len(grants) == 1 else ""
    return Ruling(Decision.UNLICENSED, rule, (reason,), GENUINE, refs(grants), number, remarks=remarks)


def named_surplus(copy: Copy, found: Entitlements) -> Ruling:
    """非正版 on this very computer: 附件8 gives all seats to others, and they use them all."""
    grants = tuple(grant for grant in found.covering if grant.kind is GrantKind.COUNTED)
    number = copy.computer.computer_no or None
    reason = Message.of("verdict.named_surplus", product=copy.product.name, computer_no=number)
    software_no = grants[0].row.software_no if len(grants) == 1 else ""
    return Ruling(Decision.UNLICENSED, "R14", (reason,), GENUINE, refs(grants), software_no)
