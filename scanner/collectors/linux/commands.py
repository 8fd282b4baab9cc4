"""The commands that are ever sent to a Linux computer: read-only and constant; the transport refuses any other.

One is sent to every computer. The other two are sent only where the credential says that it may use sudo: the few
lines of the first that an ordinary account may not read, asked once more as root, first without a password.

It starts from an empty environment with ``LC_ALL=C`` and a fixed PATH, so that neither the account's profile nor its
aliases nor ``~/.rpmmacros`` change an answer. The script is one line without single quotes: it survives sh, csh and
fish as login shells. Its output is cut into parts that begin with a line ``@@part name`` and end with ``@@end``, and
into sections by lines ``@@name``; what a login script prints before the first of them is ignored, and a part that was
cut short is noticed. Many small files are read by one process: ``grep`` names the file of each line.

Nothing is written. ``uos-activator-cmd``, which keeps a log of its own, is given no place for it. The one exception is
rpm's bookkeeping, which the manual names: where ``rpmdb.sqlite`` has no ``-shm`` and ``-wal`` beside it (rpm keeps them
from its first installation on), SQLite creates these two when an account reads that could write there.

References:
    - /opt/apps/APPID/info: the application layout of UOS and deepin (统信应用打包规范)
    - /var/lib/linglong/states.json: the package cache of linyaps
    - https://specifications.freedesktop.org/desktop-entry-spec/latest/
    - https://docs.flatpak.org/en/latest/under-the-hood.html, https://snapcraft.io/docs/the-snap-format
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

ENVIRONMENT = "LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin"

OPERATING_SYSTEM = "os"
DPKG_PACKAGES = "dpkg"
RPM_PACKAGES = "rpm"
HARDWARE = "hardware"
ACTIVATION = "activation"
APPLICATIONS = "applications"

_DMI = (
    "exec 2>/dev/null; echo @@dmi; cd /sys/class/dmi/id &&",
    "for f in sys_vendor product_name product_serial product_uuid board_serial chassis_type; do",
    'v=; if IFS= read -r v <$f || [ -r $f ]; then printf "%s read %s\\n" $f "$v";',
    "elif [ -e $f ]; then echo $f denied; else echo $f absent; fi; done;",
)

_HOMES = (
    "echo; echo @@entries; share=.local/share;",
    "set -- $found /usr/local/share/applications/*.desktop",
    "/home/*/$share/applications/*.desktop /root/$share/applications/*.desktop",
    "/snap/*/current/meta/snap.yaml /var/lib/snapd/snap/*/current/meta/snap.yaml",
    "/var/lib/flatpak/app/*/current/active/files/share/metainfo/*.xml",
    "/var/lib/flatpak/app/*/current/active/files/share/appdata/*.xml",
    "/home/*/$share/flatpak/app/*/current/active/files/share/metainfo/*.xml;",
    'for f in "$@"; do if [ -e "$f" ]; then',
    'timeout 10 grep -aHE "^(Name|Name.zh_CN.|Exec|Type|NoDisplay|Hidden|X-Flatpak|X-AppImage-Version)='
    '|^(name|version|title|type): |<release .*version=" "$@" | head -c 2000000; break; fi; done;',
    "echo; echo @@files;",
    'set -- /var/lib/flatpak/app /home/*/$share/flatpak/app; for f in "$@"; do if [ -e "$f" ]; then',
    'timeout 10 find "$@" -mindepth 2 -maxdepth 2 -name current',
    r'-printf "flatpak %T@ %s %u %p %l\n" | head -c 500000; break; fi; done;',
    'timeout 15 find /opt /usr/local /home /root -xdev -maxdepth 4 -type f -iname "*.appimage"',
    r'-printf "appimage %T@ %s %u %p\n" | head -c 500000;',
    'echo; echo @@homes; for h in /home/*; do if [ -d "$h" ]; then',
    'if [ -r "$h" ] && [ -x "$h" ]; then echo "read $h"; else echo "denied $h"; fi; fi; done',
)

_PARTS = {
    OPERATING_SYSTEM: (
        "exec 2>/dev/null;",
        "echo @@uname; for v in $(uname -snrm); do echo $v; done;",
        "for f in /etc/os-release /usr/lib/os-release; do",
        "if [ -r $f ]; then echo; echo @@os-release; cat $f; break; fi; done;",
        # an allow-list: the service key in the same file never leaves the computer
        "if [ -r /etc/.kyinfo ]; then echo; echo @@kyinfo;",
        'sed -n "/^name=/p; /^milestone=/p; /^dist_id=/p" /etc/.kyinfo; fi;',
        "if [ -r /etc/os-version ]; then echo; echo @@os-version; cat /etc/os-version; fi;",
        "if [ -r /etc/system-release ]; then echo; echo @@system-release; head -n 1 /etc/system-release; fi;",
        "for f in /etc/machine-id /var/lib/dbus/machine-id; do",
        'if [ -s $f ]; then echo; echo @@machine-id; read -r v <$f; echo "$v"; break; fi; done;',
        "echo",
    ),
    DPKG_PACKAGES: (
        "if command -v dpkg-query >/dev/null && [ -e /var/lib/dpkg/status ]; then",
        "echo @@zone; echo $z;",
        r'echo @@times; find /var/lib/dpkg/info -name "*.list" -printf "%T@ %f\n";',
        "echo @@packages;",
        r'dpkg-query -W -f="\${Status}\t\${binary:Package}\t\${Version}\t\${Architecture}\t\${Section}\t'
        r'\${Installed-Size}\t\${Maintainer}\n";',
        "code=$?; echo; echo @@exit; echo $code;",
        "fi",
    ),
    # Without a database file rpm would create one: it is asked only where one exists, and the first place is used.
    RPM_PACKAGES: (
        "if command -v rpm >/dev/null; then for db in /usr/lib/sysimage/rpm /var/lib/rpm; do",
        "if [ -s $db/Packages ] || [ -s $db/Packages.db ] || [ -s $db/rpmdb.sqlite ]; then",
        "echo @@zone; echo $z;",
        "echo @@packages;",
        "rpm --dbpath $db --nosignature --nodigest -qa --qf",
        r'"%{NAME}\t%{VERSION}-%{RELEASE}\t%{ARCH}\t%{INSTALLTIME}\t%{SIZE}\t%{GROUP}\t%{VENDOR}\t%{PACKAGER}\n";',
        "code=$?; echo; echo @@exit; echo $code; break;",
        "fi; done; fi",
    ),
    HARDWARE: (
        *_DMI,
        "echo @@tree; cd /sys/firmware/devicetree/base &&",
        "for f in model serial-number; do",
        'if [ -r $f ]; then printf "%s read %s\\n" $f "$(tr -d "\\000" < $f)"; fi; done;',
        "echo @@network; cd /sys/class/net && for n in *; do",
        "kind=virtual; if [ -e $n/device ]; then kind=device; fi;",
        "if [ -e $n/bridge ] || [ -e $n/tun_flags ]; then kind=software; fi;",
        "t=; a=; read -r t <$n/type; read -r a <$n/address; echo $kind $t $a $n; done",
    ),
    # Of the activation code of 麒麟 only that it is there: the file's content is a key and is never read.
    ACTIVATION: (
        "exec 2>/dev/null;",
        'if [ -r /etc/.kyinfo ]; then echo @@kylin; sed -n "/^term=/p" /etc/.kyinfo;',
        "k=absent; for f in /etc/.kyactivation*; do",
        "if [ -s $f ]; then k=present; elif [ -e $f ] && [ $k = absent ]; then k=empty; fi; done; echo code=$k; fi;",
        "if command -v uos-activator-cmd >/dev/null; then echo @@uos;",
        "HOME=/dev/null XDG_CACHE_HOME=/dev/null XDG_CONFIG_HOME=/dev/null LC_ALL=C.UTF-8",
        "timeout 10 uos-activator-cmd -q </dev/null; code=$?; echo; echo @@exit; echo $code; fi",
    ),
    APPLICATIONS: (
        "exec 2>/dev/null; echo @@zone; echo $z; echo @@documents; l=/var/lib/linglong;",
        "if [ -e $l/states.json ]; then l=$l/states.json; else",
        'l="$l/layers/*/*/*/info.json"; fi;',
        'set -- /opt/apps/*/info $l; for f in "$@"; do if [ -e "$f" ]; then',
        'timeout 10 grep -aH "" "$@" | head -c 3000000; break; fi; done;',
        "echo; echo @@owners; found=; set -- /usr/share/applications/*.desktop;",
        'for f in "$@"; do if [ -e "$f" ]; then',
        'found=$(timeout 10 grep -aHE "^Exec=\\"?/(opt|usr/local|home)/" "$@" |',
        'grep -av "=[^ ]*/opt/apps/" | cut -d: -f1 | sort -u); break; fi; done;',
        'if [ -n "$found" ]; then if command -v dpkg-query >/dev/null; then dpkg-query -S $found;',
        "else for f in $found; do if rpm -qf $f >/dev/null; then echo rpm: $f; fi; done; fi; fi;",
        *_HOMES,
    ),
}


# Root reads these without asking rpm, which as root may write beside its own database.
_GAINED = {HARDWARE: (*_DMI, "echo"), APPLICATIONS: ("exec 2>/dev/null; echo @@zone; echo $z;", *_HOMES)}


def _script(parts: Mapping[str, Sequence[str]]) -> str:
    # A program costs a computer a thousand times what a word of the shell does: none is started for a file of one line,
    # none where there is nothing for it to read, and the time zone is asked once.
    return "z=$(date +%z); " + "; ".join(
        f"(echo; echo @@part {name}; {' '.join(lines)}; echo @@end)" for name, lines in parts.items()
    )


CLEAN = f"/usr/bin/env -i {ENVIRONMENT}"
COLLECT = f"{CLEAN} /bin/sh -c '{_script(_PARTS)}'"

_AS_ROOT = f"{CLEAN} /bin/sh -c '{_script(_GAINED)}'"
SUDO_PROMPT = "@@sudo:"
SUDO = f"{CLEAN} sudo -k -n {_AS_ROOT}"
SUDO_WITH_PASSWORD = f'{CLEAN} sudo -k -S -p "{SUDO_PROMPT}%p:" {_AS_ROOT}'
"""``-k`` beside a command: sudo neither uses nor leaves a ticket. ``%p``: whose password it wants."""

COMMANDS = (COLLECT, SUDO, SUDO_WITH_PASSWORD)
SUDO_COMMANDS = (SUDO, SUDO_WITH_PASSWORD)
PARTS = tuple(_PARTS)
