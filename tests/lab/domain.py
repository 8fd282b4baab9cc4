"""A Windows domain: a Samba Active Directory controller with accounts and a lock-out policy, and member servers.

Packages ``samba-ad-provision``, ``samba-dsdb-modules``, ``samba-vfs-modules`` and ``winbind`` beside ``samba``.

Two things that Samba leaves to find out: the controller maps the SIDs of every login through winbind, and the client
library looks for its socket in ``/run/samba/winbindd`` whatever smb.conf says (elsewhere a right password is answered
with STATUS_INTERNAL_ERROR); and a member asks the system for ``DOMAIN\\user`` and for the number that winbind gave it,
so what winbind says of each account is put into the member's user database in place of a name-service module.

References:
    - https://wiki.samba.org/index.php/Setting_up_Samba_as_an_Active_Directory_Domain_Controller
    - https://wiki.samba.org/index.php/Setting_up_Samba_as_a_Domain_Member
    - [MS-ADA1] badPwdCount, [MS-SAMR] §3.1.1.7.2 (lock-out)
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.lab import hive, samba
from tests.lab.netns import LabError
from tests.lab.peer import Boot, Peer, put, put_accounts
from tests.lab.plans import DomainAccount, DomainController, DomainMember

JOINING = "Join-The-Domain-1"  # password of the domain's Administrator, used to join members alone
SCRIPT = """\
mkdir -p /run/samba
samba-tool domain provision --realm={realm} --domain={domain} --server-role=dc --dns-backend=NONE --quiet \\
  --targetdir={folder}/dc --host-name={name} --host-ip={address} --adminpass={joining} \\
  --option="server services = s3fs, rpc, ldap, cldap, kdc, nbt, winbindd" --option="log file = {folder}/log.%m" \\
  --option="pid directory = {folder}" --option="ncalrpc dir = {folder}/ncalrpc" \\
  --option="ntp signd socket directory = {folder}/ntp" --option="ldb:nosync = true"
/usr/bin/python3 accounts.py
rm accounts.py
exec samba -F --no-process-group -s {folder}/dc/etc/smb.conf
"""
ACCOUNTS = """\
# samba-tool spends most of its time on starting: one process gives all its commands
import json
from samba.netcmd.main import cmd_sambatool
for words in json.loads({lines!r}):
    code = cmd_sambatool()._run("samba-tool", *words, "-s", "dc/etc/smb.conf")
    assert not code, (words[:2], code)
"""
STATES: Mapping[str, tuple[str, ...]] = {"disabled": ("disable",), "expired": ("setexpiry", "--days=0")}

MEMBER_CONF = """\
[global]
 workgroup = {domain}
 security = domain
 realm = {realm}
 netbios name = {name}
 password server = {controller}
 idmap config * : backend = tdb
 idmap config * : range = 10000-99999
 winbind cache time = 0
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
MEMBER_SCRIPT = """\
mkdir -p /run/samba
net -s smb.conf registry import hive.reg
until net -s smb.conf rpc join -S {controller} -U Administrator%{joining}; do sleep 0.2; done
winbindd -D -s {folder}/smb.conf
until wbinfo --ping-dc; do sleep 0.1; done
cp /etc/passwd /run/passwd
for user in {users}; do wbinfo -i "{domain}\\\\$user" >> /run/passwd; done
mount --bind /run/passwd /etc/passwd
exec smbd -F --no-process-group -s {folder}/smb.conf
"""
BOOT_SECONDS = 180.0  # ten on an idle machine
COUNT = re.compile(r"badPwdCount:\s*(\d+)")


def prepare(plan: DomainController, folder: Path) -> Boot:
    """Write the host's folder; the domain itself is made at boot."""
    put_accounts(folder, [])
    (folder / "accounts.py").write_text(ACCOUNTS.format(lines=json.dumps(list(_account_commands(plan)))))
    script = SCRIPT.format(
        realm=plan.realm,
        domain=plan.domain,
        folder=shlex.quote(str(folder)),
        name=plan.name,
        address=plan.address,
        joining=JOINING,
    )
    return Boot(script, (445,), BOOT_SECONDS)


def prepare_member(plan: DomainMember, folder: Path) -> Boot:
    """Write the host's folder; it joins at boot, as soon as the controller answers."""
    controller = plan.controller
    for name in samba.FOLDERS:
        (folder / name).mkdir()
    put_accounts(folder, [])
    put(folder, "/etc/hosts", f"127.0.0.1 localhost\n{controller.address} {controller.name}\n")
    administrator = rf"{controller.domain}\{controller.username}"
    values = {"server min protocol": "SMB2", "admin users": administrator, **plan.smb}
    options = "".join(f" {name} = {value}\n" for name, value in values.items())
    about = {"realm": controller.realm, "domain": controller.domain, "folder": str(folder)}
    conf = MEMBER_CONF.format(name=plan.name, controller=controller.address, options=options, **about)
    (folder / "smb.conf").write_text(conf)
    (folder / "hive.reg").write_bytes(hive.reg_file(samba.registry(plan)))
    users = shlex.join([controller.username, *(account.username for account in controller.accounts)])
    script = MEMBER_SCRIPT.format(controller=controller.name, joining=JOINING, users=users, **about)
    return Boot(script, samba.SMB_PORTS, BOOT_SECONDS)


def _account_commands(plan: DomainController) -> Iterator[list[str]]:
    policy = [f"--account-lockout-threshold={plan.lockout_threshold}", "--min-pwd-length=0", "--complexity=off"]
    yield ["domain", "passwordsettings", "set", "--quiet", *policy]
    for account in (DomainAccount(plan.username), *plan.accounts):
        more = ["--must-change-at-next-login"] if account.state == "must_change" else []
        yield ["user", "create", *more, account.username, plan.password]
        if account.state in STATES:
            yield ["user", *STATES[account.state], account.username]


def bad_password_count(peer: Peer, username: str = "inspector") -> int:
    """How many wrong passwords the controller has counted for the account since its last good login."""
    configuration = str(peer.folder / "dc" / "etc" / "smb.conf")
    done = peer.run(["samba-tool", "user", "show", username, "-s", configuration, "--attributes=badPwdCount"])
    if done.returncode:
        raise LabError(f"{peer.name}: {done.stdout}{done.stderr}")
    found = COUNT.search(done.stdout)
    return int(found[1]) if found else 0
