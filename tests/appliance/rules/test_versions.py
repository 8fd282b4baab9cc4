"""可使用版本 cells against installed versions."""

from __future__ import annotations

import pytest

from appliance.rules.versions import Fit, fit, named_in

COVERED, OUTSIDE, OPEN = Fit.COVERED, Fit.OUTSIDE, Fit.NOT_COMPARABLE


@pytest.mark.parametrize(
    ("cells", "installed", "expected"),
    [
        ((), ("2016",), COVERED),
        (("2016", "2019"), ("2019",), COVERED),
        (("2016",), ("2019",), OUTSIDE),
        (("2016",), ("2016", "2019"), OUTSIDE),
        (("2019及以下",), ("2016",), COVERED),
        (("2019及以下",), ("2021",), OUTSIDE),
        (("2016-2021",), ("2021",), COVERED),
        (("2016-2021",), ("2022",), OUTSIDE),
        (("11.8及以上",), ("11.8.2.8506",), COVERED),
        (("V10",), ("10.1",), COVERED),
        (("V10 SP1",), ("v10",), COVERED),
        (("V10",), ("4",), OUTSIDE),
        (("全部版本",), ("1.0",), COVERED),
        (("2016",), ("16.0.4266.1001",), OPEN),
        (("专业版 64位",), ("10",), OPEN),
        (("2016",), (), OPEN),
    ],
)
def test_a_cell_covers_contradicts_or_cannot_be_compared(
    cells: tuple[str, ...], installed: tuple[str, ...], expected: Fit
) -> None:
    assert fit(cells, installed) is expected


def test_a_release_in_the_products_own_name_is_no_contradiction() -> None:
    assert named_in("11 专业版", "Windows 11")
    assert not named_in("10", "Windows 11")
