"""A Linux computer as it is seen over SSH: OpenSSH with that computer's own identity, accounts and package database.

References:
    - https://man.openbsd.org/sshd_config
    - https://www.kernel.org/doc/Documentation/ABI/testing/sysfs-firmware-dmi-entries, ``drivers/firmware/dmi-id.c``
      (serials and UUID are mode 0400)
"""

from __future__ import annotations

import shlex
from pathlib import Path

from tests.lab.netns import LabError, run_checked
from tests.lab.packages import put_dpkg, put_rpm
from tests.lab.peer import Boot, Peer, hide, put, put_accounts
from tests.lab.plans import Hardware, LinuxPc

PACKAGE_TOOLS = {
    "dpkg": ("dpkg", "dpkg-query", "dpkg-deb", "apt", "apt-get", "apt-cache"),
    "rpm": ("rpm", "rpmquery", "rpmkeys", "rpmdb"),
}

SSHD_CONFIG = {
    "Port": "22",
    "ListenAddress": "0.0.0.0",
    "UsePAM": "no",
    "PasswordAuthentication": "yes",
    "PermitRootLogin": "yes",
    "PrintMotd": "no",
    "UseDNS": "no",
    "LogLevel": "VERBOSE",
}

# What this machine has in its homes and by hand is no part of the host; the host's own stands in its folder.
# /sys/class is replaced by a folder of ours because a folder cannot be added to sysfs; the network devices stay.
SCRIPT = """\
mkdir -p interfaces /run/sshd
mount -t overlay -o lowerdir={folder}/root/usr/bin:/usr/bin lab /usr/bin
mount --bind {folder}/root/var/lib /var/lib
for own in opt home root snap usr/share/applications usr/local; do
  [ -d /$own ] || continue
  mount -t tmpfs -o mode=755 lab /$own
  [ ! -d {folder}/root/$own ] || cp -a {folder}/root/$own/. /$own
done
[ ! -e /usr/lib/os-release ] || mount --bind /etc/os-release /usr/lib/os-release
[ ! -d /sys/firmware ] || mount -t tmpfs lab /sys/firmware
mount --bind /sys/class/net interfaces
mount -t tmpfs -o mode=755 lab /sys/class
mkdir -p /sys/class/net /sys/class/dmi
mount --bind interfaces /sys/class/net
cp -a dmi /sys/class/dmi/id
exec /usr/sbin/sshd -D -e -f {folder}/sshd_config
"""


def prepare(plan: LinuxPc, folder: Path) -> Boot:
    """Write the host's folder: accounts, identity, package database, firmware values, host key."""
    _put_identity(plan, folder)
    _put_dmi(plan.hardware, folder / "dmi")
    _put_packages(plan, folder)
    run_checked(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "host_key")])
    settings = {**SSHD_CONFIG, "HostKey": str(folder / "host_key"), "PidFile": "none", **plan.sshd}
    (folder / "sshd_config").write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
    return Boot(SCRIPT.format(folder=shlex.quote(str(folder))), (22,))


def host_key(peer: Peer) -> str:
    """The host's public key as a known-hosts line has it: ``ssh-ed25519 AAAA…``."""
    return " ".join((peer.folder / "host_key.pub").read_text().split()[:2])


def _put_identity(plan: LinuxPc, folder: Path) -> None:
    uid = 0 if plan.superuser else 1001
    hashed = run_checked(["openssl", "passwd", "-6", "-stdin"], plan.password).strip()
    put_accounts(
        folder,
        [
            "sshd:x:105:65534::/run/sshd:/usr/sbin/nologin",
            f"{plan.username}:x:{uid}:100::/:/bin/sh",
        ],
        [f"{plan.username}:{hashed}:19700:0:99999:7:::"],
    )
    put(folder, "/etc/hostname", f"{plan.name}\n")
    put(folder, "/etc/hosts", f"127.0.0.1 localhost {plan.name}\n")
    put(folder, "/etc/machine-id", f"{plan.machine_id}\n")
    put(folder, "/etc/os-release", plan.os_release)
    hide(folder, "/etc/debian_version")
    for path, text in plan.files.items():
        put(folder, path, text, 0o755 if path.startswith("/usr/bin/") else 0o644)


def _put_packages(plan: LinuxPc, folder: Path) -> None:
    builders = {"dpkg": put_dpkg, "rpm": put_rpm}
    if plan.package_format not in builders:
        raise LabError(f"{plan.name}: no package format {plan.package_format}")
    builders[plan.package_format](plan.packages, folder)
    for manager, tools in PACKAGE_TOOLS.items():
        if manager != plan.package_format:
            for tool in tools:
                hide(folder, f"/usr/bin/{tool}")


def _put_dmi(hardware: Hardware | None, folder: Path) -> None:
    folder.mkdir()
    if hardware is None:
        return
    public = {
        "sys_vendor": hardware.maker,
        "product_name": hardware.model,
        "product_family": hardware.family,
        "product_version": hardware.version,
        "board_vendor": hardware.maker,
        "bios_vendor": hardware.bios_vendor,
        "bios_version": hardware.bios_version,
        "bios_date": hardware.bios_date,
        "chassis_type": str(hardware.chassis_type),
    }
    secret = {
        "product_serial": hardware.serial,
        "product_uuid": hardware.uuid,
        "board_serial": hardware.board_serial,
        "chassis_serial": hardware.serial,
    }
    for mode, values in ((0o444, public), (0o400, secret)):
        for name, text in values.items():
            (folder / name).write_text(f"{text}\n")
            (folder / name).chmod(mode)
