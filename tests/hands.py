"""Films of synthetic hands, and the shipped model that reads them."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

from boneage import Predictor, Sex
from boneage.data.phantom import draw

MODEL = "default"


@cache
def predictor() -> Predictor:
    """The shipped one, once a process."""
    return Predictor.load(MODEL, threads=1)


@cache
def hand(months: float = 120, size: int = 256, seed: int = 7) -> bytes:
    """A PNG of a synthetic girl's hand."""
    pixels = draw(np.random.default_rng(seed), months=months, sex=Sex.FEMALE, size=size).pixels
    return cv2.imencode(".png", pixels)[1].tobytes()


@cache
def pair(size: int = 256) -> bytes:
    """A PNG of a girl's left hand, and to the right of it another girl's right hand."""
    left, right = (
        cv2.imdecode(np.frombuffer(hand(months, size, seed), np.uint8), cv2.IMREAD_GRAYSCALE)
        for months, seed in ((120, 7), (80, 2))
    )
    return bytes(cv2.imencode(".png", np.hstack([left, right[:, ::-1]]))[1])


def noise() -> bytes:
    """A PNG of no hand."""
    return bytes(cv2.imencode(".png", np.random.default_rng(1).integers(0, 256, (120, 120)).astype(np.uint8))[1])
