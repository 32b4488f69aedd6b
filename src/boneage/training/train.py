"""Training: films and a configuration in, a run folder out, and whatever has to be trained before it.

A run may begin where another recipe ends (``train.start``) and learn from what that one reads (``train.distil``). The
other one is trained first, into the run's own folder, so that one command makes all of it.
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
from ..run_folder import MODEL, load_run
from . import checkpoint
from .distributed import Processes, interruptible, join_processes, keep_freed_memory
from .export import write_model
from .fit import Run, untrained
from .losses import output
from .optimizer import optimizer
from .recipes import RECIPES, recipe
from .tensors import load


def train(
    config: Config, data: str | Path, out: str | Path, *, images: str | Path | None = None, resume: bool = False
) -> dict[str, Any]:
    """Train as ``config`` says on the films of the folder ``data`` and write the run folder ``out``.

    Args:
        config: everything that decides the outcome besides the films.
        data: a data folder, or a table by its own path.
        out: a new run folder; with ``resume``, the one to go on with.
        images: where the films are, if not beside the table.
        resume: continue where the run at ``out`` stopped.

    Returns:
        What ``run.json`` holds; empty in all processes but the main one.

    Raises:
        BadTable, BadConfig, BadModel, CannotWrite: one sentence each.
        KeyboardInterrupt: after Ctrl-C, when the state is saved.
    """
    keep_freed_memory()
    with join_processes(config.train.device) as processes:
        _train(config, data, Path(out), images, resume, processes)
        if not processes.is_main:
            return {}
        _write_model(Path(out))
        return load_run(Path(out))


def _train(
    config: Config, data: str | Path, folder: Path, images: str | Path | None, resume: bool, processes: Processes
) -> None:
    if processes.is_main:
        refuse_unwritable(folder)
        if not resume:
            checkpoint.refuse_existing(folder)
    _refuse_impossible(config)
    fresh = not resume or checkpoint.is_empty(folder)
    begins = config.train.start and (fresh or config.train.distil)
    start = _start(config, data, folder, images, processes) if begins else None
    with processes.main_first():
        films = load(config, data, processes.device, images)
    if processes.is_main:
        for sentence in films.remarks:
            print(f"boneage: {sentence}", file=sys.stderr)
    run = Run(config, films, folder, processes)
    if start:
        run.begin(start)
    if resume:
        run.restore()
    with interruptible() as interrupt:
        run.fit(interrupt)


def _write_model(folder: Path) -> None:
    """``model.onnx``, from which a `Predictor` reads; where its writer is not installed, what to do is said."""
    try:
        write_model(folder)
    except ModuleNotFoundError as error:
        how = f"where boneage[train] is installed: boneage export {folder} --out {folder / MODEL}"
        print(f"boneage: {folder} has no {MODEL} yet, as {error.name} is not installed; {how}", file=sys.stderr)


def _start(config: Config, data: str | Path, folder: Path, images: str | Path | None, processes: Processes) -> Path:
    """The run folder that ``train.start`` names. A recipe is trained first, on the same films and the same device."""
    name = config.train.start
    if name in RECIPES:
        start = folder / checkpoint.START
        _train(_first(name, config), data, start, images, start.exists(), processes)
        return start
    if not Path(name).is_dir():
        raise BadConfig(f"train.start {name!r} is neither a run folder nor a recipe; known: {', '.join(RECIPES)}")
    return Path(name)


def _first(name: str, config: Config) -> Config:
    """The recipe ``name`` for a run that is trained before another: on the same films and device, in the same
    precision."""
    first, then = recipe(name), config.train
    return replace(first, data=config.data, train=replace(first.train, device=then.device, precision=then.precision))


def _refuse_impossible(config: Config) -> None:
    """BadConfig for a network, loss or optimiser that there is not: before any film is prepared."""
    config.prepare.refuse_beside()
    optimizer(untrained(config, output(config.train, 0.0, 1.0), torch.ones(1)), config.train)
