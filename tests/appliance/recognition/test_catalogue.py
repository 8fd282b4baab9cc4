"""Programs and packages are recognised by the names that Chinese units really have."""

from __future__ import annotations

import pytest

from appliance.model import Recognition
from appliance.recognition.catalogue import Catalogue, load
from scanner.model import InstalledSoftware, Platform, Scope

WINDOWS, LINUX = Platform.WINDOWS, Platform.LINUX


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load()


PROGRAMS = [
    # name, publisher, product, edition, release
    ("Microsoft Office Professional Plus 2016 - zh-cn", "Microsoft", "microsoft-office", "专业增强版", "2016"),
    ("Microsoft Office 专业增强版 2019 - zh-cn", "Microsoft Corporation", "microsoft-office", "专业增强版", "2019"),
    ("Microsoft Office LTSC 专业增强版 2021 - zh-cn", None, "microsoft-office", "专业增强版", "2021"),
    ("Microsoft Office Standard 2013", "Microsoft Corporation", "microsoft-office", "标准版", "2013"),
    ("Microsoft Office 标准版 2010", None, "microsoft-office", "标准版", "2010"),
    ("Microsoft Office Professional Edition 2003", "Microsoft Corporation", "microsoft-office", "专业版", "2003"),
    ("Microsoft Office 家庭和学生版 2019 - zh-cn", None, "microsoft-office", "家庭和学生版", "2019"),
    ("Microsoft Office Home and Business 2021 - zh-cn", None, "microsoft-office", "家庭和小型企业版", "2021"),
    ("Microsoft Office Enterprise 2007", "Microsoft Corporation", "microsoft-office", "企业版", "2007"),
    ("Microsoft Office LTSC Professional Plus 2024 - en-us", None, "microsoft-office", "专业增强版", "2024"),
    ("Microsoft 365 企业应用版 - zh-cn", "Microsoft Corporation", "microsoft-365", "", "365"),
    ("Microsoft 365 - zh-cn", "Microsoft Corporation", "microsoft-365", "", "365"),
    ("Microsoft Office 365 ProPlus - zh-cn", "Microsoft Corporation", "microsoft-365", "专业增强版", "365"),
    ("Microsoft Visio Professional 2016", "Microsoft Corporation", "microsoft-visio", "专业版", "2016"),
    ("Microsoft Visio 专业版 2019 - zh-cn", None, "microsoft-visio", "专业版", "2019"),
    ("Microsoft Office Visio Professional 2007", None, "microsoft-visio", "专业版", "2007"),
    ("Microsoft Project 专业版 2021 - zh-cn", None, "microsoft-project", "专业版", "2021"),
    ("WPS Office (12.1.0.16929)", "Kingsoft Corp.", "wps-office", "", ""),
    ("WPS Office 专业增强版 2019", "Kingsoft Corp.", "wps-office", "专业增强版", "2019"),
    ("WPS Office 个人版", "Kingsoft Corp.", "wps-office-personal", "个人版", ""),
    ("WPS Office 2016 政府版", "Kingsoft Corp.", "wps-office", "政府版", "2016"),
    ("永中Office 2019", "永中软件股份有限公司", "yozo-office", "", "2019"),
    ("数科OFD阅读器", "北京数科网维技术有限责任公司", "suwell-reader", "", ""),
    ("Foxit PDF Editor Pro", "Foxit Software Inc.", "foxit-pdf-editor", "专业版", ""),
    ("360安全卫士", "360安全中心", "360-safe", "", ""),
    ("360杀毒", "360安全中心", "360-antivirus", "", ""),
    ("360终端安全管理系统", "北京奇虎科技有限公司", "360-enterprise", "", ""),
    ("奇安信天擎", "奇安信科技集团", "qianxin-tianqing", "", ""),
    ("火绒安全软件", "北京火绒网络科技有限公司", "huorong", "", ""),
    ("火绒终端安全管理系统", "北京火绒网络科技有限公司", "huorong-enterprise", "", ""),
    ("腾讯电脑管家", "腾讯公司", "tencent-pcmgr", "", ""),
    ("瑞星杀毒软件", "Beijing Rising", "rising-antivirus", "", ""),
    ("金山毒霸", "Kingsoft", "duba", "", ""),
    ("卡巴斯基安全软件", "卡巴斯基实验室", "kaspersky", "", ""),
    ("Symantec Endpoint Protection", "Symantec Corporation", "symantec-ep", "", ""),
    ("McAfee VirusScan Enterprise", "McAfee, Inc.", "mcafee", "企业版", ""),
    ("ESET Endpoint Antivirus", "ESET, spol. s r.o.", "eset", "", ""),
    ("AutoCAD 2014 - 简体中文 (Simplified Chinese)", "Autodesk", "autocad", "", "2014"),
    ("Autodesk AutoCAD 2021 - 简体中文", "Autodesk", "autocad", "", "2021"),
    ("AutoCAD LT 2020", "Autodesk", "autocad-lt", "LT", "2020"),
    ("Autodesk Revit 2020", "Autodesk", "revit", "", "2020"),
    ("Revit 2023", "Autodesk", "revit", "", "2023"),
    ("Autodesk Inventor Professional 2019 - 简体中文 (Simplified Chinese)", None, "inventor", "专业版", "2019"),
    ("中望CAD 2023", "广州中望龙腾软件股份有限公司", "zwcad", "", "2023"),
    ("中望CAD机械版2021", "广州中望龙腾软件股份有限公司", "zwcad-mechanical", "", "2021"),
    ("浩辰CAD 2022", "苏州浩辰软件股份有限公司", "gstarcad", "", "2022"),
    ("浩辰CAD看图王", "苏州浩辰软件股份有限公司", "gstarcad-viewer", "", ""),
    ("CAXA CAD电子图板 2020", "北京数码大方科技股份有限公司", "caxa-cad", "", "2020"),
    ("T20天正建筑软件 V6.0", "北京天正软件股份有限公司", "tangent-arch", "", ""),
    ("SOLIDWORKS 2022 SP02", "Dassault Systemes SolidWorks", "solidworks", "", "2022"),
    ("SOLIDWORKS eDrawings 2022 SP02", None, "edrawings", "", "2022"),
    ("Siemens NX 12.0", "Siemens", "siemens-nx", "", ""),
    ("ANSYS 2022 R1", "ANSYS, Inc.", "ansys", "", "2022"),
    ("MATLAB R2021b", "MathWorks", "matlab", "", "2021"),
    ("Altium Designer 20", "Altium Limited", "altium-designer", "", ""),
    ("Mastercam 2021", "CNC Software, LLC", "mastercam", "", "2021"),
    ("PKPM结构设计软件 2021规范", "北京构力科技有限公司", "pkpm", "", "2021"),
    ("广联达BIM土建计量平台GTJ2021", "广联达科技股份有限公司", "glodon-gtj", "", "2021"),
    ("Microsoft SQL Server 2019 (64-bit)", "Microsoft Corporation", "sql-server", "", "2019"),
    ("Microsoft SQL Server 2014 Express", "Microsoft Corporation", "sql-server-express", "精简版", "2014"),
    ("达梦数据库", "武汉达梦数据库股份有限公司", "dameng", "", ""),
    ("QQ9.7", "腾讯科技(深圳)有限公司", "qq", "", ""),
    ("微信", "腾讯科技(深圳)有限公司", "wechat", "", ""),
    ("搜狗拼音输入法 15.1正式版", "Sogou.com", "sogou-pinyin", "", ""),
    ("WinRAR 6.02 (64-位)", "win.rar GmbH", "winrar", "", ""),
    ("软件正版化检查工具客户端", None, "copyright-client", "", ""),
    ("国家版权局网络版检查工具", None, "copyright-client", "网络版", ""),
    ("国家版权局软件正版化检查工具", None, "copyright-client", "", ""),
    ("北京市软件正版化检查服务系统客户端", None, "copyright-client", "", ""),
    ("网络版检查工具（客户端）", None, "copyright-client", "网络版", ""),
]  # fmt: skip


@pytest.mark.parametrize(("name", "publisher", "product", "edition", "release"), PROGRAMS)
def test_a_program_is_known_by_its_name(
    catalogue: Catalogue, name: str, publisher: str | None, product: str, edition: str, release: str
) -> None:
    got = catalogue.recognise(name, publisher, platform=WINDOWS)
    assert got.product, got.rule
    assert (got.product.id, got.edition, got.version) == (product, edition, release)


NOISE = [
    "Microsoft Office Proofing Tools 2016 - English",
    "Microsoft Office 校对工具 2016 - 简体中文",
    "Microsoft Office Proof (Chinese (Simplified)) 2010",
    "Microsoft Office Shared 64-bit MUI (Chinese (Simplified)) 2010",
    "Microsoft Office 共享安装程序元数据 MUI (Chinese (Simplified)) 2010",
    "Microsoft Office 64-bit Components 2013",
    "Microsoft Office OSM MUI (English) 2013",
    "Security Update for Microsoft Office 2010 (KB2553154) 32-Bit Edition",
    "Office 16 Click-to-Run Localization Component",
    "Microsoft Visual C++ 2015-2022 Redistributable (x64) - 14.38.33135",
    "Microsoft Visual C++ 2005 可再发行组件包",
    "Microsoft .NET Framework 4.8 (简体中文)",
    "Microsoft SQL Server 2012 Native Client",
    "Microsoft SQL Server 2008 Setup Support Files",
    "AutoCAD 2019 Language Pack - 简体中文 (Simplified Chinese)",
    "Autodesk Material Library 2020",
    "Windows 驱动程序包 - Huawei (hwusb) USB",
    "英特尔® 显卡驱动程序",
    "Realtek High Definition Audio Driver",
    "SOLIDWORKS 2025 简体中文资源",
    "Microsoft Edge WebView2 运行时",
    "MATLAB Runtime 9.10",
    "用于 Microsoft Windows 的更新程序 (KB4023057)",
]


@pytest.mark.parametrize("name", NOISE)
def test_parts_and_updates_are_noise(catalogue: Catalogue, name: str) -> None:
    got = catalogue.recognise(name, platform=WINDOWS)
    assert got.noise
    assert got.product is None
    assert got.rule.startswith("noise.")


def test_an_office_compatible_registration_of_wps_is_not_microsoft_office(catalogue: Catalogue) -> None:
    for name in ("Microsoft Office 2010", "Microsoft Office Professional Plus 2016", "Microsoft Word 2016"):
        got = catalogue.recognise(name, "Kingsoft Corp.", platform=WINDOWS)
        assert got.product is None
        assert not got.noise


def test_twins_fold_into_one_product(catalogue: Catalogue) -> None:
    names = (
        "Microsoft Office Professional Plus 2019 - zh-cn",
        "Microsoft Office Professional Plus 2019 - en-us",
        "Microsoft Office Professional Plus 2019",
    )
    found = {catalogue.recognise(name, "Microsoft Corporation", platform=WINDOWS) for name in names}
    assert len(found) == 1


def test_a_hidden_entry_counts_only_when_it_is_a_known_product(catalogue: Catalogue) -> None:
    hidden = catalogue.recognise("AutoCAD 2020", platform=WINDOWS, system_component=True)
    unknown = catalogue.recognise("Some Vendor Thing", platform=WINDOWS, system_component=True)
    assert hidden.product
    assert (unknown.noise, unknown.rule) == (True, "field.system_component")


def test_an_entry_of_a_parent_and_an_update_by_its_type_are_noise(catalogue: Catalogue) -> None:
    child = catalogue.recognise("AutoCAD 2020", platform=WINDOWS, parent_key="AutoCAD 2020")
    update = catalogue.recognise("AutoCAD 2020", platform=WINDOWS, release_type="Security Update")
    assert (child.noise, child.rule) == (True, "field.parent_key")
    assert (update.noise, update.rule) == (True, "field.release_type")


def test_an_unknown_package_is_noise_only_as_a_library(catalogue: Catalogue) -> None:
    library = catalogue.recognise("libtulin2", platform=LINUX, package_format="dpkg")
    by_section = catalogue.recognise("tulinrt", platform=LINUX, package_format="dpkg", section="universe/libs")
    leaf = catalogue.recognise("tulinv8", platform=LINUX, package_format="dpkg", section="utils")
    assert library.noise
    assert (by_section.noise, by_section.rule) == (True, "field.section")
    assert leaf == Recognition(None, "unknown")


def test_a_windows_name_is_no_package_name(catalogue: Catalogue) -> None:
    assert catalogue.recognise("autocad", platform=LINUX, package_format="dpkg").product is None
    assert catalogue.recognise("linuxqq", platform=WINDOWS).product is None


def test_a_collected_entry_is_recognised_with_all_its_fields(catalogue: Catalogue) -> None:
    entry = InstalledSoftware(
        name="cn.wps.wps-office-pro", source="dpkg", scope=Scope.PACKAGE, version="12.8.2", package_format="dpkg"
    )
    got = catalogue.recognise_entry(entry, LINUX)
    assert got.product
    assert (got.product.id, got.edition, got.version) == ("wps-office", "专业版", "12.8.2")


@pytest.mark.parametrize("name", ["中望CAD机械版", "中望CAD 机械版 2022", "中望 CAD 机械版", "中望 CAD机械版"])
def test_spaces_between_chinese_and_latin_change_nothing(catalogue: Catalogue, name: str) -> None:
    found = catalogue.recognise(name, platform=Platform.WINDOWS)
    assert found.product is not None
    assert found.product.id == "zwcad-mechanical"


@pytest.mark.parametrize(
    "name",
    [
        "汉王高拍仪驱动",
        "方正 A830 扫描仪驱动程序",
        "Lenovo Hotkey Features Integration",
        "Nvidia Share",
        "Windows-Treiberpaket - Dell Inc. PBADRV System",
        "英特尔(R) 芯片组设备软件",
        "ASUS ATK Package",
    ],
)
def test_parts_of_a_computer_are_no_programs_whatever_their_brand(catalogue: Catalogue, name: str) -> None:
    assert catalogue.recognise(name, platform=Platform.WINDOWS).noise


@pytest.mark.parametrize(
    ("name", "publisher"),
    [
        ("Enscape for Revit", "Chaos"),
        ("Mimecast for Outlook", "Mimecast"),
        ("Help+Manual 9", "EC Software"),
        ("Connect", "Zoho Corporation"),
        ("Intel Parallel Studio XE 2019", "Intel Corporation"),
        ("驱动精灵", "驱动之家"),
        ("HP LoadRunner", "HP"),
        ("FLAC 1.4.3", "Xiph"),
        ("某某单位审批软件", ""),
        ("Driver Detective 8.0", ""),
        ("VAIO - Media Gallery", ""),
        ("QuickFoox64", ""),
        ("Foo Self-Service", ""),
    ],
)
def test_what_may_need_a_licence_stays_visible(catalogue: Catalogue, name: str, publisher: str) -> None:
    """A program taken for a part would lose its verdict, which is worse than a part that is asked about."""
    assert not catalogue.recognise(name, publisher or None, platform=Platform.WINDOWS).noise


@pytest.mark.parametrize(
    ("name", "publisher", "rule"),
    [
        ("Foo-Link USBDriver 2.1 x64", "", "noise.glued-word"),
        ("hppM1005LaserJetService", "Hewlett-Packard", "noise.printer-kit"),
        ("iR-ADV C3520", "Canon Inc.", "noise.printer-model"),
        ("FooStream IP (TWAIN)", "", "noise.image-source"),
        ("NI Logos 20.0", "National Instruments", "noise.instrument-part"),
        ("foo_collection_neutral", "Microsoft Corporation", "noise.underscored"),
        ("FOOx64", "", "noise.glued-machine"),
        ("FooManagementQFolder", "", "noise.glued-kind"),
        ("F4400_Help", "", "noise.model-part"),
        ("Foo Icons for Lenovo", "", "noise.looks-for"),
        ("TOSHIBA Foo LAN Indicator", "", "noise.brand-part"),
    ],
)
def test_a_part_without_a_telling_literal_is_known_by_how_it_is_named(
    catalogue: Catalogue, name: str, publisher: str, rule: str
) -> None:
    assert catalogue.recognise(name, publisher or None, platform=Platform.WINDOWS).rule == rule


def test_a_rule_about_certain_makers_is_silent_where_the_maker_is_unknown_or_another(catalogue: Catalogue) -> None:
    for publisher in (None, "Somebody else", "Canonical", "Delicious Software"):
        for name in ("iR-ADV C3520", "NI Logos 20.0", "SolutionCenter"):
            assert catalogue.recognise(name, publisher, platform=Platform.WINDOWS).rule == "unknown"


def test_a_word_in_the_middle_of_a_package_name_tells_a_part(catalogue: Catalogue) -> None:
    parts = (
        "foo-graphics-driver-dri",
        "foo-plugin-bar",
        "foo-libs-double",
        "deepin-wine6-stable-i386",
        "qtspeech5-foo",
        "foo-bar-examples",
        "foo-help-zh-cn",
        "foo-mod-bar",
        "gfoo-12-arm-linux-gnueabi",
    )
    programs = (
        "com.foo.plugin-bar-app",
        "gnome-font-viewer",
        "foo-driverless",
        "qt-creator",
        "foo-help-desktop",
        "nautilus-dropbox",
    )
    assert [p for p in parts if not catalogue.recognise(p, platform=Platform.LINUX).noise] == []
    assert [p for p in programs if catalogue.recognise(p, platform=Platform.LINUX).noise] == []


def test_a_bare_name_is_its_product_where_its_own_maker_publishes_it(catalogue: Catalogue) -> None:
    for name in ("Inventor", "Inventor 2024"):
        got = catalogue.recognise(name, "Autodesk, Inc.", "28.0", platform=Platform.WINDOWS)
        assert got.product is not None
        assert (got.product.id, got.noise) == ("inventor", False)
    for publisher in (None, "Somebody else"):
        assert catalogue.recognise("Inventor", publisher, platform=Platform.WINDOWS).product is None


def test_a_product_is_found_behind_its_own_makers_name_only(catalogue: Catalogue) -> None:
    own = catalogue.recognise("同元软控 MWorks 2023", platform=Platform.WINDOWS)
    other = catalogue.recognise("东软 MWorks 2023", platform=Platform.WINDOWS)
    assert own.product is not None
    assert (own.product.name, other.product) == ("MWORKS", None)


def test_help_and_components_of_an_audited_program_are_parts_of_it(catalogue: Catalogue) -> None:
    names = ("MELSOFT Navigator Help", "SIMATIC S7-PLCSIM Interop Components", "Revit 2022 样板文件", "浩辰CAD 帮助")
    assert [name for name in names if not catalogue.recognise(name, platform=Platform.WINDOWS).noise] == []


def test_a_store_id_names_the_product_of_its_own_maker_only(catalogue: Catalogue) -> None:
    own = catalogue.recognise("com.sangfor.easyconnect", platform=Platform.LINUX)
    other = catalogue.recognise("com.tencent.easyconnect", platform=Platform.LINUX)
    assert own.product is not None
    assert (own.product.name, other.product) == ("EasyConnect", None)
