"""Every command that is ever sent to a Linux computer: read-only, constant, and the transport refuses any other string.

Each starts from an empty environment with ``LC_ALL=C`` and a fixed PATH, so that neither the account's profile nor its
aliases nor ``~/.rpmmacros`` change an answer. A script is one line without single quotes: it survives sh, csh and fish
as login shells. Its output is cut into sections by lines ``@@name`` and ends with ``@@end``; what a login script prints
before the first of them is ignored, and an answer that was cut short is noticed.
"""

from __future__ import annotations

ENVIRONMENT = "LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin"


def _command(*lines: str) -> str:
    return f"/usr/bin/env -i {ENVIRONMENT} /bin/sh -c '{' '.join(lines)}'"


OPERATING_SYSTEM = _command(
    "exec 2>/dev/null;",
    "echo; echo @@uname; uname -s; uname -n; uname -r; uname -m;",
    "for f in /etc/os-release /usr/lib/os-release; do",
    "if [ -r $f ]; then echo; echo @@os-release; cat $f; break; fi; done;",
    # an allow-list: the service key in the same file never leaves the computer
    "if [ -r /etc/.kyinfo ]; then echo; echo @@kyinfo;",
    'sed -n "/^name=/p; /^milestone=/p; /^dist_id=/p" /etc/.kyinfo; fi;',
    "if [ -r /etc/os-version ]; then echo; echo @@os-version; cat /etc/os-version; fi;",
    "if [ -r /etc/system-release ]; then echo; echo @@system-release; head -n 1 /etc/system-release; fi;",
    "for f in /etc/machine-id /var/lib/dbus/machine-id; do",
    "if [ -s $f ]; then echo; echo @@machine-id; head -n 1 $f; break; fi; done;",
    "echo; echo @@end",
)

DPKG_PACKAGES = _command(
    "echo; echo @@dpkg;",
    "if command -v dpkg-query >/dev/null && [ -e /var/lib/dpkg/status ]; then",
    "echo @@zone; date +%z;",
    r'echo @@times; find /var/lib/dpkg/info -name "*.list" -printf "%T@ %f\n";',
    "echo @@packages;",
    r'dpkg-query -W -f="\${Status}\t\${binary:Package}\t\${Version}\t\${Architecture}\t\${Section}\t\${Installed-Size}'
    r'\t\${Maintainer}\n";',
    "code=$?; echo; echo @@exit; echo $code;",
    "fi; echo @@end",
)

# Without a database file rpm would create one: it is asked only where one exists, and the first place found is used.
RPM_PACKAGES = _command(
    "echo; echo @@rpm;",
    "if command -v rpm >/dev/null; then for db in /usr/lib/sysimage/rpm /var/lib/rpm; do",
    "if [ -s $db/Packages ] || [ -s $db/Packages.db ] || [ -s $db/rpmdb.sqlite ]; then",
    "echo @@zone; date +%z;",
    "echo @@packages;",
    "rpm --dbpath $db --nosignature --nodigest -qa --qf",
    r'"%{NAME}\t%{VERSION}-%{RELEASE}\t%{ARCH}\t%{INSTALLTIME}\t%{SIZE}\t%{GROUP}\t%{VENDOR}\t%{PACKAGER}\n";',
    "code=$?; echo; echo @@exit; echo $code; break;",
    "fi; done; fi; echo @@end",
)

HARDWARE = _command(
    "exec 2>/dev/null; echo; echo @@dmi; cd /sys/class/dmi/id &&",
    "for f in sys_vendor product_name product_serial product_uuid board_serial chassis_type; do",
    'if v=$(head -n 1 $f); then printf "%s read %s\\n" $f "$v";',
    "elif [ -e $f ]; then echo $f denied; else echo $f absent; fi; done;",
    "echo @@tree; cd /sys/firmware/devicetree/base &&",
    "for f in model serial-number; do",
    'if [ -r $f ]; then printf "%s read %s\\n" $f "$(tr -d "\\000" < $f)"; fi; done;',
    "echo @@network; cd /sys/class/net && for n in *; do",
    "kind=virtual; if [ -e $n/device ]; then kind=device; fi;",
    "if [ -e $n/bridge ] || [ -e $n/tun_flags ]; then kind=software; fi;",
    "echo $kind $(cat $n/type) $(cat $n/address) $n; done;",
    "echo @@end",
)

COMMANDS = (OPERATING_SYSTEM, DPKG_PACKAGES, RPM_PACKAGES, HARDWARE)
