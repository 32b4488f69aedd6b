"""Shared by the commands: options turned into objects, and the report of failures."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import typer

from ..errors import shown

if TYPE_CHECKING:
    from ..config import Config
    from ..data.dataset import Dataset
    from ..reading.batch import Item, Notes
    from ..reading.predictor import Predictor
    from ..types import Sex

Result = TypeVar("Result")


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
    say(dataset.doubts)
    return choose(dataset, config.data, split, predictor.about["data"])


def say(sentences: Sequence[str]) -> None:
    """Tell a person beside the output."""
    for sentence in sentences:
        print(f"boneage: {shown(sentence)}", file=sys.stderr)


def of_table(dataset: Dataset, failures: Sequence[Mapping[str, str]]) -> list[str]:
    """A sentence for each failure, which names the table and the film."""
    return [f"{dataset.table}, film {one['id']}: {one['reason']}" for one in failures]


def asked_for(source: Path, sex: Sex | None, images: Path | None) -> tuple[list[Item], Notes]:
    """The films to read, and what to tell a person about them."""
    from ..reading.batch import Notes, items

    notes = Notes()
    return items(source, sex, images, notes), notes


def announced(notes: Notes, results: Iterable[Result]) -> Iterator[Result]:
    """The results, after what to know before the first of them is said."""
    say(notes.before)
    yield from results


def report_failures(reasons: list[str], films: int, remarks: Sequence[str] = ()) -> None:
    """Print the remarks and the reasons to standard error, and exit with code 2 if there are reasons."""
    say([*remarks, *reasons])
    if reasons and films > 1:
        print(f"boneage: {len(reasons)} of {films} films could not be read", file=sys.stderr)
    if reasons:
        raise typer.Exit(2)
