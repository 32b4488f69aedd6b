"""Films of two hands, made of validation films in pairs: how many are told apart, and how each hand is read in them.

python benchmarks/two_hands.py --data DIR --out docs/results/two_hands.json

Pairs lie side by side or one below the other, with a dark seam, a white one and none, of equal and of unequal size.
Besides, the films as they are, of one hand: on how many a second one is seen.
"""

from __future__ import annotations

import argparse
from itertools import product
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from boneage import Predictor, Radiograph, Sex
from boneage.config import DataConfig
from boneage.data.dataset import Sample, open_folder
from boneage.data.split import divide
from boneage.files import write_json
from boneage.hand.several import seam
from boneage.images.read import read

KINDS = tuple(product(("beside", "below"), ("dark", "white", "none"), (1.0, 0.7)))  # place, seam, size of the second
WIDE = 0.02  # of the film's side: a seam
NEAR = 3.0  # months


def paired(first: np.ndarray, second: np.ndarray, place: str, between: str, size: float) -> np.ndarray:
    """Two films float32 [H, W] in one picture, the shorter one filled up with the seam's grey."""
    second = cv2.resize(second, None, fx=size, fy=size, interpolation=cv2.INTER_AREA) if size < 1 else second
    both = [first, second] if place == "beside" else [first.T, second.T]
    height, grey = max(len(one) for one in both), float(between == "white")
    filled = [np.pad(one, ((0, height - len(one)), (0, 0)), constant_values=grey) for one in both]
    strip = np.full((height, 0 if between == "none" else round(WIDE * height)), grey, np.float32)
    picture = np.hstack([filled[0], strip, filled[1]])
    return np.ascontiguousarray(picture if place == "beside" else picture.T)


def film(pixels: np.ndarray) -> Radiograph:
    """Pixels as a film."""
    return Radiograph(pixels, "pair", "", "PNG")


def ages(predictor: Predictor, pixels: np.ndarray) -> list[float | None]:
    """The ages of all hands in a picture, read as a girl's."""
    return [reading.bone_age_months for reading in predictor.read_each(film(pixels), Sex.FEMALE)]


def pairs(predictor: Predictor, samples: list[Sample], count: int) -> dict[str, Any]:
    """How many of so many pairs are told apart, and how far each hand's age then is from its age alone."""
    order = np.random.default_rng(0).permutation(len(samples))
    shifts, rows = [], []
    for number in range(count):
        one, other = (read(samples[order[2 * number + which]].path or "").pixels for which in (0, 1))
        kind = KINDS[number % len(KINDS)]
        found = ages(predictor, paired(one, other, *kind))
        rows.append(len(found) == 2)
        for pixels, age in zip((one, other), found, strict=False):
            alone = ages(predictor, pixels)[0]
            if rows[-1] and age is not None and alone is not None:
                shifts.append(abs(age - alone))
    return {
        "n": count,
        "told_apart": int(np.sum(rows)),
        "hands_read": len(shifts),
        "share_within_3_months": float(np.mean(np.array(shifts) <= NEAR)),
        "median_shift": float(np.median(shifts)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--pairs", type=int, default=200)
    parser.add_argument("--films", type=int, default=1000, help="of one hand")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    samples = list(divide(open_folder(options.data), DataConfig()).of("validation").samples)
    found = {"pairs": pairs(Predictor.load(), samples, options.pairs)}
    single = samples[: options.films]
    wrong = [sample.id for sample in single if seam(read(sample.path or "").pixels)]
    found["one_hand"] = {"n": len(single), "said_to_be_two": len(wrong), "ids": wrong}
    print(found)
    if options.out:
        write_json(options.out, found)


if __name__ == "__main__":
    main()
