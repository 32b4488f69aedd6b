"""The page of ages by region in the PDF: every region, its number or why it has none, and what is unusual."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest

pytest.importorskip("reportlab", reason="the PDF needs boneage[serve]")

from hands import hand, predictor
from pdf_text import printed
from regional import told
from reportlab.pdfgen.canvas import Canvas

from boneage import Sex, read
from boneage.clinic.answers import Answer, HandAnswer
from boneage.clinic.described import REGIONS, described
from boneage.clinic.pdf import report
from boneage.clinic.pdf_regions import FARTHEST, regions_page
from boneage.types import RegionalAges

FILM = read(hand())


class Telling:
    """What `described` needs of a network of ages by region."""

    meaning = "A region's age is the whole hand's. Model regions, weights abababababab."

    @staticmethod
    def outlines(seen: object) -> dict[str, object]:
        del seen
        return {}


def answer(found: RegionalAges | None) -> HandAnswer:
    seen = predictor().examine(FILM)
    reading = replace(predictor().read(seen, Sex.FEMALE), regional_ages=found)
    return described(reading, seen, FILM, regional=Telling())  # type: ignore[arg-type]


def page(found: RegionalAges) -> str:
    out, one = io.BytesIO(), answer(found)
    canvas = Canvas(out)
    assert one.regional_ages is not None
    regions_page(canvas, one, one.regional_ages)
    canvas.showPage()
    canvas.save()
    return printed(out.getvalue())


def test_every_region_has_a_row() -> None:
    text = page(told())
    for region in REGIONS:
        assert f"{region.name[0].upper()}{region.name[1:]}" in text
    assert "8 y 0 mo" in text
    assert "70 to 122 months" in text
    assert "24.5 mo" in text
    assert text.count("not informative") == 2, "one region, and one whose rest is not"
    assert "Research use only, not a medical device." in text
    assert "weights abababababab" in " ".join(text.splitlines())


def test_without_ages_it_says_why() -> None:
    text = page(RegionalAges("regions", "0" * 64, reason="no hand is certain"))
    assert "No ages by region: no hand is certain." in text


def test_a_difference_beyond_the_axis_lies_at_its_end() -> None:
    far = replace(told().ages[0], difference_months=10 * FARTHEST)
    assert "+480.0 mo" in page(replace(told(), ages=(far,)))


def test_the_report_has_the_page_only_where_there_are_ages() -> None:
    with_ages, without = (report(Answer(**dict(answer(found))), FILM, []) for found in (told(), None))
    assert with_ages.count(b"/Type /Page\n") == without.count(b"/Type /Page\n") + 1
    assert "Ages by region" in printed(with_ages)
    assert "Ages by region" not in printed(without)
