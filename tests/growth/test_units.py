"""Ages, heights and weights as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boneage.growth.units import Age, age, age_text, height, parent, weight


@pytest.mark.parametrize(
    ("text", "months", "half_width"),
    [
        ("10y4m", 124, 0),
        ("10 y 4 mo", 124, 0),
        ("10 years 4 months", 124, 0),
        ("10Y4M", 124, 0),
        ("10.5y", 126, 0),
        ("10,5 years", 126, 0),
        ("10.0y", 120, 0),
        ("10y0m", 120, 0),
        ("124mo", 124, 0),
        ("124 months", 124, 0),
        ("1 month", 1, 0),
        ("6y3m10d", 75 + 10 / 30.4375, 0),
        ("90 days", 90 / 30.4375, 0),
        ("10y", 126, 6),
        ("11 years", 138, 6),
        ("010Y", 126, 6),
        ("124M", 124.5, 0.5),
    ],
)
def test_an_age_is_read_as_it_is_written(text: str, months: float, half_width: float) -> None:
    found = age(text)
    assert found.months == pytest.approx(months)
    assert found.half_width == pytest.approx(half_width)


@pytest.mark.parametrize("text", ["", "124", "10-4", "ten years", "-3y", "10y4", "nan", "10 y 4 kg", "4m10y"])
def test_what_is_no_age_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="write it with its unit, as 10y4m"):
        age(text)


def test_nobody_is_that_old() -> None:
    with pytest.raises(ValueError, match="2400 months"):
        age("200.0y")


@pytest.mark.parametrize(
    ("text", "cm"),
    [
        ("140.2", 140.2),
        ("140,2 cm", 140.2),
        ("140cm", 140),
        ("1.402m", 140.2),
        ("1402mm", 140.2),
        ("55in", 139.7),
        ('55"', 139.7),
        ("55 inches", 139.7),
        ("4ft7in", 139.7),
        ("4 ft 7 in", 139.7),
        ("4'7\"", 139.7),
        ("4′7″", 139.7),
        ("4'7''", 139.7),
        ("5ft", 152.4),
        ("5'7.5\"", 171.45),
    ],
)
def test_a_height_is_in_centimetres_unless_it_says_otherwise(text: str, cm: float) -> None:
    assert height(text) == pytest.approx(cm)


def test_a_parent_is_no_child() -> None:
    assert parent("5ft6in") == pytest.approx(167.64)
    with pytest.raises(ValueError, match="of a parent is 60 cm"):
        parent("60")


@pytest.mark.parametrize(("text", "kg"), [("35", 35), ("35.5kg", 35.5), ("77lb", 34.92662), ("3500 g", 3.5)])
def test_a_weight_is_in_kilograms_unless_it_says_otherwise(text: str, kg: float) -> None:
    assert weight(text) == pytest.approx(kg, abs=1e-5)


@pytest.mark.parametrize(
    ("read", "text", "reason"),
    [
        (height, "1.40", "outside 25 to 250"),
        (height, "14020", "outside"),
        (height, "tall", "is no height: write it as 140.2cm or 55in"),
        (height, "140kg", "is no height"),
        (height, "", "is no height"),
        (weight, "900", "outside 0.3 to 300"),
        (weight, "35 stone", "is no weight"),
    ],
)
def test_what_cannot_be_is_refused(read: object, text: str, reason: str) -> None:
    assert callable(read)
    with pytest.raises(ValueError, match=reason):
        read(text)


@given(st.integers(0, 119), st.integers(0, 11))
def test_an_age_in_words_is_read_back(years: int, months: int) -> None:
    assert age(age_text(12 * years + months)) == Age(12 * years + months)
