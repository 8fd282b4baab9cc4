"""What a sweep will send, decided before anything is sent; pure.

Gentle: a host gets at most three packets for each probed port (SYN and two retries; or SYN, ACK, RST), so with the
default ports the packets of a whole sweep stay under the limit of one second. With so many ports that they might not,
nmap's rate over all hosts is held to that limit instead.

For fragile networks a plan is ``gentle``: one nmap at a time, and a limit over all hosts in place of a pace.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from config.message import Message
from config.problems import BadInput
from config.settings import Discovery
from scanner.ranges import parse_address

PACKETS_A_PORT = 3
PING_PORTS = (22, 80, 445)
SHOWN_CHARACTERS = 64
GENTLE_PACKETS_PER_SECOND = 200  # over all hosts; a tenth of the usual pace of one nmap run

COMMON_OPTIONS = ("-n", "-T4", "--max-retries", "2", "--noninteractive", "-oX", "-")
RAW_OPTIONS = ("--privileged", "-sS", "-PE")
CONNECT_OPTIONS = ("--unprivileged", "-sT")


@dataclass(frozen=True, slots=True)
class DiscoveryPlan:
    """Literal addresses, already in scope, and the TCP ports to probe on each.

    ``privileged``: ARP and SYN probes; else plain connections, which skip the ports that settings forbid.
    ``starts``: canonical addresses at which a new chunk begins in any case.
    """

    addresses: tuple[str, ...]
    ports: tuple[int, ...]
    privileged: bool
    chunk_addresses: int = 256
    starts: frozenset[str] = frozenset()
    gentle: bool = False


@dataclass(frozen=True, slots=True)
class Chunk:
    """The addresses of one nmap run, of one IP version; ``index`` counts from 0 and is stable for one plan."""

    index: int
    addresses: tuple[str, ...]


def plan_discovery(
    addresses: Iterable[str], settings: Discovery, *, privileged: bool, gentle: bool = False
) -> DiscoveryPlan:
    """Plan a sweep of addresses that the caller took from a ``Scope``. Raises BadInput like :func:`literal`."""
    canonical = tuple(dict.fromkeys(map(literal, addresses)))
    return DiscoveryPlan(canonical, settings.ports, privileged, settings.chunk_addresses, gentle=gentle)


def chunks(plan: DiscoveryPlan) -> tuple[Chunk, ...]:
    """Cut the plan into runs of one IP version, at most ``chunk_addresses`` long. Raises like :func:`literal`."""
    return tuple(Chunk(index, run) for index, run in enumerate(_cut(plan)))


def probed_ports(plan: DiscoveryPlan, settings: Discovery) -> tuple[int, ...]:
    """The plan's ports without those that a connection must not touch. Raises BadInput ``discovery.no_ports``."""
    forbidden = () if plan.privileged else settings.never_connect_ports
    ports = tuple(port for port in plan.ports if port not in forbidden)
    if not ports:
        raise BadInput("discovery.no_ports")
    return ports


def mode_remark(plan: DiscoveryPlan, settings: Discovery) -> Message | None:
    """What a reader of the result must know about how it was made; None when made with raw packets."""
    if plan.privileged:
        return None
    skipped = sorted(set(plan.ports) & set(settings.never_connect_ports))
    return Message.of("discovery.connect_mode", skipped=", ".join(map(str, skipped)))


def literal(text: str) -> str:
    """The canonical form of one literal address. Raises BadInput on anything else: no name, option or range passes."""
    address = parse_address(text)
    if address is None:
        raise BadInput("discovery.bad_address", address=text[:SHOWN_CHARACTERS])
    return str(address)


def nmap_arguments(
    addresses: Sequence[str],
    ports: Sequence[int],
    *,
    privileged: bool,
    packets_per_second: int,
    sweep_rate: int = 0,
    gentle: bool = False,
) -> list[str]:
    """The arguments of one nmap run. Raises BadInput when an address is not a literal; pure.

    ``packets_per_second`` is the limit of one host; ``sweep_rate`` the pace over all of them, 0 leaves it to nmap;
    ``gentle`` limits them all together.
    """
    targets = [literal(address) for address in addresses]
    assert len({":" in target for target in targets}) == 1, "one IP version a run"
    pings = [port for port in PING_PORTS if port in ports] or list(ports[:3])
    options = [*COMMON_OPTIONS, *(RAW_OPTIONS if privileged else CONNECT_OPTIONS)]
    options += [f"-PS{_joined(pings)}", "-p", _joined(ports)]
    options += _rate(len(ports) + len(pings), packets_per_second, sweep_rate if privileged else 0, gentle=gentle)
    options += ["-6"] if ":" in targets[0] else []
    return [*options, *targets]


def _rate(probes: int, packets_per_second: int, sweep_rate: int, *, gentle: bool) -> list[str]:
    echo_request = 1
    few = probes * PACKETS_A_PORT + echo_request <= packets_per_second
    if gentle:
        return [
            "--max-rate",
            str(GENTLE_PACKETS_PER_SECOND if few else min(packets_per_second, GENTLE_PACKETS_PER_SECOND)),
        ]
    if few:
        return ["--min-rate", str(sweep_rate)] if sweep_rate else []
    return ["--max-rate", str(packets_per_second)]


def _cut(plan: DiscoveryPlan) -> Iterator[tuple[str, ...]]:
    run: list[str] = []
    for address in map(literal, plan.addresses):
        other_version = run and (":" in address) != (":" in run[0])
        if run and (len(run) == plan.chunk_addresses or address in plan.starts or other_version):
            yield tuple(run)
            run = []
        run.append(address)
    if run:
        yield tuple(run)


def _joined(ports: Iterable[int]) -> str:
    return ",".join(str(int(port)) for port in ports)
