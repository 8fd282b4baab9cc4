"""A Windows PC as it is seen over SMB: Samba 4 with the remote registry over a generated hive.

References:
    - https://www.samba.org/samba/docs/current/man-html/smb.conf.5.html
    - https://www.samba.org/samba/docs/current/man-html/net.8.html (registry import)
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tests.lab import hive, smbios
from tests.lab.netns import LabError
from tests.lab.peer import Boot, Peer, put_accounts
from tests.lab.plans import DomainMember, RegistryEntry, WindowsPc

SMB_PORTS = (445,)
MSSMBIOS = r"HKLM\SYSTEM\CurrentControlSet\Services\mssmbios\Data"
BIOS = r"HKLM\HARDWARE\DESCRIPTION\System\BIOS"
VERSION = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion"
NARROW_VERSION = r"HKLM\SOFTWARE\WOW6432Node\Microsoft\Windows NT\CurrentVersion"
FOLDERS = ("private", "state", "lock", "cache", "pid", "ncalrpc", "log", "ipc")

SMB_CONF = """\
[global]
 workgroup = WORKGROUP
 netbios name = {name}
 server role = standalone server
 private dir = {folder}/private
 state directory = {folder}/state
 lock directory = {folder}/lock
 cache directory = {folder}/cache
 pid directory = {folder}/pid
 ncalrpc dir = {folder}/ncalrpc
 log file = {folder}/log/log.%m
 disable spoolss = yes
 load printers = no
 map to guest = never
 smb ports = 445
{options}
[IPC$]
 path = {folder}/ipc
"""

DRIVE = """\
[{letter}$]
 path = {folder}/drive-{letter}
 read only = no
 valid users = {username}
"""

SCRIPT = """\
smbpasswd -c smb.conf -s -a {username} < password
rm password
net -s smb.conf registry import hive.reg
{policy}
exec smbd -F --no-process-group -s {folder}/smb.conf
"""


def prepare(plan: WindowsPc, folder: Path) -> Boot:
    """Write the host's folder: accounts, configuration, hive."""
    for name in FOLDERS:
        (folder / name).mkdir()
    put_accounts(folder, [f"{plan.username}:x:1001:100::/:/usr/sbin/nologin"])
    drives = _put_files(plan, folder)
    settings = SMB_CONF.format(name=plan.name, folder=folder, options=_options(plan))
    (folder / "smb.conf").write_text(settings + drives)
    (folder / "hive.reg").write_bytes(hive.reg_file(registry(plan)))
    (folder / "password").write_text(f"{plan.password}\n{plan.password}\n")
    return Boot(
        SCRIPT.format(username=shlex.quote(plan.username), folder=shlex.quote(str(folder)), policy=_policy(plan)),
        SMB_PORTS,
    )


def drive_folder(folder: Path, letter: str) -> Path:
    """Where a drive of the host lies on this machine."""
    return folder / f"drive-{letter}"


def _put_files(plan: WindowsPc, folder: Path) -> str:
    """Lay the files of the drives out; returns the shares."""
    for path, content in plan.files.items():
        letter, _, rest = path.partition(":\\")
        target = drive_folder(folder, letter).joinpath(*rest.split("\\"))
        (target if content is None else target.parent).mkdir(parents=True, exist_ok=True)
        if content is not None:
            target.write_bytes(content)
    letters = sorted({path[0] for path in plan.files})
    return "".join(DRIVE.format(letter=letter, folder=folder, username=plan.username) for letter in letters)


def registry(plan: WindowsPc | DomainMember) -> list[RegistryEntry]:
    """The plan's own values, and those that every Windows derives from name and firmware."""
    computed = [*_name_values(plan.name), *_hardware_values(plan), *_narrow_version(plan)]
    return sorted([*plan.registry, *computed], key=lambda entry: entry.key)


def _narrow_version(plan: WindowsPc | DomainMember) -> Sequence[RegistryEntry]:
    """The 32-bit view of the version key, which real 64-bit Windows has as well.

    Over RPC Samba answers the 64-bit key itself (SystemRoot and CurrentVersion 6.1) and hides what was imported there.
    """
    return [replace(entry, key=NARROW_VERSION) for entry in plan.registry if entry.key == VERSION]


def bad_password_count(peer: Peer, username: str = "inspector") -> int:
    """How many wrong passwords in a row the host has counted for the account."""
    done = peer.run(["pdbedit", "-s", str(peer.folder / "smb.conf"), "-u", username, "-v"])
    found = re.search(r"Bad password count\s*:\s*(\d+)", done.stdout)
    if not found:
        raise LabError(f"{peer.name}: {done.stdout}{done.stderr}")
    return int(found[1])


def _options(plan: WindowsPc) -> str:
    settings = {"server min protocol": "SMB2", **plan.smb}
    if plan.administrator:
        settings["admin users"] = plan.username
    return "".join(f" {name} = {value}\n" for name, value in settings.items())


def _policy(plan: WindowsPc) -> str:
    if not plan.bad_lockout_attempt:
        return ":"
    return f'pdbedit -s smb.conf -P "bad lockout attempt" -C {plan.bad_lockout_attempt}'


def _name_values(name: str) -> Sequence[RegistryEntry]:
    control = r"HKLM\SYSTEM\CurrentControlSet"
    return [
        RegistryEntry(rf"{control}\Control\ComputerName\ComputerName", "ComputerName", name.upper()),
        RegistryEntry(rf"{control}\Services\Tcpip\Parameters", "Hostname", name),
        RegistryEntry(rf"{control}\Services\Tcpip\Parameters", "Domain", ""),
    ]


def _hardware_values(plan: WindowsPc | DomainMember) -> Sequence[RegistryEntry]:
    if (hardware := plan.hardware) is None:
        return []
    texts = {
        "SystemManufacturer": hardware.maker,
        "SystemProductName": hardware.model,
        "SystemFamily": hardware.family,
        "BIOSVendor": hardware.bios_vendor,
        "BIOSVersion": hardware.bios_version,
        "BIOSReleaseDate": hardware.bios_date,
        "BaseBoardManufacturer": hardware.maker,
    }
    values = [RegistryEntry(BIOS, name, text) for name, text in texts.items() if text]
    return [*values, RegistryEntry(MSSMBIOS, "SMBiosData", smbios.raw_table(hardware))]
