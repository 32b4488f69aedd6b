"""The page in a real browser, headless Chromium: from a dropped film to the PDF, by mouse, by keys, for everybody."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hands import hand, noise, predictor
from rooms import DESKTOP, TABLET, done, drawn, drop, expect, findings, settled
from services import ServiceProcess, service

from boneage import Sex, read


def months() -> float:
    return predictor().read(read(hand(size=400)), Sex.FEMALE).bone_age_months


def test_from_drop_to_age_to_pdf(page: Any) -> None:
    drop(page, hand(size=400))
    done(page)
    page.keyboard.press("f")
    expect(page.locator("#months")).to_have_text(f"{months():.1f} months")
    page.fill("#age-years", "9")
    page.fill("#age-months", "6")
    difference = months() - 114
    sign = "+" if difference > 0 else "\N{MINUS SIGN}"
    expect(page.locator("#difference")).to_have_text(f"{sign}{abs(difference):.1f} mo")
    expect(page.locator("#sds")).not_to_have_text("–")
    expect(page.locator("#chart circle.now")).to_have_count(1)
    with page.expect_download() as download:
        page.click("#pdf")
    assert download.value.suggested_filename == "bone-age.pdf"
    assert Path(download.value.path()).read_bytes().startswith(b"%PDF-")


def test_what_must_always_be_seen_is(page: Any, place: ServiceProcess) -> None:
    drop(page, hand(), "DOE^JANE 4711.png")
    done(page)
    footer = page.locator("body > footer")
    assert footer.is_visible()
    text = footer.inner_text()
    assert "Research use only, not a medical device." in text
    assert predictor().weights_sha256[:12] in text
    assert "Brush Foundation" in text
    assert "none is kept" in page.locator("#keeping").text_content()
    assert page.title() == "boneage: reading room"
    flags = page.locator("#flags")
    assert "The sex is unknown" in flags.inner_text()
    assert page.locator("#announce").inner_text().startswith("DOE^JANE 4711.png: bone age")
    assert not [line for line in place.log if "DOE" in line]


def test_an_age_that_is_just_being_typed_is_not_written_over(page: Any) -> None:
    """What is drawn anew meanwhile, here for another sex, leaves the fields alone until the age is taken from them."""
    drop(page, hand(size=300))
    done(page)
    page.evaluate("""() => {
        const years = document.getElementById("age-years");
        years.value = "9";
        years.dispatchEvent(new Event("input"));
        document.querySelector("input[name=sex][value=male]").click();
    }""")
    expect(page.locator("#age-source")).to_have_text("as you say")
    expect(page.locator("#age-years")).to_have_value("9")


def test_several_films_are_a_worklist_with_its_failures(page: Any) -> None:
    for number in range(3):
        drop(page, hand(seed=number), f"{number}.png")
    drop(page, b"hello", "notes.txt")
    done(page, 3)
    expect(page.locator("#films li[data-status=error]")).to_have_count(1)
    page.locator("#films .film").nth(3).click()
    expect(page.locator("#months")).to_contain_text("looks like text")
    expect(page.locator("#film-error")).to_be_visible()
    page.keyboard.press("k")
    expect(page.locator("#film-name")).to_have_text("2.png")
    page.get_by_role("button", name="Remove notes.txt").click()
    expect(page.locator("#films li")).to_have_count(3)
    page.click("#clear")
    expect(page.locator("#empty")).to_be_visible()


def test_earlier_films_of_the_same_patient_are_drawn(page: Any) -> None:
    for number, years in enumerate(("7", "8", "9")):
        drop(page, hand(months=90 + 10 * number, seed=number), f"{number}.png")
        done(page, number + 1)
        page.locator("#films .film").nth(number).click()
        page.keyboard.press("f")
        if number == 0:
            page.click("#dates summary")
        page.fill("#patient", "MRN-4711")
        page.fill("#age-years", years)
        expect(page.locator("#sds")).not_to_have_text("–")
        expect(page.locator("#age-source")).to_have_text("as you say")
    expect(page.locator("#earlier")).to_have_text("2 others of this patient.")
    before = page.locator("#chart circle.earlier").evaluate_all("all => all.map(one => one.textContent)")
    page.locator("#films .film").nth(0).click()
    with page.expect_response("**/api/readings"):  # "again" may pass unseen
        page.fill("#age-years", "6")
    done(page, 3)
    page.locator("#films .film").nth(2).click()
    expect(page.locator("#earlier")).to_have_text("2 others of this patient.")
    after = page.locator("#chart circle.earlier").evaluate_all("all => all.map(one => one.textContent)")
    assert [text[:3] for text in before] == ["7\N{NO-BREAK SPACE}y", "8\N{NO-BREAK SPACE}y"]
    assert [text[:3] for text in sorted(after)] == ["6\N{NO-BREAK SPACE}y", "8\N{NO-BREAK SPACE}y"]
    assert "4711" not in page.title() + page.url


def test_another_patients_readings_leave_the_chart(page: Any) -> None:
    for number in range(2):
        drop(page, hand(months=90 + 10 * number, seed=number), f"{number}.png")
        done(page, number + 1)
        page.locator("#films .film").nth(number).click()
        if number == 0:
            page.click("#dates summary")
        page.fill("#patient", "MRN-1")
        page.fill("#age-years", str(7 + number))
        expect(page.locator("#age-source")).to_have_text("as you say")
    expect(page.locator("#earlier")).to_contain_text("of this patient")
    page.click("#clear")
    drop(page, hand(seed=7), "of another.png")
    done(page)
    page.fill("#patient", "MRN-1")
    page.keyboard.press("Tab")
    expect(page.locator("#earlier")).to_contain_text("of this patient")
    page.fill("#patient", "")
    page.keyboard.press("Tab")
    expect(page.locator("#earlier")).to_have_text("")
    assert page.locator("#chart circle.earlier").count() == 0


def test_an_age_with_eleven_odd_months_can_be_corrected(page: Any) -> None:
    drop(page, hand())
    done(page)
    page.fill("#age-years", "11")
    page.fill("#age-months", "11.4")
    expect(page.locator("#age-source")).to_have_text("as you say")
    page.fill("#age-years", "10")
    page.fill("#age-months", "12.5")
    page.wait_for_timeout(500)
    expect(page.locator("#age-source")).to_have_text("as you say")
    answer = page.evaluate("document.querySelector('#age-months').validity.rangeOverflow")
    assert answer is True


def test_the_dates_are_those_of_their_film(page: Any) -> None:
    for number in range(2):
        drop(page, hand(seed=number), f"{number}.png")
    done(page, 2)
    page.locator("#films .film").nth(0).click()
    page.click("#dates summary")
    today = page.input_value("#taken")
    page.fill("#taken", "2020-03-01")
    page.fill("#born", "2010-03-01")
    page.keyboard.press("Tab")
    expect(page.locator("#age-years")).to_have_value("10")
    page.locator("#films .film").nth(1).click()
    assert (page.input_value("#taken"), page.input_value("#born")) == (today, "")
    page.locator("#films .film").nth(0).click()
    assert (page.input_value("#taken"), page.input_value("#born")) == ("2020-03-01", "2010-03-01")


def test_dates_that_give_no_age_are_said_to_give_none(page: Any) -> None:
    drop(page, hand())
    done(page)
    page.click("#dates summary")
    words = page.locator("#dates-state")
    for born, problem in (("2021-03-01", "lies after the film"), ("1850-03-01", "more than 120 years")):
        page.fill("#taken", "2020-03-01")
        page.fill("#born", born)
        page.keyboard.press("Tab")
        expect(words).to_contain_text(problem)
        assert page.input_value("#age-years") == ""
        assert page.get_attribute("#born", "aria-invalid") == "true"
    page.fill("#born", "2010-03-01")
    page.keyboard.press("Tab")
    expect(words).to_have_text("")
    expect(page.locator("#age-years")).to_have_value("10")


def test_an_age_beyond_the_chart_is_an_arrow_at_its_edge(page: Any) -> None:
    drop(page, hand())
    done(page)
    page.fill("#age-years", "40")
    expect(page.locator("#earlier")).to_have_text(
        "Arrow at the edge: beyond the chart, at 40\N{NO-BREAK SPACE}y 0\N{NO-BREAK SPACE}mo."
    )
    assert page.locator("#chart path.now").count() == 1
    assert page.locator("#chart circle").count() == 0


def test_a_press_on_a_film_counts_though_others_are_read_before_the_release(page: Any) -> None:
    drop(page, hand(size=400))
    done(page)
    drop(page, hand(size=420), "other.png")
    expect(page.locator("#film-name")).to_have_text("other.png")
    page.locator("#films .thumb").first.hover(force=True)
    page.mouse.down()
    drop(page, hand(size=440), "third.png")
    done(page, 3)
    page.mouse.up()
    expect(page.locator("#film-name")).to_have_text("hand.png")


def test_the_list_keeps_the_focus(page: Any) -> None:
    for number in range(3):
        drop(page, hand(seed=number), f"{number}.png")
    done(page, 3)
    page.locator("#films .film").nth(1).focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.closest('li')?.innerText").startswith("1.png")
    page.get_by_role("button", name="Remove 1.png").click()
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Remove 2.png"


def test_a_heat_map_is_asked_for_once(page: Any) -> None:
    drop(page, hand())
    done(page)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.evaluate("""() => {
        const slider = document.querySelector("#fade");
        for (let value = 5; value <= 90; value += 5) {
            slider.value = value;
            slider.dispatchEvent(new Event("input", { bubbles: true }));
        }
    }""")
    expect(page.locator("#film-layers")).to_contain_text("Bright")
    page.keyboard.press("n")
    page.wait_for_timeout(500)
    assert sum(url.endswith("/api/readings") for url in asked) == 1


def test_the_named_regions_lie_over_the_film_and_stand_in_a_table(page: Any) -> None:
    drop(page, hand(size=400))
    done(page)
    page.wait_for_selector("#film-wait", state="hidden")
    settled(page)
    words = page.locator("#film-layers")
    bare = drawn(page)
    page.keyboard.press("n")
    expect(words).to_contain_text("Shares of the heat map; elsewhere")
    settled(page)
    outlined = drawn(page)
    assert outlined != bare
    rows = page.locator("#shares tr")
    assert rows.locator("th").all_inner_texts() == ["Carpals", "Radius and ulna", "MCP", "PIP", "DIP", "Elsewhere"]
    shares = [int(text.split()[0]) for text in rows.locator("td:nth-child(2)").all_inner_texts()]
    assert sum(shares) == pytest.approx(100, abs=3)
    assert findings(page) == []
    page.keyboard.press("h")
    settled(page)
    assert drawn(page) not in (bare, outlined)
    for key in "hn":
        page.keyboard.press(key)
    expect(words).to_have_text("")
    expect(page.locator("#looked")).to_be_hidden()
    settled(page)
    assert drawn(page) == bare


def test_a_refused_film_has_no_heat_map_and_it_says_so(page: Any) -> None:
    drop(page, noise())
    done(page)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.keyboard.press("h")
    expect(page.locator("#film-layers")).to_have_text("No heat map: the film has no bone age.")
    page.wait_for_timeout(300)
    assert asked == []


def test_what_fails_is_said_and_can_be_asked_for_again(page: Any) -> None:
    drop(page, hand())
    done(page)
    page.context.set_offline(True)
    page.keyboard.press("h")
    expect(page.locator("#film-layers")).to_contain_text("No heat map. The service does not answer")
    page.click("#pdf")
    expect(page.locator("#pdf-state")).to_contain_text("No PDF. The service does not answer")
    page.context.set_offline(False)
    page.keyboard.press("h")
    page.keyboard.press("h")
    expect(page.locator("#film-layers")).to_contain_text("Bright")
    with page.expect_download():
        page.click("#pdf")
    expect(page.locator("#pdf-state")).to_have_text("")


def test_a_click_pans_without_dragging(page: Any) -> None:
    drop(page, hand(size=400))
    done(page)
    page.wait_for_selector("#film-wait", state="hidden")
    page.keyboard.press("v")
    film = page.locator("#film")
    settled(page)
    before = film.screenshot()
    box = film.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2 + 90, box["y"] + 150)
    settled(page)
    assert film.screenshot() != before


def test_a_birth_date_gives_the_age(page: Any) -> None:
    drop(page, hand())
    done(page)
    page.click("#dates summary")
    page.fill("#born", "2010-03-01")
    page.fill("#taken", "2020-03-01")
    page.keyboard.press("Tab")
    expect(page.locator("#age-years")).to_have_value("10")
    expect(page.locator("#age-source")).to_have_text("as you say")


def test_the_film_is_handled_by_keys_and_mouse(page: Any) -> None:
    drop(page, hand(size=400))
    done(page)
    film, numbers = page.locator("#film"), page.locator("#film-window")
    page.keyboard.press("2")
    expect(numbers).to_have_text("L 50  W 100  × 1.0")
    settled(page)
    before = film.screenshot()
    page.keyboard.press("i")
    assert page.locator("[data-do=invert]").get_attribute("aria-pressed") == "true"
    settled(page)
    assert film.screenshot() != before
    page.keyboard.press("+")
    expect(numbers).to_contain_text("× 1.3")
    film.focus()
    page.keyboard.press("Shift+ArrowLeft")
    expect(numbers).to_contain_text("W 96")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("r")
    page.keyboard.press("0")
    expect(numbers).to_contain_text("× 1.0")
    page.keyboard.press("2")
    expect(numbers).to_have_text("L 50  W 100  × 1.0")
    box = film.bounding_box()
    page.mouse.move(box["x"] + 200, box["y"] + 200)
    page.mouse.down()
    page.mouse.move(box["x"] + 130, box["y"] + 200)
    page.mouse.up()
    expect(numbers).to_contain_text("W 90")
    page.mouse.wheel(0, -300)
    expect(numbers).not_to_contain_text("× 1.0")


def test_single_keys_can_be_turned_off(page: Any) -> None:
    drop(page, hand())
    done(page)
    page.keyboard.press("?")
    page.click("#single-keys")
    page.get_by_role("button", name="Close").click()
    page.keyboard.press("f")
    page.wait_for_timeout(200)
    assert page.locator("input[value=female]").is_checked() is False


def test_who_reads_and_their_own_age_are_kept_where_there_is_a_record(page: Any, place: ServiceProcess) -> None:
    page.fill("#who", "AB")
    assert page.is_disabled("#own-keep")
    drop(page, hand(seed=11))
    done(page)
    state = page.locator("#review-state")
    page.click("#own-keep")
    expect(state).to_have_text("no age is filled in")
    page.fill("#own-years", "0")
    page.click("#own-keep")
    expect(state).to_have_text("an age of 0 is not kept")
    page.fill("#own-years", "9")
    page.fill("#own-months", "3")
    page.click("#own-keep")
    expect(state).to_have_text("kept: 9\N{NO-BREAK SPACE}y 3\N{NO-BREAK SPACE}mo")
    kept = list(csv.DictReader(page.request.get(f"{place.url}/api/record.csv").text().splitlines()))
    assert [row["who"] for row in kept if row["film_sha256"] == hashlib.sha256(hand(seed=11)).hexdigest()] == ["AB"]


def test_a_mistyped_patient_id_is_corrected_in_the_record_too(page: Any, place: ServiceProcess) -> None:
    drop(page, hand(seed=12))
    done(page)
    page.click("#dates summary")
    for name in ("MRN-4771", "MRN-4711"):
        with page.expect_response("**/api/readings"):
            page.fill("#patient", name)
            page.keyboard.press("Tab")
        done(page)
    kept = csv.DictReader(page.request.get(f"{place.url}/api/record.csv").text().splitlines())
    rows = [row for row in kept if row["film_sha256"] == hashlib.sha256(hand(seed=12)).hexdigest()]
    assert [bool(row["superseded_by"]) for row in rows] == [True, True, False]
    assert len({row["patient"] for row in rows}) == 3


@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize("size", [DESKTOP, TABLET], ids=["desktop", "tablet"])
def test_axe_finds_nothing_serious(page: Any, scheme: str, size: dict[str, int]) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size(size)
    assert findings(page) == []
    drop(page, hand())
    drop(page, b"hello", "notes.txt")
    done(page)
    page.wait_for_selector("#film-wait", state="hidden")
    assert findings(page) == []
    page.keyboard.press("j")
    assert findings(page) == []
    page.keyboard.press("?")
    assert findings(page) == []


@pytest.mark.parametrize(
    ("width", "height"), [(1280, 800), (1221, 800), (1101, 800), (901, 700), (768, 1024), (320, 640)]
)
def test_nothing_lies_beyond_the_screens_edge(page: Any, width: int, height: int) -> None:
    page.set_viewport_size({"width": width, "height": height})
    drop(page, hand())
    done(page)
    settled(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for name in ("#toolbar", "#add", "#film", "#level", "#fade"):
        box = page.locator(name).bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
    stage, tools = (page.locator(name).bounding_box() for name in ("#stage", "#toolbar"))
    assert stage["x"] <= tools["x"]
    assert tools["x"] + tools["width"] <= stage["x"] + stage["width"]


def test_on_paper_it_is_one_page_with_what_matters(page: Any) -> None:
    drop(page, hand())
    done(page)
    page.wait_for_selector("#film-wait", state="hidden")
    page.keyboard.press("f")
    expect(page.locator("#sex-source")).to_have_text("as you say")
    page.keyboard.press("n")
    expect(page.locator("#shares tr")).to_have_count(6)
    pdf = page.pdf(format="A4")
    assert pdf.count(b"/Type /Page\n") == 1
    page.emulate_media(media="print")
    assert page.locator("body > footer strong").is_visible()
    assert not page.locator("#toolbar").is_visible()
    assert not page.locator("nav").is_visible()


def test_signing_in_with_the_token_to_a_room_that_keeps_films(browser: Any, tmp_path: Path) -> None:
    keeping = ("--record", tmp_path / "readings.db", "--keep-films", tmp_path / "films")
    with service("--token-file", tmp_path / "token", *keeping) as running:
        context = browser.new_context(viewport=DESKTOP)
        opened = context.new_page()
        opened.goto(running.url)
        assert findings(opened) == []
        opened.fill("#token", "a token of somewhere else")
        opened.click("button")
        expect(opened.get_by_role("alert")).to_have_text("This is not the token of this service.")
        assert findings(opened) == []
        opened.fill("#token", (tmp_path / "token").read_text().strip())
        opened.click("button")
        opened.wait_for_selector("body[data-ready]")
        expect(opened.locator("#keeping")).to_contain_text("keeps their pixels")
        drop(opened, hand())
        done(opened)
        context.close()


def test_a_reading_that_the_record_does_not_take_says_so(browser: Any, tmp_path: Path) -> None:
    """The record is lost while the room is open: films are read at once all the same."""
    record = tmp_path / "readings.db"
    with service("--record", record) as running:
        context = browser.new_context(viewport=DESKTOP)
        opened = context.new_page()
        opened.goto(running.url)
        opened.wait_for_selector("body[data-ready]")
        drop(opened, hand())
        done(opened)
        expect(opened.locator("#flags")).not_to_contain_text("kept")
        with contextlib.closing(sqlite3.connect(record)) as connection:
            connection.execute("DROP TABLE readings")
        opened.keyboard.press("f")
        expect(opened.locator("#flags")).to_contain_text("The reading could not be kept: the record")
        assert opened.is_disabled("#own-keep")
        opened.click("#dates summary")
        opened.fill("#patient", "MRN-1")
        opened.keyboard.press("Tab")
        expect(opened.locator("#earlier")).to_contain_text("Earlier readings are not known. The record")
        context.close()
