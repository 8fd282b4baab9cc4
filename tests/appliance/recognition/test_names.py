"""How names are folded and shortened before they are compared."""

from __future__ import annotations

import pytest

from appliance.recognition.names import bare, ends_word, fold, holds, tokens, year


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("Mozilla Firefox 57.0.2 (x64 zh-CN)", "mozilla firefox"),
        ("7-Zip 19.00 (x64 edition)", "7-zip"),
        ("QQ9.7", "qq"),
        ("CAD快速看图v6.4.1.101", "cad快速看图"),
        ("SOLIDWORKS 2025 SP05", "solidworks"),
        ("Notepad++ (64-bit x64)", "notepad++"),
        ("360安全卫士", "360安全卫士"),
        ("搜狗输入法 15.1正式版", "搜狗输入法"),
    ],
)
def test_a_name_loses_version_architecture_and_language(name: str, short: str) -> None:
    assert bare(fold(name)) == short


def test_folding_evens_out_width_marks_case_and_spaces() -> None:
    assert fold("Ｊａｖａ(TM)  SE　Ｒｕｎｔｉｍｅ®") == "java se runtime"
    assert fold("中望ＣＡＤ　２０２３") == "中望cad 2023"


def test_a_word_is_found_whole_only() -> None:
    assert holds("microsoft office word mui", "word mui")
    assert not holds("wordpad", "word")
    assert holds("用于语言包的更新", "语言包")
    assert ends_word("autocad2020", 7)
    assert not ends_word("autocadlt", 7)


def test_tokens_are_words_numbers_and_pairs_of_characters() -> None:
    assert tokens("中望cad 2023") == {"中望", "cad", "2023"}
    assert tokens("语言包") == {"语言", "言包"}


def test_a_year_is_never_part_of_a_version_number() -> None:
    assert year("microsoft office 2016") == "2016"
    assert year("r 2020.07.1 build") == ""
    assert year("wps office 12.1.0.2019") == ""
