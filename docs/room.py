"""Take the pictures of the reading room, with synthetic hands: docs/images/room.webp and review.webp.

python docs/room.py      needs boneage[serve,dicom], playwright and Debian's chromium
"""

from __future__ import annotations

import io
import shutil
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

from boneage import Sex
from boneage.data.phantom import draw

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS.parent / "tests"))
from clinical_films import case, film, hand_pixels  # noqa: E402
from held import hold, settings_in, spool_in  # noqa: E402
from services import service  # noqa: E402

FILMS = ((112, 3, "8", "10"), (139, 5, "11", "4"), (68, 8, "5", "6"))  # months drawn, seed, years and months said
WAIT = 60_000  # ms


def films() -> list[dict[str, object]]:
    """Files as the browser takes them."""
    found = []
    for number, (months, seed, *_) in enumerate(FILMS, start=1):
        hand = draw(np.random.default_rng(seed), months=months, sex=Sex.FEMALE, size=1000, plain=True).pixels
        png = cv2.imencode(".png", cv2.resize(hand, (860, 1000), interpolation=cv2.INTER_AREA))[1].tobytes()
        found.append({"name": f"synthetic-{number}.png", "mimeType": "image/png", "buffer": png})
    return found


def taken(page: Page, url: str) -> bytes:
    """Three films of one girl, the second of them shown, and where the model looked on it."""
    page.goto(url)
    page.wait_for_selector("body[data-ready]", timeout=WAIT)
    page.set_input_files("#files", films())
    expect(page.locator("#films li[data-status=done]")).to_have_count(len(FILMS), timeout=WAIT)
    page.click("#dates summary")
    for number, (*_, years, months) in enumerate(FILMS):
        page.locator("#films .film").nth(number).click()
        page.keyboard.press("f")
        page.fill("#patient", "synthetic")
        page.fill("#age-years", years)
        page.fill("#age-months", months)
        expect(page.locator("#sds")).not_to_have_text("–", timeout=WAIT)
        page.wait_for_timeout(1500)
    page.locator("#films .film").nth(1).click()
    page.click("#dates summary")
    page.mouse.click(640, 20)
    for key in "hn":
        page.keyboard.press(key)
    page.locator("#fade").fill("35")
    expect(page.locator("#shares tr")).to_have_count(6, timeout=WAIT)
    page.mouse.click(640, 20)
    page.wait_for_timeout(500)
    return page.screenshot()


def held(folder: Path) -> Path:
    """The settings of a node that holds films of four girls who do not exist."""
    with spool_in(folder) as spool:
        for number, name in enumerate(("Synthetic^One", "Synthetic^Two", "Synthetic^Three", "Synthetic^Four")):
            pixels = hand_pixels(900, 5 + number, 139 - 12 * number)
            named = {"PatientName": name, "PatientID": f"SYN-{number + 1}", "SOPInstanceUID": f"1.2.{number}"}
            data = film(pixels, PatientBirthDate="20120701", **named)
            hold(spool, data, case(data))
    return settings_in(folder)


def reviewed(page: Page, url: str) -> bytes:
    """The first of them, with a correction begun."""
    page.goto(url)
    page.wait_for_selector("body[data-ready]", timeout=WAIT)
    expect(page.locator("#held .film")).to_have_count(4, timeout=WAIT)
    page.locator("#held .film", has_text="Synthetic, One").click()
    expect(page.locator("#sds")).not_to_have_text("–", timeout=WAIT)
    page.mouse.click(640, 20)
    page.keyboard.press("c")
    for name, value in (("right-years", "11"), ("right-months", "6")):
        page.fill(f"#{name}", value)
    for name, value in (("family", "Roe"), ("given", "Ann"), ("organisation", "Radiology")):
        page.fill(f"#reviewer-{name}", value)
    page.locator("#age").scroll_into_view_if_needed()
    page.wait_for_timeout(1500)
    return page.screenshot()


def main() -> None:
    """Start the services, take the pictures, write them."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as started:
        browser = started.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        settings = held(Path(folder))
        for name, words, shot in (("room", (), taken), ("review", ("--node", settings), reviewed)):
            options = {"color_scheme": "dark", "reduced_motion": "reduce"}
            page = browser.new_page(viewport={"width": 1280, "height": 800}, **options)
            with service(*words) as served:
                picture = Image.open(io.BytesIO(shot(page, served.url)))
            picture.save(DOCS / "images" / f"{name}.webp", quality=88, method=6)
        browser.close()


if __name__ == "__main__":
    main()
