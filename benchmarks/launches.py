"""How many operators a training step calls, counted by torch's profiler on a CPU: on a GPU each is a launch or more.

python benchmarks/launches.py quick resnet50 [--out docs/results/launches.json]

Counted are operators that call no other one and compute or write something; those that only name or allocate memory are
left out. Batches of four random films in float32, untrained networks. It runs in older checkouts too.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import torch
from torch.profiler import ProfilerActivity, profile

from boneage.files import write_json
from boneage.training import fit
from boneage.training.distributed import Processes
from boneage.training.recipes import recipe
from boneage.training.run import Run
from boneage.training.tensors import FilmTensors, TrainingData

FILMS = 4
FREE = {  # of computation
    *("empty", "empty_like", "empty_strided", "resize_", "view", "reshape", "as_strided", "select", "detach", "alias"),
    *("result_type", "resolve_conj", "_local_scalar_dense", "is_nonzero"),
}


def launches(name: str) -> Counter[str]:
    """The operators of the third step of a recipe."""
    config = recipe(name)
    train = replace(config.train, batch=FILMS, precision="fp32")
    config = replace(config, model=replace(config.model, pretrained="none"), train=train)
    side, draw = config.prepare.size, torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (2 * FILMS, side, side), dtype=torch.uint8, generator=draw)
    names = tuple(map(str, range(2 * FILMS)))
    films = FilmTensors(names, pixels, torch.rand(2 * FILMS, generator=draw) * 200, torch.eye(2).repeat(FILMS, 1))
    with tempfile.TemporaryDirectory() as folder:
        processes = Processes(0, 1, torch.device("cpu"))
        run = Run(config, TrainingData(films, films.select([]), {}), Path(folder), processes)
        for step in range(2):
            fit.train_step(run, run.network, step)
        with profile(activities=[ProfilerActivity.CPU]) as seen:
            fit.train_step(run, run.network, 2)
    operators = [event for event in seen.events() if event.name.startswith("aten::")]
    last = [one for one in operators if not any(under.name.startswith("aten::") for under in one.cpu_children)]
    names_of = (one.name.removeprefix("aten::") for one in last)
    return Counter(name for name in names_of if name not in FREE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipes", nargs="+")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    found = {}
    for name in options.recipes:
        counted = launches(name)
        found[name] = {"operators": counted.total(), "most": dict(counted.most_common(8))}
        print(name, found[name])
    if options.out:
        write_json(options.out, found)


if __name__ == "__main__":
    main()
