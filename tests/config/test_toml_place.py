"""A key is found by its line."""

from __future__ import annotations

import tomllib

import pytest

from config.toml_place import line_of, syntax_line

TEXT = """title = "x"
# value = 1
[switches.proof]   # a comment
value = "P1"
source = "s"

[assets.columns]
"资产编号" = ["a"]
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (["title"], 1),
        (["switches", "proof", "value"], 4),
        (["switches", "proof", "effective"], 3),
        (["assets", "columns", "资产编号", 0], 8),
        (["nowhere"], 1),
    ],
)
def test_a_key_is_found_by_its_line(path: list[str | int], line: int) -> None:
    assert line_of(TEXT, path) == line


def test_a_syntax_error_names_its_line() -> None:
    with pytest.raises(tomllib.TOMLDecodeError) as caught:
        tomllib.loads("a = 1\nb =\n")
    assert syntax_line(caught.value) == 2
