"""Squash, pad or crop? The quick recipe, small, trained three ways and read on films in their own aspect and squashed.

python benchmarks/fit.py --data DIR --out docs/results/fit.json     (DIR has original_sizes.csv)
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from boneage.config import Config, override
from boneage.evaluation import metrics
from boneage.files import write_json
from boneage.training import fit as training
from boneage.training.distributed import Processes
from boneage.training.recipes import recipe
from boneage.training.run import Run
from boneage.training.tensors import FilmTensors, load

SETTINGS = ["prepare.size=128", "prepare.hand=false", "train.epochs=5", "train.evaluate_every=5"]
FITS = ("squash", "pad", "crop")


def variant(fit: str, limit: int) -> Config:
    """The configuration that trains with ``fit`` on films in their own aspect."""
    return override(recipe("quick"), [*SETTINGS, f"prepare.fit={fit}", "data.aspect=native", f"data.limit={limit}"])


def trained(config: Config, folder: str) -> dict[str, np.ndarray]:
    """Predictions on the validation films in their own aspect (``native``) and as stored, squashed (``squashed``)."""
    processes = Processes(0, 1, torch.device("cpu"))
    data = load(config, folder, processes.device)
    with tempfile.TemporaryDirectory() as out:
        run = Run(config, data, Path(out), processes)
        training.fit(run, False)
        squashed = load(
            replace(config, data=replace(config.data, aspect="stored")), folder, processes.device
        ).validation
        return {"native": _read(run, data.validation), "squashed": _read(run, squashed)}


def _read(run: Run, films: FilmTensors) -> np.ndarray:
    return training.predict(run, films.pixels, films.sex)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--limit", type=int, default=4000)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    films = load(variant("squash", options.limit), options.data, torch.device("cpu")).validation
    labels = films.months.double().numpy()
    readings = {fit: trained(variant(fit, options.limit), options.data) for fit in FITS}
    rows: list[dict[str, Any]] = []
    for fit in FITS:
        for aspect in ("native", "squashed"):
            ages, reference = readings[fit][aspect], readings["squash"][aspect]
            row = {"fit": fit, "aspect": aspect, "mae": metrics.summary(labels, ages)["mae"]}
            row["against_squash"] = metrics.paired(labels, reference, ages)["mae"] if fit != "squash" else None
            rows.append(row)
            print(row, flush=True)
    found = {"n": len(labels), "train": options.limit, "settings": SETTINGS, "rows": rows}
    if options.out:
        write_json(options.out, found)


if __name__ == "__main__":
    main()
