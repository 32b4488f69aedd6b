"""The page in headless Chromium, for tests: films dropped on it, what it shows, and what axe finds."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import cv2
import numpy as np
import pytest
from services import DROP, ServiceProcess

playwright = pytest.importorskip("playwright.sync_api", reason="the page is tested with playwright")
CHROMIUM = shutil.which("chromium-headless-shell") or shutil.which("chromium")  # a page costs the first a third
if CHROMIUM is None:
    pytest.skip("no chromium is installed", allow_module_level=True)

expect = playwright.expect
expect.set_options(timeout=60_000)

DESKTOP, TABLET = {"width": 1280, "height": 800}, {"width": 820, "height": 1180}


@contextmanager
def launched() -> Iterator[Any]:
    """A browser."""
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@contextmanager
def opened_page(browser: Any, place: ServiceProcess) -> Iterator[Any]:
    """An open page; nothing on it may fail, and nothing may be asked of others."""
    context = browser.new_context(viewport=DESKTOP, color_scheme="dark", reduced_motion="reduce", accept_downloads=True)
    opened = context.new_page()
    opened.set_default_timeout(60_000)
    asked, errors = [], []
    opened.on("request", lambda request: asked.append(request.url))
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.goto(place.url)
    opened.wait_for_selector("body[data-ready]")
    yield opened
    assert errors == []
    assert [url for url in asked if not url.startswith((place.url, "blob:", "data:"))] == []
    context.close()


def drop(page: Any, film: bytes, name: str = "hand.png") -> None:
    """Drop a file on the page."""
    page.evaluate(DROP, [base64.b64encode(film).decode(), name])


def done(page: Any, count: int = 1) -> None:
    """Wait until so many entries of the worklist are read."""
    expect(page.locator("#films li[data-status=done]")).to_have_count(count)


def settled(page: Any) -> None:
    """Wait until what is to be drawn is drawn: it is within one frame."""
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


@contextmanager
def answered(page: Any) -> Iterator[None]:
    """Wait at the end until everything that was asked of the service in the block is answered and drawn."""
    waiting: set[Any] = set()
    over = lambda request: waiting.discard(request)  # noqa: E731  a listener must not be built in
    listeners = {"request": lambda request: waiting.add(request), "requestfinished": over, "requestfailed": over}
    for name, listener in listeners.items():
        page.on(name, listener)
    yield
    quiet = 0
    while quiet < 2:  # an answer may make the page ask again, within a frame
        settled(page)
        quiet = 0 if waiting else quiet + 1
    for name, listener in listeners.items():
        page.remove_listener(name, listener)


def drawn(page: Any) -> str:
    """What is on the film's canvas, without the tools over it."""
    return str(page.evaluate("document.getElementById('film').toDataURL()"))


def shown(page: Any) -> float:
    """The mean grey level of the canvas, 0 to 255."""
    png = base64.b64decode(drawn(page).partition(",")[2])
    return float(grey(png).mean())


def grey(film: bytes) -> np.ndarray:
    """The pixels of a PNG, uint8."""
    return cv2.imdecode(np.frombuffer(film, np.uint8), cv2.IMREAD_GRAYSCALE)


def png(pixels: np.ndarray) -> bytes:
    """The PNG of pixels."""
    return bytes(cv2.imencode(".png", pixels.astype(np.uint8))[1])


def findings(page: Any) -> list[str]:
    """What axe finds serious or critical."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="accessibility is tested with axe")
    violations = axe.Axe().run(page).response["violations"]
    return [f"{v['id']}: {v['nodes'][0]['html']}" for v in violations if v["impact"] in ("serious", "critical")]
