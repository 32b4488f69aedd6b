"""The regions of a hand that show its bone age: where they lie, by the landmarks, and their shares of a heat map."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ..hand.landmarks import FINGERS, LANDMARKS, Points

REGIONS = ("carpals", "radius and ulna", "MCP", "PIP", "DIP")
ELSEWHERE = "elsewhere"
SMOOTH = 9  # points of an outline that are averaged; every third is kept


def shares(heat: np.ndarray, points: Points) -> dict[str, float]:
    """Each region's share of a heat map [S, S], and that of `ELSEWHERE`; 1 in all.

    ``points``: the landmarks [21, 2] in fractions of the map's side; the hand need not be upright.
    """
    of = regions(points, len(heat))
    total = max(float(heat.sum()), 1e-6)
    found = {name: float(heat[of == number].sum()) / total for number, name in enumerate(REGIONS)}
    return found | {ELSEWHERE: 1 - sum(found.values())}


def regions(points: Points, side: int) -> np.ndarray:
    """The region of each pixel as int [side, side]: its number in `REGIONS`, -1 elsewhere.

    A region is a union of discs. Where discs of two regions overlap, a pixel belongs to the one whose middle is nearer,
    measured in radii.
    """
    at = (np.arange(side) + 0.5) / side
    nearest = np.full((side, side), 1.0)
    of = np.full((side, side), -1)
    for number, (centres, radius) in enumerate(_Discs(points).all()):
        for x, y in centres:
            distance = np.sqrt((at - x) ** 2 + (at - y)[:, None] ** 2) / radius
            of[distance < nearest] = number
            nearest = np.minimum(nearest, distance)
    return of


def outlines(mask: np.ndarray) -> tuple[Points, ...]:
    """The smoothed outlines of the true parts of a mask [S, S], each [n, 2] in fractions of its side."""
    found, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    reach = SMOOTH // 2
    lines = []
    for line in (one[:, 0] for one in found if len(one) > 2 * SMOOTH):
        around = np.concatenate([line[-reach:], line, line[:reach]])
        smooth = np.lib.stride_tricks.sliding_window_view(around, SMOOTH, axis=0).mean(axis=-1)
        lines.append((smooth[::3] + 0.5) / len(mask))
    return tuple(lines)


@dataclass(frozen=True)
class _Discs:
    """The discs of each region; lengths are in units of the palm's, from the wrist to the middle knuckle."""

    points: Points

    def all(self) -> list[tuple[Points, float]]:
        """Centres [n, 2] and radius for each of `REGIONS`."""
        wrist, palm = self._at("wrist"), self._at("middle_finger1") - self._at("wrist")
        across, length = np.array([-palm[1], palm[0]]), float(np.linalg.norm(palm))
        carpals = np.array([wrist + 0.22 * palm, self._at("thumb1")])
        forearm = np.array([wrist - 0.15 * palm + side * across for side in (-0.2, 0.2)])
        joints = [self._joints(number) for number in (1, 2, 3)]
        radii = (0.27, 0.24, 0.17, 0.14, 0.12)
        return [(c, length * r) for c, r in zip((carpals, forearm, *joints), radii, strict=True)]

    def _at(self, name: str) -> Points:
        return self.points[LANDMARKS.index(name)]

    def _joints(self, number: int) -> Points:
        """The joints of one row. The thumb has one joint fewer, so its rows start at its second landmark."""
        thumb = [f"thumb{number + 1}"] if number < 3 else []
        return np.array([self._at(name) for name in (*thumb, *(f"{finger}{number}" for finger in FINGERS[1:]))])
