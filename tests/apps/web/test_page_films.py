"""What the page shows of a film, in headless Chromium: two hands, grey levels, and where its doubts lie."""

from __future__ import annotations

import csv
import hashlib
from typing import Any

import numpy as np
import pytest
from hands import hand, noise, pair
from rooms import DESKTOP, TABLET, done, drawn, drop, expect, findings, grey, png, settled, shown
from services import ServiceProcess

DIM = 0.15


def film_of(page: Any, data: bytes, name: str = "hand.png", entries: int = 1) -> None:
    drop(page, data, name)
    done(page, entries)
    page.wait_for_selector("#film-wait", state="hidden")
    settled(page)


def pressed(page: Any) -> list[str]:
    return page.locator("[data-window][aria-pressed=true]").all_inner_texts()


def test_each_of_two_hands_is_an_entry_with_its_own_age_row_and_report(page: Any, place: ServiceProcess) -> None:
    film_of(page, pair(), "pair.png", entries=2)
    rows = page.locator("#films .film")
    assert rows.locator(".which").all_inner_texts() == ["Left part, left hand", "Right part, right hand"]
    ages = rows.locator(".state").all_inner_texts()
    assert ages[0] != ages[1]
    expect(page.locator("#film-name")).to_have_text("pair.png, left part, left hand")
    left = drawn(page)
    page.get_by_role("button", name="Another hand: show it").click()
    expect(page.locator("#film-name")).to_have_text("pair.png, right part, right hand")
    settled(page)
    assert drawn(page) != left
    with page.expect_response("**/api/readings"):
        page.keyboard.press("f")
    expect(page.locator("#sex-source")).to_have_text("as you say")
    done(page, 2)
    assert rows.locator(".state").first.inner_text() == ages[0]  # which has no sex yet
    with page.expect_download() as download:
        page.click("#pdf")
    with open(download.value.path(), "rb") as file:
        assert file.read().count(b"/Type /Page\n") == 1
    kept = list(csv.DictReader(page.request.get(f"{place.url}/api/record.csv").text().splitlines()))
    film = hashlib.sha256(pair()).hexdigest()
    counting = [row for row in kept if row["film_sha256"] == film and not row["superseded_by"]]
    assert {(row["part"], row["sex"]) for row in counting} == {("left", "unknown"), ("right", "female")}
    assert findings(page) == []


def test_a_heat_map_lies_on_the_hand_it_is_of(page: Any) -> None:
    film_of(page, pair(), "pair.png", entries=2)
    left = page.locator("#films .film").first
    page.locator("#films .film").nth(1).click()
    settled(page)
    bare = drawn(page)
    page.keyboard.press("h")
    expect(page.locator("#film-layers")).to_contain_text("Bright")
    settled(page)
    assert drawn(page) != bare
    left.click()
    expect(page.locator("#film-layers")).to_contain_text("Bright")


def test_the_other_hand_is_read_where_the_file_asks_for_one(page: Any) -> None:
    files = pytest.importorskip("dicom_files")
    values = grey(pair()).astype(np.uint16) * 16
    film_of(page, files.written(files.dicom(values, Laterality="R", BodyPartExamined="HAND")), "pair.dcm")
    which = page.locator("#films .which")
    expect(which).to_have_text("Right part, right hand")
    page.get_by_role("button", name="Another hand: read it").click()
    done(page, 2)
    expect(which).to_have_text(["Right part, right hand", "Left part, left hand"])
    page.get_by_role("button", name="Remove pair.dcm, left part, left hand").click()
    expect(page.get_by_role("button", name="Another hand: read it")).to_be_visible()


def test_a_dim_film_is_first_seen_in_the_grey_levels_of_its_reading(page: Any) -> None:
    film_of(page, png(grey(hand(size=400)) * DIM))
    assert pressed(page) == ["Reading"]
    bright = shown(page)
    page.keyboard.press("2")
    settled(page)
    assert pressed(page) == ["File"]
    assert shown(page) < 0.4 * bright
    page.keyboard.press("3")
    settled(page)
    assert pressed(page) == ["Full"]
    assert shown(page) > 2 * DIM * bright
    page.locator("#level").fill("200")
    assert pressed(page) == []
    page.get_by_role("button", name="Reading", exact=True).click()
    settled(page)
    assert shown(page) == pytest.approx(bright, abs=1)


def test_a_film_with_bone_dark_is_first_seen_as_it_was_read(page: Any) -> None:
    film_of(page, png(255 - grey(hand(size=400))))
    assert page.get_attribute("[data-do=invert]", "aria-pressed") == "true"
    page.keyboard.press("2")
    assert page.get_attribute("[data-do=invert]", "aria-pressed") == "false"


def test_what_a_window_cuts_off_is_there_in_the_full_range(page: Any) -> None:
    files = pytest.importorskip("dicom_files")
    values = 200 + grey(hand(size=400)).astype(np.uint16) * 12
    film_of(page, files.written(files.dicom(values, WindowCenter=700, WindowWidth=400)), "window.dcm")
    seen = []
    for key in "123":
        page.keyboard.press(key)
        settled(page)
        seen.append(page.locator("#film-window").inner_text())
    assert seen[2].startswith("L 50  W 100 ")
    assert len(set(seen)) == 3


@pytest.mark.parametrize(
    ("film", "words"),
    [
        (png(grey(hand(size=400))[100:]), "Outside the picture"),
        (noise(), "No age: no radiograph of one hand was recognised."),
    ],
    ids=["cut off", "no hand"],
)
def test_why_a_film_is_doubtful_stands_over_it(page: Any, film: bytes, words: str) -> None:
    film_of(page, film)
    said = page.locator("#doubts li").filter(has_text=words)
    expect(said).to_be_visible()
    stage, label = (one.bounding_box() for one in (page.locator("#stage"), said))
    assert stage["x"] <= label["x"]
    assert label["x"] + label["width"] <= stage["x"] + stage["width"]
    assert findings(page) == []
    marked = drawn(page)
    page.keyboard.press("d")
    expect(said).to_be_hidden()
    assert page.get_attribute("#show-doubts", "aria-pressed") == "false"
    settled(page)
    assert (drawn(page) == marked) == (film == noise())  # which has no place to mark
    page.click("#show-doubts")
    expect(said).to_be_visible()


def test_the_mark_of_a_part_that_is_cut_off_moves_with_the_film(page: Any) -> None:
    film_of(page, png(grey(hand(size=400))[100:]))
    said = page.locator("#doubts li").filter(has_text="Outside the picture")
    before = said.bounding_box()
    page.locator("#film").focus()
    for _ in range(5):
        page.keyboard.press("ArrowDown")
    settled(page)
    assert said.bounding_box()["y"] > before["y"] + 60


@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize("size", [DESKTOP, TABLET], ids=["desktop", "tablet"])
def test_axe_finds_nothing_serious_on_two_hands_and_on_doubts(page: Any, scheme: str, size: dict[str, int]) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size(size)
    film_of(page, pair(), "pair.png", entries=2)
    assert findings(page) == []
    film_of(page, png(grey(hand(size=400))[100:]), "cut.png", entries=3)
    assert findings(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]


def test_a_film_without_doubt_has_nothing_over_it(page: Any) -> None:
    film_of(page, hand(size=400))
    assert page.locator("#doubts li").count() == 0
    assert page.locator("#show-doubts").is_hidden()
