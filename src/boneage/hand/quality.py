"""What can be measured on a film before its age is read: is it a hand, is it whole, how is it exposed, how sharp.

The landmarks show whether a film is of a hand. On anything else they lie where no hand has them: brought to the
template by the best affine map, they stay many times as far from it as on films of hands. No classifier has to know
what other pictures look like. `boneage.hand.flags` judges what is measured here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from ..config import PrepareConfig
from ..types import Radiograph
from . import landmarks
from .geometry import aligned, cut, fit, warped
from .landmarks import LANDMARKS, PALM
from .locate import MISFIT, SEEN, Hand, locator
from .prepare import Findings, analyse, in_borders
from .several import seam

SIDE = 160  # pixels: the upright hand on which exposure and sharpness are measured
SPEC = PrepareConfig(size=SIDE, hand=True, channels=1)

# How every threshold here and in `boneage.hand.flags` was chosen. "Films": 700 of the training part, drawn at random;
# "cut" and "blurred": 40 of them so changed. "Non-hands": 432 drawings, photographs, noises and texts; besides, 80
# hands without bones. What becomes of other films and other kinds of non-hands is measured by benchmarks/quality.py.
LEAST_SEEN = 0.4  # mean probability of the landmarks; films 0.51 to 1.00; cut by a third of their fingers 0.38 to 0.97
FLAT = 5.0  # grey levels of detail in the palm; 0.7 % of films have less, and all of 25 whole hands without bones
ODD = 0.035  # misfit: a hand both flatter and odder shows no bones; no film is both, most hands without bones are
BELOW_WRIST = 0.06  # of the frame's side: the growth plates of radius and ulna; within all films but the cut ones
WHITE, FINGER = 252, 9  # grey level; pixels, the width of a finger

_WRIST = LANDMARKS.index("wrist")
_IMMERKAER = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)


@dataclass(frozen=True)
class Evidence:
    """What was measured on one film.

    Attributes:
        seen: the mean probability that a landmark is in the picture.
        misfit: the mean distance of the landmarks from the template's, as a fraction of the frame's side.
        detail: the standard deviation of the palm's middle detail, in grey levels of 255; bones make most of it.
        missing: the names of the parts outside the picture.
        length: of the hand in pixels, from the wrist to the tip of the middle finger.
        turned: degrees clockwise from upright.
        mirrored: whether the thumb points to the left.
        inverted: whether the film shows bone dark.
        contrast: from black to bright bone, as a fraction of the full grey range.
        dark, bright: the shares of the palm at the lower and the upper end of the full range.
        sharpness: fine over middle detail within the hand.
        noise: its standard deviation, as a fraction of the contrast.
        blocks: the steps at the edges of JPEG blocks, as a fraction of the contrast.
        metal: pixels of the largest white spot on the fingers.
        hands: how many hands were made out, 0 to 2.
    """

    seen: float
    misfit: float
    detail: float
    missing: tuple[str, ...]
    length: float
    turned: float
    mirrored: bool
    inverted: bool
    contrast: float
    dark: float
    bright: float
    sharpness: float
    noise: float
    blocks: float
    metal: int
    hands: int

    @property
    def is_hand(self) -> bool:
        """Whether this is a radiograph of a hand: the landmarks lie like a hand's, and the palm has bones."""
        return _is_hand(self.seen, self.misfit) and (self.detail > FLAT or self.misfit < ODD)


def examine(film: Radiograph, found: Findings | None = None) -> Evidence:
    """The evidence of a film; ``found``: what `analyse` found on it with ``spec.hand``, to save doing it again."""
    found = found if found and found.hand else analyse(film.pixels, SPEC)
    hand = found.hand
    assert hand is not None, "SPEC asks for it"
    misfit, frame = hand.fitted
    top, bottom, left, right = found.box
    sides = np.array([(right - left) * film.pixels.shape[1], (bottom - top) * film.pixels.shape[0]])
    square, unstretched = _upright(film, found)
    dark, bright = _clipped(unstretched)
    detail, sharpness = _detailed(square)
    noise, blocks = _degradation(film, found)
    seen = float(hand.seen.mean())
    return Evidence(
        seen=seen,
        misfit=misfit,
        detail=detail,
        missing=_missing(hand, frame),
        length=landmarks.length(hand.points * sides),
        turned=landmarks.rotation(hand.frame),
        mirrored=landmarks.is_mirrored(hand.frame),
        inverted=found.inverted,
        contrast=found.white - found.black,
        dark=dark,
        bright=bright,
        sharpness=sharpness,
        noise=noise,
        blocks=blocks,
        metal=_white(square, hand) if hand.is_certain else 0,
        hands=2 if film.part is None and seam(film.pixels, found) else int(_is_hand(seen, misfit)),
    )


def _is_hand(seen: float, misfit: float) -> bool:
    return seen >= LEAST_SEEN and misfit <= MISFIT


def _upright(film: Radiograph, found: Findings) -> tuple[np.ndarray, np.ndarray]:
    """The film as `render` prepares it for `SPEC`, uint8 [SIDE, SIDE], and the same without stretching its contrast."""
    pixels, full = cut(film.pixels, found.box), replace(found, black=0.0, white=1.0)
    if found.frame is None:
        whole = fit(pixels, SIDE, SPEC.fit, 0.0)
        return found.to_bytes(whole), full.to_bytes(whole)
    at_size = aligned(pixels, found.frame, SIDE)  # the costly step on a large film: once for both
    square, unstretched = (one.to_bytes(warped(*at_size, SIDE, one.background)) for one in (found, full))
    return square, unstretched


def _clipped(unstretched: np.ndarray) -> tuple[float, float]:
    """The palm's shares at the lower and upper end of the full range."""
    palm = unstretched[_hull(PALM)]
    return float((palm <= 1).mean()), float((palm >= 254).mean())


def _detailed(square: np.ndarray) -> tuple[float, float]:
    """Middle detail of an upright square within the palm, in grey levels, and fine over middle detail within the hand.

    Middle detail spans about 3 to 10 pixels, fine detail 1 to 3: differences of Gaussian blurs.
    """
    film, hand = square.astype(np.float32), _hull(range(len(LANDMARKS)))
    palm = cv2.erode(_hull(PALM).astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    soft, softer = cv2.GaussianBlur(film, (0, 0), 1.2), cv2.GaussianBlur(film, (0, 0), 4.0)
    middle = soft - softer
    return float(middle[palm].std()), float((film - soft)[hand].std() / max(float(middle[hand].std()), 1e-6))


def _degradation(film: Radiograph, found: Findings) -> tuple[float, float]:
    """Noise and JPEG blocks within the hand, as fractions of the range from black to bright bone.

    Noise is Immerkær's estimate of its standard deviation (CVIU 64, 1996), by the median in place of the mean, which
    the edges of bones would raise. Blocks are the geometric mean of both directions, since a JPEG has them in both.
    """
    assert found.hand is not None
    pixels = in_borders(film, found)
    height, width = pixels.shape
    inside = landmarks.hull(found.hand.points * [width, height], (height, width))
    contrast = max(found.white - found.black, 1e-6)
    rough = np.abs(cv2.filter2D(pixels, -1, _IMMERKAER))[inside > 0]
    edges = [_edges(*both) for both in ((pixels, inside), (pixels.T, inside.T))]
    noise = float(np.median(rough)) / (6 * 0.6745) if rough.size else 0.0
    return noise / contrast, float(np.sqrt(edges[0] * edges[1])) / contrast


def _edges(pixels: np.ndarray, inside: np.ndarray) -> float:
    """How much more neighbours in a row differ at the edges of blocks of 8 pixels than elsewhere.

    Nobody knows where the blocks begin: of the eight places, the one with the largest steps is taken.
    """
    counted = inside[:, 1:]
    steps, count = (np.abs(np.diff(pixels, axis=1)) * counted).sum(0), counted.sum(0, dtype=np.float64)
    means = [steps[first::8].sum() / max(count[first::8].sum(), 1.0) for first in range(8)]
    return float(max(means) - np.median(means))


def _white(square: np.ndarray, hand: Hand) -> int:
    """The largest white spot on the fingers of an upright square, in pixels."""
    points = (landmarks.apply(landmarks.invert(hand.frame), hand.points) * SIDE).round().astype(np.int32)
    fingers = np.zeros((SIDE, SIDE), np.uint8)
    for first in range(1, len(LANDMARKS), 4):
        cv2.polylines(fingers, [points[first : first + 4]], False, 1, FINGER)
    spots = cv2.connectedComponentsWithStats(fingers * (square >= WHITE).astype(np.uint8))[2]
    return int(spots[1:, cv2.CC_STAT_AREA].max(initial=0))


def _missing(hand: Hand, frame: np.ndarray) -> tuple[str, ...]:
    """The names of the parts that are not in the picture: fingers, and the wrist with the growth plates below it."""
    unseen = {name.rstrip("1234").replace("_", " ") for name, p in zip(LANDMARKS, hand.seen, strict=True) if p < SEEN}
    plates = landmarks.apply(frame, locator().template[[_WRIST]] + [0, BELOW_WRIST])
    if (plates < -0.01).any() or (plates > 1.01).any():
        unseen.add("wrist")
    return tuple(sorted(unseen))


def _hull(which: list[int] | range) -> np.ndarray:
    """The convex hull of some of the template's landmarks as bool [SIDE, SIDE]."""
    return landmarks.hull(locator().template[list(which)] * SIDE, (SIDE, SIDE)) > 0
