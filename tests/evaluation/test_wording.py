"""Numbers in words."""

from __future__ import annotations

import pytest

from boneage.evaluation import wording


@pytest.mark.parametrize(
    ("value", "digits", "signed", "shown"),
    [
        (None, 1, False, "n/a"),
        (1234.56, 1, False, "1,234.6"),
        (-0.04, 1, True, "0.0"),
        (-2.5, 1, False, "\N{MINUS SIGN}2.5"),
        (2.5, 2, True, "+2.50"),
    ],
)
def test_numbers(value, digits, signed, shown):
    assert wording.number(value, digits, signed=signed) == shown


def test_measured_with_and_without_an_interval():
    spaced = wording.measured({"value": 7.04, "low": 6.5, "high": 7.55}, "months").replace("\N{NO-BREAK SPACE}", " ")
    assert spaced == "7.0 months (6.5 to 7.5)"
    assert wording.measured({"value": 7.0, "low": None, "high": None}) == "7.0 (no interval)"


@pytest.mark.parametrize(
    ("name", "shown"),
    [("<84", "below 84"), ("84-120", "84 to 120"), (">=156", "from 156"), ("female", "female"), ("a-b", "a-b")],
)
def test_bands_in_words(name, shown):
    assert wording.band(name).replace("\N{NO-BREAK SPACE}", " ") == shown
