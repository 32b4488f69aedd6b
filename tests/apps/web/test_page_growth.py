"""Growth on the page: heights and parents, charts by keyboard, follow-up, for everybody."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hands import hand
from pdf_text import printed
from rooms import DESKTOP, TABLET, answered, done, drop, expect, findings

FIELDS = ("height", "weight", "mother", "father")


def told(page: Any, years: str = "10", height: str = "139.5") -> None:
    """The facts of a child, typed."""
    page.keyboard.press("f")
    page.fill("#age-years", years)
    page.fill("#age-months", "6")
    for name, text in zip(FIELDS, (height, "33", "5ft6in", "178"), strict=True):
        page.fill(f"#{name}", text)


@pytest.fixture
def grown(page: Any) -> Any:
    """A page with one film and the facts of its child."""
    drop(page, hand(size=400))
    done(page)
    with answered(page):
        told(page)
        expect(page.locator("#adult tr")).to_have_count(3)
        expect(page.locator("#age-source")).to_have_text("as you say")  # read again with the age
        done(page)
    return page


def test_heights_come_as_they_are_typed(grown: Any) -> None:
    expect(grown.locator("#target")).to_have_text("166.3 cm 158 to 175")
    expect(grown.locator("#height-sds")).not_to_have_text("–")
    cells = grown.locator("#adult td:nth-child(2)")
    expect(cells.first).to_contain_text(".")
    before = cells.first.inner_text()
    grown.fill("#height", "4ft7in")
    expect(cells.first).not_to_have_text(before)
    grown.fill("#weight", "")
    expect(grown.locator("#adult .why").first).to_have_text("The child's weight is not given.")


def test_a_wrong_field_says_so_and_counts_as_empty(grown: Any) -> None:
    grown.fill("#height", "1.40")
    expect(grown.locator("#child-state")).to_contain_text("outside 25 to 250")
    expect(grown.locator("#height")).to_have_attribute("aria-invalid", "true")
    expect(grown.locator("#adult .why").first).to_contain_text("height is not given")
    grown.fill("#height", "1.40m")
    expect(grown.locator("#child-state")).to_have_text("")


def test_every_field_and_both_charts_are_reached_by_keyboard(grown: Any) -> None:
    grown.keyboard.press("Escape")
    grown.evaluate("document.activeElement.blur()")
    grown.keyboard.press("g")
    reached = []
    for _ in range(30):
        reached.append(grown.evaluate("document.activeElement.id || document.activeElement.getAttribute('aria-label')"))
        grown.keyboard.press("Tab")
    assert [name for name in reached if name in FIELDS] == list(FIELDS)
    assert "lying" in reached
    assert "Bone ages by age: values by arrow keys" in reached
    assert "Heights by age: values by arrow keys" in reached


def test_the_values_of_a_chart_are_read_by_keys_and_by_pointer(grown: Any) -> None:
    chart = grown.locator("#height-chart [role=slider]")
    chart.focus()
    assert "height 139.5" in chart.get_attribute("aria-valuetext")
    grown.keyboard.press("End")
    words = chart.get_attribute("aria-valuetext")
    assert words.startswith("20\N{NO-BREAK SPACE}y 0\N{NO-BREAK SPACE}mo")
    assert "P50 163" in words
    assert "BP " in words
    assert grown.locator("#height-chart .said").inner_text() == words
    bones = grown.locator("#chart [role=slider]")
    bones.hover()
    expect(grown.locator("#chart .said")).to_contain_text("mean")


def test_films_of_one_patient_are_a_follow_up(page: Any) -> None:
    for number, (years, height) in enumerate((("8", "126"), ("10", "139.5"))):
        drop(page, hand(months=96 + 24 * number, seed=number), f"{number}.png")
        done(page, number + 1)
        page.locator("#films .film").nth(number).click()
        if number == 0:
            page.click("#dates summary")
        page.fill("#patient", "MRN-29")
        told(page, years, height)
        expect(page.locator("#age-source")).to_have_text("as you say")
    expect(page.locator("#steps li")).to_have_count(1)
    step = page.locator("#steps li")
    expect(step).to_contain_text("0.png to 1.png 24 months")
    expect(step).to_contain_text("years a year")
    expect(step).to_contain_text("if both errors move together")
    expect(step).to_contain_text("Height: 6.8 cm a year")


def test_parents_are_those_of_the_patients_other_film(page: Any) -> None:
    for number in range(2):
        drop(page, hand(months=96 + 24 * number, seed=number), f"{number}.png")
        done(page, number + 1)
        page.locator("#films .film").nth(number).click()
        if number == 0:
            page.click("#dates summary")
        page.fill("#patient", "MRN-30")
        page.keyboard.press("Tab")
        if number == 0:
            told(page)
            expect(page.locator("#age-source")).to_have_text("as you say")
    expect(page.locator("#mother")).to_have_value("5ft6in")
    expect(page.locator("#height")).to_have_value("")


def test_the_pdf_has_a_page_of_growth(grown: Any) -> None:
    with grown.expect_download() as download:
        grown.click("#pdf")
    text = printed(Path(download.value.path()).read_bytes())
    assert "Growth" in text
    assert "139.5 cm" in text


@pytest.mark.parametrize("size", [DESKTOP, TABLET])
def test_nothing_is_serious_for_axe_in_light_and_dark(grown: Any, size: dict[str, int]) -> None:
    grown.set_viewport_size(size)
    assert findings(grown) == []
    grown.evaluate("document.activeElement.blur()")
    grown.keyboard.press("t")
    assert findings(grown) == []
    wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert grown.evaluate(wide) <= 0


def test_on_paper_the_heights_are_there_and_empty_fields_are_not(grown: Any) -> None:
    grown.emulate_media(media="print")
    assert grown.locator("#child").is_visible()
    assert grown.locator("#growth-sources").is_visible()
    for name in FIELDS:
        grown.fill(f"#{name}", "")
    expect(grown.locator("#growth")).to_be_hidden()
    assert not grown.locator("#child").is_visible()
