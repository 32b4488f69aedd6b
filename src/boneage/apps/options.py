"""What the commands share: what they are given made of words, and what they say at the end."""

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
    """No-break spaces are for pages; a terminal and what reads its output expect plain ones."""
    return text.replace("\N{NO-BREAK SPACE}", " ")


def need(package: str) -> None:
    """Fail before the work begins, not when it comes to be drawn."""
    if importlib.util.find_spec(package) is None:
        raise ModuleNotFoundError(name=package)


def configured(recipe_name: str, settings: list[str] | None) -> Config:
    from ..config import override
    from ..training.recipes import recipe

    return override(recipe(recipe_name), settings or [])


def chosen(predictor: Predictor, folder: Path, images: Path | None, split: str) -> tuple[Dataset, str]:
    from ..config import Config
    from ..data.dataset import open_folder
    from ..data.split import choose

    config, dataset = Config.from_dict(predictor.about["config"]), open_folder(folder, images)
    for doubt in dataset.doubts:
        print(f"boneage: {doubt}", file=sys.stderr)
    return choose(dataset, config.data, split, predictor.about["data"])


def of_table(dataset: Dataset, failures: Sequence[Mapping[str, str]]) -> list[str]:
    """What became of films (``id`` and ``reason``), with the table that names them."""
    return [f"{dataset.table}, film {one['id']}: {one['reason']}" for one in failures]


def report_failures(reasons: list[str], films: int) -> None:
    """List what failed, last, so that it is seen; exit code 2."""
    for reason in reasons:
        print(f"boneage: {reason}", file=sys.stderr)
    if reasons and films > 1:
        print(f"boneage: {len(reasons)} of {films} films could not be read", file=sys.stderr)
    if reasons:
        raise typer.Exit(2)
