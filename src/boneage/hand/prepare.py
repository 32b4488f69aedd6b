"""From a radiograph to the network's pixels: the only path, the same for training, evaluation and prediction.

    film → borders off → bone bright → contrast settled → (the hand found and brought upright) → S × S bytes

The hand may be shown by its joints, each cut out and enlarged (`boneage.hand.joints`), or with them beside it, S × 2 S.

Every decision is taken on a small proxy of the film, so a film at its native size and its thumbnail are treated alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from ..config import CELLS, PrepareConfig
from ..types import Radiograph
from . import landmarks
from .joints import TILES, places
from .landmarks import PALM, after, widened
from .locate import Hand, locator
from .views import Part

Box = tuple[float, float, float, float]  # top, bottom, left, right as fractions of the sides
WHOLE: Box = (0.0, 1.0, 0.0, 1.0)
PROXY = 128  # pixels: the longer side of the proxy on which borders, polarity and levels are found
BORDER = 0.2  # the largest fraction of the film's side that is taken for a border
THICK = 0.2  # of the film's side: a frame that is left away where no hand is found
SMALL = 0.4  # of the film's area: a hand in a frame below it is looked at twice
FINEST = 365  # pixels: no hand's frame on an RSNA film has a larger side, and joints are cut from no finer film
BEYOND = 0.3  # of the hand's range: a black so much below the hand's own background is not the film's
INVERTED = 0.05  # above it a film is taken for inverted: 7 of the real films, wrongly (see docs/data.md)


@dataclass(frozen=True)
class Findings:
    """What preparation saw on one film: its ``box`` within the borders (top, bottom, left, right as fractions of
    the sides), whether it is ``inverted``, and the levels (of [0, 1], after putting the polarity right) that become
    ``black`` and ``white``. ``hand``: where the hand lies within the box, if it was looked for."""

    box: Box
    inverted: bool
    black: float
    white: float
    hand: Hand | None = field(default=None, compare=False)

    @property
    def frame(self) -> np.ndarray | None:
        """The frame [2, 3] by which the film is cut, None if it stays whole."""
        return self.hand.frame if self.hand and self.hand.is_certain else None


def prepare(radiograph: Radiograph, spec: PrepareConfig) -> np.ndarray:
    """The film as uint8 of ``spec.shape``, bone bright, background near 0. Networks normalise bytes themselves."""
    return render(radiograph, analyse(radiograph.pixels, spec), spec)


def render(radiograph: Radiograph, found: Findings, spec: PrepareConfig) -> np.ndarray:
    """The second half of `prepare`, for who wants the findings too."""
    film, fill = _cut(radiograph.pixels, found.box), 1 - found.black if found.inverted else found.black
    views = [spec.in_one, replace(spec, beside=False)] if spec.beside else [spec]
    return _bytes(np.hstack([_view(film, found, view, fill) for view in views]), found)


def _view(film: np.ndarray, found: Findings, spec: PrepareConfig, fill: float) -> np.ndarray:
    if found.frame is None:
        return fit(film, spec.size, spec.fit, fill)
    if spec.joints:
        return _joints(film, found, spec.size, fill)
    return _brought(film, found.frame, spec.size, fill)


def known(radiograph: Radiograph, found: Findings) -> np.ndarray:
    """What lies within the borders, float32, its pixels no finer than those of the films that the networks know."""
    assert found.hand is not None
    film = _cut(radiograph.pixels, found.box)
    return _coarser(film, _side(found.hand.frame, film) / FINEST)


def parts(spec: PrepareConfig) -> tuple[Part, ...]:
    """What of a prepared film is one thing: the hand, and each of its joints."""
    hand = (Part(slice(0, spec.size), slice(0, spec.size)),)
    if not spec.joints:
        return hand
    start = spec.shape[1] - spec.size
    tiles = (tile.part(spec.size // CELLS) for tile in TILES)
    joints = (Part(rows, slice(start + c.start, start + c.stop), mirrored=True) for rows, c in tiles)
    return (*(hand if spec.beside else ()), *joints)


def origins(found: Findings, spec: PrepareConfig) -> np.ndarray | None:
    """For each pixel of a prepared film where it lies on the picture of the hand in one piece, in its pixels (x, y):
    float32 [H, W, 2]. None if it is that picture."""
    if not spec.joints:
        return None
    pixels = np.arange(spec.size)
    own = np.stack(np.meshgrid(pixels, pixels), axis=-1)
    joints = own if found.hand is None or found.frame is None else _joint_origins(found.hand, spec.size)
    return np.hstack([own, joints] if spec.beside else [joints]).astype(np.float32)


def _joint_origins(hand: Hand, size: int) -> np.ndarray:
    lie = np.empty((size, size, 2))
    for tile, place in zip(TILES, places(hand), strict=True):
        rows, columns = tile.part(size // CELLS)
        at = (np.arange(rows.stop - rows.start) + 0.5) / (rows.stop - rows.start)
        lie[rows, columns] = np.stack(np.meshgrid(at, at), axis=-1) @ place[:, :2].T + place[:, 2]
    return lie * size - 0.5


def _joints(film: np.ndarray, found: Findings, size: int, fill: float) -> np.ndarray:
    """The montage of the hand's joints."""
    assert found.hand is not None
    square, cell = np.empty((size, size), np.float32), size // CELLS
    frames = [after(place, found.hand.frame) for place in places(found.hand)]
    film = _coarser(film, max(_side(frames[-1], film) / cell, _side(found.hand.frame, film) / FINEST))  # once for all
    for tile, frame in zip(TILES, frames, strict=True):
        rows, columns = tile.part(cell)
        square[rows, columns] = _brought(film, frame, rows.stop - rows.start, fill)
    return square


def _side(frame: np.ndarray, film: np.ndarray) -> float:
    """Of the square that a frame cuts, in the film's pixels."""
    return float(np.sqrt(abs(np.linalg.det(frame[:, :2])) * film.size))


def analyse(pixels: np.ndarray, spec: PrepareConfig) -> Findings:
    """Borders, polarity and grey levels of float32 [H, W] pixels in [0, 1], and where the hand is, if wanted."""
    if spec.hand:
        return _with_hand(_shrink(pixels, 4 * locator().size), spec)
    proxy = _shrink(pixels, PROXY)
    return _settled(proxy, spec, _positive(_cut(proxy, _film_box(proxy))) > INVERTED)


def _settled(proxy: np.ndarray, spec: PrepareConfig, inverted: bool) -> Findings:
    """Borders and levels, the polarity being known."""
    proxy = 1 - proxy if inverted else proxy
    box = _film_box(proxy)
    return Findings(box, inverted, *_levels(_middle(_cut(proxy, box), 0.12), spec))


def _with_hand(film: np.ndarray, spec: PrepareConfig) -> Findings:
    """The hand, and the levels of its own frame; where none fits, looked for in the middle, within thick frames."""
    found = _searched(film, spec)
    if found.frame is not None or min(film.shape) < PROXY:
        return found
    inner = _searched(_middle(film, THICK), spec)
    if inner.frame is None:
        return found
    return replace(inner, box=_within((THICK, 1 - THICK, THICK, 1 - THICK), inner.box))


def _searched(film: np.ndarray, spec: PrepareConfig) -> Findings:
    """The hand, found in the polarity that shows more of it, and the levels of its own frame."""
    whole = replace(spec.in_one, hand=False, fit="squash", size=locator().size)
    found = analyse(film, whole)
    hand = _found(film, found, whole)
    if hand.inverted > 0.5 or _is_dark(film, found, hand):
        other = _settled(_shrink(film, PROXY), spec, not found.inverted)
        shown = _found(film, other, whole)
        if shown.inverted < 0.5 and shown.seen.mean() > hand.seen.mean() - 0.1:
            found, hand = other, shown
    found = replace(found, hand=_closer(film, found, hand, whole))
    if found.frame is None:
        return found
    film = _cut(1 - film if found.inverted else film, found.box)
    assert found.hand is not None
    framed = _brought(film, found.frame, PROXY, fill=-1.0)
    black, white = _hand_levels(framed, found.hand, spec)
    return replace(found, black=black, white=white)


def _is_dark(film: np.ndarray, found: Findings, hand: Hand) -> bool:
    """Whether the palm of a hand is darker than what lies beside the hand: as the film was settled, bone is dark."""
    if not hand.is_certain:
        return False
    framed = _brought(_cut(1 - film if found.inverted else film, found.box), hand.frame, PROXY, fill=-1.0)
    palm, beside = framed[_hull(hand, PALM) > 0], framed[(_around(hand) == 0) & (framed >= 0)]
    return bool(beside.size) and bool(np.median(palm) < np.median(beside))


def _around(hand: Hand) -> np.ndarray:
    """The hand and a rim, as bytes of 0 and 1 in its frame of `PROXY` pixels a side."""
    return cv2.dilate(_hull(hand, range(len(hand.points))), np.ones((PROXY // 16, PROXY // 16), np.uint8))


def _hull(hand: Hand, which: Sequence[int]) -> np.ndarray:
    """The convex hull of some of the landmarks, likewise."""
    places = landmarks.apply(landmarks.invert(hand.frame), hand.points[list(which)])
    return landmarks.hull(places * PROXY, (PROXY, PROXY))


def _hand_levels(framed: np.ndarray, hand: Hand, spec: PrepareConfig) -> tuple[float, float]:
    """The levels within the hand's frame; where its corners lie beyond the film, darker than any background, those
    around the hand's own landmarks."""
    black, white = _levels(framed[framed >= 0], spec)
    inner = framed[(_around(hand) > 0) & (framed >= 0)]
    if not inner.size:
        return black, white
    own, bright = _levels(inner, spec)
    return (own, bright) if own - black > BEYOND * (bright - own) else (black, white)


def _found(film: np.ndarray, found: Findings, whole: PrepareConfig) -> Hand:
    return locator().find(_bytes(fit(_cut(film, found.box), whole.size, whole.fit, 0.0), found))


def _closer(film: np.ndarray, found: Findings, hand: Hand, whole: PrepareConfig) -> Hand:
    """A second look, from nearby, at a hand that is small on its film."""
    if hand.area > SMALL or hand.seen.mean() < 0.5:
        return hand
    near = widened(hand.frame, 1.3)
    fill = 1 - found.black if found.inverted else found.black
    again = locator().find(_bytes(_brought(_cut(film, found.box), near, whole.size, fill), found), near)
    return again if again.is_certain else hand


def _bytes(square: np.ndarray, found: Findings) -> np.ndarray:
    """The polarity put right and the levels spread over 0 to 255."""
    if found.inverted:
        square = 1 - square
    scaled = (square - found.black) * (255.0 / max(found.white - found.black, 1e-6))
    return np.clip(scaled + 0.5, 0, 255).astype(np.uint8)


def _brought(film: np.ndarray, frame: np.ndarray, size: int, fill: float) -> np.ndarray:
    """What the frame [2, 3] holds of float32 [H, W], upright as [size, size]; ``fill`` beyond the film."""
    matrix = np.array(film.shape[::-1])[:, None] * frame
    matrix[:, :2] /= size
    coarse = _side(frame, film) / size  # film pixels to a side of one of the square's
    if coarse > 1:
        film = _coarser(film, coarse)
        matrix = matrix / coarse
    matrix[:, 2] += matrix[:, :2].sum(axis=1) / 2 - 0.5  # from the corners of pixels to their centres
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(film, matrix, (size, size), flags=how, borderMode=cv2.BORDER_CONSTANT, borderValue=fill)


def fit(film: np.ndarray, size: int, how: str, fill: float) -> np.ndarray:
    """Bring float32 [H, W] to [size, size]: ``squash`` both sides, ``pad`` the shorter, or ``crop`` the longer."""
    if how == "squash":
        return _resize(film, size, size)
    height, width = film.shape
    if how == "crop":
        side = min(height, width)
        top, left = (height - side) // 2, (width - side) // 2
        return _resize(film[top : top + side, left : left + side], size, size)
    side = max(height, width)
    tall, wide = max(1, round(height * size / side)), max(1, round(width * size / side))
    scaled = _resize(film, wide, tall)
    top, left = (size - tall) // 2, (size - wide) // 2
    square = np.full((size, size), fill, np.float32)
    square[top : top + tall, left : left + wide] = scaled
    return square


def _coarser(film: np.ndarray, times: float) -> np.ndarray:
    """In pixels so many times as large; as it is where that is no larger."""
    return _shrink(film, max(1, round(max(film.shape) / max(times, 1.0))))


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
    dark, bright = _percentiles(_middle(film, 0.2).ravel(), 10, 95)
    contrast = float(bright - dark)
    if contrast < 1 / 255:
        return WHOLE
    too_bright, too_dark = float(dark) + 0.6 * contrast, float(dark) - 0.25 * contrast
    sides = (film, film[::-1], film.T, film.T[::-1])
    top, bottom, left, right = (_border(lines, too_bright, too_dark) for lines in sides)
    return top, 1 - bottom, left, 1 - right


def _border(lines: np.ndarray, too_bright: float, too_dark: float) -> float:
    """The fraction of the side, within `BORDER`, that is no part of the film: lines nearly all bright or dark."""
    outer = lines[: int(len(lines) * BORDER)]
    lower, upper = _percentiles(outer, 20, 70)
    outside = np.flatnonzero((lower > too_bright) | (upper < too_dark))
    return float(outside[-1] + 1) / len(lines) if outside.size else 0.0


def _positive(film: np.ndarray) -> float:
    """By how much of the grey range the background is brighter than the hand.

    Above `INVERTED` on positive prints, which show bone dark. Looked at on the film's rim and on a rim further in, so
    that a bright frame alone does not count.
    """
    (hand,) = _percentiles(_middle(film, 1 / 3).ravel(), 50)
    low, high = _percentiles(film.ravel(), 5, 95)
    spread = max(float(high - low), 1 / 255)
    backgrounds = (_rim(film), _rim(_middle(film, 0.15)))
    return min(float(background - hand) / spread for background in backgrounds)


def _rim(film: np.ndarray) -> float:
    width = max(1, min(film.shape) // 16)
    sides = (film[:width], film[-width:], film[:, :width], film[:, -width:])
    return float(np.median([_percentiles(side.ravel(), 50) for side in sides]))


def _levels(pixels: np.ndarray, spec: PrepareConfig) -> tuple[float, float]:
    """Black is the background beside the hand, not a frame's; white lies above bright bone, so markers clip first."""
    black, bone = _percentiles(pixels.ravel(), spec.low, spec.high)
    return float(black), float(black + spec.headroom * max(bone - black, 4 / 255))


def _percentiles(values: np.ndarray, *percents: float) -> list[np.ndarray]:
    """As `np.percentile` along the last axis, by one sort, which is several times as fast on pictures this small."""
    ordered, last = np.sort(values, axis=-1), values.shape[-1] - 1
    places = [last * percent / 100 for percent in percents]
    return [ordered[..., int(at)] * (1 - at % 1) + ordered[..., min(int(at) + 1, last)] * (at % 1) for at in places]


def _within(outer: Box, inner: Box) -> Box:
    """``inner``, given as fractions of ``outer``, as fractions of the film."""
    (top, bottom, left, right), (above, below, before, behind) = outer, inner
    height, width = bottom - top, right - left
    return top + above * height, top + below * height, left + before * width, left + behind * width


def _middle(film: np.ndarray, margin: float) -> np.ndarray:
    height, width = film.shape
    rows, columns = int(height * margin), int(width * margin)
    return film[rows : height - rows, columns : width - columns]
