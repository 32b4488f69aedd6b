"""The 21 landmarks of a hand, and the frame they span: upright, of one size, the thumb to the right.

A frame is an affine map [2, 3] from the unit square to the film, fitted to the landmarks. It follows every affine
change of the film (rotation, reflection, squash, reduction), so that the hand cut out by it stays the same.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

FINGERS = ("thumb", "forefinger", "middle_finger", "ring_finger", "pinky_finger")
LANDMARKS = ("wrist", *(f"{finger}{joint}" for finger in FINGERS for joint in (1, 2, 3, 4)))
PALM = [number for number, name in enumerate(LANDMARKS) if name == "wrist" or name.endswith("1")]
MARGIN = 0.06  # of the frame, around the hands of which 99 % fit in
FOREARM = 0.20  # of the frame, below the wrist: the ends of radius and ulna

_WRIST, _MIDDLE_TIP = LANDMARKS.index("wrist"), LANDMARKS.index("middle_finger4")
_WEIGHTS = np.array([3.0] + [0.5] * 4 + [2.0, 1.0, 0.7, 0.5] * 4)  # the palm decides, spread fingers little

Points = np.ndarray  # float64 [21, 2]: (x, y), x to the right and y down


def length(points: Points) -> float:
    """The hand's length: from the wrist to the tip of the middle finger."""
    return float(np.linalg.norm(points[_MIDDLE_TIP] - points[_WRIST]))


def hull(points: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """The convex hull of points [N, 2] in pixels, filled: uint8 of ``shape``, 1 inside."""
    corners = cv2.convexHull(points.round().astype(np.int32))
    return cv2.fillConvexPoly(np.zeros(shape, np.uint8), corners, 1)


def upright(points: Points) -> Points:
    """The landmarks turned, moved and scaled: the wrist at (0, 0), the tip of the middle finger at (0, -1)."""
    x, y = points[_MIDDLE_TIP] - points[_WRIST]
    turn = np.array([[-y, x], [-x, -y]]) / (x * x + y * y)
    return (points - points[_WRIST]) @ turn.T


def template(hands: Sequence[Points]) -> Points:
    """The mean hand, placed in the unit square so that 99 of 100 hands fit in.

    Hands can only be averaged once they are aligned, and they are aligned by a frame fitted to the mean: so mean and
    frames are computed in turn, three times.

    Args:
        hands: landmarks in pixels of films in their own aspect, the thumb to the right.
    """
    mean = np.mean([upright(points) for points in hands], axis=0)
    for _ in range(3):
        brought = np.array([apply(invert(fitted(mean, points)), points) for points in hands])
        mean = upright(brought.mean(axis=0))
    brought = np.array([apply(invert(fitted(mean, points)), points) for points in hands])
    left, top = np.percentile(brought.min(axis=1), 1, axis=0)
    right, wrist = np.percentile(brought.max(axis=1)[:, 0], 99), mean[_WRIST][1]
    scale = np.array([(1 - 2 * MARGIN) / (right - left), (1 - MARGIN - FOREARM) / (wrist - top)])
    return (mean - [left, top]) * scale + MARGIN


def fitted(mean: Points, points: Points) -> np.ndarray:
    """The affine map [2, 3] from the template ``mean`` to landmarks, by least squares; the palm weighs most."""
    root = np.sqrt(_WEIGHTS)[:, None]
    design = np.concatenate([mean, np.ones((len(mean), 1))], axis=1)
    solution, *_ = np.linalg.lstsq(design * root, points * root, rcond=None)
    return solution.T


def apply(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Points [N, 2] after an affine map [2, 3]."""
    return points @ matrix[:, :2].T + matrix[:, 2]


def invert(matrix: np.ndarray) -> np.ndarray:
    """The inverse of an affine map [2, 3]; LinAlgError if it has none."""
    linear = np.linalg.inv(matrix[:, :2])
    return np.concatenate([linear, -linear @ matrix[:, 2:]], axis=1)


def after(first: np.ndarray, then: np.ndarray) -> np.ndarray:
    """The affine map [2, 3] that does ``first`` and then ``then``."""
    return np.column_stack([then[:, :2] @ first[:, :2], apply(then, first[:, 2])])


def widened(matrix: np.ndarray, factor: float) -> np.ndarray:
    """The frame with the same middle and sides ``factor`` times as long."""
    linear, middle = matrix[:, :2], matrix[:, :2].sum(axis=1) / 2 + matrix[:, 2]
    return np.concatenate([factor * linear, (middle - factor * linear.sum(axis=1) / 2)[:, None]], axis=1)


def is_mirrored(matrix: np.ndarray) -> bool:
    """Whether a frame shows the hand with the thumb to the left when the fingers point up."""
    return bool(np.linalg.det(matrix[:, :2]) < 0)


def rotation(matrix: np.ndarray) -> float:
    """The angle of a frame's hand from upright in degrees, clockwise, from -180 to 180."""
    x, y = -matrix[:, 1]
    return float(np.degrees(np.arctan2(x, -y)))
