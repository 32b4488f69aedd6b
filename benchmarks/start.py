"""How long a person waits: `boneage --help`, `boneage predict` of one 2000 x 1500 PNG from a cold start, and the next
readings of a program that is warm, from the file on: of that film, of one with 300 pixels, and with a heat map.

python benchmarks/start.py [MODEL] --out docs/results/start.json
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from boneage.data.phantom import draw
from boneage.files import write_json
from boneage.images.read import read
from boneage.reading.occlusion import explain
from boneage.reading.predictor import Predictor
from boneage.types import Sex

RUNS = 7


def seconds(work: Callable[[], object]) -> dict[str, float]:
    """Wall-clock seconds of something."""
    times = []
    for _ in range(RUNS):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return {"median": round(float(np.median(times)), 3), "low": round(min(times), 3), "high": round(max(times), 3)}


def process(*command: str) -> Callable[[], object]:
    """A command as a whole process."""
    return lambda: subprocess.run(command, check=True, capture_output=True)


def warm(model: str, large: str, small: str) -> dict[str, dict[str, float]]:
    """Readings in this process, after a first one."""
    predictor = Predictor.load(model)

    def reading(path: str) -> None:
        predictor.read(read(path), Sex.FEMALE)

    def explained() -> None:
        reading(large)
        explain(predictor, read(large), Sex.FEMALE)

    explained()
    return {
        "warm": seconds(lambda: reading(large)),
        "warm_small": seconds(lambda: reading(small)),
        "warm_heatmap": seconds(explained),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", default="default")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    program = str(Path(sys.executable).parent / "boneage")
    with tempfile.TemporaryDirectory() as folder:
        large, small = os.path.join(folder, "hand.png"), os.path.join(folder, "small.png")
        pixels = draw(np.random.default_rng(1), size=1500).pixels
        cv2.imwrite(large, cv2.resize(pixels, (1500, 2000), interpolation=cv2.INTER_CUBIC))
        cv2.imwrite(small, cv2.resize(pixels, (300, 300), interpolation=cv2.INTER_AREA))
        found = {
            "runs": RUNS,
            "help": seconds(process(program, "--help")),
            "predict": seconds(process(program, "predict", large, "--sex", "female", "--model", options.model)),
            **warm(options.model, large, small),
        }
    print(found)
    if options.out:
        write_json(options.out, found)


if __name__ == "__main__":
    main()
