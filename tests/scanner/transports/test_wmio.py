"""WMI objects as bytes: the published examples, impacket as a second reader, and hostile bytes."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from impacket.dcerpc.v5.dcom import wmi as impacket_wmi

from scanner.transports.smb_wire import Malformed
from scanner.transports.wmio import MAX_TEXT, Decoder, encode_instance, method_inputs, parse_class
from tests.lab.dcom import machines
from tests.lab.dcom.parameters import read_parameters
from tests.lab.dcom.stdregprov import CLASS as STDREGPROV
from tests.lab.dcom.wmio import CimClass, Method, Prop, class_object, class_part, instance, parameters_class

EXAMPLES = Path(__file__).parents[2] / "data" / "windows" / "ms_wmio_examples.json"
BASE = CimClass("Base", (Prop("Id", "sint32", key=True),))
MY_CLASS = CimClass(
    "MyClass",
    (
        Prop("Id", "sint32", key=True, inherited=True),
        Prop("Data1", depth=1, flags=((0x80000003, 0), (0x80000004, 0))),
        Prop("Data2", default="defaultValue", depth=1),
        Prop("Array", "uint32", array=True, depth=1),
    ),
    ("Base",),
    "MyClass Example",
    slack=6,
)
MY_VALUES = {"Id": 123, "Data1": "StringField", "Array": [1, 2, 3]}


def published(name: str) -> bytes:
    """One of the three worked examples of [MS-WMIO] §4."""
    return bytes.fromhex(json.loads(EXAMPLES.read_text())[name])


def test_the_peer_writes_the_published_instance_byte_for_byte() -> None:
    made = instance(MY_CLASS, MY_VALUES, "DPRAVAT-DEV", "ROOT", heap_order=["Array", "Data1"])
    assert made == published("instanceMyClass")


def test_the_published_instance_is_read_with_its_default() -> None:
    name, values = Decoder().instance(published("instanceMyClass"))
    assert name == "MyClass"
    assert values == {"Id": 123, "Data1": "StringField", "Data2": "defaultValue", "Array": (1, 2, 3)}


def test_the_published_classes_are_read() -> None:
    """Without methods; bytes that the specification's own example left uninitialised do not matter."""
    assert method_inputs(published("baseClass")) == {}
    assert method_inputs(published("myClass")) == {}
    example = published("instanceMyClass")
    size = struct.unpack_from("<I", example, 28)[0]
    layout = parse_class(example[28 : 28 + size])
    assert [(item.name, item.kind, item.is_array) for item in layout.properties] == [
        ("Id", 3, False),
        ("Data1", 8, False),
        ("Data2", 8, False),
        ("Array", 19, True),
    ]


def test_the_peers_class_part_is_the_published_one() -> None:
    made, example = class_part(MY_CLASS), published("myClass")
    at = example.index(made[:4] + b"\0" + made[5:13])
    assert example[at : at + len(made)] == made


EVERY_TYPE = CimClass(
    "Every",
    tuple(
        Prop(f"{cim}{'s' if array else ''}", cim, array=array)
        for cim in ("sint8", "uint8", "sint16", "uint16", "sint32", "uint32", "sint64", "uint64", "real64", "boolean",
                    "string", "datetime", "char16")
        for array in (False, True)
    ),
)  # fmt: skip
SIZES = {"sint8": 8, "uint8": 8, "sint16": 16, "uint16": 16, "sint32": 32, "uint32": 32, "sint64": 64, "uint64": 64}
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)


def scalars(cim: str) -> st.SearchStrategy[Any]:
    if cim in SIZES:
        bits = SIZES[cim]
        low, high = (0, 2**bits - 1) if cim.startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
        return st.integers(low, high)
    if cim == "real64":
        return st.floats(allow_nan=False)
    if cim == "char16":
        return st.integers(0, 65535)
    return st.booleans() if cim == "boolean" else TEXT


def value_of(prop: Prop) -> st.SearchStrategy[Any]:
    if prop.array and prop.cim in ("boolean", "real64"):
        return st.none()
    one = scalars(prop.cim)
    return st.none() | (st.lists(one, max_size=4) if prop.array else one)


@given(
    st.fixed_dictionaries({prop.name: value_of(prop) for prop in EVERY_TYPE.props}), st.binary(min_size=1, max_size=2)
)
def test_property_what_is_written_is_read_back(values: dict[str, Any], null_fill: bytes) -> None:
    for per_property in (False, True):
        unit = instance(EVERY_TYPE, values, "S", "N", null_fill=null_fill, per_property_qualifiers=per_property)
        name, found = Decoder().instance(unit)
        assert name == "Every"
        assert found == {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}


@given(st.data())
@settings(max_examples=400)
def test_property_hostile_bytes_are_malformed_or_read_and_never_anything_else(data: st.DataObject) -> None:
    unit = bytearray(published("instanceMyClass"))
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(8, len(unit) - 1))
        unit[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(unit)))
    for bytes_ in (bytes(unit), bytes(unit[:cut])):
        for read in (Decoder().instance, method_inputs):
            try:
                read(bytes_)
            except Malformed:
                continue


@given(st.binary(max_size=300))
def test_property_random_bytes_are_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        Decoder().instance(b"\x78\x56\x34\x12" + data)


def test_references_that_repeat_one_long_text_are_bounded() -> None:
    """A small message may point at one text many times; what it unfolds to has a limit."""
    cls = CimClass("Bomb", (Prop("Texts", array=True),))
    count, text = 4000, "x" * 60_000
    unit = bytearray(instance(cls, {"Texts": ["", text]}))
    plain = instance(cls, {"Texts": [""] * count + [text]})
    unit = bytearray(plain)
    at = plain.index(struct.pack("<I", count + 1)) + 4
    last = unit[at + 4 * count : at + 4 * count + 4]
    unit[at : at + 4 * count] = last * count
    assert count * len(text) > 10 * MAX_TEXT
    with pytest.raises(Malformed, match="more text"):
        Decoder().instance(bytes(unit))


def test_a_count_beyond_the_heap_is_refused_before_anything_is_made() -> None:
    unit = bytearray(published("instanceMyClass"))
    at = bytes(unit).index(struct.pack("<4I", 3, 1, 2, 3))
    unit[at : at + 4] = b"\xff\xff\xff\x7f"
    with pytest.raises(Malformed):
        Decoder().instance(bytes(unit))


def test_a_decoder_keeps_no_more_classes_than_its_limit() -> None:
    decoder = Decoder()
    for number in range(600):
        decoder.instance(instance(CimClass(f"C{number}", (Prop("A"),)), {"A": "x"}))
    assert len(decoder._layouts) <= 256  # pyright: ignore[reportPrivateUsage]


# in-parameters


@pytest.mark.parametrize("method", STDREGPROV.methods, ids=lambda method: method.name)
def test_the_in_parameters_of_every_method_are_found_and_filled(method: Method) -> None:
    part = method_inputs(class_object(STDREGPROV, "PC", "ROOT\\DEFAULT"))[method.name]
    assert part == class_part(parameters_class(method.inputs))
    given_values: dict[str, int | str] = {"hDefKey": 0x80000002, "sSubKeyName": "SOFTWARE\\软件"}
    read = read_parameters(parameters_class(method.inputs), encode_instance(part, given_values))
    assert {name: value for name, value in read.items() if value is not None} == given_values


def test_a_parameter_that_the_method_does_not_have_is_our_own_mistake() -> None:
    part = method_inputs(class_object(STDREGPROV))["EnumKey"]
    with pytest.raises(KeyError):
        encode_instance(part, {"sValueName": "x"})


# a second reader


def by_impacket(unit: bytes) -> dict[str, Any]:
    block = impacket_wmi.ENCODING_UNIT(unit)["ObjectBlock"]
    block.parseObject()
    return {name: item["value"] for name, item in block.ctCurrent["properties"].items()}


def comparable(value: Any) -> Any:
    return {"True": True, "False": False}.get(value, value) if isinstance(value, str) else value


def test_impacket_reads_the_same_values() -> None:
    cls, row = machines.OPERATING_SYSTEM, machines.SYSTEM_ROW
    unit = instance(cls, row, "PC", "ROOT\\CIMV2")
    theirs = {name: comparable(value) for name, value in by_impacket(unit).items()}
    ours = Decoder().instance(unit)[1]
    assert {name: list(value) if isinstance(value, tuple) else value for name, value in ours.items()} == theirs


def test_impackets_known_faults_with_null_are_ours_to_avoid() -> None:
    """A NULL slot that holds ones is read by impacket 0.13 as true, or as the largest number; we read the null bit."""
    cls = CimClass("N", (Prop("Flag", "boolean"), Prop("Small", "uint16"), Prop("Text"), Prop("Key", key=True)))
    unit = instance(cls, {"Key": "k"}, "PC", "N", null_fill=b"\xff")
    assert Decoder().instance(unit)[1] == {"Flag": None, "Small": None, "Text": None, "Key": "k"}
    theirs = by_impacket(unit)
    assert (theirs["Flag"], theirs["Small"]) == ("True", 65535)


def test_impacket_cannot_read_qualifiers_of_single_properties() -> None:
    cls = CimClass("Q", (Prop("Key", key=True),))
    unit = instance(cls, {"Key": "k"}, "PC", "N", per_property_qualifiers=True)
    assert Decoder().instance(unit)[1] == {"Key": "k"}
    with pytest.raises(Exception, match="InstPropQualSetFlag"):
        by_impacket(unit)
