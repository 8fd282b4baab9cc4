"""A fault in the columns file is named by file and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.ledger import columns
from config.messages import render
from config.problems import BadInput

TEXT = columns.FILE.read_text("utf-8")


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('required = ["asset_no"]', 'required = ["asset_no"', "line"),
        ('required = ["asset_no"]', 'required = "asset_no"', "assets.required"),
        ('required = ["asset_no"]', 'required = ["asset_number"]', "assets.required"),
        ("asset_no = [", "asset_nr = [", "assets.columns"),
        ('hostname = ["计算机名"', 'hostname = ["MAC地址"', "assets.columns.hostname"),
        ("[words.states]", "[words.state]", "words.state"),
        ("in_use = [", "in_usage = [", "words.states"),
        ('code_pattern = "^', 'code_pattern = "^(', "computers.code_pattern"),
    ],
)
def test_a_fault_names_file_and_key(tmp_path: Path, old: str, new: str, named: str) -> None:
    file = tmp_path / "我的列名.toml"
    assert old in TEXT
    file.write_text(TEXT.replace(old, new, 1), "utf-8")
    with pytest.raises(BadInput) as caught:
        columns.load(file)
    sentence = render(caught.value.message)
    assert "我的列名.toml" in sentence
    assert named in sentence


def test_every_form_knows_its_fields_and_has_a_header_for_each() -> None:
    for kind, form in columns.standard().forms.items():
        assert form.labels.keys() == columns.FIELDS[kind]
