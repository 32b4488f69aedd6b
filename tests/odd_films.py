"""Films for the tests of film quality: synthetic hands, and pictures of anything else."""

from __future__ import annotations

import cv2
import numpy as np

from boneage import Radiograph, Sex
from boneage.data.phantom import draw
from boneage.hand import quality
from boneage.hand.prepare import analyse

Pixels = np.ndarray  # float32 [H, W] in [0, 1]
SIDE = 220


def film(pixels: Pixels, **known: str) -> Radiograph:
    return Radiograph(np.ascontiguousarray(pixels, np.float32), "hand.png", "0" * 64, "PNG", **known)  # type: ignore[arg-type]


def hand(seed: int, months: float = 120) -> Pixels:
    """A synthetic left hand with bone bright."""
    pixels = draw(np.random.default_rng([5, seed]), months=months, sex=Sex.MALE, size=SIDE).pixels / np.float32(255)
    return 1 - pixels if analyse(pixels, quality.SPEC).inverted else pixels


HAND = hand(1)


def noise(rng: np.random.Generator) -> Pixels:
    return rng.random((SIDE, SIDE), np.float32)


def clouds(rng: np.random.Generator) -> Pixels:
    smooth = cv2.GaussianBlur(rng.normal(size=(SIDE, SIDE)), (0, 0), float(rng.uniform(4, 20)))
    return (smooth - smooth.min()) / np.ptp(smooth)


def text(rng: np.random.Generator) -> Pixels:
    page = np.zeros((SIDE, SIDE), np.uint8)
    for line in range(8):
        words = "".join(rng.choice(list("abcdefgh ijklmnop"), 16))
        cv2.putText(page, words, (4, 26 * line + 20), cv2.FONT_HERSHEY_SIMPLEX, 0.6, 255.0, 1)
    return page / np.float32(255)


def drawing(rng: np.random.Generator) -> Pixels:
    page = np.zeros((SIDE, SIDE), np.uint8)
    for _ in range(8):
        x, y, wide, tall = (int(value) for value in rng.integers(10, SIDE // 2, 4))
        cv2.ellipse(
            page, (x + 40, y + 40), (wide, tall), float(rng.uniform(0, 180)), 0, 360, float(rng.uniform(60, 255))
        )
    return page / np.float32(255)


def slope(rng: np.random.Generator) -> Pixels:
    return np.add.outer(np.linspace(0, rng.random(), SIDE), np.linspace(0, 0.5, SIDE)).clip(0, 1)
