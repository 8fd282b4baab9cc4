"""R20: "fine, but in no 附件9 row and no 附件10/11 → verdict unchanged, plus 未经登记安装".

Speaks only where the unit handed over its 附件9 and the computer's 计算机编号 is known. The newest row decides: an
uninstalled copy that is still there is not registered either.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date

from appliance.judgement.declared import InstallRow
from appliance.model import Decision
from appliance.rules.model import Copy, Ruling
from config.message import Message

Registered = Mapping[tuple[str, str], bool]
CODE = "verdict.install_not_registered"


def registered(rows: Iterable[InstallRow]) -> Registered:
    """Whether 附件9 says that a 软件编号 is installed on a 计算机编号; empty when it was not handed over."""
    ordered = sorted(rows, key=lambda row: (row.on or date.min, not row.installed, row.ref.text()))
    return {(row.software_no, row.computer_no): row.installed for row in ordered}


def note_unregistered(ruling: Ruling, copy: Copy, log: Registered) -> Ruling:
    """Add the remark to a ruling that is fine otherwise."""
    number, computer_no = ruling.software_no, copy.computer.computer_no
    fine = ruling.decision is Decision.LICENSED and number and computer_no
    if not log or not fine or log.get((number, computer_no)):
        return ruling
    remark = Message.of("verdict.install_not_registered", computer_no=computer_no)
    return replace(ruling, remarks=(*ruling.remarks, remark))
