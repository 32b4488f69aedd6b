"""From a radiograph to the network's pixels: the only path, the same for training, evaluation and prediction.

    film → borders off → upright in brightness → contrast settled → S × S bytes

Every decision is taken on a small proxy of the film, so a film at its native size and its thumbnail are treated alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .config import PrepareConfig
from .types import Radiograph

Box = tuple[float, float, float, float]  # top, bottom, left, right as fractions of the sides
WHOLE: Box = (0.0, 1.0, 0.0, 1.0)
MARGIN = 0.05  # of the film's side, left around the hand
DIM = 18  # of 255: what is darker is background, however dark the film
PROXY = 128  # pixels: the longer side of the proxy on which borders, polarity and levels are found
BORDER = 0.2  # the largest fraction of the film's side that is taken for a border
INVERTED = 0.05  # above it a film is taken for inverted: 7 of the real films, wrongly (see docs/data.md)


@dataclass(frozen=True)
class Findings:
    """What preparation saw on one film: its ``box`` within the borders (top, bottom, left, right as fractions of
    the sides), whether it is ``inverted``, and the levels (of [0, 1], after putting the polarity right) that become
    ``black`` and ``white``."""

    box: Box
    inverted: bool
    black: float
    white: float


def prepare(radiograph: Radiograph, spec: PrepareConfig) -> np.ndarray:
    """The film as uint8 [size, size], bone bright, background near 0. Networks normalise these bytes themselves."""
    return render(radiograph, look(radiograph.pixels, spec), spec)


def render(radiograph: Radiograph, found: Findings, spec: PrepareConfig) -> np.ndarray:
    """The second half of `prepare`, for who wants the findings too."""
    film = _cut(radiograph.pixels, found.box)
    square = fit(film, spec.size, spec.fit, fill=1 - found.black if found.inverted else found.black)
    if found.inverted:
        square = 1 - square
    scaled = (square - found.black) * (255.0 / max(found.white - found.black, 1e-6))
    return np.clip(scaled + 0.5, 0, 255).astype(np.uint8)


def look(pixels: np.ndarray, spec: PrepareConfig) -> Findings:
    """Borders, polarity and grey levels of float32 [H, W] pixels in [0, 1]."""
    proxy = _shrink(pixels, PROXY)
    box = _film_box(proxy)
    inverted = _positive(_cut(proxy, box)) > INVERTED
    if inverted:
        proxy = 1 - proxy
        box = _film_box(proxy)  # the first one took the bright background for a frame
    black, white = _levels(_cut(proxy, box), spec)
    if spec.hand:
        box = _within(box, _hand_box((_cut(proxy, box) - black) / (white - black)))
    return Findings(box, inverted, black, white)


def fit(film: np.ndarray, size: int, how: str, fill: float) -> np.ndarray:
    """Bring float32 [H, W] to [size, size]: ``squash`` both sides, ``pad`` the shorter, or ``crop`` the longer."""
    if how == "squash":
        return _resize(film, size, size)
    height, width = film.shape
    side = max(height, width) if how == "pad" else min(height, width)
    tall, wide = max(1, round(height * size / side)), max(1, round(width * size / side))
    scaled = _resize(film, wide, tall)
    top, left = (size - tall) // 2, (size - wide) // 2
    if how == "crop":
        return scaled[-top : size - top, -left : size - left]
    square = np.full((size, size), fill, np.float32)
    square[top : top + tall, left : left + wide] = scaled
    return square


def _shrink(pixels: np.ndarray, longest: int) -> np.ndarray:
    scale = min(1.0, longest / max(pixels.shape))
    height, width = (max(1, round(side * scale)) for side in pixels.shape)
    return _resize(pixels, width, height)


def _resize(pixels: np.ndarray, width: int, height: int) -> np.ndarray:
    shrinks = width * height < pixels.size
    return cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


def _cut(pixels: np.ndarray, box: Box) -> np.ndarray:
    height, width = pixels.shape
    top, bottom, left, right = box
    rows = slice(round(top * height), max(round(bottom * height), round(top * height) + 1))
    columns = slice(round(left * width), max(round(right * width), round(left * width) + 1))
    return pixels[rows, columns]


def _film_box(proxy: np.ndarray) -> Box:
    """The film within white frames and black collimation; twice, for frames within frames and thick ones."""
    box = _borders(proxy)
    return _within(box, _borders(_cut(proxy, box)))


def _borders(film: np.ndarray) -> Box:
    """What lies within the borders."""
    dark, bright = np.percentile(_middle(film, 0.2), [10, 95])
    contrast = float(bright - dark)
    if contrast < 1 / 255:
        return WHOLE
    too_bright, too_dark = dark + 0.6 * contrast, dark - 0.25 * contrast
    sides = (film, film[::-1], film.T, film.T[::-1])
    top, bottom, left, right = (_border(lines, too_bright, too_dark) for lines in sides)
    return top, 1 - bottom, left, 1 - right


def _border(lines: np.ndarray, too_bright: float, too_dark: float) -> float:
    """The fraction of the side, within `BORDER`, that is no part of the film: lines nearly all bright or dark."""
    outer = lines[: int(len(lines) * BORDER)]
    lower, upper = np.percentile(outer, [20, 70], axis=1)
    outside = np.flatnonzero((lower > too_bright) | (upper < too_dark))
    return float(outside[-1] + 1) / len(lines) if outside.size else 0.0


def _positive(film: np.ndarray) -> float:
    """By how much of the grey range the background is brighter than the hand.

    Above `INVERTED` on positive prints, which show bone dark. Looked at on the film's rim and on a rim further in, so
    that a bright frame alone does not count.
    """
    hand = np.median(_middle(film, 1 / 3))
    spread = max(float(np.percentile(film, 95) - np.percentile(film, 5)), 1 / 255)
    backgrounds = (_rim(film), _rim(_middle(film, 0.15)))
    return min(float(background - hand) / spread for background in backgrounds)


def _rim(film: np.ndarray) -> float:
    width = max(1, min(film.shape) // 16)
    return float(
        np.median([np.median(side) for side in (film[:width], film[-width:], film[:, :width], film[:, -width:])])
    )


def _levels(film: np.ndarray, spec: PrepareConfig) -> tuple[float, float]:
    """Black is the background beside the hand, not a frame's; white lies above bright bone, so markers clip first."""
    black, bone = np.percentile(_middle(film, 0.12), [spec.low, spec.high])
    return float(black), float(black + spec.headroom * max(bone - black, 4 / 255))


def _hand_box(film: np.ndarray) -> Box:
    """The largest bright thing on a film with settled contrast, and `MARGIN` around it; dim fingertips count."""
    grey = cv2.GaussianBlur((np.clip(film, 0, 1) * 255).astype(np.uint8), (0, 0), 1.5)
    otsu, _ = cv2.threshold(grey, 0, 255, cv2.THRESH_OTSU)
    bright = (grey > max(DIM, 0.55 * otsu)).astype(np.uint8)
    bright[:2], bright[:, :2], bright[:, -2:] = 0, 0, 0  # what is left of a frame; the arm leaves below
    _, _, stats, _ = cv2.connectedComponentsWithStats(cv2.morphologyEx(bright, cv2.MORPH_OPEN, np.ones((3, 3))))
    if len(stats) < 2:
        return WHOLE
    left, top, width, height, _ = stats[1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))]
    rows, columns = film.shape
    above, before = top / rows - MARGIN, left / columns - MARGIN
    below, behind = (top + height) / rows + MARGIN, (left + width) / columns + MARGIN
    return max(above, 0.0), min(below, 1.0), max(before, 0.0), min(behind, 1.0)


def _within(outer: Box, inner: Box) -> Box:
    """``inner``, given as fractions of ``outer``, as fractions of the film."""
    (top, bottom, left, right), (above, below, before, behind) = outer, inner
    height, width = bottom - top, right - left
    return top + above * height, top + below * height, left + before * width, left + behind * width


def _middle(film: np.ndarray, margin: float) -> np.ndarray:
    height, width = film.shape
    rows, columns = int(height * margin), int(width * margin)
    return film[rows : height - rows, columns : width - columns]
