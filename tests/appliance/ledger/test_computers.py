"""What kind of computer an asset is: by its code of GB/T 14885 in the right edition, then by its name."""

from __future__ import annotations

import pytest

from appliance.ledger.columns import standard
from appliance.ledger.computers import read_category
from appliance.ledger.model import AssetCategory as Kind
from appliance.ledger.model import CodeEdition

NONE, OF_2010, OF_2022 = CodeEdition.UNKNOWN, CodeEdition.OF_2010, CodeEdition.OF_2022


@pytest.mark.parametrize(
    ("code", "name", "make", "kind", "edition"),
    [
        ("2010103", "PC服务器", "", Kind.SERVER, OF_2010),
        ("2010104", "", "", Kind.DESKTOP, OF_2010),
        ("2010105", "计算机", "", Kind.NOTEBOOK, OF_2010),
        ("2010199", "其他计算机设备", "", Kind.OTHER, OF_2010),
        ("A02010104", "", "", Kind.SERVER, OF_2022),
        ("A02010105", "计算机", "", Kind.DESKTOP, OF_2022),
        ("A02010108", "便携式计算机", "", Kind.NOTEBOOK, OF_2022),
        ("A02010106", "", "", Kind.WORKSTATION, OF_2022),
        ("A02010100", "计算机", "", Kind.OTHER, OF_2022),
        ("a02010105", "便携式计算机", "", Kind.NOTEBOOK, OF_2010),  # numbered as in 2013: 05 was the notebook
        ("A02010104", "台式计算机", "", Kind.DESKTOP, OF_2010),
        ("02010105", "台式机", "", Kind.DESKTOP, OF_2022),
        ("", "服务器", "", Kind.SERVER, NONE),
        ("", "电脑", "联想 ThinkPad X1", Kind.NOTEBOOK, NONE),
        ("", "电脑", "某某", Kind.OTHER, NONE),
        ("设备类", "图形工作站", "", Kind.WORKSTATION, NONE),
    ],
)
def test_a_code_is_read_by_its_edition_and_a_name_where_there_is_none(
    code: str, name: str, make: str, kind: Kind, edition: CodeEdition
) -> None:
    found = read_category(code, name, make, standard().computers)
    assert (found.value, found.notes) == ((kind, edition), ())


def test_a_code_that_no_edition_brings_to_the_name_gives_way_and_is_noted() -> None:
    found = read_category("2010103", "笔记本电脑", "", standard().computers)
    assert (found.value, found.notes) == ((Kind.NOTEBOOK, OF_2010), ("ledger.category_conflict",))
