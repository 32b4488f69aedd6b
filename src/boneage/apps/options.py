"""Shared by the commands: options turned into objects, and the report of failures."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from ..config import Config
    from ..data.dataset import Dataset
    from ..reading.predictor import Predictor


def plain(text: str) -> str:
    """Text for a terminal: with plain spaces instead of no-break ones."""
    return text.replace("\N{NO-BREAK SPACE}", " ")


def need(package: str) -> None:
    """Raise ModuleNotFoundError before the work begins if a package is not installed."""
    if importlib.util.find_spec(package) is None:
        raise ModuleNotFoundError(name=package)


def configured(recipe_name: str, settings: list[str] | None) -> Config:
    """The configuration of a recipe, with the settings of ``--set``."""
    from ..config import override
    from ..training.recipes import recipe

    return override(recipe(recipe_name), settings or [])


def chosen(predictor: Predictor, folder: Path, images: Path | None, split: str) -> tuple[Dataset, str]:
    """The films of a split and its name, by the model's own record of its training films; doubts are printed."""
    from ..config import Config
    from ..data.dataset import open_folder
    from ..data.split import choose

    config, dataset = Config.from_dict(predictor.about["config"]), open_folder(folder, images)
    for doubt in dataset.doubts:
        print(f"boneage: {doubt}", file=sys.stderr)
    return choose(dataset, config.data, split, predictor.about["data"])


def of_table(dataset: Dataset, failures: Sequence[Mapping[str, str]]) -> list[str]:
    """A sentence for each failure, which names the table and the film."""
    return [f"{dataset.table}, film {one['id']}: {one['reason']}" for one in failures]


def report_failures(reasons: list[str], films: int) -> None:
    """Print the reasons to standard error, and exit with code 2 if there are any."""
    for reason in reasons:
        print(f"boneage: {reason}", file=sys.stderr)
    if reasons and films > 1:
        print(f"boneage: {len(reasons)} of {films} films could not be read", file=sys.stderr)
    if reasons:
        raise typer.Exit(2)
