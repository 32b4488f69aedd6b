"""How long a person waits: `boneage --help`, and `boneage predict` of one 2000 x 1500 PNG from a cold start.

python benchmarks/start.py [MODEL] --out docs/results/start.json
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from boneage.files import write_json
from boneage.phantom import draw


def seconds(command: list[str], runs: int = 7) -> dict[str, float]:
    """Wall-clock seconds of a command as a whole process."""
    times = []
    for _ in range(runs):
        began = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        times.append(time.perf_counter() - began)
    return {"median": round(float(np.median(times)), 3), "low": round(min(times), 3), "high": round(max(times), 3)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", default="default")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    program = str(Path(sys.executable).parent / "boneage")
    with tempfile.TemporaryDirectory() as folder:
        film = os.path.join(folder, "hand.png")
        pixels = draw(np.random.default_rng(1), size=1500).pixels
        cv2.imwrite(film, cv2.resize(pixels, (1500, 2000), interpolation=cv2.INTER_CUBIC))
        predict = [program, "predict", film, "--sex", "female", "--model", options.model]
        found = {"runs": 7, "help": seconds([program, "--help"]), "predict": seconds(predict)}
    print(found)
    if options.out:
        write_json(options.out, found)


if __name__ == "__main__":
    main()
