r"""What the collector for Windows asks of a computer's registry; the tuples are written by hand.

It is what the collectors over the network read, with three things left out: serial numbers and key blobs (no key may
lie on a stick in clear), the registry files of people who are not signed in (to read them would be to load them), and
the times of keys, which no program of Windows prints.
"""

from __future__ import annotations

from scanner.collectors.windows import editions, hardware, msi, office, profiles, services, store, uninstall
from scanner.collectors.windows.keys import CONTROL, NT, NT_NARROW, SERVICES
from scanner.wmi_classes import CLASSES

VERSION_VALUES = (
    "ProductName", "CurrentBuildNumber", "CurrentBuild", "UBR", "InstallationType", "EditionID", "DisplayVersion",
    "ReleaseId", "CSDVersion", "CurrentMajorVersionNumber", "CurrentMinorVersionNumber", "CurrentVersion",
    "InstallTime", "InstallDate", "ProductId", "RegisteredOrganization",
)  # fmt: skip
WPS_VALUES = ("InstallRoot", "Version", "Edition")

EXPORTS = (
    ("uninstall", uninstall.MACHINE_ROOTS[0].path),
    ("uninstall32", uninstall.MACHINE_ROOTS[1].path),
    ("environment", editions.ENVIRONMENT),
    ("bios", hardware.BIOS),
    ("smbios", hardware.SMBIOS),
    ("sqlnames", rf"{editions.SQL_SERVER}\Instance Names\SQL"),
    ("flexlm", editions.FLEXLM),
)
"""Subtrees that are judged whole: short name and path."""

QUERIES: tuple[tuple[str, tuple[str, ...]], ...] = (
    (NT, VERSION_VALUES),
    (NT_NARROW, VERSION_VALUES),
    (rf"{CONTROL}\ComputerName\ComputerName", ("ComputerName",)),
    (rf"{SERVICES}\Tcpip\Parameters", ("Hostname", "NV Hostname", "Domain", "NV Domain")),
    (r"HKLM\SOFTWARE\Microsoft\Cryptography", ("MachineGuid",)),
    (office.CONFIGURATION, ("ProductReleaseIds", "VersionToReport", "Platform")),
    *((path, WPS_VALUES) for path in editions.WPS),
    *((path, (services.KMS_NAME,)) for path, _ in services.PROTECTION),
    *((rf"{services.HOOKS}\{program}", services.HOOK_VALUES) for program in services.LICENSING_PROGRAMS),
)
"""Named values of keys whose other values are keys, or concern nobody here."""

LISTS = (SERVICES, services.TASKS, store.ALL_USERS, msi.USER_DATA, editions.AUTOCAD, profiles.PROFILES)
"""Keys of which the names of their subkeys are asked."""

EVERY = (
    (SERVICES, "Start"),
    (SERVICES, "ImagePath"),
    (profiles.PROFILES, "ProfileImagePath"),
    (editions.AUTOCAD, "ProductName"),
    (editions.AUTOCAD, "Release"),
)
"""One named value of all keys below a key."""

SQL_VALUES = ("Edition", "Version", "SQLPath")
PERSONAL_EXPORTS = (
    ("w", rf"SOFTWARE\{uninstall.UNINSTALL}"),
    ("n", rf"SOFTWARE\WOW6432Node\{uninstall.UNINSTALL}"),
    ("c", store.PACKAGES),
)
"""Below each hive of HKU."""


def registry_steps() -> list[str]:
    """Lines of the batch file that read the machine's own keys."""
    lines = [f'call :export {name} "{path}"' for name, path in EXPORTS]
    lines += [f'call :query "{path}" "{value}"' for path, values in QUERIES for value in values]
    lines += [f'call :list "{path}"' for path in LISTS]
    lines += [f'call :every "{path}" "{value}"' for path, value in EVERY]
    return [*lines, *_sql_steps()]


def _sql_steps() -> list[str]:
    # A name out of the registry stands in FOR variables only: they are put in after the line is parsed.
    key = rf"{editions.SQL_SERVER}\%%C\Setup"
    asks = [f'  if "%%B"=="REG_SZ" reg query "{key}" /v {value} <nul >>"%HZ_A%" 2>nul' for value in SQL_VALUES]
    names = rf"{editions.SQL_SERVER}\Instance Names\SQL"
    head = f'for /f "tokens=1,2,*" %%A in (\'reg query "{names}"\') do ('
    return [head, rf'  if "%%B"=="REG_SZ" >>"%HZ_A%" echo @@query {key}', *asks, ")"]


def personal_steps() -> list[str]:
    """Lines of the batch file inside the loop over the hives of HKU, each of which is ``%%U``."""
    lines: list[str] = []
    for name, path in PERSONAL_EXPORTS:
        lines += [
            rf'  >>"%HZ_A%" echo @@export %%U\{path}',
            rf'  reg export "%%U\{path}" "%HZ_O%\p-{name}-%%~nxU.reg" <nul >nul 2>>"%HZ_A%"',
            '  if errorlevel 1 echo @@failed>>"%HZ_A%"',
        ]
    key = rf"%%U\{editions.WPS_OF_PERSON}"
    lines.append(rf'  >>"%HZ_A%" echo @@query {key}')
    return [*lines, *(f'  reg query "{key}" /v {value} <nul >>"%HZ_A%" 2>nul' for value in WPS_VALUES)]


def wmic_steps() -> list[str]:
    """Lines of the batch file for a computer whose script host is switched off."""
    lines: list[str] = []
    for wanted in CLASSES:
        where = f' where "{wanted.where}"' if wanted.where else ""
        space = "\\\\" + wanted.namespace.replace("/", "\\")
        for columns in (wanted.columns, wanted.older):
            if columns:
                lines.append(rf'>>"%HZ_O%\wmic.txt" cmd /u /c "echo @@wmi {wanted.path}"')
                ask = f"wmic /namespace:{space} path {wanted.name}{where} get {','.join(columns)} /value"
                lines.append(rf'{ask} <nul >>"%HZ_O%\wmic.txt" 2>nul')
    return lines
