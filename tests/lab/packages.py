"""Package databases as the real managers read them: a dpkg ``status`` file, an rpm database made by rpm itself.

References:
    - deb-control(5), dpkg(1): ``/var/lib/dpkg/status``; the time of ``info/<package>.list`` is the install time
    - rpm-spec(5), rpm(8) ``--justdb``
"""

from __future__ import annotations

import os
import sqlite3
import struct
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.lab.netns import run_checked
from tests.lab.peer import put
from tests.lab.plans import Package

RPM_SPEC_HEAD = """\
Name: lab
Version: 1
Release: 1
Summary: lab
License: none
%global debug_package %{nil}
%description
lab
"""
RPM_MACROS = "%_dbpath /var/lib/rpm\n"
RPMTAG_INSTALLTIME = 1008
DPKG_INFO = "/var/lib/dpkg/info"


def put_dpkg(packages: Sequence[Package], folder: Path) -> None:
    """Write ``/var/lib/dpkg`` of a host."""
    put(folder, "/var/lib/dpkg/status", "\n".join(dpkg_stanza(package) for package in packages))
    put(folder, f"{DPKG_INFO}/format", "1\n")
    for package in packages:
        _put_file_list(package, folder)


def dpkg_stanza(package: Package) -> str:
    """One paragraph of the status file, with its closing empty line left to the caller."""
    return (
        f"Package: {package.name}\nStatus: {package.status}\nPriority: optional\nSection: {package.section}\n"
        f"Maintainer: {package.maintainer or 'unknown <unknown@localhost>'}\nArchitecture: {package.architecture}\n"
        f"Version: {package.version}\nDescription: {package.summary or package.name}\n"
    )


def put_rpm(packages: Sequence[Package], folder: Path) -> None:
    """Build empty packages with rpmbuild, register them with rpm, and set their install times."""
    build = folder / "rpmbuild"
    build.mkdir()
    (build / "lab.spec").write_text(rpm_spec(packages))
    defines = [f"_topdir {build}", "_build_id_links none", "__os_install_post %{nil}", "_binary_payload w0.gzdio"]
    options = [word for define in defines for word in ("--define", define)]
    run_checked(["rpmbuild", "-bb", "--quiet", "--target", "x86_64", *options, str(build / "lab.spec")])
    put(folder, "/etc/rpm/macros", RPM_MACROS)
    database = folder / "root/var/lib/rpm"
    database.mkdir(parents=True)
    built = sorted(str(path) for path in build.glob("RPMS/*/*.rpm"))
    install = ["rpm", "--dbpath", str(database), "--justdb", "--nodeps", "--nosignature", "--ignorearch", "-i"]
    run_checked([*install, *built])
    set_rpm_install_times(database / "rpmdb.sqlite", {package.name: _epoch(package.installed) for package in packages})


def rpm_spec(packages: Sequence[Package]) -> str:
    """One spec file that yields every package; ``version`` is ``[epoch:]version-release``."""
    return RPM_SPEC_HEAD + "".join(_subpackage(package) for package in packages)


def set_rpm_install_times(database: Path, seconds: dict[str, int]) -> None:
    """Overwrite the 32-bit INSTALLTIME of each header; rpm itself only knows the present.

    The tag stands outside the signed region of a header, so the header stays valid. Layout: count of index entries and
    of data bytes, then entries of 16 bytes (tag, type, offset, count), then the data; all big-endian.
    """
    with sqlite3.connect(database) as connection:
        rows = connection.execute("select p.hnum, p.blob, n.key from Packages p join Name n on n.hnum = p.hnum")
        for number, blob, name in rows.fetchall():
            patched = _with_install_time(bytes(blob), seconds[name])
            connection.execute("update Packages set blob = ? where hnum = ?", (patched, number))
    connection.close()


def _with_install_time(header: bytes, seconds: int) -> bytes:
    entries, _ = struct.unpack_from(">II", header)
    for position in range(8, 8 + 16 * entries, 16):
        tag, _, offset, _ = struct.unpack_from(">IIiI", header, position)
        if tag == RPMTAG_INSTALLTIME:
            at = 8 + 16 * entries + offset
            return header[:at] + struct.pack(">I", seconds) + header[at + 4 :]
    raise ValueError("header without INSTALLTIME")


def _subpackage(package: Package) -> str:
    epoch, _, rest = package.version.rpartition(":")
    version, _, release = rest.rpartition("-")
    return (
        f"%package -n {package.name}\nSummary: {package.summary or package.name}\nGroup: {package.section}\n"
        + (f"Epoch: {epoch}\n" if epoch else "")
        + f"Version: {version}\nRelease: {release}\nVendor: {package.maintainer or 'unknown'}\n"
        + f"%description -n {package.name}\n{package.name}\n%files -n {package.name}\n"
    )


def _put_file_list(package: Package, folder: Path) -> None:
    path = f"{DPKG_INFO}/{package.name}.list"
    put(folder, path, "/.\n")
    moment = _epoch(package.installed)
    os.utime(folder / "root" / path.lstrip("/"), (moment, moment))


def _epoch(day: str) -> int:
    return int(datetime.fromisoformat(day).replace(hour=2, tzinfo=UTC).timestamp())
