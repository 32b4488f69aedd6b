"""The main job on synthetic hands: draw, train two small networks, evaluate, compare and read a film."""

from __future__ import annotations

from pathlib import Path

from . import checkpoint
from .compare import compare
from .config import override
from .dataset import open_folder
from .evaluate import evaluate
from .phantom import write_folder
from .predictor import Predictor
from .progress import progress
from .recipes import recipe
from .split import divide
from .train import train

FILMS = 1000
RUNS = {"tiny": [], "tiny_without_sex": ["model.sex=false"]}


def demo(out: str | Path) -> Path:
    """Everything into the new folder ``out``; returns the comparison's page. CannotWrite if ``out`` holds anything."""
    folder = Path(out)
    checkpoint.create(folder)
    films = folder / "films"
    with progress("drawing hands", FILMS, "films") as advance:
        write_folder(films, FILMS, seed=1, on_progress=lambda done, total: advance())
    for name, settings in RUNS.items():
        config = override(recipe("tiny"), settings)
        train(config, films, folder / name)
        predictor = Predictor.load(folder / name)
        samples = divide(open_folder(films), config.data).of("validation").samples
        evaluate(predictor, samples, folder / f"{name}_evaluated", split="validation", context={"data": "SYNTHETIC"})
    compare([folder / f"{name}_evaluated" for name in RUNS], folder / "comparison")
    return folder / "comparison" / "report.html"
