"""Training from beginning to end: films and a configuration in, a run folder out.

A run may begin with the weights of another recipe (``train.start``) and be taught by it (``train.distil``). That recipe
is trained first, in the folder ``start`` within the run's own, so that one command does all of it.
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
from ..run_folder import load_run
from . import checkpoint
from .distributed import Processes, interruptible, join_processes, keep_freed_memory, preemptible
from .export import write_model
from .fit import fit
from .losses import output
from .optimizer import optimizer
from .recipes import RECIPES, recipe
from .run import Run, untrained
from .tensors import load


def train(
    config: Config,
    data: str | Path,
    out: str | Path,
    *,
    images: str | Path | None = None,
    resume: bool = False,
    export: bool = True,
) -> dict[str, Any]:
    """Train as ``config`` says on the films of the folder ``data`` and write the run folder ``out``.

    Args:
        config: everything that decides the outcome besides the films.
        data: a data folder, or the path of its table.
        out: a new run folder; with ``resume``, the one to continue.
        images: the folder of the films, if they do not lie beside the table.
        resume: continue where the run at ``out`` stopped; begin it, if it was stopped before it had a folder.
        export: write ``model.onnx`` at the end, which `boneage.Predictor` loads. Where onnxscript is not installed, a
            line on standard error says how to do it later.

    Returns:
        The content of ``run.json``; empty in all processes but the main one.

    Raises:
        BadTable, BadConfig, BadModel, CannotWrite: one sentence each.
        KeyboardInterrupt: after Ctrl-C, when the state is saved.
        Preempted: after SIGTERM or SIGUSR1, when the state is saved.
    """
    keep_freed_memory()
    with preemptible(), join_processes(config.train.device) as processes:
        _train(config, data, Path(out), images, resume, processes)
        if not processes.is_main:
            return {}
        if export:
            write_model(Path(out))
        return load_run(Path(out))


def _train(
    config: Config, data: str | Path, folder: Path, images: str | Path | None, resume: bool, processes: Processes
) -> None:
    """Train one run, and before it the one that it begins with."""
    if processes.is_main:
        refuse_unwritable(folder)
        if not resume:
            checkpoint.refuse_existing(folder)
        elif not checkpoint.has_begun(folder):
            print(f"boneage: {folder} has nothing to resume: the run begins", file=sys.stderr)
    _refuse_impossible(config)
    # A resumed run has the weights already, but a teacher is not stored: it is loaded anew.
    needs_start = config.train.start and (config.train.distil or not resume or not checkpoint.has_begun(folder))
    start = _start(config, data, folder, images, processes) if needs_start else None
    with processes.main_first():
        films = load(config, data, processes.device, images)
    run = Run(config, films, folder, processes)
    if start:
        run.begin(start)
    if resume:
        run.restore()
    processes.tell([*films.remarks, *run.remarks])
    with interruptible() as interrupt:
        fit(run, interrupt)


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
    """The recipe ``name`` with the films, device and precision of the run that begins with it."""
    first, then = recipe(name), config.train
    return replace(first, data=config.data, train=replace(first.train, device=then.device, precision=then.precision))


def _refuse_impossible(config: Config) -> None:
    """BadConfig for an unknown network, loss or optimiser, before any film is prepared."""
    config.prepare.refuse_beside()
    optimizer(untrained(config, output(config.train, 0.0, 1.0), torch.ones(1)), config.train)
