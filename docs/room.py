"""Take the README's picture of the reading room, with synthetic hands: docs/images/room.webp.

python docs/room.py      needs boneage[serve], playwright and Debian's chromium
"""

from __future__ import annotations

import io
import shutil
import sys
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

from boneage import Sex
from boneage.data.phantom import draw

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS.parent / "tests"))
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


def main() -> None:
    """Start the service, take the picture, write it."""
    with service() as served, sync_playwright() as started:
        browser = started.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 800}, color_scheme="dark", reduced_motion="reduce")
        picture = Image.open(io.BytesIO(taken(page, served.url)))
        picture.save(DOCS / "images" / "room.webp", quality=88, method=6)
        browser.close()


if __name__ == "__main__":
    main()
