"""How often a query of 40 rows waits for the computer, from ExecQuery to the last row; counted by the peer."""

from __future__ import annotations

from typing import Any

from impacket.dcerpc.v5.dcom import wmi as impacket_wmi
from impacket.dcerpc.v5.dcomrt import DCOMConnection
from impacket.dcerpc.v5.dtypes import NULL

from config.clock import SystemClock
from scanner.transports.wmi import WmiLimits, WmiTarget, open_wmi
from scanner.wmi_classes import LICENSING_PRODUCT
from tests.lab.dcom import machines
from tests.lab.dcom.server import WmiPc, WmiPeer

ROWS = 40
ADDRESS = "127.0.5.1"
END_OF_ROWS = 1


def main() -> dict[str, Any]:
    """Waits for an answer; the namespace is open in both cases."""
    products = [machines.windows_product(ID=f"{number:036}") for number in range(ROWS)]
    pc = WmiPc(address=ADDRESS, users=machines.USERS, namespaces=machines.desktop(products))
    with WmiPeer(pc) as peer:
        ours, theirs = _ours(peer), _theirs(peer)
    how = (
        f"requests that the peer answered from ExecQuery to the last of {ROWS} rows, the enumerator's release "
        "included; impacket asks for one row at a time, as its wmiquery does"
    )
    return {"ours": ours, "peer": theirs, "ratio": round(theirs / ours, 1), "unit": "waits", "how": how}


def _ours(peer: WmiPeer) -> int:
    target = WmiTarget(address=ADDRESS, username=machines.USERNAME, secret=machines.PASSWORD)
    with open_wmi(target, WmiLimits(), SystemClock()) as connection:
        connection.rows(LICENSING_PRODUCT)
        answered, waited = len(peer.calls), connection.waits
        assert len(connection.rows(LICENSING_PRODUCT)) == ROWS
        assert connection.waits - waited == len(peer.calls) - answered
        return len(peer.calls) - answered


def _theirs(peer: WmiPeer) -> int:
    dcom: Any = DCOMConnection(ADDRESS, machines.USERNAME, machines.PASSWORD, "", oxidResolver=False)
    try:
        clsid, iid = impacket_wmi.CLSID_WbemLevel1Login, impacket_wmi.IID_IWbemLevel1Login
        login = impacket_wmi.IWbemLevel1Login(dcom.CoCreateInstanceEx(clsid, iid))
        services: Any = login.NTLMLogin("//./root/cimv2", NULL, NULL)
        answered = len(peer.calls)
        enumerator = services.ExecQuery(LICENSING_PRODUCT.wql(LICENSING_PRODUCT.columns))
        rows = 0
        try:
            while enumerator.Next(0xFFFFFFFF, 1):
                rows += 1
        except impacket_wmi.DCERPCSessionError as error:
            if error.get_error_code() != END_OF_ROWS:
                raise
        assert rows == ROWS
        return len(peer.calls) - answered
    finally:
        dcom.disconnect()
