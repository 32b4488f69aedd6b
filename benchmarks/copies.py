"""How many films that were exported again `boneage.data.duplicates` finds among the originals.

python benchmarks/copies.py DIR        about three minutes for the RSNA set on one core; prints Markdown
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass

import cv2
import numpy as np

from boneage.data.dataset import Sample, open_folder
from boneage.data.duplicates import SAME, SPEC, pairs, thumbnails
from boneage.hand.prepare import prepare
from boneage.images.read import read
from boneage.types import Radiograph

COPIES = 120  # of each kind, of different films
LEAST = 0.78  # likeness: others are listed from here on
SEED = 0


@dataclass(frozen=True)
class Kind:
    """How far a copy may be cropped on each side (fraction) and turned (degrees)."""

    crop: float
    turn: float


KINDS = (Kind(0, 0), Kind(0.03, 1), Kind(0.05, 2), Kind(0.05, 4), Kind(0.07, 4))


def exported_again(film: np.ndarray, kind: Kind, rng: np.random.Generator) -> np.ndarray:
    """float32 [H, W] cropped, turned, of other contrast, perhaps inverted or mirrored, resized, through JPEG."""
    height, width = film.shape
    left, top, right, bottom = rng.uniform(0, kind.crop, 4) * (width, height, width, height)
    turn = np.vstack(
        [cv2.getRotationMatrix2D((width / 2, height / 2), rng.uniform(-kind.turn, kind.turn), 1), [0, 0, 1]]
    )
    across, down = width / (width - left - right), height / (height - top - bottom)
    crop = np.array([[across, 0, -left * across], [0, down, -top * down], [0, 0, 1]])
    film = cv2.warpAffine(film, (turn @ crop)[:2], (width, height), borderMode=cv2.BORDER_REPLICATE)
    film = np.clip((film - rng.uniform(0, 0.05)) / rng.uniform(0.75, 1.1), 0, 1) ** rng.uniform(0.6, 1.7)
    film = 1 - film if rng.random() < 0.3 else film
    film = film[:, ::-1] if rng.random() < 0.3 else film
    across, down = rng.uniform(0.7, 1.3, 2)
    film = cv2.resize(film, None, fx=across, fy=down, interpolation=cv2.INTER_AREA)
    _, data = cv2.imencode(".jpg", (film * 255).round().astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 70])
    return cv2.imdecode(data, cv2.IMREAD_GRAYSCALE).astype(np.float32) / 255


def copies(samples: list[Sample]) -> dict[str, np.ndarray]:
    """Thumbnails by names ``NUMBER OF THE KIND/ID``."""
    made = {}
    rng = np.random.default_rng(SEED)
    chosen = rng.permutation(len(samples))[: COPIES * len(KINDS)].reshape(len(KINDS), -1)
    for number, kind in enumerate(KINDS):
        for index in chosen[number]:
            film = exported_again(read(samples[index].path or "").pixels, kind, rng)
            made[f"{number}/{samples[index].id}"] = prepare(Radiograph(film, "copy", "0" * 64, "JPEG"), SPEC)
    return made


def main(root: str) -> None:
    """Print the share of copies found and the likeness of the films that are no copies."""
    samples = list(open_folder(root).samples)
    began = time.process_time()
    seen = thumbnails(samples)
    made = copies(samples)
    found = pairs(seen | made, LEAST)
    seconds = time.process_time() - began
    scores = {pair.second: pair.score for pair in found if pair.second.endswith(f"/{pair.first}")}
    print("| cropped on each side by up to | turned by up to | found | likeness of those, median |")
    print("| --- | --- | --- | --- |")
    for number, kind in enumerate(KINDS):
        likeness = [score for name, score in scores.items() if name.startswith(f"{number}/") and score >= SAME]
        share = f"{len(likeness)} of {COPIES}"
        print(f"| {kind.crop:.0%} | {kind.turn:g}° | {share} | {np.median(likeness):.2f} |")
    others = [pair for pair in found if pair.second not in scores]
    print(f"\n{len(samples)} films, likeness of {LEAST} and more between others:")
    print("\n".join(f"- {pair.first}, {pair.second}: {pair.score:.2f}" for pair in others) or "- none")
    print(f"\n{seconds:.0f} s of one core, the making of copies included", file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1])
