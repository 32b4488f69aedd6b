"""The review worklist on the page: list, film, reading, decision; by keyboard too, and without what axe finds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from clinical_films import case, film, pair_cases, pair_film
from held import hold, settings_in, spool_in
from rooms import expect, findings, opened_page
from services import ServiceProcess, service

from boneage.clinic.decisions import Decision, Verdict, decide, decision_on, held
from boneage.clinic.documents.case import Review
from boneage.files import sha256

FILMS = {  # by what is decided on them
    "accept": film(SOPInstanceUID="1.2.1", PatientName="May^Zoë"),
    "correct": film(SOPInstanceUID="1.2.2", PatientName="Doe^Jane"),
    "reject": film(SOPInstanceUID="1.2.3", PatientName="Poe^Eve"),
    "elsewhere": film(SOPInstanceUID="1.2.4", PatientName="Low^Amy"),
    "gone": film(SOPInstanceUID="1.2.5", PatientName="Far^Away"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a node that is stopped, and has read six films."""
    found = tmp_path_factory.mktemp("node")
    settings_in(found)
    with spool_in(found) as spool:
        for name, data in FILMS.items():
            key = hold(spool, data, case(data))
            if name == "gone":
                spool.film(key).unlink()
        hold(spool, pair_film(), *pair_cases())
    return found


@pytest.fixture(scope="module")
def room(folder: Path) -> Iterator[ServiceProcess]:
    """The reading room beside it."""
    with service("--node", folder / "node.toml") as running:
        yield running


@pytest.fixture
def page(browser: Any, room: ServiceProcess) -> Iterator[Any]:
    with opened_page(browser, room) as opened:
        yield opened


def show(page: Any, name: str) -> None:
    """Open the film of a patient in the worklist."""
    page.locator("#held .film", has_text=name).click()
    expect(page.locator("#decision")).to_be_visible()
    expect(page.locator("#held-patient")).to_contain_text(name)
    expect(page.locator("#film-name")).to_contain_text(name)
    shown = page.locator("#films li", has=page.locator("[aria-current]"))
    expect(shown).to_have_attribute("data-status", "done")  # a reading that comes moves the form


def sign(page: Any) -> None:
    for name, value in (("family", "Roe"), ("given", "Ann"), ("organisation", "Ward 9")):
        page.fill(f"#reviewer-{name}", value)


def decided(folder: Path, name: str) -> Decision:
    """What stands in the spool."""
    with spool_in(folder) as spool:
        found = decision_on(spool, sha256(FILMS[name]))
    assert found is not None
    return found


def test_a_reviewer_accepts_corrects_and_rejects(page: Any, folder: Path) -> None:
    count = len(held(folder / "spool"))  # other tests may have decided on theirs
    expect(page.locator("#held li")).to_have_count(count)
    expect(page.locator("#held-state")).to_contain_text("The node does not run")
    assert findings(page) == []
    show(page, "May, Zoë")
    expect(page.locator("#held-reading")).to_contain_text("Bone age")
    expect(page.locator("#years")).to_contain_text("years")
    expect(page.locator("#held-patient")).to_contain_text("MRN-4711")
    page.click("#decision-send")
    expect(page.locator("#decision-state")).to_have_text("Choose to accept, to correct or to reject.")
    page.locator("h1").click()
    page.keyboard.press("y")  # by keyboard: the name is missing, so the focus is there
    page.keyboard.press("Enter")
    expect(page.locator("#decision-state")).to_contain_text("fill them in")
    sign(page)
    assert findings(page) == []
    page.keyboard.press("Enter")
    expect(page.locator("#decision-state")).to_have_text("Accepted by Ann Roe.")
    expect(page.locator("#held li")).to_have_count(count - 1)
    expect(page.locator("#decision-send")).to_be_disabled()
    page.locator("h1").click()
    page.keyboard.press("q")
    expect(page.locator("#held-patient")).to_contain_text("Doe, Jane")
    page.keyboard.press("c")
    page.keyboard.type("10")
    page.fill("#right-months", "6")
    page.check("input[name=right-side][value=right]")
    page.click("#decision-send")
    expect(page.locator("#decision-state")).to_have_text("Corrected by Ann Roe.")  # the name was kept
    show(page, "Poe, Eve")
    page.check("input[name=verdict][value=reject]")
    page.click("#decision-send")
    expect(page.locator("#decision-state")).to_have_text("Say why it is rejected.")
    page.fill("#decision-reason", "another child")
    page.click("#decision-send")
    expect(page.locator("#decision-state")).to_have_text("Rejected by Ann Roe.")
    found = {name: decided(folder, name) for name in ("accept", "correct", "reject")}
    assert {name: one.verdict for name, one in found.items()} == {name: Verdict(name) for name in found}
    assert {one.review.observer for one in found.values()} == {"Roe^Ann"}
    assert (found["correct"].review.bone_age_months, found["correct"].review.laterality) == (126, "R")
    assert found["reject"].reason == "another child"


def test_what_was_decided_elsewhere_or_has_gone_is_one_sentence(page: Any, folder: Path) -> None:
    show(page, "Low, Amy")
    sign(page)
    page.locator("h1").click()
    page.keyboard.press("y")
    decide(
        folder / "spool",
        sha256(FILMS["elsewhere"]),
        Decision(Verdict.ACCEPT, Review("Other^One", "Ward", datetime(2024, 3, 4))),
    )
    page.click("#decision-send")
    expect(page.locator("#decision-state")).to_contain_text("somebody else has decided on it")
    expect(page.locator("#held .film", has_text="Low, Amy")).to_have_count(0)
    page.locator("#held .film", has_text="cannot be read from the spool").click()
    expect(page.locator("#held-state")).to_contain_text("cannot be read from the spool")


def test_a_press_on_a_film_counts_though_the_list_is_filled_before_the_release(page: Any, folder: Path) -> None:
    gone = [one.key for one in held(folder / "spool")].index(sha256(FILMS["gone"]))  # which no test decides on
    unnamed = page.locator("#held .name", has_text="\u2026")
    expect(unnamed).to_have_count(0)
    kept: list[Any] = []
    told: list[bool] = []
    page.route("**/patient", lambda route: route.continue_() if told else kept.append(route))
    with page.expect_request("**/patient"):
        page.reload()
    page.locator("#held .film").nth(gone).hover()
    page.mouse.down()
    told.append(True)
    kept[-1].continue_()
    expect(unnamed).to_have_count(0)
    page.mouse.up()
    expect(page.locator("#held-state")).to_contain_text("cannot be read from the spool")


def test_of_two_hands_the_one_that_is_shown_is_corrected(page: Any, folder: Path) -> None:
    page.locator("#held .film").last.click()
    expect(page.locator("#films li[data-status=done]")).to_have_count(2)
    expect(page.locator("#held-reading")).to_contain_text("Right hand in the picture")
    page.locator("#films .film").nth(1).click()
    page.check("input[name=verdict][value=correct]")
    expect(page.locator("#held-part")).to_contain_text("the right hand in the picture")
    sign(page)
    page.fill("#right-years", "9")
    page.click("#decision-send")
    expect(page.locator("#decision-state")).to_have_text("Corrected by Ann Roe.")
    with spool_in(folder) as spool:
        found = decision_on(spool, sha256(pair_film()))
    assert found is not None
    assert (found.review.part, found.review.bone_age_months) == ("right", 108)
