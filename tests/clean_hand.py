"""A clean synthetic hand and its prepared bytes, with which the tests of `boneage.hand` compare changed films."""

from __future__ import annotations

import cv2
import numpy as np

from boneage.config import PrepareConfig
from boneage.data.phantom import draw
from boneage.hand.prepare import prepare
from boneage.types import Radiograph, Sex

SPEC = PrepareConfig(size=128)
FOG = np.float32(0.25)  # of the background around the hand


def hand(months: float = 100, size: int = 256) -> np.ndarray:
    """A clean hand on fogged film, float32 [size, size]: frames of any brightness can be told from its background."""
    pixels = draw(np.random.default_rng(3), months=months, sex=Sex.FEMALE, size=size, plain=True).pixels
    return FOG + (0.9 - FOG) * (pixels / np.float32(255))


def film(pixels: np.ndarray) -> Radiograph:
    return Radiograph(np.ascontiguousarray(pixels, np.float32), "hand.png", "0" * 64, "PNG")


def prepared(pixels: np.ndarray, **changes: object) -> np.ndarray:
    return prepare(film(pixels), PrepareConfig(**{"size": 128, **changes}))  # type: ignore[arg-type]


def resized(pixels: np.ndarray, width: int, height: int) -> np.ndarray:
    return cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)


def difference(one: np.ndarray, other: np.ndarray) -> float:
    """Mean absolute difference in grey levels of 255."""
    return float(np.abs(one.astype(float) - other.astype(float)).mean())


HAND = hand()
BYTES = prepared(HAND)
