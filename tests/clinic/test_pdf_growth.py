"""The page of growth in the PDF: only where something is told, with every number, its range or why it is not there."""

from __future__ import annotations

import io
from typing import Any

import pytest

pytest.importorskip("reportlab", reason="the PDF needs boneage[serve]")

from children import child, read
from pdf_text import printed
from reportlab.pdfgen.canvas import Canvas

from boneage import Sex
from boneage.clinic.pdf_growth import growth_page, is_worth_a_page
from boneage.growth.child import Child
from boneage.growth.result import Growth, assess
from boneage.growth.velocity import Visit


def page(growth: Growth) -> str:
    out = io.BytesIO()
    canvas = Canvas(out)
    growth_page(canvas, growth)
    canvas.showPage()
    canvas.save()
    return printed(out.getvalue())


def grown(**known: Any) -> Growth:
    before = Visit(read(92.0, age_months=108.0, height_cm=131.0), name="before", model="default")
    return assess(Visit(read(114.0, **known), name="now", model="default"), [before])


def test_it_has_every_number_and_its_range() -> None:
    growth = grown()
    text = page(growth)
    for figure in growth.adult_heights:
        assert f"{figure.value:.1f} cm" in text
        assert f"90%: {figure.low:.1f} to {figure.high:.1f}" in text
    assert "Target height" in text
    assert "tables IV and V" in " ".join(text.splitlines())
    assert "Research use only, not a medical device." in text
    assert "bayley_pinneau_1952 e0bc73ff" in text


def test_it_says_why_a_number_is_not_there_and_what_to_be_wary_of() -> None:
    text = page(grown(weight_kg=None))
    assert "not given: the child's weight is not given" in text
    assert "leaves the group open" in text


def test_it_says_what_has_changed() -> None:
    text = " ".join(page(grown()).splitlines())
    assert "before to now: bone age 1.22 years a year" in text
    assert "if both errors move together" in text
    assert "may explain the difference" in text


def test_what_does_not_fit_is_told() -> None:
    growth = grown()
    many = growth.adult_heights * 12
    assert "and more: see the page or the JSON" in page(Growth(**{**vars(growth), "adult_heights": many}))


@pytest.mark.parametrize(
    ("one", "is_worth"),
    [
        (child(), True),
        (child(height_cm=None, weight_kg=None, mother_cm=None, father_cm=None), False),
        (child(height_cm=None, weight_kg=None, mother_cm=None), True),
    ],
)
def test_only_where_something_is_told_there_is_a_page(one: Child, is_worth: bool) -> None:
    assert is_worth_a_page(assess(one)) is is_worth


@pytest.mark.parametrize("one", [Child(Sex.UNKNOWN), child(age_months=12.0, height_cm=75.0), child(age_months=None)])
def test_whatever_is_known_it_can_be_drawn(one: Child) -> None:
    assert "Height against age" in page(assess(one))
