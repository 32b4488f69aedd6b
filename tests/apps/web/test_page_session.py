"""Reading sessions and quizzes in a real browser, by keys only: from the first film to the export that agree reads."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from command import done
from hands import hand, predictor
from rooms import DESKTOP, expect, findings
from services import ServiceProcess, service

from boneage import Sex, read

AGES = {"age-60": 60, "age-96": 96, "age-132": 132}  # names that would betray the films' ages
STUDY = 'name = "wrist 2026"\nfilms = "films/films.csv"\nseed = 1\nrepeats = 1\nreaders = ["anna", "bert"]\n'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Films with a table, and a study of them."""
    folder = tmp_path_factory.mktemp("study")
    (folder / "films").mkdir()
    for seed, (name, months) in enumerate(AGES.items()):
        (folder / "films" / f"{name}.png").write_bytes(hand(months=months, seed=seed, size=400))
    rows = [f"{name},{'FM'[row % 2]},{months}" for row, (name, months) in enumerate(AGES.items())]
    (folder / "films" / "films.csv").write_text("\n".join(["id,sex,boneage", *rows]))
    (folder / "STUDY.toml").write_text(STUDY)
    return folder


@contextmanager
def sitting(browser: Any, place: ServiceProcess, name: str) -> Iterator[Any]:
    """The page of a reader who has said the name. What was asked and answered names no film and no age."""
    context = browser.new_context(viewport=DESKTOP, color_scheme="dark", reduced_motion="reduce")
    page, told, errors = context.new_page(), [], []
    page.on("response", lambda answer: told.append(f"{answer.url} {answer.headers}"))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(place.url)
    assert findings(page) == []
    page.keyboard.type(name)
    page.keyboard.press("Enter")
    page.wait_for_selector("body[data-ready]")
    yield page
    assert errors == []
    assert [line for line in told if any(film in line for film in AGES)] == []
    assert not any(film in page.content() for film in AGES)
    context.close()


def say(page: Any, months: int) -> None:
    """Type an age in years and months: digits and Enter only."""
    expect(page.locator("#film-wait")).to_be_hidden()
    page.keyboard.type(str(months // 12))
    page.keyboard.press("Enter")
    page.keyboard.type(str(months % 12))
    page.keyboard.press("Enter")


def ratings(table: Path) -> dict[str, list[float]]:
    """The ratings by reader, in the order of the table."""
    found: dict[str, list[float]] = {}
    for row in csv.DictReader(table.read_text().splitlines()):
        found.setdefault(row["reader"], []).append(float(row["months"]))
    return found


def test_a_session_from_the_first_film_to_agree(browser: Any, folder: Path, tmp_path: Path) -> None:
    words = ("--study", folder / "STUDY.toml", "--record", tmp_path / "record.db")
    with service(*words) as place:
        with sitting(browser, place, "anna") as page:
            where = page.locator("#place")
            expect(where).to_have_text("Film 1 of 4")
            assert findings(page) == []
            say(page, 100)
            expect(where).to_have_text("Film 2 of 4")
            page.keyboard.press("ArrowLeft")
            expect(where).to_have_text("Correct film 1 of 4")
            expect(page.locator("#months")).to_have_value("4")
            say(page, 102)
            expect(where).to_have_text("Film 2 of 4")
            page.keyboard.press("p")
            expect(page.locator("#cover")).to_be_visible()
            assert page.evaluate("document.activeElement.id") == "film"
            page.keyboard.press("Enter")
            other = page.context.new_page()  # a second window of the same reader is ahead
            other.goto(place.url)
            other.wait_for_selector("body[data-ready]")
            say(other, 110)
            expect(other.locator("#place")).to_have_text("Film 3 of 4")
            say(page, 150)
            expect(page.locator("#said")).to_have_text("This film is rated already (9 years 2 months).")
            expect(where).to_have_text("Film 3 of 4")
            page.context.set_offline(True)
            say(page, 120)
            expect(page.locator("#said")).to_contain_text("does not answer")
            page.context.set_offline(False)
            page.keyboard.press("Enter")
            expect(where).to_have_text("Film 4 of 4")
        with sitting(browser, place, "anna") as page:  # another day
            expect(page.locator("#place")).to_have_text("Film 4 of 4")
            page.keyboard.type("25")
            page.keyboard.press("Enter")
            page.keyboard.press("Enter")
            expect(page.locator("#said")).to_have_text("An age is 0 to 20 years and 0 to 11 months.")
            page.keyboard.press("Shift+Tab")
            say(page, 130)
            expect(page.locator("#place")).to_have_text("All films are rated")
            assert findings(page) == []
        with sitting(browser, place, "bert") as page:
            for months in (96, 120, 132):
                say(page, months)
                expect(page.locator("#years")).to_have_value("")
            page.keyboard.press("n")
            expect(page.locator("#place")).to_have_text("All films are rated")
    table = tmp_path / "ratings.csv"
    done("ratings", folder / "STUDY.toml", "--record", tmp_path / "record.db", "--out", table)
    found = ratings(table)
    assert sorted(found["anna"]) == [102, 110, 120, 130]
    assert sorted(found["bert"]) == [96, 120, 132]
    done("agree", table, "--out", tmp_path / "agree", "--resamples", "100")
    agreed = json.loads((tmp_path / "agree" / "agreement.json").read_text())
    assert agreed["readers"] == ["anna", "bert"]
    assert agreed["within"]["anna"]["films"] == 1


def test_a_quiz_shows_the_reference_afterwards_and_results_at_the_end(
    browser: Any, folder: Path, tmp_path: Path
) -> None:
    words = ("--quiz", folder / "films", "--record", tmp_path / "record.db")
    with service(*words) as place, sitting(browser, place, "carla") as page:
        assert "Reference" not in page.locator("aside").inner_text()
        for number in range(len(AGES)):
            expect(page.locator("#place")).to_have_text(f"Film {number + 1} of 3")
            say(page, 120)
            expect(page.locator("#next")).to_be_focused()
            expect(page.locator("#seen-rows td").first).to_have_text("10\N{NO-BREAK SPACE}y 0\N{NO-BREAK SPACE}mo")
            if not number:
                assert findings(page) == []
                assert page.locator("#seen-rows tr").nth(1).inner_text().startswith("Reference")
            page.keyboard.press("Enter")
            expect(page.locator("#seen")).to_be_hidden()
        expect(page.locator("#place")).to_have_text("All films are rated")
        expect(page.locator("#results tbody tr").nth(1).locator("td").first).to_have_text("+24.0")
        assert findings(page) == []
    table = tmp_path / "ratings.csv"
    done("ratings", folder / "films", "--record", tmp_path / "record.db", "--out", table)
    found = ratings(table)
    assert (found["carla"], found["reference"]) == ([120] * 3, list(AGES.values()))
    (program,) = found.keys() - {"carla", "reference"}
    own = predictor().read(read((folder / "films" / "age-60.png").read_bytes()), Sex.FEMALE).bone_age_months
    assert found[program][0] == pytest.approx(own, abs=0.1)
