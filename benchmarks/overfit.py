"""Can the network learn at all: a recipe on 64 films, without augmentation, until the MAE on them is below 3 months.

python benchmarks/overfit.py resnet50 --data DIR --out docs/results/overfit_resnet50.json
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import fields
from pathlib import Path

import numpy as np
import torch

from boneage.config import AugmentConfig, override
from boneage.files import write_json
from boneage.training.distributed import Processes
from boneage.training.fit import predict, train_step
from boneage.training.recipes import recipe
from boneage.training.run import Run
from boneage.training.tensors import load

SETTINGS = ["data.limit=64", "train.batch=16", "train.epochs=60", "train.lr=3e-4"]
SETTINGS += [f"augment.{field.name}=0" for field in fields(AugmentConfig)]
SETTINGS += ["train.freeze_batchnorm=true", "train.freeze_after=0.4"]  # statistics of 16 films waver


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe")
    parser.add_argument("--data", required=True)
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    config = override(recipe(options.recipe), [*SETTINGS, "train.ema=0.9", *options.set])
    device = torch.device("cpu")
    data = load(config, options.data, device)
    began, curve = time.monotonic(), []
    with tempfile.TemporaryDirectory() as folder:
        run = Run(config, data, Path(folder), Processes(0, 1, device))
        for step in range(run.steps):
            loss = float(train_step(run, run.network, step))
            if (step + 1) % (2 * run.epoch_steps):
                continue
            months = predict(run, data.train.pixels, data.train.sex)
            error = float(np.abs(months - data.train.months.double().numpy()).mean())
            epoch = (step + 1) // run.epoch_steps
            curve.append({"epoch": epoch, "loss": loss, "mae": error, "seconds": round(time.monotonic() - began, 1)})
            print(curve[-1], flush=True)
            if error < 3:
                break
    if options.out:
        write_json(options.out, {"recipe": options.recipe, "settings": SETTINGS + options.set, "n": 64, "curve": curve})


if __name__ == "__main__":
    main()
