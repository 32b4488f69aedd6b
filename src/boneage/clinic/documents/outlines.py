"""Where the regions that show the bone age lie on a film, as lines to draw."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...hand.landmarks import Points
from ...reading.examination import Examination
from ...reading.regions import REGIONS, outlines, regions

GRID = 480  # cells along the longer side of a film, on which the regions are found


@dataclass(frozen=True, eq=False)
class Outline:
    """A named region, and its closed lines of points (x, y), each [n, 2] in pixels of the film."""

    name: str
    lines: tuple[Points, ...]


def outlines_of(seen: Examination) -> tuple[Outline, ...]:
    """The outlines of the regions on a film; none where no hand is certain."""
    hand = seen.located.hand
    if hand is None or not hand.is_certain:
        return ()
    top, bottom, left, right = seen.located.box
    height, width = seen.radiograph.pixels.shape
    on_film = (hand.points * [right - left, bottom - top] + [left, top]) * [width, height]
    side = max(height, width)
    of = regions(on_film / side, GRID)
    found = {name: outlines(of == number) for number, name in enumerate(REGIONS)}
    return tuple(Outline(name, tuple(line * side for line in lines)) for name, lines in found.items() if lines)


def scaled(found: tuple[Outline, ...], scale: float, shift: tuple[float, float]) -> list[np.ndarray]:
    """All lines as int32 [n, 1, 2] in pixels of a picture that shows the film smaller by ``scale`` and moved."""
    lines = (line for outline in found for line in outline.lines)
    return [np.rint(line * scale + shift).astype(np.int32)[:, None] for line in lines]
