"""A Windows domain: a Samba Active Directory domain controller with one account and a lock-out policy.

Packages ``samba-ad-provision``, ``samba-dsdb-modules``, ``samba-vfs-modules`` and ``winbind`` beside ``samba``.

References:
    - https://wiki.samba.org/index.php/Setting_up_Samba_as_an_Active_Directory_Domain_Controller
    - [MS-ADA1] badPwdCount, [MS-SAMR] §3.1.1.7.2 (lock-out)
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from tests.lab.netns import LabError
from tests.lab.peer import Boot, Peer, put_accounts
from tests.lab.plans import DomainController

SCRIPT = """\
mkdir -p /run/samba
samba-tool domain provision --realm={realm} --domain={domain} --server-role=dc --dns-backend=NONE --quiet \\
  --targetdir={folder}/dc --host-name={name} --host-ip={address} \\
  --option="server services = s3fs, rpc, ldap, winbindd" --option="log file = {folder}/log.%m" \\
  --option="pid directory = {folder}" --option="ncalrpc dir = {folder}/ncalrpc" \\
  --option="winbindd socket directory = {folder}/winbindd" --option="ntp signd socket directory = {folder}/ntp"
samba-tool domain passwordsettings set -s dc/etc/smb.conf --quiet --account-lockout-threshold={threshold} \\
  --min-pwd-length=0 --complexity=off
samba-tool user create -s dc/etc/smb.conf {username} "$(cat password)"
rm password
exec samba -F --no-process-group -s {folder}/dc/etc/smb.conf
"""
BOOT_SECONDS = 120.0  # five on an idle machine
COUNT = re.compile(r"badPwdCount:\s*(\d+)")


def prepare(plan: DomainController, folder: Path) -> Boot:
    """Write the host's folder; the domain itself is made at boot, in about five seconds."""
    put_accounts(folder, [])
    (folder / "password").write_text(plan.password)
    script = SCRIPT.format(
        realm=plan.realm,
        domain=plan.domain,
        folder=shlex.quote(str(folder)),
        name=plan.name,
        address=plan.address,
        threshold=plan.lockout_threshold,
        username=shlex.quote(plan.username),
    )
    return Boot(script, (445,), BOOT_SECONDS)


def bad_password_count(peer: Peer, username: str = "inspector") -> int:
    """How many wrong passwords the controller has counted for the account since its last good login."""
    configuration = str(peer.folder / "dc" / "etc" / "smb.conf")
    done = peer.run(["samba-tool", "user", "show", username, "-s", configuration, "--attributes=badPwdCount"])
    if done.returncode:
        raise LabError(f"{peer.name}: {done.stdout}{done.stderr}")
    found = COUNT.search(done.stdout)
    return int(found[1]) if found else 0
