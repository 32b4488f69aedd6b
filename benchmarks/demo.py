"""What the synthetic hands cost and show: films drawn a second by one core, how long `boneage demo` takes, and how well
its small network reads fresh hands.

python benchmarks/demo.py --out docs/results/demo.json
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from boneage.data.phantom import draw
from boneage.files import write_json
from boneage.types import Sex

DRAWN, ROUNDS, SIZE = 100, 5, 256


def rate() -> float:
    """Films of 256 x 256 pixels drawn a second by one core, the median of some rounds."""
    cv2.setNumThreads(1)
    seconds = []
    for seed in range(ROUNDS):
        random = np.random.default_rng(seed)
        began = time.perf_counter()
        for number in range(DRAWN):
            draw(random, months=float(random.uniform(12, 216)), sex=list(Sex)[number % 2], size=SIZE)
        seconds.append(time.perf_counter() - began)
    return DRAWN / float(np.median(seconds))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    report: dict[str, object] = {"films_drawn_a_second": rate(), "size": SIZE}
    with tempfile.TemporaryDirectory() as folder:
        out, began = Path(folder, "demo"), time.perf_counter()
        subprocess.run([sys.executable, "-m", "boneage", "demo", "--out", out], check=True)
        report["demo_seconds"] = time.perf_counter() - began
        found = json.loads((out / "tiny_evaluated" / "metrics.json").read_text())
    report |= {"n": found["n"], "mae": found["mae"], "r2": found["r2"]}
    print(json.dumps(report, indent=2))
    if options.out:
        write_json(options.out, report)


if __name__ == "__main__":
    main()
