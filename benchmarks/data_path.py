"""What the data path costs: steps of a recipe on real batches against the same steps on one constant batch, paired.

python benchmarks/data_path.py --data DIR --out docs/results/data_path.json
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from boneage.files import write_json
from boneage.training import fit
from boneage.training.distributed import Processes
from boneage.training.recipes import recipe
from boneage.training.run import Run
from boneage.training.tensors import load


def paired(run: Run, step: int, pairs: int) -> dict[str, Any]:
    """Times of ``pairs`` steps each way at the film size of ``step``, taken in turn."""
    real = fit.augmented_batch
    constant = real(run, step, 0, fit.batch_rows(run, step))
    ways: list[Callable[..., Any]] = [real, lambda *_: constant]
    times: list[list[float]] = [[], []]
    for i in range(pairs + 2):
        for way in (0, 1) if i % 2 else (1, 0):
            fit.augmented_batch = ways[way]
            began = time.perf_counter()
            fit.train_step(run, run.network, step + i)
            if i >= 2:
                times[way].append(time.perf_counter() - began)
    fit.augmented_batch = real
    ratios = np.array(times[0]) / np.array(times[1])
    rng = np.random.default_rng(0)
    medians = np.median(rng.choice(ratios, (2000, len(ratios))), axis=1)
    return {
        "pixels": constant[0].shape[-1],
        "batch": len(constant[0]),
        "pairs": pairs,
        "real_seconds": round(float(np.median(times[0])), 4),
        "constant_seconds": round(float(np.median(times[1])), 4),
        "ratio": round(float(np.median(ratios)), 4),
        "low": round(float(np.percentile(medians, 2.5)), 4),
        "high": round(float(np.percentile(medians, 97.5)), 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--recipe", default="quick")
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    config = recipe(options.recipe)
    device = torch.device("cpu")
    data = load(config, options.data, device)
    with tempfile.TemporaryDirectory() as folder:
        run = Run(config, data, Path(folder), Processes(0, 1, device))
        sizes = config.train.sizes or (config.prepare.size,)
        rows = [paired(run, k * run.steps // len(sizes) + 1, options.pairs) for k in range(len(sizes))]
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    found = {"recipe": options.recipe, "films": len(data.train), "peak_memory_gib": round(memory, 2), "sizes": rows}
    for row in rows:
        print(row)
    print(f"peak memory {memory:.2f} GiB with {len(data.train)} training films")
    if options.out:
        write_json(options.out, found)


if __name__ == "__main__":
    main()
