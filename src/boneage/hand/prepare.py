"""From a radiograph to the network's pixels: the only path, the same for training, evaluation and prediction.

    film → borders off → bone bright → (the hand found and brought upright) → contrast settled → S × S bytes

A network sees the hand in one piece, or a montage of its joints (`boneage.hand.joints`), or both side by side, S × 2 S.

`analyse` decides everything on small proxies, so that a film at its native size and its thumbnail are treated alike;
`render` applies it to the film in one go. `prepare` is both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from ..config import CELLS, PrepareConfig
from ..types import Radiograph
from . import joints, landmarks
from .geometry import Box, brought, coarser, cut, fit, middle, shrink, side, within
from .joints import TILES
from .landmarks import PALM, widened
from .levels import black_and_white, borders, is_inverted, to_bytes
from .locate import Hand, locator
from .views import Part

PROXY = 128  # pixels: the longer side of the proxy on which borders, polarity and levels are found
MARGIN = 0.12  # of the side: left away where the levels of a whole film are measured
THICK = 0.2  # of the side: a frame that is left away where no hand is found within it
SMALL = 0.4  # of the film's area: a hand in a smaller frame is looked for again, from nearer
USUAL = 365  # pixels: the largest side of a hand's frame on an RSNA film
BEYOND = 0.3  # of the hand's range: a black so far below the hand's own background is not the film's


@dataclass(frozen=True)
class Findings:
    """What was found on a film, and is all that `render` needs to know.

    Attributes:
        box: the film within its borders, as fractions of the sides.
        inverted: whether the film shows bone dark.
        black, white: the levels of [0, 1] that become 0 and 255, of the film with bone bright.
        hand: where the hand lies within the box; None if ``spec.hand`` did not ask for it.
    """

    box: Box
    inverted: bool
    black: float
    white: float
    hand: Hand | None = field(default=None, compare=False)

    @property
    def frame(self) -> np.ndarray | None:
        """The frame [2, 3] by which the hand is cut out; None if none is certain, and the film stays whole."""
        return self.hand.frame if self.hand and self.hand.is_certain else None

    @property
    def background(self) -> float:
        """The grey level of the film, before an inversion, that becomes black: it fills what lies beyond the film."""
        return 1 - self.black if self.inverted else self.black

    def to_bytes(self, film: np.ndarray) -> np.ndarray:
        """A part of the film float32 as uint8, bone bright, by these levels."""
        return to_bytes(film, self.inverted, self.black, self.white)


def prepare(radiograph: Radiograph, spec: PrepareConfig) -> np.ndarray:
    """The network's pixels of a film: uint8 of ``spec.shape``, bone bright, background near 0.

    They are not normalised: every network does that itself.
    """
    return render(radiograph, analyse(radiograph.pixels, spec), spec)


def analyse(pixels: np.ndarray, spec: PrepareConfig) -> Findings:
    """Borders, polarity, levels and, where ``spec.hand`` asks for it, the hand of a film float32 [H, W] in [0, 1]."""
    if spec.hand:
        return _with_hand(shrink(pixels, 4 * locator().size), spec)
    proxy = shrink(pixels, PROXY)
    return _settled(proxy, spec, is_inverted(cut(proxy, borders(proxy))))


def seen_at_first(pixels: np.ndarray, spec: PrepareConfig) -> float:
    """The share of a hand's landmarks that the locator sees, in [0, 1], before polarity and hand are sought again.

    It takes half the time of `analyse`, and is for telling where no hand is.
    """
    film, whole = shrink(pixels, 4 * locator().size), _whole(spec)
    return float(_located(film, analyse(film, whole), whole).seen.mean())


def render(radiograph: Radiograph, found: Findings, spec: PrepareConfig) -> np.ndarray:
    """The network's pixels of a film on which `analyse` found these things."""
    film = cut(radiograph.pixels, found.box)
    views = [spec.in_one, replace(spec, beside=False)] if spec.beside else [spec]
    return found.to_bytes(np.hstack([_view(film, found, view) for view in views]))


def _view(film: np.ndarray, found: Findings, spec: PrepareConfig) -> np.ndarray:
    """The hand or its joints; the whole film where no hand is certain."""
    if found.frame is None or found.hand is None:
        return fit(film, spec.size, spec.fit, found.background)
    if spec.joints:
        return joints.montage(film, found.hand, spec.size, found.background, spec.finest)
    return brought(film, found.frame, spec.size, found.background)


def in_borders(radiograph: Radiograph, found: Findings) -> np.ndarray:
    """The film within its borders, float32, reduced until its hand has no more pixels than on the RSNA films."""
    assert found.hand is not None
    film = cut(radiograph.pixels, found.box)
    return coarser(film, side(found.hand.frame, film) / USUAL)


def parts(spec: PrepareConfig) -> tuple[Part, ...]:
    """The parts of a prepared film that test-time augmentation turns one by one: the hand, and each of its joints."""
    hand = (Part(slice(0, spec.size), slice(0, spec.size)),)
    if not spec.joints:
        return hand
    start = spec.shape[1] - spec.size
    tiles = (tile.part(spec.size // CELLS) for tile in TILES)
    montage = (Part(rows, slice(start + c.start, start + c.stop), mirrored=True) for rows, c in tiles)
    return (*(hand if spec.beside else ()), *montage)


def origins(found: Findings, spec: PrepareConfig) -> np.ndarray | None:
    """For each pixel of a prepared film its place (x, y) on the picture of the hand in one piece.

    float32 [H, W, 2], in pixels of that picture; None if the prepared film is that picture.
    """
    if not spec.joints:
        return None
    pixels = np.arange(spec.size)
    own = np.stack(np.meshgrid(pixels, pixels), axis=-1)
    montage = own if found.hand is None or found.frame is None else joints.origins(found.hand, spec.size)
    return np.hstack([own, montage] if spec.beside else [montage]).astype(np.float32)


def _settled(proxy: np.ndarray, spec: PrepareConfig, inverted: bool) -> Findings:
    """Borders and levels of a proxy whose polarity is known; borders are sought again, with bone bright."""
    proxy = 1 - proxy if inverted else proxy
    box = borders(proxy)
    return Findings(box, inverted, *black_and_white(middle(cut(proxy, box), MARGIN), spec))


def _with_hand(film: np.ndarray, spec: PrepareConfig) -> Findings:
    """The hand of a reduced film, with the levels of its frame; sought again within thick frames if none is certain."""
    found = _searched(film, spec)
    if found.frame is not None or min(film.shape) < PROXY:
        return found
    inner = _searched(middle(film, THICK), spec)
    if inner.frame is None:
        return found
    return replace(inner, box=within((THICK, 1 - THICK, THICK, 1 - THICK), inner.box))


def _searched(film: np.ndarray, spec: PrepareConfig) -> Findings:
    """The hand of a reduced film, in the polarity that shows more of it, and the levels within its frame.

    The proxy's polarity is a guess. If the locator finds bone dark, or the palm is darker than its surroundings, the
    other polarity is tried; it is kept if bone is bright in it and the landmarks are seen about as well.
    """
    whole = _whole(spec)
    found = analyse(film, whole)
    hand = _located(film, found, whole)
    if hand.inverted > 0.5 or _is_dark(film, found, hand):
        other = _settled(shrink(film, PROXY), spec, not found.inverted)
        shown = _located(film, other, whole)
        if shown.inverted < 0.5 and shown.seen.mean() > hand.seen.mean() - 0.1:
            found, hand = other, shown
    hand = _closer(film, found, hand, whole)
    found = replace(found, hand=hand)
    if found.frame is None:
        return found
    black, white = _hand_levels(_framed(film, found, hand), hand, spec)
    return replace(found, black=black, white=white)


def _whole(spec: PrepareConfig) -> PrepareConfig:
    """How the locator takes a film."""
    return replace(spec.in_one, hand=False, fit="squash", size=locator().size)


def _located(film: np.ndarray, found: Findings, whole: PrepareConfig) -> Hand:
    """The locator's answer for the film within its borders."""
    return locator().find(found.to_bytes(fit(cut(film, found.box), whole.size, whole.fit, 0.0)))


def _closer(film: np.ndarray, found: Findings, hand: Hand, whole: PrepareConfig) -> Hand:
    """The same hand found more exactly: one that is small on its film is looked for again in a cut around it."""
    if hand.area > SMALL or hand.seen.mean() < 0.5:
        return hand
    near = widened(hand.frame, 1.3)
    cut_out = brought(cut(film, found.box), near, whole.size, found.background)
    again = locator().find(found.to_bytes(cut_out), near)
    return again if again.is_certain else hand


def _is_dark(film: np.ndarray, found: Findings, hand: Hand) -> bool:
    """Whether the palm of a certain hand is darker than what lies beside the hand: the polarity is then wrong."""
    if not hand.is_certain:
        return False
    framed = _framed(film, found, hand)
    palm, beside = framed[_hull(hand, PALM) > 0], framed[(_around(hand) == 0) & (framed >= 0)]
    return bool(beside.size) and bool(np.median(palm) < np.median(beside))


def _framed(film: np.ndarray, found: Findings, hand: Hand) -> np.ndarray:
    """The hand's frame with bone bright as [PROXY, PROXY]; -1 beyond the film, which no grey level is."""
    return brought(cut(1 - film if found.inverted else film, found.box), hand.frame, PROXY, fill=-1.0)


def _hand_levels(framed: np.ndarray, hand: Hand, spec: PrepareConfig) -> tuple[float, float]:
    """Black and white within the hand's frame.

    On a film that was scanned askew, the frame's corners hold what lay around the film, darker than any background:
    where that takes the frame's black far below the background around the landmarks, the latter's levels are used.
    """
    black, white = black_and_white(framed[framed >= 0], spec)
    inner = framed[(_around(hand) > 0) & (framed >= 0)]
    if not inner.size:
        return black, white
    own, bright = black_and_white(inner, spec)
    return (own, bright) if own - black > BEYOND * (bright - own) else (black, white)


def _around(hand: Hand) -> np.ndarray:
    """The landmarks' hull and a rim around it: a mask of 0 and 1 in the hand's frame, uint8 [PROXY, PROXY]."""
    return cv2.dilate(_hull(hand, range(len(hand.points))), np.ones((PROXY // 16, PROXY // 16), np.uint8))


def _hull(hand: Hand, which: Sequence[int]) -> np.ndarray:
    """The convex hull of some of the landmarks: a mask of 0 and 1 in the hand's frame, uint8 [PROXY, PROXY]."""
    places = landmarks.apply(landmarks.invert(hand.frame), hand.points[list(which)])
    return landmarks.hull(places * PROXY, (PROXY, PROXY))
