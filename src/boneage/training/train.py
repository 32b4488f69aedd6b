"""Training: films and a configuration in, a run folder out, and whatever has to be trained before it.

A run may begin where another recipe ends (``train.start``), learn from what that one reads (``train.distil``) or from
networks that have not seen its films (``train.teacher``): these are trained first, into the run's own folder, so that
one command makes all of it.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from ..config import Config
from ..errors import BadConfig
from ..files import refuse_unwritable
from . import checkpoint, folds
from .distributed import World, interruptible, keep_freed_memory, world
from .fit import Run, untrained
from .losses import output
from .optimizer import optimizer
from .recipes import RECIPES, recipe
from .tensors import Data, load


def train(
    config: Config, data: str | Path, out: str | Path, *, images: str | Path | None = None, resume: bool = False
) -> dict[str, Any]:
    """Train as ``config`` says on the folder ``data`` into the run folder ``out``; returns the run record.

    ``images``: where the films are, if not beside the table. Raises BadTable, BadConfig, BadModel or CannotWrite.
    After Ctrl-C the state is saved and KeyboardInterrupt raised.
    """
    keep_freed_memory()
    with world(config.train.device) as here:
        _train(config, data, Path(out), images, resume, here)
        return checkpoint.load_run(Path(out)) if here.leads else {}


def _train(
    config: Config, data: str | Path, folder: Path, images: str | Path | None, resume: bool, here: World
) -> None:
    if here.leads:
        refuse_unwritable(folder)
        if not resume:
            checkpoint.refuse_existing(folder)
    _refuse_impossible(config)
    fresh = not resume or checkpoint.is_empty(folder)
    teacher = _teacher(config, data, folder, images, here) if config.train.teacher else None
    begins = config.train.start and (fresh or config.train.distil)
    start = _start(config, data, folder, images, here) if begins else None
    with here.leader_first():
        films = load(config, data, here.device, images, teacher)
    if here.leads:
        for sentence in films.remarks:
            print(f"boneage: {sentence}", file=sys.stderr)
    run = Run(config, films, folder, here)
    if start:
        run.begin(start)
    if resume:
        run.restore()
    with interruptible() as interrupt:
        run.fit(interrupt)


def _start(config: Config, data: str | Path, folder: Path, images: str | Path | None, here: World) -> Path:
    """The run folder that ``train.start`` names. A recipe is trained first, on the same films and the same device."""
    name = config.train.start
    if name in RECIPES:
        start = folder / checkpoint.START
        _train(_first(name, config), data, start, images, start.exists(), here)
        return start
    if not Path(name).is_dir():
        raise BadConfig(f"train.start {name!r} is neither a run folder nor a recipe; known: {', '.join(RECIPES)}")
    return Path(name)


def _teacher(config: Config, data: str | Path, folder: Path, images: str | Path | None, here: World) -> Path:
    """The table that ``train.teacher`` names. Of a recipe, the networks are trained first, each without a fold of the
    films, and read that fold."""
    name, own = config.train.teacher, folder / checkpoint.TEACHER
    if name not in RECIPES:
        if not Path(name).exists():
            raise BadConfig(
                f"train.teacher {name!r} is neither a table of predictions nor a recipe; known: {', '.join(RECIPES)}"
            )
        return Path(name)
    table, first = own / folds.FILE, _first(name, config)
    if table.exists():
        return table
    if first.train.start or first.train.teacher:
        raise BadConfig(f"train.teacher {name!r} is a recipe that itself learns from another run")
    with here.leader_first():
        films = load(first, data, here.device, images)
    read = set(films.train.ids)
    samples = [film for film in folds.training_films(data, first.data, images) if film.id in read]
    fold_of = folds.folds(samples)
    for fold in range(folds.FOLDS):
        train_without(fold, fold_of, first, films, own / f"fold{fold}", here)
    with here.leader_first():
        if not table.exists():
            folds.write(table, samples, fold_of, own)
    return table


def train_without(fold: int, fold_of: dict[str, int], config: Config, films: Data, folder: Path, here: World) -> None:
    """Train on all training films but a fold's, unless that is done; what was stopped goes on."""
    if folds.is_done(folder):
        return
    folder.mkdir(parents=True, exist_ok=True)
    run = Run(config, folds.without(films, fold_of, fold), folder, here)
    run.restore()
    with interruptible() as interrupt:
        run.fit(interrupt)


def _first(name: str, config: Config) -> Config:
    """The recipe ``name`` for a run that is trained before another: on the same films and the same device."""
    first = recipe(name)
    return replace(first, data=config.data, train=replace(first.train, device=config.train.device))


def _refuse_impossible(config: Config) -> None:
    """BadConfig for a network, loss or optimiser that there is not: before any film is prepared."""
    config.prepare.refuse_beside()
    optimizer(untrained(config, output(config.train, 0.0, 1.0), torch.ones(1)), config.train)
