"""The main job on synthetic hands: draw, train two small networks, evaluate them on fresh films and compare them."""

from __future__ import annotations

from pathlib import Path

from ..config import override
from ..data.dataset import open_folder
from ..data.phantom import write_folder
from ..evaluation.compare import compare
from ..evaluation.evaluate import evaluate
from ..progress import progress
from ..reading.predictor import Predictor
from ..training import checkpoint
from ..training.recipes import recipe
from ..training.train import train

FILMS = {"films": (1000, 1), "fresh_films": (200, 2)}  # folder: how many, and their seed
RUNS = {"tiny": [], "tiny_without_sex": ["model.sex=false"]}


def demo(out: str | Path) -> Path:
    """Everything into the new folder ``out``; returns the comparison's page. CannotWrite if ``out`` holds anything."""
    folder = Path(out)
    checkpoint.create(folder)
    for name, (n, seed) in FILMS.items():
        _draw(folder / name, n, seed)
    fresh = open_folder(folder / "fresh_films").samples
    for name, settings in RUNS.items():
        train(override(recipe("tiny"), settings), folder / "films", folder / name)
        predictor = Predictor.load(folder / name)
        evaluate(predictor, fresh, folder / f"{name}_evaluated", split="fresh", context={"data": "SYNTHETIC"})
    compare([folder / f"{name}_evaluated" for name in RUNS], folder / "comparison")
    return folder / "comparison" / "report.html"


def _draw(out: Path, n: int, seed: int) -> None:
    with progress("drawing hands", n, "films") as advance:
        write_folder(out, n, seed, on_progress=lambda done, total: advance())
