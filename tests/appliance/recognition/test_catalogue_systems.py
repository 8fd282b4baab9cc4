"""Operating systems, and the names under which ledgers declare software."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.model import Activation, LicensingModel
from appliance.recognition.catalogue import Catalogue, load
from scanner.model import OperatingSystem, Platform

SAMPLES = Path(__file__).parents[2] / "data" / "samples"
WINDOWS, LINUX = Platform.WINDOWS, Platform.LINUX


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load()


SYSTEMS = [
    # name, EditionID, build, product, version, edition
    ("Windows 10 Pro", "Professional", "19045", "windows", "10", "专业版"),
    ("Windows 10 Pro", "Professional", "22631", "windows", "11", "专业版"),
    ("Windows 11 Pro", "Professional", "26100", "windows", "11", "专业版"),
    ("Windows 10 Home", "Core", "19045", "windows", "10", "家庭版"),
    ("Windows 10 Home China", "CoreCountrySpecific", "19045", "windows", "10", "家庭中文版"),
    ("Windows 10 Home Single Language", "CoreSingleLanguage", "19045", "windows", "10", "家庭单语言版"),
    ("Windows 10 Enterprise", "Enterprise", "19045", "windows", "10", "企业版"),
    ("Windows 10 Enterprise LTSC 2021", "EnterpriseS", "19044", "windows", "10", "企业版 LTSC"),
    ("Windows 10 Enterprise LTSB 2016", "EnterpriseS", "14393", "windows", "10", "企业版 LTSC"),
    ("Windows 10 Education", "Education", "19045", "windows", "10", "教育版"),
    ("Windows 10 Pro Education", "ProfessionalEducation", "19045", "windows", "10", "专业教育版"),
    ("Windows 10 Pro for Workstations", "ProfessionalWorkstation", "19045", "windows", "10", "专业工作站版"),
    ("Windows 10 IoT Enterprise LTSC 2021", "IoTEnterpriseS", "19044", "windows", "10", "企业版 LTSC"),
    ("Windows 11 Home China", "CoreCountrySpecific", "22631", "windows", "11", "家庭中文版"),
    ("Windows 11 家庭中文版", None, None, "windows", "11", "家庭中文版"),
    ("Windows 11 专业版", None, None, "windows", "11", "专业版"),
    ("Windows 8.1 Pro", "Professional", "9600", "windows", "8.1", "专业版"),
    ("Windows 8.1 Enterprise", "Enterprise", "9600", "windows", "8.1", "企业版"),
    ("Windows 8 Pro", "Professional", "9200", "windows", "8", "专业版"),
    ("Windows 7 Professional", "Professional", "7601", "windows", "7", "专业版"),
    ("Windows 7 Ultimate", "Ultimate", "7601", "windows", "7", "旗舰版"),
    ("Windows 7 旗舰版", None, "7601", "windows", "7", "旗舰版"),
    ("Windows 7 Home Basic", "HomeBasic", "7601", "windows", "7", "家庭普通版"),
    ("Windows 7 Home Premium", "HomePremium", "7601", "windows", "7", "家庭高级版"),
    ("Windows 7 Enterprise", "Enterprise", "7601", "windows", "7", "企业版"),
    ("Windows 7 Starter", "Starter", "7601", "windows", "7", "简易版"),
    ("Windows Vista (TM) Business", None, "6002", "windows", "Vista", "商业版"),
    ("Microsoft Windows XP Professional", None, "2600", "windows", "XP", "专业版"),
    ("Microsoft Windows XP Home Edition", None, "2600", "windows", "XP", "家庭版"),
    ("Microsoft Windows 10 专业版", None, None, "windows", "10", "专业版"),
    ("Windows Server 2008 R2 Standard", "ServerStandard", "7601", "windows-server", "2008 R2", "标准版"),
    ("Windows Server 2008 R2 Enterprise", "ServerEnterprise", "7601", "windows-server", "2008 R2", "企业版"),
    ("Windows Server 2012 R2 Standard", "ServerStandard", "9600", "windows-server", "2012 R2", "标准版"),
    ("Windows Server 2016 Datacenter", "ServerDatacenter", "14393", "windows-server", "2016", "数据中心版"),
    ("Windows Server 2019 Standard", "ServerStandard", "17763", "windows-server", "2019", "标准版"),
    ("Windows Server 2019 Standard Evaluation", "ServerStandardEval", "17763", "windows-server", "2019", "标准评估版"),
    ("Windows Server 2022 Datacenter", "ServerDatacenter", "20348", "windows-server", "2022", "数据中心版"),
    ("Windows Server 2025 Standard", "ServerStandard", "26100", "windows-server", "2025", "标准版"),
    ("Windows Server 2012 Essentials", "ServerSolution", "9200", "windows-server", "2012", "基础版"),
    ("Microsoft Windows Server 2003 R2", None, "3790", "windows-server", "2003 R2", ""),
    ("Windows 11 Enterprise", "Enterprise", "22631", "windows", "11", "企业版"),
    ("Windows 11 Education", "Education", "22631", "windows", "11", "教育版"),
    ("Windows 10 Enterprise", "EnterpriseEval", "19045", "windows", "10", "企业评估版"),
    ("Windows 11 Home Single Language", "CoreSingleLanguage", "22000", "windows", "11", "家庭单语言版"),
    ("Windows 10 企业版 LTSC 2019", None, "17763", "windows", "10", "企业版 LTSC"),
    ("Microsoft Windows 7 专业版", None, "7601", "windows", "7", "专业版"),
    ("Microsoft Windows 7 家庭普通版", None, "7601", "windows", "7", "家庭普通版"),
    ("Microsoft Windows 10 家庭中文版", None, "19045", "windows", "10", "家庭中文版"),
    ("Microsoft Windows 8.1 专业版", None, "9600", "windows", "8.1", "专业版"),
    ("Microsoft Windows 2000 Professional", None, "2195", "windows", "2000", "专业版"),
    ("Microsoft Windows Server 2012 R2 Standard", None, "9600", "windows-server", "2012 R2", "标准版"),
    ("Microsoft Windows Server 2019 Datacenter", None, "17763", "windows-server", "2019", "数据中心版"),
    ("Windows Server 2016 Essentials", "ServerSolution", "14393", "windows-server", "2016", "基础版"),
    ("Windows Server 2022 Datacenter Azure Edition", "ServerTurbine", "20348", "windows-server", "2022", "数据中心版"),
    ("Windows Server 2008 R2 Enterprise", None, "7601", "windows-server", "2008 R2", "企业版"),
]


@pytest.mark.parametrize(("name", "edition_id", "build", "product", "version", "edition"), SYSTEMS)
def test_a_windows_edition_is_known(
    catalogue: Catalogue, name: str, edition_id: str | None, build: str | None, product: str, version: str, edition: str
) -> None:
    got = catalogue.recognise_os(OperatingSystem(WINDOWS, name, build=build, edition=edition_id))
    assert got.product
    assert (got.product.id, got.version, got.edition) == (product, version, edition)
    assert got.product.activation is Activation.READABLE


LINUX_NAMES = [
    # name as a system or a ledger writes it, distribution, product
    ("银河麒麟桌面操作系统V10（SP1）", None, "kylin-desktop"),
    ("Kylin V10 SP1", "kylin", "kylin-desktop"),
    ("Kylin Linux Advanced Server V10 (Lance)", "kylin", "kylin-server"),
    ("银河麒麟高级服务器操作系统V10", None, "kylin-server"),
    ("中标麒麟桌面操作系统软件（龙芯版）V7.0", None, "neokylin-desktop"),
    ("NeoKylin Linux Advanced Server V7Update6", "neokylin", "neokylin-server"),
    ("UnionTech OS Desktop 20 Pro", "uos", "uos-desktop"),
    ("UnionTech OS Desktop 20 Home", "uos", "uos-home"),
    ("UnionTech OS Server 20", "uos", "uos-server"),
    ("统信桌面操作系统V20专业版", None, "uos-desktop"),
    ("统信服务器操作系统V20（1060e）", None, "uos-server"),
    ("deepin 23", "deepin", "deepin"),
    ("openKylin 2.0", "openkylin", "openkylin"),
    ("Ubuntu Kylin 22.04 LTS", "ubuntu-kylin", "ubuntu-kylin"),
    ("openEuler 22.03 (LTS-SP3)", "openEuler", "openeuler"),
    ("EulerOS 2.0 (SP10)", "euleros", "euleros"),
    ("Anolis OS 8.8", "anolis", "anolis"),
    ("Alibaba Cloud Linux 3 (Soaring Falcon)", "alinux", "alinux"),
    ("OpenCloudOS 9.2", "opencloudos", "opencloudos"),
    ("TencentOS Server 3.1 (Final)", "tencentos", "tencentos"),
    ("中科方德桌面操作系统V5.0", None, "nfs-desktop"),
    ("中科方德高可信服务器操作系统V4.0", None, "nfs-server"),
    ("红旗Asianux Server 7", None, "redflag"),
    ("凝思安全操作系统V6.0.80", None, "linx"),
    ("Red Hat Enterprise Linux Server 7.9 (Maipo)", "rhel", "rhel"),
    ("CentOS Linux 7 (Core)", "centos", "centos"),
    ("SUSE Linux Enterprise Server 15 SP4", "sles", "sles"),
    ("openSUSE Leap 15.5", "opensuse-leap", "opensuse"),
    ("Ubuntu 22.04.3 LTS", "ubuntu", "ubuntu"),
    ("Debian GNU/Linux 12 (bookworm)", "debian", "debian"),
    ("Fedora Linux 39 (Workstation Edition)", "fedora", "fedora"),
    ("Oracle Linux Server 8.8", "ol", "oracle-linux"),
]


@pytest.mark.parametrize(("name", "distribution", "product"), LINUX_NAMES)
def test_a_linux_edition_is_known(catalogue: Catalogue, name: str, distribution: str | None, product: str) -> None:
    got = catalogue.recognise_os(OperatingSystem(LINUX, name, distribution=distribution))
    assert got.product, got.rule
    assert got.product.id == product


def test_the_table_of_real_editions_is_long_enough() -> None:
    assert len({row[0] for row in SYSTEMS} | {row[0] for row in LINUX_NAMES} | set(OS_RELEASE)) >= 60


OS_RELEASE = {
    "kylin-server-v10-sword": "kylin-server",
    "kylin-server-v10-halberd": "kylin-server",
    "kylin-desktop-v10sp1-edu": "kylin-desktop",
    "neokylin-v7update6": "neokylin-server",
    "uos-desktop-20-e": "uos-desktop",
    "uos-server-20-kongli": "uos-server",
    "deepin-20.9": "deepin",
    "openkylin-0.9.5": "openkylin",
    "openkylin-1.0.1": "openkylin",
    "openeuler-20.03-lts-sp1": "openeuler",
    "anolis-8.6": "anolis",
    "anolis-8.10": "anolis",
    "anolis-23": "anolis",
    "centos-stream-8": "centos",
    "rocky-8": "rocky-linux",
    "almalinux-9": "almalinux",
    "debian-10": "debian",
    "debian-11": "debian",
}


def read_os_release(name: str) -> dict[str, str]:
    lines = (SAMPLES / "os_release" / f"{name}.txt").read_text("utf-8").splitlines()
    return {key: value.strip('"') for key, _, value in (line.partition("=") for line in lines) if value}


@pytest.mark.parametrize(("file", "product"), OS_RELEASE.items())
def test_a_linux_system_is_known_by_its_os_release(catalogue: Catalogue, file: str, product: str) -> None:
    fields = read_os_release(file)
    got = catalogue.recognise_os(
        OperatingSystem(LINUX, fields["PRETTY_NAME"], version=fields["VERSION"], distribution=fields["ID"])
    )
    assert got.product
    assert got.product.id == product


def test_the_release_of_kylin_is_written_as_its_maker_writes_it(catalogue: Catalogue) -> None:
    fields = read_os_release("kylin-desktop-v10sp1-edu")
    os = OperatingSystem(LINUX, fields["PRETTY_NAME"], version=fields["VERSION"], distribution=fields["ID"])
    got = catalogue.recognise_os(os)
    assert (got.version, got.edition) == ("V10 SP1", "教育版")


def test_commercial_kylin_and_uos_have_a_readable_activation_and_community_editions_none(catalogue: Catalogue) -> None:
    readable = {"kylin-desktop", "kylin-server", "uos-desktop", "uos-server", "windows", "microsoft-office"}
    assert {catalogue.products[p].activation for p in readable} == {Activation.READABLE}
    assert {catalogue.products[p].licensing for p in ("deepin", "openkylin")} == {LicensingModel.FREE}


DECLARED = [
    ("Windows 10 专业版", "", "windows"),
    ("Windows", "10 专业版", "windows"),
    ("Win10专业版", "", "windows"),
    ("Microsoft Windows 7 旗舰版", "", "windows"),
    ("Windows Server 2019 标准版", "", "windows-server"),
    ("银河麒麟桌面操作系统V10", "", "kylin-desktop"),
    ("银河麒麟高级服务器操作系统", "V10", "kylin-server"),
    ("麒麟操作系统", "", "kylin-desktop"),
    ("统信UOS", "20 专业版", "uos-desktop"),
    ("统信桌面操作系统", "", "uos-desktop"),
    ("统信服务器操作系统V20", "", "uos-server"),
    ("Microsoft Office 2016专业增强版", "", "microsoft-office"),
    ("Office 2010", "", "microsoft-office"),
    ("微软Office", "2019", "microsoft-office"),
    ("Office 365", "", "microsoft-365"),
    ("Visio 2016 专业版", "", "microsoft-visio"),
    ("WPS Office 2019 政府版", "", "wps-office"),
    ("金山WPS", "", "wps-office"),
    ("金山WPS Office 2016专业版", "", "wps-office"),
    ("金山 WPS Office", "", "wps-office"),
    ("WPS", "2019", "wps-office"),
    ("永中集成Office", "", "yozo-office"),
    ("360终端安全", "", "360-enterprise"),
    ("360天擎", "", "qianxin-tianqing"),
    ("奇安信天擎终端安全管理系统", "V10", "qianxin-tianqing"),
    ("火绒终端安全管理系统", "2.0", "huorong-enterprise"),
    ("火绒", "", "huorong"),
    ("瑞星杀毒软件网络版", "", "rising-esm"),
    ("卡巴斯基", "", "kaspersky"),
    ("AutoCAD", "2014", "autocad"),
    ("中望CAD", "2023", "zwcad"),
    ("浩辰CAD", "", "gstarcad"),
    ("天正建筑", "T20", "tangent-arch"),
    ("达梦数据库管理系统", "V8", "dameng"),
    ("人大金仓数据库", "", "kingbase"),
    ("腾讯QQ", "", "qq"),
    ("微信", "", "wechat"),
    ("搜狗输入法", "", "sogou-pinyin"),
    ("谷歌浏览器", "", "chrome"),
    ("7-Zip", "", "7-zip"),
    ("北京金山办公软件 WPS Office 2019", "", "wps-office"),
]


@pytest.mark.parametrize(("name", "version", "product"), DECLARED)
def test_a_declared_name_is_found(catalogue: Catalogue, name: str, version: str, product: str) -> None:
    found = catalogue.find(name, version)
    assert found
    assert found.id == product


def test_a_declared_name_that_means_nothing_known_is_not_guessed(catalogue: Catalogue) -> None:
    assert catalogue.find("云水县档案管理系统") is None
    assert catalogue.find("", "") is None
