"""The demo on synthetic hands: draw films, train two small networks, evaluate them on new films and compare them."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

from ..config import override
from ..data.dataset import open_folder
from ..data.phantom import draw, write_folder
from ..evaluation.compare import compare
from ..evaluation.evaluate import evaluate
from ..progress import progress
from ..reading.predictor import Predictor
from ..training import checkpoint, estimate
from ..training.recipes import recipe
from ..training.train import train

FILMS = {"films": (600, 1), "fresh_films": (200, 2)}  # by folder: how many films, and their seed
SMALL = ["prepare.size=96", "train.epochs=14"]  # enough for an R² of 0.9 on new films
RUNS = {"tiny": SMALL, "tiny_without_sex": [*SMALL, "model.sex=false"]}
DRAWN = 12  # films, for the estimate of the time
HANDLED = 4.0  # writing, preparing, reading and reporting a film takes so many times as long as drawing it


def demo(out: str | Path) -> Path:
    """Write films, run folders, evaluations and a comparison into the new folder ``out``.

    Returns:
        The comparison's page.

    Raises:
        CannotWrite: ``out`` holds anything.
    """
    folder = Path(out)
    checkpoint.create(folder)
    seconds, threads = estimate_seconds()
    print(f"boneage: all of this takes about {_rounded(seconds)} here and now", file=sys.stderr, flush=True)
    for name, (n, seed) in FILMS.items():
        _draw(folder / name, n, seed)
    fresh = open_folder(folder / "fresh_films").samples
    for name, settings in RUNS.items():
        with estimate.threads(threads):
            train(override(recipe("tiny"), settings), folder / "films", folder / name)
        predictor = Predictor.load(folder / name)
        evaluate(predictor, fresh, folder / f"{name}_evaluated", split="fresh", context={"data": "SYNTHETIC"})
    compare([folder / f"{name}_evaluated" for name in RUNS], folder / "comparison")
    return folder / "comparison" / "report.html"


def _draw(out: Path, n: int, seed: int) -> None:
    with progress("drawing hands", n, "films") as advance:
        write_folder(out, n, seed, on_progress=lambda done, total: advance())


def estimate_seconds() -> tuple[float, int]:
    """The seconds that the demo takes on this machine, and the number of torch threads that is fastest for training."""
    random, began = np.random.default_rng(0), time.perf_counter()
    for _ in range(DRAWN):
        draw(random)
    drawing = (time.perf_counter() - began) / DRAWN
    configs = [override(recipe("tiny"), settings) for settings in RUNS.values()]
    training, threads = estimate.fastest(configs, FILMS["films"][0])
    return training + drawing * (1 + HANDLED) * sum(n for n, _ in FILMS.values()), threads


def _rounded(seconds: float) -> str:
    """A duration in tens of seconds; from two minutes on, in half minutes."""
    if seconds < 120:
        return f"{max(10, round(seconds, -1)):.0f} s"
    return f"{round(seconds / 30) / 2:g} min"
