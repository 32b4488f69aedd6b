"""What a warm reading with a heat map costs, of a PNG as large as a film from a scanner: the reading, and the map.

python benchmarks/heatmap.py [--model default] [--threads 0] [--rounds 9]

A synthetic hand, 2000 × 1500 pixels. Reading: decoding, analysis and the ensemble's answer. Heat map: the occlusion
search and drawing its PNG, from what the reading found. Medians of seconds by the clock and of the process's cores.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from boneage.data.phantom import draw
from boneage.images.read import read
from boneage.reading.occlusion import explain
from boneage.reading.predictor import Predictor
from boneage.types import Sex

HEIGHT, WIDTH = 2000, 1500


def film(folder: Path) -> Path:
    """A PNG of a synthetic hand."""
    pixels = draw(np.random.default_rng(3), months=110, sex=Sex.FEMALE, size=512).pixels
    path = folder / "hand.png"
    cv2.imwrite(str(path), cv2.resize(pixels, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC))
    return path


def clocks() -> np.ndarray:
    """Seconds by the clock, and of all threads of this process."""
    return np.array([time.perf_counter(), time.process_time()])


def one(predictor: Predictor, path: Path) -> np.ndarray:
    """Seconds of the reading and of the heat map, each by both clocks: [2, 2]."""
    began = clocks()
    seen = predictor.examine(read(path))
    reading = predictor.read(seen, Sex.FEMALE)
    was_read = clocks()
    explain(predictor, seen, reading.sex).overlay(predictor.signature)
    return np.array([was_read - began, clocks() - was_read])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="default")
    parser.add_argument("--threads", type=int, default=0, help="of the network; 0: all cores")
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    predictor = Predictor.load(options.model, threads=options.threads)
    with tempfile.TemporaryDirectory() as folder:
        path = film(Path(folder))
        one(predictor, path)  # warm
        seconds = np.median([one(predictor, path) for _ in range(options.rounds)], axis=0)
    for name, (clock, cores) in zip(("reading", "heat map", "both"), [*seconds, seconds.sum(axis=0)], strict=True):
        print(f"{name}: {clock:.3f} s by the clock, {cores:.3f} s of processor time")


if __name__ == "__main__":
    main()
