"""One Windows PC with software in every place where Windows keeps it; the hand-written list is beside the tests.

64-bit, 32-bit, of a person signed in, of one who is not, known to Windows Installer only, MSIX, portable, 残留.
Product names as their makers write them; the made-up serial number and the persons belong to nobody.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from config.clock import SystemClock
from tests.lab.plans import RegistryEntry, RegistryScalar, WindowsPc
from tests.lab.regf import hive_file

ZHANG = "S-1-5-21-1195723380-2714402877-3320175541-1001"  # signed in
WANG = "S-1-5-21-1195723380-2714402877-3320175541-1002"  # not signed in; the profile is on drive C
GONE = "S-1-5-21-1195723380-2714402877-3320175541-1003"  # not signed in; the folder was deleted
SERIAL = "391-70412345"

CURRENT = r"SOFTWARE\Microsoft\Windows\CurrentVersion"
NT = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion"
WIDE, NARROW = rf"HKLM\{CURRENT}\Uninstall", r"HKLM\SOFTWARE\WOW6432Node\Microsoft\Windows\CurrentVersion\Uninstall"
MSI = rf"HKLM\{CURRENT}\Installer\UserData\S-1-5-18\Products"
EVERYBODY = rf"HKLM\{CURRENT}\Appx\AppxAllUserStore\Applications"
PACKAGES = r"Local Settings\Software\Microsoft\Windows\CurrentVersion\AppModel\Repository\Packages"
SYSTEM = r"HKLM\SYSTEM\CurrentControlSet"

Values = Mapping[str, RegistryScalar]

KEYS: Mapping[str, Values] = {
    NT: {"ProductName": "Windows 10 Pro", "CurrentBuildNumber": "19045", "InstallationType": "Client", "UBR": 4651},
    rf"{SYSTEM}\Control\Session Manager\Environment": {
        "PROCESSOR_ARCHITECTURE": "AMD64",
        "ADSKFLEX_LICENSE_FILE": "27000@lic1.unit.example;@LIC2",
    },
    # 64-bit
    rf"{WIDE}\{{23170F69-40C1-2702-2301-000001000000}}": {
        "DisplayName": "7-Zip 23.01 (x64 edition)", "DisplayVersion": "23.01.00.0", "Publisher": "Igor Pavlov",
        "InstallLocation": "C:\\Program Files\\7-Zip\\", "UninstallString": "MsiExec.exe /I{23170F69}",
        "WindowsInstaller": 1, "InstallDate": "20240625",
    },
    rf"{WIDE}\AutoCAD 2020": {  # everything it names is gone
        "DisplayName": "AutoCAD 2020 - 简体中文 (Simplified Chinese)", "DisplayVersion": "23.1.47.0",
        "Publisher": "Autodesk", "InstallLocation": "C:\\Program Files\\Autodesk\\AutoCAD 2020\\",
        "DisplayIcon": "C:\\Program Files\\Autodesk\\AutoCAD 2020\\acad.exe,0",
    },
    rf"{WIDE}\ProPlus2021Volume - zh-cn": {
        "DisplayName": "Microsoft Office LTSC 专业增强版 2021 - zh-cn", "DisplayVersion": "16.0.14332.20763",
        "Publisher": "Microsoft Corporation", "InstallLocation": "C:\\Program Files\\Microsoft Office",
    },
    rf"{WIDE}\KB5002138": {
        "DisplayName": "Security Update for Microsoft Office 2016 (KB5002138)", "ParentKeyName": "Office16.PROPLUS",
        "ReleaseType": "Security Update",
    },
    rf"{WIDE}\Foxit": {  # on a drive that is not shared: nobody can tell
        "DisplayName": "福昕阅读器", "DisplayVersion": "12.1", "Publisher": "福建福昕软件开发股份有限公司",
        "InstallLocation": "E:\\Foxit Reader\\",
    },
    # 32-bit; its date lies in the future
    rf"{NARROW}\WinRAR archiver": {
        "DisplayName": "WinRAR 6.02 (32-位)", "DisplayVersion": "6.02.0", "Publisher": "win.rar GmbH",
        "DisplayIcon": "\"%ProgramFiles(x86)%\\WinRAR\\WinRAR.exe\"", "InstallDate": "20990101",
    },
    # of a person signed in
    rf"HKU\{ZHANG}\{CURRENT}\Uninstall\Kingsoft Office": {
        "DisplayName": "WPS Office (11.8.2.8361)", "DisplayVersion": "11.8.2.8361", "Publisher": "Kingsoft Corp.",
        "InstallLocation": "C:\\Users\\zhang\\AppData\\Local\\Kingsoft\\WPS Office\\11.8.2.8361",
    },
    rf"HKU\{ZHANG}\SOFTWARE\Kingsoft\Office\6.0\Common": {"Version": "11.8.2.8361"},
    rf"HKU\{ZHANG}_Classes\{PACKAGES}\TencentWeChatLimited.WeChatUWP_1.0.43.0_x64__sdtnhv12zgd7a": {
        "DisplayName": "微信", "PackageRootFolder": "C:\\Program Files\\WindowsApps\\x",
    },
    rf"HKU\{ZHANG}_Classes\{PACKAGES}\Microsoft.Paint_11.2302.20.0_x64__8wekyb3d8bbwe": {
        "DisplayName": "@{Microsoft.Paint}",
    },
    # Windows Installer alone: the second Uninstall key was deleted
    rf"{MSI}\96F071321C0420723210000010000000\InstallProperties": {"DisplayName": "7-Zip 23.01 (x64 edition)"},
    rf"{MSI}\00006119530000000100000000F01FEC\InstallProperties": {
        "DisplayName": "Microsoft Visio Professional 2016", "DisplayVersion": "16.0.4266.1001",
        "Publisher": "Microsoft Corporation",
    },
    # MSIX of the computer, with its bundle
    rf"{EVERYBODY}\Microsoft.Paint_11.2302.20.0_x64__8wekyb3d8bbwe": {"Path": "C:\\Program Files\\WindowsApps\\p"},
    rf"{EVERYBODY}\Microsoft.Paint_11.2302.20.0_neutral_~_8wekyb3d8bbwe": {"Path": "C:\\Program Files\\WindowsApps\\b"},
    # people
    rf"{NT}\ProfileList\{ZHANG}": {"ProfileImagePath": "C:\\Users\\zhang"},
    rf"{NT}\ProfileList\{WANG}": {"ProfileImagePath": "%SystemDrive%\\Users\\wang"},
    rf"{NT}\ProfileList\{GONE}": {"ProfileImagePath": "C:\\Users\\gone"},
    # editions
    r"HKLM\SOFTWARE\Microsoft\Microsoft SQL Server\Instance Names\SQL": {"MSSQLSERVER": "MSSQL15.MSSQLSERVER"},
    r"HKLM\SOFTWARE\Microsoft\Microsoft SQL Server\MSSQL15.MSSQLSERVER\Setup": {
        "Edition": "Enterprise Edition", "Version": "15.0.2000.5",
    },
    r"HKLM\SOFTWARE\Autodesk\AutoCAD\R23.1\ACAD-3001:804": {
        "ProductName": "AutoCAD 2020", "Release": "23.1.47.0", "SerialNumber": SERIAL,
    },
    # services, tasks, hooks
    rf"{SYSTEM}\Services\ekrn": {"Start": 2, "ImagePath": "C:\\Program Files\\ESET\\ekrn.exe"},
    rf"{SYSTEM}\Services\HipsDaemon": {"Start": 4, "ImagePath": "C:\\Huorong\\HipsDaemon.exe"},
    rf"{SYSTEM}\Services\Service KMSELDI": {"Start": 2, "ImagePath": "C:\\Program Files\\KMSpico\\Service_KMS.exe"},
    rf"{NT}\Schedule\TaskCache\Tree\AutoPico Daily Restart": {"Id": "{7D5E}"},
    rf"{NT}\Schedule\TaskCache\Tree\Microsoft": {"Id": "{1}"},
    rf"{NT}\Image File Execution Options\SppExtComObj.exe": {"VerifierDlls": "SppExtComObjHook.dll"},
    rf"{NT}\SoftwareProtectionPlatform": {"KeyManagementServiceName": "127.0.0.2"},
}  # fmt: skip

WANGS: Mapping[str, Values] = {
    rf"{CURRENT}\Uninstall\Xshell 7": {
        "DisplayName": "Xshell 7", "DisplayVersion": "7.0.0144", "Publisher": "NetSarang Computer, Inc.",
        "InstallLocation": "C:\\Users\\wang\\AppData\\Local\\Xshell 7", "InstallDate": "20230809",  # forged
    },
    rf"{CURRENT}\Uninstall\Navicat": {
        "DisplayName": "PremiumSoft Navicat Premium 16", "DisplayVersion": "16.0.11",
        "InstallLocation": "C:\\Users\\wang\\Navicat", "UninstallString": "\"C:\\Users\\wang\\Navicat\\unins000.exe\"",
    },
    r"SOFTWARE\Tencent\WeChat": {"Private": "never asked for"},
}  # fmt: skip
WANGS_CLASSES: Mapping[str, Values] = {
    rf"{PACKAGES}\5319275A.WhatsAppDesktop_2.2412.0.0_x64__cv1g1gvanyjgm": {"DisplayName": "WhatsApp"},
}
EXE = b"MZ"


def _entries(keys: Mapping[str, Values]) -> Iterator[RegistryEntry]:
    for key, values in keys.items():
        yield from (RegistryEntry(key, name, data) for name, data in values.items())


def files() -> dict[str, bytes | None]:
    """What lies on the drives. Xshell's folder is made now, and so is its key, whatever its install date says."""
    now = int((SystemClock().now() - datetime(1601, 1, 1, tzinfo=UTC)).total_seconds()) * 10_000_000
    last_writes = {rf"{CURRENT}\Uninstall\Xshell 7": now}
    return {
        "C:\\Windows": None,
        "C:\\Windows\\AutoKMS\\AutoKMS.exe": EXE,
        "C:\\Program Files\\7-Zip\\7zFM.exe": EXE,
        "C:\\Program Files\\Microsoft Office\\root\\Office16\\WINWORD.EXE": EXE,
        "C:\\Program Files (x86)\\WinRAR\\WinRAR.exe": EXE,
        "C:\\Users\\zhang\\AppData\\Local\\Kingsoft\\WPS Office\\11.8.2.8361\\office6\\wps.exe": EXE,
        "C:\\Users\\wang\\AppData\\Local\\Xshell 7\\Xshell.exe": EXE,
        "C:\\Users\\wang\\NTUSER.DAT": hive_file(_entries(WANGS), last_writes),
        "C:\\Users\\wang\\AppData\\Local\\Microsoft\\Windows\\UsrClass.dat": hive_file(_entries(WANGS_CLASSES)),
        "D:\\AutoCAD 2014\\acad.exe": EXE,  # portable, in a folder named after its version
        "D:\\AutoCAD 2010 notes\\readme.txt": EXE,
        "D:\\UltraISO\\UltraISO.exe": EXE,
        "D:\\7-Zip\\7zFM.exe": EXE,  # portable, beside the installed one
    }


def plan(name: str, address: str, mac: str, password: str) -> WindowsPc:
    """The PC."""
    return WindowsPc(
        name=name, address=address, mac=mac, password=password, registry=tuple(_entries(KEYS)), files=files()
    )
