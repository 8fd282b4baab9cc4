"""WMI on the hosts of a test LAN: a Samba peer and a WMI peer at one address are one Windows computer."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager

from tests.lab.dcom.server import Faults, Table, WmiPc, WmiPeer
from tests.lab.dcom.stdregprov import Hive
from tests.lab.lan import Lan
from tests.lab.plans import WindowsPc
from tests.lab.samba import registry
from tests.scanner.laptop import inside

Namespaces = Mapping[str, Mapping[str, Table]]


@contextmanager
def serving(
    lan: Lan, computers: Mapping[str, Namespaces], faults: Faults | None = None
) -> Generator[dict[str, WmiPeer]]:
    """Serve WMI on these hosts of the LAN, by name, with the account and the registry that their plans give them."""
    with ExitStack() as stack:
        peers: dict[str, WmiPeer] = {}
        for name, namespaces in computers.items():
            host = lan.host(name)
            with inside(host.namespace):
                peers[name] = stack.enter_context(WmiPeer(_pc(host.plan, namespaces, faults or Faults())))
        yield peers


def _pc(plan: object, namespaces: Namespaces, faults: Faults) -> WmiPc:
    assert isinstance(plan, WindowsPc)
    return WmiPc(
        address=plan.address,
        name=plan.name.upper(),
        users={plan.username: plan.password},
        namespaces=namespaces,
        hive=Hive.of(registry(plan)),
        faults=faults,
    )
