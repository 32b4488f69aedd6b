"""What no label here can teach, put onto real films: a ring, wires, plaster (a second hand: `two_hands.py`).

What is remarked of it, and how far it moves the age.

python benchmarks/composites.py --data DIR [--films 200] [--out docs/results/composites.json]

Drawn onto validation films: a likeness at best. Nothing was chosen by these figures but the width of a ring's spot.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from boneage import Predictor
from boneage.config import Config
from boneage.data.dataset import open_folder
from boneage.data.split import divide
from boneage.files import write_json
from boneage.hand import quality
from boneage.hand.landmarks import LANDMARKS
from boneage.hand.prepare import analyse
from boneage.images.read import read
from boneage.types import Radiograph, Reading, Severity

Pixels = np.ndarray


def points_of(pixels: Pixels) -> dict[str, np.ndarray]:
    """The landmarks in pixels (x, y), by name."""
    found = analyse(pixels, quality.SPEC)
    assert found.hand is not None
    top, bottom, left, right = found.box
    places = (found.hand.points * [right - left, bottom - top] + [left, top]) * np.array(pixels.shape[::-1])
    return dict(zip(LANDMARKS, places, strict=True))


def ringed(pixels: Pixels) -> Pixels:
    """A ring about the first bone of the ring finger, as bright as the film goes."""
    points = points_of(pixels)
    base, end = points["ring_finger1"], points["ring_finger2"]
    middle, along = (base + end) / 2, (end - base) / 5
    across = np.array([-along[1], along[0]])
    return _line(pixels, middle - across, middle + across, float(np.linalg.norm(end - base)) / 12)


def wired(pixels: Pixels) -> Pixels:
    """Two crossed wires from the wrist into the forearm, as bright as the film goes."""
    points = points_of(pixels)
    along = points["wrist"] - points["middle_finger1"]
    across = np.array([-along[1], along[0]])
    film, width = pixels, float(np.linalg.norm(along)) / 40
    for side in (-1, 1):
        start = points["wrist"] - 0.15 * along + side * 0.15 * across
        film = _line(film, start, start + 0.6 * along - side * 0.25 * across, width)
    return film


def plastered(pixels: Pixels) -> Pixels:
    """Plaster from the middle of the hand down the forearm: bright, cloudy, wider than the arm, the bones pale."""
    points = points_of(pixels)
    along = points["wrist"] - points["middle_finger1"]
    across = np.array([-along[1], along[0]]) * 0.55
    upper, lower = points["middle_finger1"] + 0.35 * along, points["wrist"] + 3 * along
    corners = np.array([upper - across, upper + across, lower + 0.8 * across, lower - 0.8 * across])
    shape = cv2.fillPoly(np.zeros(pixels.shape, np.float32), [corners.round().astype(np.int32)], 1.0)
    shape = cv2.GaussianBlur(shape, (0, 0), max(1.0, float(np.linalg.norm(along)) / 30))
    random = np.random.default_rng(0).normal(0, 1, pixels.shape).astype(np.float32)
    clouds = sum(cv2.normalize(cv2.GaussianBlur(random, (0, 0), s), None, -1, 1, cv2.NORM_MINMAX) for s in (2, 9))
    white = float(np.percentile(pixels, 99.5))
    covered = 0.55 * pixels + white * (0.33 + 0.04 * clouds)
    return np.clip(pixels + shape * (covered - pixels), 0, 1).astype(np.float32)


def _line(pixels: Pixels, start: np.ndarray, end: np.ndarray, width: float) -> Pixels:
    ends = [point.round().astype(int).tolist() for point in (start, end)]
    return cv2.line(pixels.copy(), *ends, 1.0, max(2, round(width)), cv2.LINE_AA)


def measured(before: list[Reading], after: list[Reading]) -> dict[str, Any]:
    """Refusals, the remarks that were not there before, and the shift of the age where both readings have one."""
    new = Counter(code for one, two in zip(before, after, strict=True) for code in {*two.codes} - {*one.codes})
    moved = [
        abs(two.bone_age_months - one.bone_age_months)
        for one, two in zip(before, after, strict=True)
        if one.bone_age_months is not None and two.bone_age_months is not None
    ]
    return {
        "refused": sum(any(flag.severity is Severity.REFUSE for flag in two.flags) for two in after),
        "remarked": dict(sorted(new.items())),
        "shift": {name: float(np.percentile(moved, share)) for name, share in (("median", 50), ("p95", 95))},
        "compared": len(moved),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", default="default")
    parser.add_argument("--films", type=int, default=200)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    samples = divide(open_folder(options.data), Config().data).of("validation").samples
    samples = samples[:: max(1, len(samples) // options.films)][: options.films]
    films, predictor = [read(sample.path or "").pixels for sample in samples], Predictor.load(options.model)

    def readings(change: Callable[[int], Pixels]) -> list[Reading]:
        changed = (Radiograph(change(row), "composite", "", "png") for row in range(len(films)))
        return [predictor.read(film, sample.sex) for film, sample in zip(changed, samples, strict=True)]

    before = readings(lambda row: films[row])
    changes: dict[str, Callable[[int], Pixels]] = {
        "a ring": lambda row: ringed(films[row]),
        "wires": lambda row: wired(films[row]),
        "plaster": lambda row: plastered(films[row]),
    }
    about = {
        "split": "validation",
        "n": len(films),
        "weights_sha256": predictor.weights_sha256,
    }
    found = about | {"composites": {name: measured(before, readings(change)) for name, change in changes.items()}}
    print(json.dumps(found, indent=2))
    if options.out:
        write_json(options.out, found)


if __name__ == "__main__":
    main()
