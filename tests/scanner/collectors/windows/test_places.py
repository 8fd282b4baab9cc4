"""What only Windows Installer, the store, services, hooks and products' own keys tell; and files found by path."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.windows_marks import WindowsMarks, windows_marks
from scanner.collectors.windows import editions, files, msi, profiles, services, store
from scanner.model import Antivirus, FloatingLicence, InstalledSoftware, LicenceState, Scope, SkippedEntry, Trace
from scanner.session import AccessDenied, RegistryKey, SessionError, Unsupported, WindowsSession
from tests.lab import complete_pc
from tests.scanner.collectors.windows.files import Files
from tests.scanner.collectors.windows.hive import key, session, value

MADE = "2024-01-02T03:04:05.000+00:00"
VISIO = rf"{msi.USER_DATA}\S-1-5-18\Products\00006119530000000100000000F01FEC\InstallProperties"
MARKS = WindowsMarks(
    ("kmspico", "autokms"), (r"Windows\AutoKMS\AutoKMS.exe",), {"ekrn": "ESET"}, {"lm_license_file": "flexlm"}, {}
)


def marked(opened: WindowsSession, **marks: object) -> WindowsSession:
    return replace(opened, marks=replace(MARKS, **marks))


# Windows Installer


def test_a_product_whose_uninstall_key_was_deleted_is_still_listed() -> None:
    opened = session(key(VISIO, DisplayName="Microsoft Visio Professional 2016", DisplayVersion="16.0.4266.1001"))
    (found,) = msi.collect(opened)
    assert isinstance(found, InstalledSoftware)
    assert (found.name, found.scope, found.owner) == ("Microsoft Visio Professional 2016", Scope.MACHINE, None)
    assert found.product_code == "{91160000-0035-0000-1000-0000000FF1CE}"


def test_a_product_that_an_uninstall_key_names_is_not_listed_twice() -> None:
    opened = session(key(VISIO, DisplayName="Microsoft Visio Professional 2016"))
    opened.claims.add("{91160000-0035-0000-1000-0000000FF1CE}")
    assert list(msi.collect(opened)) == []


@given(st.text(max_size=40) | st.text("0123456789abcdefABCDEF", min_size=32, max_size=32))
@settings(max_examples=200)
def test_a_packed_code_is_a_product_code_or_nothing(packed: str) -> None:
    code = msi.product_code(packed)
    assert code is None or (len(code) == 38 and sorted(code.replace("-", "")[1:-1]) == sorted(packed.upper()))


# MSIX


@pytest.mark.parametrize(
    ("written", "name", "resource"),
    [
        ("Microsoft.Paint_11.2302.20.0_x64__8wekyb3d8bbwe", "Microsoft.Paint", ""),
        ("Microsoft.Paint_11.2302.20.0_neutral_~_8wekyb3d8bbwe", "Microsoft.Paint", "~"),
        ("Microsoft.Paint_11.2302.20.0_neutral_split.scale-100_8wekyb3d8bbwe", "Microsoft.Paint", "split.scale-100"),
    ],
)
def test_a_full_name_says_name_and_resource(written: str, name: str, resource: str) -> None:
    found = store.full_name(written)
    assert found is not None
    assert (found.name, found.resource) == (name, resource)


def test_a_package_shows_its_display_name_unless_that_only_points_elsewhere() -> None:
    path = r"HKU\S-1-5-21-1-2-3-1001_Classes\P\Microsoft.Paint_11.2302.20.0_x64__8wekyb3d8bbwe"
    for shown, name in (
        ("画图", "画图"),
        ("@{x?ms-resource://y}", "Microsoft.Paint"),
        ("ms-resource:App", "Microsoft.Paint"),
    ):
        found = store.parse_package(key(path, DisplayName=shown), "S-1-5-21-1-2-3-1001")
        assert isinstance(found, InstalledSoftware)
        assert (found.name, found.owner, found.package_format) == (name, "S-1-5-21-1-2-3-1001", "appx")


@given(st.text(max_size=120))
@settings(max_examples=200)
def test_any_text_is_a_full_name_or_none(written: str) -> None:
    found = store.full_name(written)
    assert found is None or written.startswith(found.name)


# services, tasks, hooks


def test_a_server_without_security_center_shows_its_antivirus_by_service() -> None:
    opened = marked(session(key(rf"{services.SERVICES}\EKRN", Start=2), key(rf"{services.SERVICES}\Spooler", Start=2)))
    assert list(services.collect(opened)) == [
        Antivirus("ESET", rf"{services.SERVICES}\EKRN", None, observation="o00001")
    ]


def test_a_disabled_service_protects_nobody_and_activates_nothing() -> None:
    off = key(r"HKLM\X\S", Start=4, ImagePath="C:\\x.exe")
    assert services.parse_service(off, "ESET") == Antivirus("ESET", off.path, False, observation="o00001")
    trace = services.parse_service(off, None)
    assert isinstance(trace, Trace)
    assert (trace.kind, trace.active, trace.value) == ("service", False, "C:\\x.exe")


def test_a_service_that_may_not_be_read_is_named() -> None:
    class Closed(Unreadable):
        pass

    opened = marked(session(key(rf"{services.SERVICES}\ekrn", Start=2)))
    opened = replace(opened, registry=Closed(opened.registry))
    (found,) = services.collect(opened)
    assert isinstance(found, SkippedEntry)
    assert found.reason.code == "winreg.key_denied"


class Unreadable:
    """A registry that lists names and opens no key of a service."""

    def __init__(self, inner: object) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    def key(self, path: str) -> RegistryKey | None:
        if path.startswith(services.SERVICES):
            raise AccessDenied("winreg.key_denied", path=path)
        return None


# editions and licence servers


def test_sql_server_says_its_year_and_edition() -> None:
    setup = key(r"HKLM\S\MSSQL10_50.X\Setup", Edition="Standard Edition (64-bit)", Version="10.50.1600.1")
    found = editions.parse_sql_server(setup, "X")
    assert (found.name, found.edition) == (
        "Microsoft SQL Server 2008 R2 Standard Edition (64-bit)",
        "Standard Edition (64-bit)",
    )


def test_a_serial_number_that_is_not_masked_is_not_kept() -> None:
    state = editions.parse_autocad(key(r"HKLM\A\ACAD-1", ProductName="AutoCAD", SerialNumber="391-70412345"))
    assert (state.key_tail, state.key_hash) == (None, None)


def test_each_licence_server_of_a_variable_is_one_record() -> None:
    opened = marked(session())
    written = key(editions.ENVIRONMENT, LM_LICENSE_FILE="27000@Lic1;@lic2:C:\\x.lic;99999@lic3", PATH="27000@no")
    assert [(f.server, f.port) for f in editions.parse_servers(written, opened)] == [
        ("lic1", 27000),
        ("lic2", None),
        ("lic3", None),
    ]


def test_wps_says_where_it_lies_and_nothing_about_its_licence() -> None:
    (state,) = editions.parse_wps(key(editions.WPS[1], Version="11.8.2.8361", InstallRoot="C:\\WPS"))
    assert isinstance(state, LicenceState)
    assert (state.application, state.status, state.description) == ("other", None, "11.8.2.8361 C:\\WPS")


@given(st.dictionaries(st.sampled_from(["LM_LICENSE_FILE", "Edition", "Version", "SerialNumber", "ProductName", "Start",
                                        "ImagePath", "KeyManagementServiceName", "Debugger", "InstallRoot"]),
                       st.text(max_size=60) | st.integers(0, 2**64 - 1) | st.binary(max_size=30)))  # fmt: skip
@settings(max_examples=200)
def test_whatever_stands_in_a_products_key_becomes_records(values: dict[str, str | int | bytes]) -> None:
    read = RegistryKey("HKLM\\X\\Y", {name: value(data) for name, data in values.items()})
    opened = marked(session())
    found = [
        editions.parse_sql_server(read, "X"), editions.parse_autocad(read), *editions.parse_wps(read),
        *editions.parse_servers(read, opened), *services.parse_hook(read), *services.parse_kms(read, "windows"),
        services.parse_service(read, None), services.parse_service(read, "ESET"),
    ]  # fmt: skip
    assert all(isinstance(r, InstalledSoftware | LicenceState | FloatingLicence | Trace | Antivirus) for r in found)


# files


def test_a_copy_in_a_folder_of_an_entry_is_not_portable() -> None:
    there = {"C:\\Windows": MADE, "C:\\WinRAR\\WinRAR.exe": MADE, "C:\\7-Zip\\7zFM.exe": MADE}
    paths = {"winrar": (r"WinRAR\WinRAR.exe",), "7-zip": (r"7-Zip\7zFM.exe",)}
    opened = replace(marked(session(), portable=paths), files=Files(there))
    opened.claims.add("c:\\winrar")
    (found,) = files.collect(opened)
    assert isinstance(found, InstalledSoftware)
    assert (found.catalogue_id, found.source, found.scope, found.file_time) == (
        "7-zip",
        "C:\\7-Zip\\7zFM.exe",
        Scope.FILE,
        MADE,
    )


def test_a_file_of_an_activator_is_a_trace_and_no_program() -> None:
    there = {"C:\\Windows": MADE, "C:\\Windows\\AutoKMS\\AutoKMS.exe": MADE}
    (found,) = files.collect(replace(marked(session()), files=Files(there)))
    assert found == Trace("file", "C:\\Windows\\AutoKMS\\AutoKMS.exe", modified_at=MADE)


def test_files_that_cannot_be_seen_are_not_an_empty_computer() -> None:
    with pytest.raises(Unsupported) as ended:
        list(files.collect(replace(session(), files=Files({}))))
    assert ended.value.reason.code == "files.not_seen"


# people who are not signed in


def test_a_profile_without_a_rooted_folder_is_named_and_loaded_ones_are_left_alone() -> None:
    loaded, away = complete_pc.ZHANG, complete_pc.WANG
    opened = session(
        key(rf"HKU\{loaded}\SOFTWARE\X"),
        key(rf"{profiles.PROFILES}\{loaded}", ProfileImagePath="C:\\Users\\zhang"),
        key(rf"{profiles.PROFILES}\{away}", ProfileImagePath="\\\\server\\profiles\\wang"),
        key(rf"{profiles.PROFILES}\S-1-5-18", ProfileImagePath="C:\\Windows\\system32\\config\\systemprofile"),
    )
    found = list(profiles.collect(replace(opened, files=Files({}))))
    assert [(r.source, r.reason.code) for r in found if isinstance(r, SkippedEntry)] == [
        (rf"{profiles.PROFILES}\{away}", "files.no_profile_folder")
    ]
    assert len(found) == 1


def test_a_hive_that_is_not_there_ends_nobody_elses_reading() -> None:
    opened = session(
        key(rf"{profiles.PROFILES}\{complete_pc.WANG}", ProfileImagePath="C:\\Users\\wang"),
        key(rf"{profiles.PROFILES}\{complete_pc.GONE}", ProfileImagePath="%SystemDrive%\\Users\\gone"),
    )
    found = list(profiles.collect(replace(opened, files=Files({}))))
    assert [r.source for r in found if isinstance(r, SkippedEntry)] == [
        "C:\\Users\\wang\\NTUSER.DAT",
        "C:\\Users\\gone\\NTUSER.DAT",
    ]


def test_the_marks_are_read_and_travel_whole() -> None:
    marks = windows_marks()
    assert "kmspico" in marks.words
    assert marks.portable["winrar"]
    assert marks.antivirus_services["windefend"] == "Windows Defender"
    assert WindowsMarks.from_json(marks.to_json()) == marks
    assert WindowsMarks.from_json(marks.recorded()) == replace(marks, activator_files=(), portable={})


def test_a_session_error_in_the_middle_keeps_what_was_read() -> None:
    class Ending(Files):
        def find(self, wanted: object) -> tuple[()]:
            raise SessionError("files.read_failed", status="0xC0000001")

    with pytest.raises(SessionError):
        list(files.collect(replace(session(), files=Ending({"C:\\Windows": MADE}))))
