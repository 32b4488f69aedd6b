"""Where the hand is on a film: a small network of this project's own, in ONNX Runtime.

``find`` takes the film as `boneage.hand.prepare` settles it, whole; `boneage.hand.landmarks` makes a frame of what it
finds.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from .. import model_file
from . import landmarks
from .landmarks import LANDMARKS, Points

LOCATOR = Path(__file__).parents[1] / "weights" / "parts" / "locator.onnx"
SEEN = 0.5  # a landmark with at least this probability is in the picture
# Of the frame's side. Of 700 training films 99.5 % lie below 0.044, two above 0.5; non-hands whose landmarks seem to be
# seen lie from 0.09 on.
MISFIT = 0.07
ENOUGH = 0.8  # of the landmarks' mean probability: below, no frame is trusted
WHOLE = np.eye(2, 3)
WINDOW = 2  # cells around the likeliest over which the place is averaged


@dataclass(frozen=True)
class Hand:
    """What was found on one film.

    ``points``: float64 [21, 2], (x, y) as fractions of the film's sides, named by `LANDMARKS`. ``seen``: float64 [21],
    the probability that each is in the picture. ``inverted``: the probability that the film shows bone dark.
    ``frame``: [2, 3], from the unit square that holds the hand upright to fractions of the film.
    """

    points: Points
    seen: np.ndarray
    inverted: float
    frame: np.ndarray

    @property
    def area(self) -> float:
        """The frame's, as a fraction of the film's."""
        return float(abs(np.linalg.det(self.frame[:, :2])))

    @property
    def misfit(self) -> float:
        """How far the landmarks lie from where a hand has them (see `fitted`)."""
        return fitted(self)[0]

    @property
    def is_certain(self) -> bool:
        """Whether enough of a hand was seen, and in its places, to cut the film by it."""
        return float(self.seen.mean()) >= ENOUGH and self.area > 1e-3 and self.misfit <= MISFIT


class Locator:
    """The network and what its file says of itself (``about``). ``size``: the side of the square films it takes."""

    def __init__(self, data: bytes, path: Path) -> None:
        self._session, self.about = model_file.session(data, path, threads=1)
        self.size: int = self.about["size"]
        self.template: Points = np.array(self.about["template"])

    def find(self, film: np.ndarray, part: np.ndarray = WHOLE) -> Hand:
        """The hand on a film of uint8 [size, size]; of a film without one too, with low probabilities.

        ``part``: the map [2, 3] from fractions of these pixels to those of the film, if they are a part of it.
        """
        places, inverted = self._session.run(["places", "inverted"], {"films": film[None]})
        points, seen = decode(places[0].astype(np.float64))
        points = landmarks.apply(part, points)
        frame = landmarks.fitted(self.template, points)
        return Hand(points, seen, float(1 / (1 + np.exp(-float(inverted[0])))), frame)


def fitted(hand: Hand) -> tuple[float, np.ndarray]:
    """The mean distance of the landmarks seen from where a hand has them, of the frame's side, and the frame [2, 3]
    that makes it least. Infinite where they span no frame."""
    template, weights = locator().template, np.maximum(hand.seen, 1e-3)
    root = np.sqrt(weights)[:, None]
    design = np.concatenate([template, np.ones((len(template), 1))], axis=1)
    frame = np.linalg.lstsq(design * root, hand.points * root, rcond=None)[0].T
    try:
        places = landmarks.apply(landmarks.invert(frame), hand.points)
    except np.linalg.LinAlgError:
        return float("inf"), frame
    distances = np.linalg.norm(places - template, axis=1)
    return float((distances * weights).sum() / weights.sum()), frame


def decode(logits: np.ndarray) -> tuple[Points, np.ndarray]:
    """Points [21, 2] as fractions of the film and probabilities [21] of logits [21, cells + 1] (see `Locator`)."""
    likely = np.exp(logits - logits.max(axis=1, keepdims=True))
    likely /= likely.sum(axis=1, keepdims=True)
    seen, side = 1 - likely[:, -1], int(np.sqrt(logits.shape[1] - 1))
    maps = likely[:, :-1].reshape(len(LANDMARKS), side, side)
    best = maps.reshape(len(LANDMARKS), -1).argmax(axis=1)
    near = np.arange(side)
    rows = np.abs(near - best[:, None] // side) <= WINDOW
    columns = np.abs(near - best[:, None] % side) <= WINDOW
    maps = maps * rows[:, :, None] * columns[:, None, :]
    total = maps.sum(axis=(1, 2)) + 1e-12
    x, y = (maps.sum(axis=1) * near).sum(axis=1) / total, (maps.sum(axis=2) * near).sum(axis=1) / total
    return (np.stack([x, y], axis=1) + 0.5) / side, seen


@cache
def locator() -> Locator:
    """The one that came with the package; BadModel if it is not there."""
    return Locator(model_file.verified(LOCATOR), LOCATOR)
