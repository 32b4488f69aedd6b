"""What it costs to hand freed memory back to the system: training steps with and without `keep_freed_memory`, in turn.

python benchmarks/memory.py --out docs/results/memory.json     (no data: the films are noise)
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from boneage.files import write_json
from boneage.training.distributed import Processes, keep_freed_memory
from boneage.training.fit import train_step
from boneage.training.recipes import recipe
from boneage.training.run import Run
from boneage.training.tensors import FilmTensors, TrainingData

STEPS, WARM = 12, 3


def measured(keep: bool) -> dict[str, float]:
    """Seconds of a step of ``quick`` in this process, and the share of them that the system spent."""
    if keep:
        keep_freed_memory()
    config = recipe("quick")
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (64, config.prepare.size, config.prepare.size), dtype=torch.uint8)
    films = FilmTensors(("",) * 64, pixels, torch.rand(64, generator=generator) * 200 + 10, torch.zeros(64, 2))
    with tempfile.TemporaryDirectory() as folder:
        run = Run(config, TrainingData(films, films, {}), Path(folder), Processes(0, 1, torch.device("cpu")))
        for step in range(WARM):
            train_step(run, run.network, step)
        before, began = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
        for step in range(WARM, WARM + STEPS):
            train_step(run, run.network, step)
        seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF)
    system = after.ru_stime - before.ru_stime
    busy = system + after.ru_utime - before.ru_utime
    return {"seconds": seconds / STEPS, "system_share": system / busy, "peak_gib": after.ru_maxrss / 2**20}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--child", choices=("kept", "given_back"), help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(measured(options.child == "kept")))
        return
    rounds: dict[str, list[dict[str, float]]] = {"kept": [], "given_back": []}
    for _ in range(options.rounds):
        for way, results in rounds.items():
            done = subprocess.run(
                [sys.executable, __file__, "--child", way], check=True, capture_output=True, text=True
            )
            results.append(json.loads(done.stdout))
    found: dict[str, Any] = {"recipe": "quick", "rounds": options.rounds, "steps": STEPS}
    for way, results in rounds.items():
        found[way] = {key: round(float(np.median([one[key] for one in results])), 3) for key in results[0]}
    ratios = [g["seconds"] / k["seconds"] for g, k in zip(rounds["given_back"], rounds["kept"], strict=True)]
    found["ratio"] = {"median": round(float(np.median(ratios)), 3), "low": min(ratios), "high": max(ratios)}
    print(json.dumps(found, indent=2))
    if options.out:
        write_json(options.out, found)


if __name__ == "__main__":
    main()
