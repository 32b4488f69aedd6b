"""Where on a film the doubt of a flag lies: for a viewer that shows it there."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from . import landmarks
from .landmarks import LANDMARKS, PALM, Points
from .locate import Hand, locator
from .prepare import Findings
from .quality import BELOW_WRIST, Evidence

NOT_OF_THE_PICTURE = (
    *("as_read", "sex_unknown", "sex_not_used", "sex_contradicts_file", "end_of_scale"),
    "site_calibration",
)
_WRIST, _THUMB = LANDMARKS.index("wrist"), LANDMARKS.index("thumb4")


def place(code: str, found: Findings, evidence: Evidence) -> tuple[Points, ...] | None:
    """The place that a flag is about, in fractions of the film.

    Args:
        code: of the flag.
        found: what was found on the film, with its hand.
        evidence: what was measured on it.

    Returns:
        Closed lines and single points, each [n, 2] as (x, y). Empty where the flag is about the whole picture, or no
        hand was made out on it. None for a flag that is not about the picture, such as that of the sex.
    """
    if code in NOT_OF_THE_PICTURE:
        return None
    if found.hand is None or not evidence.is_hand or code not in _PLACES:
        return ()
    top, bottom, left, right = found.box
    lines = _PLACES[code](found.hand, evidence)
    return tuple(np.clip(line * [right - left, bottom - top] + [left, top], 0, 1) for line in lines)


def _missing(hand: Hand, evidence: Evidence) -> list[Points]:
    """A point for the end of each part outside the picture, as the template has it; `place` brings it to the edge."""
    template = locator().template.copy()
    template[_WRIST] += [0, BELOW_WRIST]
    expected = landmarks.apply(hand.fitted[1], template)
    ends = ["wrist" if name == "wrist" else f"{name.replace(' ', '_')}4" for name in evidence.missing]
    return [expected[[LANDMARKS.index(end)]] for end in ends]


def _palm(hand: Hand, _: Evidence) -> list[Points]:
    return [_outline(hand.points[PALM])]


def _whole(hand: Hand, _: Evidence) -> list[Points]:
    return [_outline(hand.points)]


def _thumb(hand: Hand, _: Evidence) -> list[Points]:
    return [hand.points[[_THUMB]]]


def _outline(points: Points) -> Points:
    """The convex hull of points, as a closed line."""
    return cv2.convexHull(points.astype(np.float32))[:, 0].astype(np.float64)


_PLACES: dict[str, Callable[[Hand, Evidence], list[Points]]] = {
    "hand_cut_off": _missing,
    "too_dark": _palm,
    "too_bright": _palm,
    "low_contrast": _palm,
    "blurred": _whole,
    "noisy": _whole,
    "too_small": _whole,
    "rotated": _whole,
    "mirrored": _thumb,
    "laterality_contradicts": _thumb,
}
