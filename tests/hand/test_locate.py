"""The shipped locator on synthetic hands, and what preparation makes of what it finds."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from boneage.config import PrepareConfig
from boneage.data.phantom import Phantom, draw
from boneage.errors import BadModel
from boneage.hand import landmarks
from boneage.hand.landmarks import LANDMARKS
from boneage.hand.locate import LOCATOR, MISFIT, Hand, Locator, decode, locator
from boneage.hand.prepare import Findings, analyse, prepare
from boneage.types import Radiograph

SPEC = PrepareConfig(size=128, hand=True)


def phantom(seed: int, size: int = 320) -> Phantom:
    return draw(np.random.default_rng(seed), size=size, months=90)


def film(pixels: np.ndarray) -> Radiograph:
    return Radiograph(np.ascontiguousarray(pixels, np.float32), "hand.png", "0" * 64, "PNG")


def unit(one: Phantom) -> np.ndarray:
    return one.pixels.astype(np.float32) / 255


def found(pixels: np.ndarray) -> tuple[Findings, Hand]:
    findings = analyse(pixels, SPEC)
    assert findings.hand is not None
    return findings, findings.hand


def on_the_film(findings: Findings, hand: Hand) -> np.ndarray:
    """The landmarks as fractions of the whole film."""
    top, bottom, left, right = findings.box
    return hand.points * [right - left, bottom - top] + [left, top]


def test_landmarks_of_synthetic_hands_lie_where_they_were_drawn() -> None:
    errors = []
    for seed in range(12):
        one = phantom(seed)
        truth = one.landmarks / one.pixels.shape[0]
        findings, hand = found(unit(one))
        assert hand.is_certain
        errors.append(np.linalg.norm(on_the_film(findings, hand) - truth, axis=1).mean() / landmarks.length(truth))
        assert landmarks.is_mirrored(hand.frame) == (one.handedness == "right")
    assert np.mean(errors) < 0.04


def test_a_hand_within_a_frame_thicker_than_any_border_is_found() -> None:
    one = phantom(3, size=200)
    framed = np.full((560, 560), 0.55, np.float32)
    framed[160:400, 170:390] = 0.0
    framed[180:380, 180:380] = unit(one)
    framed[60:66, 40:52] = 1.0
    findings, hand = found(framed)
    assert hand.is_certain
    truth = (one.landmarks + 180) / 560
    error = np.linalg.norm(on_the_film(findings, hand) - truth, axis=1).mean()
    assert error < 0.06 * landmarks.length(truth)


def test_landmarks_where_no_hand_has_them_are_not_trusted() -> None:
    _, hand = found(unit(phantom(3)))
    assert hand.misfit < 0.03
    assert hand.is_certain
    shuffled = replace(hand, points=np.random.default_rng(0).permutation(hand.points))
    assert shuffled.seen.mean() > 0.9
    assert shuffled.misfit > MISFIT
    assert not shuffled.is_certain


def difference(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one.astype(float) - other.astype(float)).mean())


CHANGES = {
    "mirrored": lambda p: p[:, ::-1],
    "turned a quarter": lambda p: np.rot90(p),
    "upside down": lambda p: p[::-1, ::-1],
    "squashed": lambda p: cv2.resize(p, (320, 230), interpolation=cv2.INTER_AREA),
    "reduced": lambda p: cv2.resize(p, (200, 200), interpolation=cv2.INTER_AREA),
    "inverted": lambda p: 1 - p,
    "faint": lambda p: 0.4 + p / 6,
}


@pytest.mark.parametrize("change", CHANGES)
def test_the_same_hand_gives_nearly_the_same_bytes_however_it_lies(change: str) -> None:
    for seed in (3, 4):
        pixels = unit(phantom(seed))
        straight, changed = prepare(film(pixels), SPEC), prepare(film(CHANGES[change](pixels)), SPEC)
        apart = difference(straight, prepare(film(unit(phantom(seed + 40))), SPEC))
        assert difference(straight, changed) < 0.5 * apart


def test_a_small_hand_on_a_large_film_fills_the_square() -> None:
    pixels = unit(phantom(5))
    large = np.full((700, 760), np.median(pixels[:20]), np.float32)
    large[200:520, 300:620] = pixels
    assert difference(prepare(film(large), SPEC), prepare(film(pixels), SPEC)) < 12


@pytest.mark.parametrize("what", ["black", "white", "noise"])
def test_without_a_hand_the_film_stays_whole(what: str) -> None:
    noise = np.random.default_rng(0).random((200, 150), np.float32)
    pixels = {"black": np.zeros_like(noise), "white": np.ones_like(noise), "noise": noise}[what]
    findings, hand = found(pixels)
    assert not hand.is_certain
    assert findings.frame is None
    assert prepare(film(pixels), SPEC).shape == (128, 128)


def test_decode_finds_the_middle_of_a_peak_and_says_what_is_not_there() -> None:
    logits = np.full((len(LANDMARKS), 401), -20.0)
    logits[:, -1] = 5.0
    logits[0, 7 * 20 + 12] = logits[0, 7 * 20 + 13] = 30.0  # row 7, between columns 12 and 13
    points, seen = decode(logits)
    np.testing.assert_allclose(points[0], [13 / 20, 7.5 / 20], atol=1e-9)
    assert seen[0] > 0.999
    assert seen[1:].max() < 0.001


def test_the_locator_is_one_and_says_what_it_is() -> None:
    assert locator() is locator()
    assert locator().about["landmarks"] == list(LANDMARKS)
    assert LOCATOR.stat().st_size < 3e6


def test_a_file_that_is_no_network_is_refused() -> None:
    with pytest.raises(BadModel, match=r"locator\.onnx cannot be run"):
        Locator(b"no network", LOCATOR)
