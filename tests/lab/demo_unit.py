"""A made-up unit and its LAN: what ``hezheng demo`` shows and the whole-visit tests inspect.

Everything that describes it lies in ``tests/data/demo``; the result worked out by hand is ``expected.json`` there.
``with start() as demo:`` brings the LAN up. Needs root and the lab's system packages, and no test library.
"""

from __future__ import annotations

import csv
import json
import secrets
import tomllib
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.lab import demo_wmi, hive, ssh
from tests.lab.dcom import lab as wmi
from tests.lab.lan import Lan
from tests.lab.plans import Answer, Hardware, HostPlan, LinuxPc, Listener, Off, Package, RegistryEntry, WindowsPc

DATA = Path(__file__).parent.parent / "data" / "demo"
UNINSTALL = r"SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall"
DWORD_VALUES = frozenset({"SystemComponent", "WindowsInstaller", "EstimatedSize"})
NOT_VALUES = frozenset({"sample", "view", "key"})
USERNAME = "inspector"


@dataclass(frozen=True, slots=True)
class Demo:
    """The unit while its LAN is up. ``credentials`` hold a password that exists only as long as the LAN does."""

    lan: Lan
    unit_name: str
    scope: str
    exclusions: tuple[str, ...]
    credentials: tuple[Mapping[str, str], ...] = field(repr=False)
    ledgers: Mapping[str, Path]
    proofs: tuple[Mapping[str, str], ...]
    services: ExitStack = field(default_factory=ExitStack, repr=False)  # what runs in this process on its hosts

    @property
    def expected(self) -> dict[str, Any]:
        """The result worked out by hand."""
        return json.loads((DATA / "expected.json").read_text(encoding="utf-8"))

    @property
    def host_keys(self) -> dict[str, str]:
        """The SSH keys that the unit's staff would confirm: address → ``ssh-ed25519 AAAA…``."""
        return {host.address: ssh.host_key(host) for host in self.lan.hosts if isinstance(host.plan, LinuxPc)}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End the LAN; may be called twice."""
        self.services.close()
        self.lan.stop()


def start(*, follow_up: bool = False) -> Demo:
    """Bring the unit's LAN up, as at the first visit or as at the 回头看. Raises ``tests.lab.netns.LabError``."""
    unit = described_unit()
    password = secrets.token_urlsafe(18)
    login = {"kind": "local", "username": USERNAME, "domain": "", "secret": password}
    demo = Demo(
        lan=Lan.start(host_plans(password, follow_up=follow_up), unit["subnet"]),
        unit_name=unit["name"],
        scope=unit["scope"],
        exclusions=tuple(unit["exclusions"]),
        credentials=({**login, "protocol": "smb"}, {**login, "protocol": "ssh"}),
        ledgers=ledgers(),
        proofs=tuple(unit["proofs"]),
    )
    try:
        demo.services.enter_context(wmi.serving(demo.lan, wmi_computers(follow_up=follow_up)))
    except BaseException:
        demo.stop()
        raise
    return demo


def described_unit() -> dict[str, Any]:
    """``unit.toml``: name, subnet, scope, exclusions, ledgers, proofs."""
    return tomllib.loads((DATA / "unit.toml").read_text(encoding="utf-8"))


def ledgers() -> dict[str, Path]:
    """The files that the unit hands over, by ledger kind (``assets``, ``licences``, ``free_list``)."""
    return {kind: DATA / "ledgers" / name for kind, name in described_unit()["ledgers"].items()}


def host_folders(*, follow_up: bool = False) -> list[Path]:
    """One folder a host, ``NN-NAME``; at the 回头看 the folders below ``follow_up`` stand for those of their number."""
    found = {folder.name.partition("-")[0]: folder for folder in sorted((DATA / "hosts").iterdir())}
    if follow_up:
        found |= {folder.name.partition("-")[0]: folder for folder in sorted((DATA / "follow_up").iterdir())}
    return [found[number] for number in sorted(found)]


def host_plans(password: str, *, follow_up: bool = False) -> list[HostPlan]:
    """Every host of the unit, by number; hosts that refuse the credential get a password of their own."""
    return [read_host(folder, password) for folder in host_folders(follow_up=follow_up)]


def read_host(folder: Path, password: str) -> HostPlan:
    """One host from its folder ``NN-NAME``: ``host.toml`` and the lists beside it."""
    described = tomllib.loads((folder / "host.toml").read_text(encoding="utf-8"))
    if described.pop("refuses", False):
        password = secrets.token_urlsafe(18)
    return READERS[described.pop("kind")](folder, described, password)


def wmi_computers(*, follow_up: bool = False) -> dict[str, wmi.Namespaces]:
    """What WMI says on each host that answers over it, by name; the others refuse its port."""
    folders = host_folders(follow_up=follow_up)
    files = [tomllib.loads((folder / "host.toml").read_text("utf-8")) for folder in folders]
    return {described["name"]: demo_wmi.namespaces(described) for described in files if "wmi" in described}


def product_keys() -> tuple[str, ...]:
    """The made-up product keys planted in the hives: none of them may be stored or shown in full."""
    found: set[str] = set()
    for folder in sorted((DATA / "hosts").iterdir()):
        registry = tomllib.loads((folder / "host.toml").read_text(encoding="utf-8")).get("registry", {})
        blobs = [value for values in registry.values() for value in values.values() if isinstance(value, dict)]
        found |= {str(blob["product_key"]) for blob in blobs}
    return tuple(sorted(found))


def read_table(path: Path) -> list[dict[str, str]]:
    """Rows of a CSV file as dicts; none when the host has no such file."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def _windows(folder: Path, described: dict[str, Any], password: str) -> HostPlan:
    user = described.pop("user_sid")
    described.pop("wmi", None)  # served beside it: wmi_computers()
    tables: dict[str, dict[str, Any]] = described.pop("registry", {})
    values = [RegistryEntry(key, name, _data(data)) for key, table in tables.items() for name, data in table.items()]
    programs = [entry for row in read_table(folder / "software.csv") for entry in _uninstall_key(row, user)]
    hardware = Hardware(**described.pop("hardware"))
    registry = (*values, *programs)
    return WindowsPc(**described, username=USERNAME, password=password, hardware=hardware, registry=registry)


def _linux(folder: Path, described: dict[str, Any], password: str) -> HostPlan:
    rows = read_table(folder / "packages.csv")
    hardware = Hardware(**described.pop("hardware"))
    return LinuxPc(
        **described,
        hardware=hardware,
        username=USERNAME,
        password=password,
        os_release=(folder / "os-release").read_text(encoding="utf-8"),
        packages=tuple(Package(**{k: v for k, v in row.items() if v and k != "sample"}) for row in rows),
        files={f"/etc/{path.name}": path.read_text(encoding="utf-8") for path in folder.glob("os-version")},
    )


def _listener(folder: Path, described: dict[str, Any], password: str) -> HostPlan:
    answers = tuple(Answer(**answer) for answer in described.pop("answers"))
    return Listener(**described, answers=answers)


def _off(folder: Path, described: dict[str, Any], password: str) -> HostPlan:
    return Off(**described)


READERS: dict[str, Callable[[Path, dict[str, Any], str], HostPlan]] = {
    "windows": _windows,
    "linux": _linux,
    "listener": _listener,
    "off": _off,
}


def _data(data: Any) -> Any:
    """TOML as registry data; a table of product_id and product_key is a DigitalProductId blob."""
    if isinstance(data, dict):
        return hive.digital_product_id(**data)
    return tuple(data) if isinstance(data, list) else data


def _uninstall_key(row: Mapping[str, str], user: str) -> list[RegistryEntry]:
    """One row of ``software.csv``. A key that has no value at all still needs one to exist: the empty default."""
    key = rf"{_uninstall_root(row['view'], user)}\{row['key']}"
    values = {name: text for name, text in row.items() if text and name not in NOT_VALUES}
    entries = [RegistryEntry(key, name, int(text) if name in DWORD_VALUES else text) for name, text in values.items()]
    return entries or [RegistryEntry(key, "NoRemove", 1)]


def _uninstall_root(view: str, user: str) -> str:
    wow = UNINSTALL.replace("SOFTWARE", r"SOFTWARE\WOW6432Node", 1)
    return {"HKLM": rf"HKLM\{UNINSTALL}", "WOW6432Node": rf"HKLM\{wow}", "HKU": rf"HKU\{user}\{UNINSTALL}"}[view]
