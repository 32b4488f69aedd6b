"""The main job on synthetic hands: draw, train two small networks, evaluate them on fresh films and compare them."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch

from ..config import Config, override
from ..data.dataset import open_folder
from ..data.phantom import draw, write_folder
from ..evaluation.compare import compare
from ..evaluation.evaluate import evaluate
from ..progress import progress
from ..reading.predictor import Predictor
from ..training import checkpoint
from ..training.distributed import join_processes, keep_freed_memory
from ..training.fit import Run
from ..training.recipes import recipe
from ..training.tensors import FilmTensors, TrainingData
from ..training.train import train

FILMS = {"films": (600, 1), "fresh_films": (200, 2)}  # folder: how many, and their seed
SMALL = ["prepare.size=96", "train.epochs=14"]  # R² of 0.9 on fresh hands needs no more
RUNS = {"tiny": SMALL, "tiny_without_sex": [*SMALL, "model.sex=false"]}
DRAWN, WARM, STEPS = 12, 2, 6  # hands and steps that the estimate is made from
HANDLED = 4.0  # times the work of drawing a film that writing, preparing, reading and reporting are


def demo(out: str | Path) -> Path:
    """Everything into the new folder ``out``; returns the comparison's page. CannotWrite if ``out`` holds anything."""
    folder = Path(out)
    checkpoint.create(folder)
    seconds, threads = estimated()
    print(f"boneage: all of this takes about {_rounded(seconds)} here and now", file=sys.stderr, flush=True)
    for name, (n, seed) in FILMS.items():
        _draw(folder / name, n, seed)
    fresh = open_folder(folder / "fresh_films").samples
    for name, settings in RUNS.items():
        with _threads(threads):
            train(override(recipe("tiny"), settings), folder / "films", folder / name)
        predictor = Predictor.load(folder / name)
        evaluate(predictor, fresh, folder / f"{name}_evaluated", split="fresh", context={"data": "SYNTHETIC"})
    compare([folder / f"{name}_evaluated" for name in RUNS], folder / "comparison")
    return folder / "comparison" / "report.html"


def _draw(out: Path, n: int, seed: int) -> None:
    with progress("drawing hands", n, "films") as advance:
        write_folder(out, n, seed, on_progress=lambda done, total: advance())


def estimated() -> tuple[float, int]:
    """The seconds that all of it will take here, and by how many threads, from a few hands drawn and a few steps made.

    One thread is faster than all where another program needs the other cores.
    """
    random, began = np.random.default_rng(0), time.perf_counter()
    for _ in range(DRAWN):
        draw(random)
    films = (time.perf_counter() - began) / DRAWN * (1 + HANDLED) * sum(n for n, _ in FILMS.values())
    training = {}
    for threads in {1, torch.get_num_threads()}:
        with _threads(threads):
            training[threads] = sum(_training(override(recipe("tiny"), settings)) for settings in RUNS.values())
    best = min(training, key=lambda threads: training[threads])
    return films + training[best], best


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """torch with so many threads while the block lasts."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _training(config: Config) -> float:
    """The seconds that all steps of a run would take, from some on films of noise."""
    kept = 1 - config.data.validation - config.data.calibration
    n, size = int(FILMS["films"][0] * kept), config.prepare.size
    keep_freed_memory()
    with join_processes(config.train.device) as processes, tempfile.TemporaryDirectory() as folder:
        pixels, months = torch.full((n, size, size), 128, dtype=torch.uint8), torch.arange(n) / n * 200 + 10
        sex, device = torch.zeros(n, 2), processes.device
        films = FilmTensors(("",) * n, pixels.to(device), months.to(device), sex.to(device))
        run = Run(config, TrainingData(films, films, {}), Path(folder), processes)
        for step in range(WARM):
            run.step(run.network, step)
        began = time.perf_counter()
        for step in range(WARM, WARM + STEPS):
            run.step(run.network, step)
        return (time.perf_counter() - began) / STEPS * run.steps


def _rounded(seconds: float) -> str:
    """In tens of seconds, or from two minutes on in halves of a minute."""
    if seconds < 120:
        return f"{max(10, round(seconds, -1)):.0f} s"
    return f"{round(seconds / 30) / 2:g} min"
