"""Dates as headers and tables write them."""

from __future__ import annotations

from datetime import date

import pytest

from boneage.images.dates import date_of


@pytest.mark.parametrize(
    "text", ["20240229", "2024-02-29", "2024.02.29", "2024/02/29 09:30", "29.02.2024", "20240229T0930"]
)
def test_a_day_in_any_of_its_spellings(text: str) -> None:
    assert date_of(text) == date(2024, 2, 29)


@pytest.mark.parametrize("text", ["", "soon", "20230229", "2024-02/29", "29/02/2024", "29-02-2024", "2024", "20241301"])
def test_what_is_no_day_or_may_be_another_is_none(text: str) -> None:
    assert date_of(text) is None
