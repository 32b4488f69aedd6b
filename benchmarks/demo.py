"""What the synthetic hands cost and show: films drawn a second by one core, how long `boneage demo` takes, and how well
its small network reads fresh hands; with the processor's bfloat16 instructions and without (ONEDNN_MAX_CPU_ISA), alone
and, with --beside, also beside one busy process.

python benchmarks/demo.py --out docs/results/demo.json
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from threads import busy

from boneage.data.phantom import draw
from boneage.files import write_json
from boneage.types import Sex

DRAWN, ROUNDS, SIZE = 100, 5, 256
PROCESSORS = {"with": {}, "without": {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE_VNNI"}}


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


def demo(environment: dict[str, str]) -> dict[str, Any]:
    """One demo: its seconds, what it said that they would be, and how well fresh hands are read."""
    with tempfile.TemporaryDirectory() as folder:
        out, began = Path(folder, "demo"), time.perf_counter()
        command = [sys.executable, "-m", "boneage", "demo", "--out", str(out)]
        ended = subprocess.run(command, env=os.environ | environment, check=True, stderr=subprocess.PIPE, text=True)
        seconds = time.perf_counter() - began
        found = json.loads((out / "tiny_evaluated" / "metrics.json").read_text())
        precision = json.loads((out / "tiny" / "run.json").read_text())["precision"]
    said = ended.stderr.partition(" about ")[2].partition(" here")[0]
    named = {name: found[name] for name in ("n", "mae", "r2")}
    return {"seconds": round(seconds, 1), "said": said, "precision": precision} | named


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--beside", action="store_true", help="also beside one busy process")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    report: dict[str, Any] = {"films_drawn_a_second": rate(), "size": SIZE, "load_before": os.getloadavg()[0]}
    for company in ("alone", "beside") if options.beside else ("alone",):
        with busy() if company == "beside" else nullcontext():
            report[company] = {name: demo(environment) for name, environment in PROCESSORS.items()}
    print(json.dumps(report, indent=2))
    if options.out:
        write_json(options.out, report)


if __name__ == "__main__":
    main()
