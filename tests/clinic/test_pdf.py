"""The PDF: what is on its page and what is not."""

from __future__ import annotations

import asyncio
import re
from functools import partial
from typing import Any

import pytest
from hands import hand, pair, predictor
from in_process import opened
from pdf_text import printed

from boneage.clinic import pdf
from boneage.clinic.answers import ReadingRequest
from boneage.clinic.service import Service
from boneage.reading.intervals import MEANING
from boneage.reading.occlusion import over_film
from boneage.reading.regions import ELSEWHERE, REGIONS


def report(service: Service, earlier: list[tuple[float, float]] | None = None, **request: Any) -> bytes:
    """The PDF of a girl's hand."""
    answer, film = asyncio.run(service.read_film(hand(), "DOE^JANE.png", ReadingRequest(**request)))
    return pdf.report(answer, film, earlier or [])


def test_it_has_age_interval_and_comparison_and_names_nobody() -> None:
    with opened() as service:
        page = report(
            service, [(60, 66), (90, 93.5)], sex="female", chronological_age_months=118, patient_id="MRN-4711"
        )
    assert page.startswith(b"%PDF-")
    assert page.count(b"/Type /Page\n") == 1
    text = printed(page)
    assert "Bone age reading" in text
    assert "90% interval: " in text
    assert "SDS" in text
    assert "Research use only, not a medical device." in text
    assert MEANING in " ".join(text.splitlines())
    for secret in ("DOE^JANE", "MRN-4711"):
        assert secret[-4:] not in text
        assert secret.encode() not in page


def test_each_of_two_hands_has_a_page() -> None:
    with opened() as service:
        answer, film = asyncio.run(service.read_film(pair(), "pair.png", ReadingRequest(sex="female")))
    page = pdf.report(answer, film, [])
    assert page.count(b"/Type /Page\n") == 2
    text = printed(page)
    for part, hand_ in (("left", "left"), ("right", "right")):
        assert f"the {part} one in the picture, a {hand_} hand by its thumb" in text
    for one in answer.hands:
        assert f"{one.bone_age_months:.1f} months" in text


@pytest.mark.parametrize(("age", "words"), [(480, "beyond the chart, at 40 y 0 mo"), (200, None)])
def test_it_marks_what_lies_beyond_its_chart(age: int, words: str | None) -> None:
    """The reading's own age, and an earlier one; the same words as on the web page."""
    with opened() as service:
        own = printed(report(service, sex="female", chronological_age_months=age))
        earlier = printed(report(service, [(age, 228)], sex="female"))
    for text in (own, earlier):
        assert ("Arrow at the edge" in text, words is None or words in text) == (words is not None, True)


def test_it_shows_the_heat_map_where_it_is_asked_for() -> None:
    with opened(explain=partial(over_film, predictor())) as service:
        plain, shown = (report(service, sex="male", heatmap=heatmap) for heatmap in (False, True))
    pictures = [page.count(b"/Subtype /Image") for page in (plain, shown)]
    assert pictures == [1, 3]  # the film; the film, the layer and how opaque that is
    words = " ".join(printed(shown).splitlines())
    assert all(re.search(rf"{name} \d+%", words) for name in (*REGIONS, ELSEWHERE))
    assert "moves the age" not in printed(plain)


@pytest.mark.parametrize(("months", "text"), [(0, "0 y 0 mo"), (11.6, "1 y 0 mo"), (114, "9 y 6 mo"), (-1, "0 y 0 mo")])
def test_ages_are_written_in_years_and_months(months: float, text: str) -> None:
    assert pdf.age_text(months) == text


def test_earlier_readings_come_as_json_too() -> None:
    assert pdf.ReportRequest.model_validate({"earlier": "[[60, 66], [90, 93.5]]"}).earlier == [(60, 66), (90, 93.5)]
    for wrong in ("[[60]]", "[60, 66]", '[["60", 66]]', "nonsense", "[[60, 66]" + 100 * ", [60, 66]" + "]"):
        with pytest.raises(ValueError, match="earlier"):
            pdf.ReportRequest.model_validate({"earlier": wrong})
