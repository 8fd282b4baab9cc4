"""Which Windows it is, and what the computer calls itself."""

from __future__ import annotations

import pytest

from scanner.collectors.windows.keys import CONTROL, NT, NT_NARROW, SERVICES
from scanner.collectors.windows.system import collect, installed_at, parse_version, product_name
from scanner.model import Identity, OperatingSystem
from scanner.session import Unsupported
from tests.scanner.collectors.windows.hive import key, session


@pytest.mark.parametrize(
    ("written", "build", "kind", "shown"),
    [
        ("Windows 10 Pro", "22631", "Client", "Windows 11 Pro"),
        ("Windows 10 Pro", "22000", None, "Windows 11 Pro"),
        ("Windows 10 Pro", "19045", "Client", "Windows 10 Pro"),
        ("Windows 10 Enterprise LTSC 2021", "19044", "Client", "Windows 10 Enterprise LTSC 2021"),
        ("Windows Server 2025 Standard", "26100", "Server", "Windows Server 2025 Standard"),
        ("Windows 7 Professional", "7601", "Client", "Windows 7 Professional"),
        ("Windows 10 家庭中文版", None, None, "Windows 10 家庭中文版"),
        ("Windows 10 Pro", "２２６３１", "Client", "Windows 10 Pro"),
    ],
)
def test_the_product_name_is_corrected_by_build(written: str, build: str | None, kind: str | None, shown: str) -> None:
    assert product_name(written, build, kind) == shown


def test_a_windows_11_pc_is_described_in_full() -> None:
    version = key(
        NT,
        ProductName="Windows 10 Pro",
        EditionID="Professional",
        CurrentVersion="6.3",
        CurrentMajorVersionNumber=10,
        CurrentMinorVersionNumber=0,
        CurrentBuildNumber="22631",
        UBR=4317,
        DisplayVersion="23H2",
        ReleaseId="2009",
        InstallationType="Client",
        InstallDate=1614584400,
        ProductId="00330-50000-00000-AAOEM",
        RegisteredOrganization="云水县档案馆",
    )
    environment = key(rf"{CONTROL}\Session Manager\Environment", PROCESSOR_ARCHITECTURE="AMD64")
    os = parse_version(version, environment)
    assert (os.name, os.version, os.build, os.release) == ("Windows 11 Pro", "10.0", "22631.4317", "23H2")
    assert (os.edition, os.architecture, os.installation_type) == ("Professional", "x86_64", "Client")
    assert (os.installed_at, os.organization) == ("2021-03-01T07:40:00.000+00:00", "云水县档案馆")


def test_windows_7_has_no_major_number_and_names_its_service_pack() -> None:
    old = key(
        NT, ProductName="Windows 7 Professional", CurrentVersion="6.1", CurrentBuild="7601", CSDVersion="Service Pack 1"
    )
    os = parse_version(old, None)
    assert (os.version, os.build, os.release, os.architecture) == ("6.1", "7601", "Service Pack 1", None)


def test_install_time_is_preferred_to_install_date_and_nonsense_is_none() -> None:
    assert installed_at(key(NT, InstallTime=133_447_392_000_000_000, InstallDate=1)) == "2023-11-18T00:00:00.000+00:00"
    assert installed_at(key(NT, InstallTime=2**64 - 1)) is None
    assert installed_at(key(NT)) is None


def test_name_domain_and_machine_id_make_the_identity() -> None:
    os, identity = collect(
        session(
            key(NT, ProductName="Windows 10 Pro"),
            key(rf"{CONTROL}\ComputerName\ComputerName", ComputerName="PC-0427"),
            key(rf"{SERVICES}\Tcpip\Parameters", Hostname="pc-0427", Domain="oa.example.gov.cn"),
            key(r"HKLM\SOFTWARE\Microsoft\Cryptography", MachineGuid="1f0c…"),
        )
    )
    assert isinstance(os, OperatingSystem)
    assert isinstance(identity, Identity)
    assert (identity.hostname, identity.domain, identity.machine_id) == ("PC-0427", "oa.example.gov.cn", "1f0c…")


def test_a_computer_in_a_workgroup_has_no_domain() -> None:
    identity = list(
        collect(
            session(key(NT, ProductName="Windows 10"), key(rf"{SERVICES}\Tcpip\Parameters", Hostname="pc", Domain=""))
        )
    )[1]
    assert isinstance(identity, Identity)
    assert (identity.hostname, identity.domain) == ("pc", None)


def test_the_32_bit_view_speaks_only_where_the_64_bit_one_names_no_product() -> None:
    narrow = key(NT_NARROW, ProductName="Windows 10 Enterprise")
    both = next(iter(collect(session(key(NT, ProductName="Windows 10 Pro"), narrow))))
    one = next(iter(collect(session(key(NT, CurrentVersion="6.1"), narrow))))
    assert [os.name for os in (both, one) if isinstance(os, OperatingSystem)] == [
        "Windows 10 Pro",
        "Windows 10 Enterprise",
    ]


def test_a_host_without_a_version_key_is_not_a_windows_that_was_read() -> None:
    with pytest.raises(Unsupported) as ended:
        list(collect(session()))
    assert ended.value.reason.code == "windows.no_version_key"
