"""The locator: a small network, run by ONNX Runtime, that finds the landmarks of a hand on a film.

It takes the whole film as `boneage.hand.prepare` prepares it; `boneage.hand.landmarks` fits a frame to the landmarks.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import numpy as np

from .. import model_file
from . import landmarks
from .landmarks import LANDMARKS, Points

LOCATOR = Path(__file__).parents[1] / "weights" / "parts" / "locator.onnx"
SEEN = 0.5  # a landmark with at least this probability is in the picture
# As a fraction of the frame's side. Of 700 training films 99.5 % lie below 0.044, two above 0.5; pictures of other
# things on which the locator claims to see landmarks lie above 0.09.
MISFIT = 0.07
ENOUGH = 0.8  # mean probability of the landmarks: below, the frame is not trusted
WHOLE = np.eye(2, 3)
WINDOW = 2  # cells around the most probable one that are averaged into a place


@dataclass(frozen=True)
class Hand:
    """The hand found on one film.

    Attributes:
        points: float64 [21, 2], (x, y) of each of `LANDMARKS` as fractions of the film's sides.
        seen: float64 [21], the probability that each is in the picture.
        inverted: the probability that the film shows bone dark.
        frame: [2, 3], the map from the unit square that holds the hand upright to fractions of the film.
    """

    points: Points
    seen: np.ndarray
    inverted: float
    frame: np.ndarray

    @property
    def area(self) -> float:
        """The area of the frame as a fraction of the film's."""
        return float(abs(np.linalg.det(self.frame[:, :2])))

    @cached_property
    def fitted(self) -> tuple[float, np.ndarray]:
        """The misfit, and the frame [2, 3] fitted to the landmarks by least squares.

        Both weigh each landmark by its probability. The misfit is the mean distance of the landmarks from the
        template's, as a fraction of the frame's side; infinite where they span no frame.
        """
        return _fitted(self)

    @property
    def misfit(self) -> float:
        """How far the landmarks lie from the template's (see `fitted`)."""
        return self.fitted[0]

    @cached_property
    def is_certain(self) -> bool:
        """Whether enough landmarks were seen, and lie like a hand's, for the film to be cut by the frame."""
        return float(self.seen.mean()) >= ENOUGH and self.area > 1e-3 and self.misfit <= MISFIT


class Locator:
    """The network in a file.

    Attributes:
        about: the file's description of the network.
        size: the side in pixels of the square films it takes.
        template: the mean hand in the unit square (see `boneage.hand.landmarks.template`).
    """

    def __init__(self, data: bytes, path: Path) -> None:
        self._session, self.about = model_file.session(data, path, threads=1)
        self.size: int = self.about["size"]
        self.template: Points = np.array(self.about["template"])

    def find(self, film: np.ndarray, part: np.ndarray = WHOLE) -> Hand:
        """The hand on a film; a film without one gives low probabilities.

        Args:
            film: uint8 [size, size].
            part: the map [2, 3] from fractions of these pixels to fractions of the film, if they are a part of it.
        """
        places, inverted = self._session.run(["places", "inverted"], {"films": film[None]})
        points, seen = decode(places[0].astype(np.float64))
        points = landmarks.apply(part, points)
        frame = landmarks.fitted(self.template, points)
        return Hand(points, seen, float(1 / (1 + np.exp(-float(inverted[0])))), frame)


def _fitted(hand: Hand) -> tuple[float, np.ndarray]:
    """See `Hand.fitted`."""
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
    """Points [21, 2] as fractions of the film and probabilities [21], from logits [21, cells + 1].

    A landmark's logits are those of each cell of a square grid, row by row, and last that of "not in the picture". Its
    place is the mean of the cells around the most probable one, weighted by their probabilities: finer than the grid,
    and not drawn away by a second, less probable place.
    """
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
    """The locator of this package, loaded once; BadModel if its file is missing or damaged."""
    return Locator(model_file.verified(LOCATOR), LOCATOR)
