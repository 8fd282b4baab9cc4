"""What sysfs says of the hardware, what it keeps from ordinary accounts, and which addresses are the computer's own."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.collectors.linux import hardware
from scanner.collectors.linux.answers import Answer, split
from scanner.collectors.linux.commands import HARDWARE
from scanner.collectors.linux.hardware import Field
from scanner.model import Identity, SkippedEntry
from tests.scanner.collectors.linux.shell import session_of

DESKTOP = """@@dmi
sys_vendor read LENOVO
product_name read ThinkCentre M70t
product_serial read PF2ABCDE
product_uuid read 4c4c4544-0042-3510-8051-b4c04f4b3132
board_serial absent
chassis_type read 3
@@tree
@@network
software 1 02:42:ac:11:00:01 docker0
device 1 8c:16:45:aa:bb:cc enp2s0
device 1 00:1a:2b:3c:4d:5e wlp3s0
virtual 772 00:00:00:00:00:00 lo
virtual 1 52:54:00:12:34:56 veth0
@@end
"""


def test_a_desktop_is_known_by_its_firmware_and_its_cards() -> None:
    assert list(hardware.collect(session_of({HARDWARE: DESKTOP}))) == [
        Identity(
            smbios_uuid="4c4c4544-0042-3510-8051-b4c04f4b3132",
            serial="PF2ABCDE",
            maker="LENOVO",
            model="ThinkCentre M70t",
            chassis="3",
            macs=("00:1a:2b:3c:4d:5e", "8c:16:45:aa:bb:cc"),
            virtual=False,
            observation="o1",
        )
    ]


def test_a_field_for_root_alone_is_null_and_skipped_with_the_reason() -> None:
    text = DESKTOP.replace("product_serial read PF2ABCDE", "product_serial denied")
    identity, skipped = hardware.collect(session_of({HARDWARE: text}))
    assert isinstance(identity, Identity)
    assert identity.serial is None
    assert isinstance(skipped, SkippedEntry)
    assert (skipped.source, skipped.reason.code) == ("/sys/class/dmi/id/product_serial", "linux.needs_root")


def test_a_board_without_smbios_is_known_by_its_device_tree() -> None:
    text = "@@dmi\n@@tree\nmodel read Phytium D2000 Board\nserial-number read 00001234\n@@network\n@@end\n"
    [identity] = hardware.collect(session_of({HARDWARE: text}))
    assert identity == Identity(serial="00001234", model="Phytium D2000 Board", observation="o1")


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ("sys_vendor read To be filled by O.E.M.", Field("To be filled by O.E.M.")),
        ("sys_vendor read ", Field()),
        ("sys_vendor read", Field()),
        ("sys_vendor denied", Field(denied=True)),
        ("sys_vendor absent", Field()),
    ],
)
def test_blank_denied_and_absent_are_told_apart_from_a_value(line: str, field: Field) -> None:
    assert hardware.parse_fields([line]) == {"sys_vendor": field}


@pytest.mark.parametrize(
    ("lines", "macs"),
    [
        (["virtual 1 8c:16:45:00:00:11 eth0", "virtual 772 00:00:00:00:00:00 lo"], ("8c:16:45:00:00:11",)),
        (["software 1 02:42:ac:11:00:01 docker0"], ()),
        (["device 32 80:00:00:48:fe:80:00:00:00:00:00:00:00:02:c9:03:00:0a:6f:cf ib0"], ()),
        (["device 1 00:00:00:00:00:00 dummy0", "device 1 ff:ff:ff:ff:ff:ff x", "device 1"], ()),
        (["device 1 8C:16:45:00:00:11 a", "device 1 8c:16:45:00:00:11 b"], ("8c:16:45:00:00:11",)),
    ],
)
def test_only_addresses_of_network_cards_count(lines: list[str], macs: tuple[str, ...]) -> None:
    assert hardware.parse_macs(lines) == macs


@pytest.mark.parametrize(
    ("maker", "model", "virtual"),
    [
        ("QEMU", "Standard PC (Q35 + ICH9, 2009)", True),
        ("VMware, Inc.", "VMware Virtual Platform", True),
        ("Microsoft Corporation", "Virtual Machine", True),
        ("Microsoft Corporation", "Surface Pro 7", False),
        ("innotek GmbH", "VirtualBox", True),
        ("Alibaba Cloud", "Alibaba Cloud ECS", True),
        ("HUAWEI", "QingYun W510", False),
        (None, "KVM", True),
        (None, None, None),
    ],
)
def test_a_virtual_machine_is_known_by_maker_or_model(
    maker: str | None, model: str | None, virtual: bool | None
) -> None:
    assert hardware.is_virtual(maker, model) is virtual


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(["dmi", "tree", "network"]), st.text()))
def test_no_answer_of_a_host_breaks_the_parsers(sections: dict[str, str]) -> None:
    answer = Answer(split("".join(f"@@{name}\n{body}\n" for name, body in sections.items())))
    assert isinstance(hardware.parse_identity(answer, hardware.parse_fields(answer.lines("dmi"))), Identity)
