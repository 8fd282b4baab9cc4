"""R20: "fine, but in no 附件9 row and no 附件10/11 → verdict unchanged, plus 未经登记安装".

Speaks only where the unit handed over its 附件9 and the computer's 计算机编号 is known. The newest row decides: an
uninstalled copy that is still there is not registered either. Any row that covers the copy counts: two purchases of one
product are two 软件编号, and 附件9 says which of them a computer got.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date

from appliance.judgement.declared import InstallRow
from appliance.model import Decision
from appliance.rules.model import Copy, Entitlements, Ruling
from config.message import Message

Registered = Mapping[tuple[str, str], bool]
CODE = "verdict.install_not_registered"


def registered(rows: Iterable[InstallRow]) -> Registered:
    """Whether 附件9 says that a 软件编号 is installed on a 计算机编号; empty when it was not handed over."""
    ordered = sorted(rows, key=lambda row: (row.on or date.min, not row.installed, row.ref.text()))
    return {(row.software_no, row.computer_no): row.installed for row in ordered}


def registered_first(found: Entitlements, copy: Copy, log: Registered) -> Entitlements:
    """The rows that 附件9 gives to this very computer come first: the verdict names the right 软件编号."""
    if not log or len(found.covering) < 2:
        return found
    number = copy.computer.computer_no
    covering = sorted(found.covering, key=lambda grant: not log.get((grant.row.software_no, number)))
    return replace(found, covering=tuple(covering))


def note_unregistered(ruling: Ruling, copy: Copy, found: Entitlements, log: Registered) -> Ruling:
    """Add the remark to a ruling that is fine otherwise."""
    computer_no = copy.computer.computer_no
    fine = ruling.decision is Decision.LICENSED and ruling.software_no and computer_no
    numbers = (ruling.software_no, *(grant.row.software_no for grant in found.covering))
    if not log or not fine or any(log.get((number, computer_no)) for number in numbers):
        return ruling
    remark = Message.of("verdict.install_not_registered", computer_no=computer_no)
    return replace(ruling, remarks=(*ruling.remarks, remark))
