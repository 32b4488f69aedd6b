"""What training costs on a GPU: films a second of steps on real batches (gathered, augmented) and of the same steps on
one constant batch, and the share of the device's measured peak; and what runs that were trained there took.

python benchmarks/gpu.py resnet50 inception_v4 --data DIR [--runs RUN...] [--out docs/results/gpu.json]

The peak is measured as in `cost.py`, with matrices of side 8192; a step's operations are counted as there.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from cost import cost, operations

from boneage.config import Config
from boneage.files import write_json
from boneage.training import fit
from boneage.training.distributed import Processes, join_processes
from boneage.training.recipes import recipe
from boneage.training.run import Run
from boneage.training.tensors import TrainingData, load

SIDE, ROUNDS = 8192, 10
WARM, STEPS = 5, 12


def peak() -> float:
    """Operations a second of products of two matrices in bfloat16."""
    a, b = (torch.randn(SIDE, SIDE, dtype=torch.bfloat16, device="cuda") for _ in range(2))
    a @ b
    torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(ROUNDS):
        a @ b
    torch.cuda.synchronize()
    return 2 * SIDE**3 * ROUNDS / (time.perf_counter() - start)


def films_a_second(run: Run) -> float:
    """Of whole training steps, the first ones not counted."""
    for step in range(WARM):
        fit.train_step(run, run.network, step)
    torch.cuda.synchronize()
    start = time.perf_counter()
    for step in range(WARM, WARM + STEPS):
        fit.train_step(run, run.network, step)
    torch.cuda.synchronize()
    return STEPS * run.batch_size / (time.perf_counter() - start)


def steps(config: Config, films: TrainingData, processes: Processes, fastest: float) -> dict[str, Any]:
    """One recipe's row."""
    with tempfile.TemporaryDirectory() as folder:
        run = Run(config, films, Path(folder), processes)
        real = films_a_second(run)
        augmented_batch = fit.augmented_batch
        batch = augmented_batch(run, 0, 0, fit.batch_rows(run, 0))
        fit.augmented_batch = lambda run, step, part, rows: batch
        constant = films_a_second(run)
        fit.augmented_batch = augmented_batch
    share = real * operations(config) / fastest
    return {"recipe": config.recipe, "real": real, "constant": constant, "share_of_peak": share}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipes", nargs="+")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", nargs="*", type=Path, default=[])
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    fastest = peak()
    rows = []
    with join_processes("cuda") as processes:
        for name in options.recipes:
            config = recipe(name)
            rows.append(steps(config, load(config, options.data, processes.device), processes, fastest))
    found = {"device": torch.cuda.get_device_name(), "torch": torch.__version__, "peak": fastest, "steps": rows}
    found["runs"] = [cost(run, fastest) for run in options.runs]
    print(found)
    if options.out:
        write_json(options.out, found)


if __name__ == "__main__":
    main()
