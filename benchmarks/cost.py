"""What training runs cost: minutes, films a second, and which share of this machine's peak their steps used.

python benchmarks/cost.py RUN... --out docs/results/cost.json     (on an idle machine of the kind that trained them)

The peak is measured: the best of many products of two bfloat16 matrices. A step's operations are those of the forward
pass, counted by torch for convolutions and matrix products (a multiplication with an addition is two), times three: the
backward pass takes twice as many.
"""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from boneage.config import Config
from boneage.files import write_json
from boneage.models.head import Network
from boneage.run_folder import load_run
from boneage.training.losses import output

SIDE, ROUNDS, FILMS = 4096, 12, 4


def peak() -> float:
    """Operations a second of the fastest product of two matrices [4096, 4096]."""
    a, b = (torch.rand(SIDE, SIDE, dtype=torch.bfloat16) for _ in range(2))
    seconds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        a @ b
        seconds.append(time.perf_counter() - start)
    return 2 * SIDE**3 / min(seconds)


def operations(config: Config) -> float:
    """Operations that one film of a training step takes."""
    with torch.device("meta"):
        network = Network(
            replace(config.model, pretrained="none"), config.prepare, output(config.train, 120.0, 40.0).outputs
        )
        films = torch.rand(FILMS, 1, config.prepare.size, config.prepare.size)
        sex = torch.zeros(FILMS, 2)
    with FlopCounterMode(display=False) as counter:
        network(films, sex)
    return 3 * counter.get_total_flops() / FILMS


def cost(folder: Path, fastest: float) -> dict[str, Any]:
    """One run's row."""
    record = load_run(folder)
    config = Config.from_dict(record["config"])
    films = record["step"] * config.train.batch * config.train.accumulate * record["processes"]
    rate, each = films / record["seconds"], operations(config)
    return {
        "recipe": config.recipe,
        "size": config.prepare.size,
        "epochs": round(record["epoch"], 2),
        "minutes": record["seconds"] / 60,
        "films_per_second": rate,
        "operations": each,
        "share_of_peak": rate * each / fastest,
        "device": record["device"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    fastest = peak()
    rows = [cost(run, fastest) for run in options.runs]
    found = {"cores": os.cpu_count(), "peak": fastest, "torch": torch.__version__, "runs": rows}
    print(found)
    if options.out:
        write_json(options.out, found)


if __name__ == "__main__":
    main()
