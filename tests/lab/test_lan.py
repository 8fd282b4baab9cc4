"""The peers are real, they are what their plan says, and nothing of the lab stays or leaks."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lab import netns, samba, smbios
from tests.lab.demo_unit import UNINSTALL, Demo
from tests.lab.lan import FOLDER_PREFIX, Lan
from tests.lab.netns import LabError
from tests.lab.peer import Peer, put
from tests.lab.plans import Answer, LinuxPc, Listener, Off, WindowsPc

pytestmark = pytest.mark.lab

REPOSITORY = Path(__file__).parent.parent.parent
PASSWORD = "Lab-pass-1"

SSH_LOGIN = """
import json, paramiko, sys
job = json.load(sys.stdin)
client = paramiko.SSHClient()
client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
client.connect(job["address"], username=job["username"], password=job["secret"],
               allow_agent=False, look_for_keys=False, timeout=10)
print(json.dumps([client.exec_command(command)[1].read().decode() for command in job["commands"]]))
client.close()
"""

READ_BINARY = """
import json, sys
from impacket.dcerpc.v5 import rrp, transport
from impacket.smbconnection import SMBConnection
job = json.load(sys.stdin)
smb = SMBConnection(job["address"], job["address"], timeout=10)
smb.login("inspector", job["secret"])
rpc = transport.SMBTransport(job["address"], 445, r"\\winreg", smb_connection=smb).get_dce_rpc()
rpc.connect()
rpc.bind(rrp.MSRPC_UUID_RRP)
root = rrp.hOpenLocalMachine(rpc)["phKey"]
key = rrp.hBaseRegOpenKey(rpc, root, job["key"])["phkResult"]
kind, data = rrp.hBaseRegQueryValue(rpc, key, job["value"])
print(data.hex() if kind == 3 else kind)
"""

START_AND_DIE = """
import os, signal, sys
from tests.lab.lan import Lan
from tests.lab.plans import Answer, Listener
lan = Lan.start([Listener(name="L", address="10.77.0.9", mac="00:01:e6:00:00:09", answers=(Answer(9100),))])
print(lan.laptop.name, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""

CONNECT = """
import socket, sys
s = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=2)
s.settimeout(0.5)
try:
    print(s.recv(100))
except TimeoutError:
    print("silent")
"""


def windows(name: str = "PC1", address: str = "10.77.0.11", **options: object) -> WindowsPc:
    plan: dict[str, object] = {"name": name, "address": address, "mac": "10:c5:95:00:00:11", "password": PASSWORD}
    return WindowsPc(**{**plan, **options})  # pyright: ignore[reportArgumentType]


def secret(demo: Demo) -> str:
    return demo.credentials[0]["secret"]


def registry(demo: Demo, host: Peer, *words: str) -> str:
    """What Samba's own client reads from the host's remote registry."""
    argv = ["net", "rpc", "registry", *words, "-S", host.address, "-U", f"inspector%{secret(demo)}"]
    done = demo.lan.laptop.run(argv)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def over_ssh(demo: Demo, host: Peer, *commands: str) -> list[str]:
    job = {"address": host.address, "username": "inspector", "secret": secret(demo), "commands": commands}
    done = demo.lan.laptop.run([sys.executable, "-I", "-c", SSH_LOGIN], input=json.dumps(job))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def smb_login(lan: Lan, address: str, password: str, *options: str) -> str:
    login = ["smbclient", "-L", address, "-U", f"inspector%{password}", *options]
    done = lan.laptop.run(login)
    return done.stdout + done.stderr


def open_ports(lan: Lan, targets: str, ports: str) -> dict[str, dict[int, str]]:
    """nmap's own view from the laptop: address → port → state."""
    done = lan.laptop.run(["nmap", "-n", "-T4", "-p", ports, "-oG", "-", targets])
    found: dict[str, dict[int, str]] = {}
    for line in done.stdout.splitlines():
        if "Ports:" in line:
            states = line.partition("Ports: ")[2].partition("\t")[0].split(", ")
            found[line.split()[1]] = {int(part.split("/")[0]): part.split("/")[1] for part in states}
    return found


def test_a_windows_pc_serves_its_hive_in_both_views_and_per_user(demo: Demo) -> None:
    pc1, pc2 = demo.lan.host("PC1"), demo.lan.host("PC2")
    office = registry(demo, pc1, "enumerate", rf"HKLM\{UNINSTALL}\ProPlus2019Retail - zh-cn")
    assert "Microsoft Office 专业增强版 2019 - zh-cn" in office
    narrow = registry(demo, pc1, "enumerate", r"HKLM\SOFTWARE\WOW6432Node\Microsoft\Windows\CurrentVersion\Uninstall")
    assert "{052CFB79-9D62-42E3-8A15-DE66C2C97C3E}" in narrow
    users = registry(demo, pc2, "enumerate", "HKU")
    assert "S-1-5-21-1195723380-2714402877-3320175541-1001" in users
    wps = rf"HKU\S-1-5-21-1195723380-2714402877-3320175541-1001\{UNINSTALL}\Kingsoft Office"
    assert "11.8.2.8361" in registry(demo, pc2, "enumerate", wps)


def test_a_windows_pc_gives_its_firmware_table_unchanged(demo: Demo) -> None:
    host = demo.lan.host("PC1")
    assert isinstance(host.plan, WindowsPc)
    assert host.plan.hardware
    path = samba.MSSMBIOS.removeprefix("HKLM\\")
    job = {"address": host.address, "secret": secret(demo), "key": path, "value": "SMBiosData"}
    done = demo.lan.laptop.run([sys.executable, "-I", "-c", READ_BINARY], input=json.dumps(job))
    assert bytes.fromhex(done.stdout) == smbios.raw_table(host.plan.hardware), done.stderr


def test_the_refusing_pc_names_a_logon_failure_and_the_others_do_not(demo: Demo) -> None:
    assert "NT_STATUS_LOGON_FAILURE" in smb_login(demo.lan, demo.lan.host("PC3").address, secret(demo))
    assert "IPC$" in smb_login(demo.lan, demo.lan.host("PC1").address, secret(demo))


def test_a_linux_desktop_lists_its_own_packages_and_hides_serials_from_an_ordinary_account(demo: Demo) -> None:
    release, packages, vendor, serial, tools, host_id = over_ssh(
        demo,
        demo.lan.host("KYLIN1"),
        "cat /etc/os-release",
        r"dpkg-query -W -f '${Package}\t${Version}\t${db:Status-Status}\n'",
        "cat /sys/class/dmi/id/sys_vendor",
        "cat /sys/class/dmi/id/product_serial",
        "command -v rpm; cat /sys/class/net/eth0/address",
        "cat /etc/machine-id; hostname",
    )
    assert "银河麒麟桌面操作系统V10 (SP1)" in release
    lines = packages.splitlines()
    assert len(lines) == 15
    assert "cn.wps.wps-office\t11.1.0.11664\tinstalled" in lines
    assert "com.todesk\t4.7.2.0\tconfig-files" in lines
    assert (vendor, serial, tools) == ("GreatWall\n", "", "50:58:b0:0d:41:77\n")
    assert host_id == "7f3b0c51d6b64a0c9a52d1c8e40b2121\nKYLIN1\n"


def test_an_rpm_server_answers_rpm_with_install_times_and_knows_no_dpkg(demo: Demo) -> None:
    packages, dmi, tools = over_ssh(
        demo,
        demo.lan.host("SRV1"),
        "rpm -qa --qf '%{NAME}|%{EPOCH}|%{VERSION}-%{RELEASE}|%{VENDOR}|%{INSTALLTIME}\\n'",
        "cat /sys/class/dmi/id/product_serial /sys/class/dmi/id/product_uuid",
        "command -v dpkg-query dpkg apt",
    )
    assert len(packages.splitlines()) == 5
    assert "openssl|1|1.1.1f-31.p23.ky10|KylinSoft|1650420000" in packages  # 2022-04-20 02:00 UTC
    assert dmi == "221047893\n5c0e1a94-90d2-11ec-8f6e-6c92bf4e0813\n"
    assert tools == ""


def test_the_unit_can_name_the_ssh_keys_that_its_hosts_show(demo: Demo) -> None:
    assert sorted(demo.host_keys) == ["10.77.0.21", "10.77.0.31", "10.77.0.32"]
    shown = demo.lan.laptop.run(["ssh-keyscan", "-t", "ed25519", "10.77.0.31"]).stdout
    assert shown.strip() == f"10.77.0.31 {demo.host_keys['10.77.0.31']}"


def test_nmap_sees_exactly_the_hosts_that_are_on_and_their_ports(demo: Demo) -> None:
    found = open_ports(demo.lan, "10.77.0.1-98", "22,80,135,445,515,631,9100")
    up = {address: {port for port, state in ports.items() if state == "open"} for address, ports in found.items()}
    assert up == {
        "10.77.0.11": {445},
        "10.77.0.12": {445},
        "10.77.0.13": {445},
        **{f"10.77.0.{n}": {135, 445} for n in range(15, 21)},  # those that answer over WMI too
        "10.77.0.21": {22},
        "10.77.0.31": {22},
        "10.77.0.32": {22},
        "10.77.0.41": {80, 515, 631, 9100},
    }


def test_the_lab_has_no_way_to_the_machine_or_beyond(demo: Demo) -> None:
    assert demo.lan.laptop.run(["ip", "-4", "route"]).stdout.split() == [
        *["10.77.0.0/24", "dev", "eth0", "proto", "kernel", "scope", "link", "src", "10.77.0.254"],
    ]
    machine = subprocess.run(["hostname", "-I"], capture_output=True, text=True).stdout.split()
    for address in [*[a for a in machine if ":" not in a], "192.0.2.1"]:
        assert "unreachable" in demo.lan.laptop.run(["ip", "route", "get", address]).stderr
    names = {name for _, name in socket.if_nameindex()}
    assert not {name for name in names if name.startswith("port") or name == netns.BRIDGE}


def test_the_description_is_json_and_holds_no_password(demo: Demo) -> None:
    text = json.dumps(demo.lan.describe(), ensure_ascii=False)
    assert secret(demo) not in text + repr(demo) + repr(demo.lan.host("PC1").plan)
    described = json.loads(text)
    assert [host["name"] for host in described["hosts"] if not host["on"]] == ["PC4"]
    assert len(described["hosts"]) == 15


def test_a_capture_holds_what_went_over_the_wire(demo: Demo, tmp_path: Path) -> None:
    with demo.lan.capture(tmp_path / "laptop.pcap") as laptop, demo.lan.capture(tmp_path / "sw.pcap", "switch") as sw:
        demo.lan.laptop.run([sys.executable, "-I", "-c", CONNECT, "10.77.0.41", "9100"])
    for path in (laptop, sw):
        frames = subprocess.run(["tcpdump", "-n", "-r", str(path)], capture_output=True, text=True).stdout
        assert "10.77.0.41.9100: Flags [S]" in frames
    assert "IP6" not in subprocess.run(["tcpdump", "-n", "-r", str(laptop)], capture_output=True, text=True).stdout


def test_filtered_and_half_open_ports_are_told_apart() -> None:
    hosts = [
        windows(filtered_ports=(445,)),
        Listener(name="MUTE", address="10.77.0.12", mac="00:0f:e2:00:00:12", answers=(Answer(445),)),
    ]
    with Lan.start(hosts) as lan:
        ports = open_ports(lan, "10.77.0.11-12", "445,446")
        assert ports == {
            "10.77.0.11": {445: "filtered", 446: "closed"},
            "10.77.0.12": {445: "open", 446: "closed"},
        }
        assert lan.laptop.run([sys.executable, "-I", "-c", CONNECT, "10.77.0.12", "445"]).stdout == "silent\n"


def test_samba_settings_pass_through_and_wrong_passwords_are_counted() -> None:
    old = windows(smb={"server max protocol": "SMB2_10", "server signing": "mandatory"}, bad_lockout_attempt=3)
    with Lan.start([old]) as lan:
        host = lan.host("PC1")
        assert samba.bad_password_count(host) == 0
        assert "NT_STATUS_LOGON_FAILURE" in smb_login(lan, host.address, "wrong")
        assert samba.bad_password_count(host) == 1
        newer = smb_login(lan, host.address, PASSWORD, "--option=client min protocol=SMB3")
        assert "NT_STATUS_NOT_SUPPORTED" in newer
        assert "IPC$" in smb_login(lan, host.address, PASSWORD)


def test_a_pulled_cable_takes_a_host_away_and_gives_it_back() -> None:
    with Lan.start([Listener(name="L", address="10.77.0.9", mac="00:01:e6:00:00:09", answers=(Answer(9100),))]) as lan:
        lan.host("L").unplug()
        assert open_ports(lan, "10.77.0.9", "9100") == {}
        lan.host("L").plug_in()
        assert open_ports(lan, "10.77.0.9", "9100") == {"10.77.0.9": {9100: "open"}}


def machine_state() -> list[str]:
    """What the lab must never change on the machine it runs on."""
    files = ["/etc/passwd", "/etc/shadow", "/etc/group", "/etc/os-release", "/etc/hostname", "/var/lib/dpkg/status"]
    digests = [hashlib.sha256(Path(name).read_bytes()).hexdigest() for name in files]
    mounts = Path("/proc/self/mounts").read_text()
    return [*digests, socket.gethostname(), mounts, str(sorted(socket.if_nameindex()))]


def test_nothing_stays_even_when_the_test_fails_and_the_machine_is_as_before() -> None:
    before = machine_state()
    hosts = [
        windows(),
        LinuxPc(name="X", address="10.77.0.12", mac="50:58:b0:00:00:12", password=PASSWORD, os_release="ID=uos\n"),
        Off(name="GONE", address="10.77.0.13", mac="28:f1:0e:00:00:13"),
    ]
    lan = Lan.start(hosts)
    pids = {pid for host in lan.hosts for pid in host.namespace.pids()}
    assert len(pids) >= 4
    with pytest.raises(ZeroDivisionError), lan:
        raise ZeroDivisionError
    assert machine_state() == before
    tag = lan.laptop.name.partition("-")[0]
    assert [space.name for space in netns.existing() if space.name.startswith(tag)] == []
    assert not lan.folder.exists()
    assert [pid for pid in pids if netns.alive(pid)] == []


def test_what_a_killed_owner_left_is_swept_at_the_next_start() -> None:
    done = subprocess.run([sys.executable, "-c", START_AND_DIE], capture_output=True, text=True, cwd=REPOSITORY)
    assert done.returncode == -signal.SIGKILL, done.stderr
    left = done.stdout.strip()
    spaces = {space.name: space for space in netns.existing()}
    orphans = netns.Namespace(left.replace("laptop", "L")).pids()
    assert left in spaces
    assert orphans
    with Lan.start([]) as lan:
        assert left not in {space.name for space in netns.existing()}
        assert [pid for pid in orphans if netns.alive(pid)] == []
        assert not lan.folder.with_name(f"{FOLDER_PREFIX}{left.partition('-')[0]}").exists()


def test_a_lab_of_a_living_process_is_never_swept(demo: Demo) -> None:
    netns.sweep()
    assert demo.lan.laptop.name in {space.name for space in netns.existing()}


@pytest.mark.parametrize("address", ["10.78.0.1", "10.77.0.254"])
def test_an_address_outside_the_lan_or_of_the_laptop_is_refused(address: str) -> None:
    with pytest.raises(LabError):
        Lan.start([Off(name="A", address=address, mac="28:f1:0e:00:00:01")])


def test_a_host_that_does_not_come_up_is_reported_with_its_own_words() -> None:
    with pytest.raises(LabError, match="PC1 ended"):
        Lan.start([windows(smb={"server role": "nonsense", "security": "nonsense", "bind interfaces only": "maybe"})])


def test_host_files_only_go_to_the_hosts_own_folders(tmp_path: Path) -> None:
    with pytest.raises(LabError):
        put(tmp_path, "/usr/sbin/init", "")
    with pytest.raises(LabError):
        netns.end(os.getpid())
