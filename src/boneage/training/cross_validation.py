"""Cross-validation: a network for each fold of the training films, the table of what they read, and its evaluation.

boneage train RECIPE --data DIR --out OUT --folds 5

Where there are several GPUs each trains a fold of its own, else they are trained one after the other; with ``torchrun``
all processes train each fold together.
"""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from multiprocessing.queues import SimpleQueue
from pathlib import Path
from typing import Any

import torch

from ..config import Config
from ..errors import BadConfig, BadTable, BoneAgeError, CannotWrite, Preempted
from ..evaluation import evaluate
from ..evaluation.predictions import read_predictions
from ..files import refuse_unwritable, sha256
from ..progress import progress
from ..reading.predictor import Predictor
from ..run_folder import load_run
from . import folds
from .distributed import Interrupt, Processes, interruptible, join_processes, keep_freed_memory, preemptible
from .tensors import TrainingData, load

EVALUATION = "evaluation"
FEWEST = 2  # folds
_POLL = 0.5  # seconds between two looks at what a scheduler wants


@dataclass(frozen=True)
class Plan:
    """What is trained.

    Attributes:
        config: of each network.
        data: the data folder, or its table.
        out: the folder of the runs ``fold0``, ``fold1`` and so on.
        images: the folder of the films, if they do not lie beside the table.
        fold_of: the fold of each training film by id.
    """

    config: Config
    data: str | Path
    out: Path
    images: str | Path | None
    fold_of: dict[str, int]

    @property
    def folds(self) -> list[int]:
        """The numbers of the folds."""
        return sorted(set(self.fold_of.values()))

    @property
    def missing(self) -> list[int]:
        """The folds whose networks are not trained to the end."""
        return [fold for fold in self.folds if not folds.is_done(self.run(fold), self.config.train.epochs)]

    def run(self, fold: int) -> Path:
        """The run folder of the network that is trained without a fold."""
        return self.out / f"fold{fold}"

    def films(self, processes: Processes) -> TrainingData:
        """The films on the device of a process; what there is to say of them is printed.

        BadConfig if a network of the folder was trained with other settings or on other films.
        """
        with processes.main_first():
            films = load(self.config, self.data, processes.device, self.images)
        for fold in self.folds:
            folds.refuse_another_fold(self.run(fold), self.config, folds.origin_without(films, self.fold_of, fold))
        processes.tell(films.remarks)
        return films


def train_in_folds(
    config: Config,
    data: str | Path,
    out: str | Path,
    *,
    count: int,
    images: str | Path | None = None,
    resume: bool = False,
    devices: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Train a network without each fold of the training films, and evaluate what each reads of the fold it left out.

    Args:
        config: of each network; validation films are not used, so nothing is chosen by any film.
        data: a data folder, or the path of its table.
        out: a new folder. It gets a run folder for each fold, the table ``oof.csv`` (see `boneage.training.folds`) and
            the report folder ``evaluation``.
        count: how many folds.
        images: the folder of the films, if they do not lie beside the table.
        resume: continue in ``out``: what is trained stays, a run that was stopped goes on, or was of fewer epochs.
        devices: train side by side on these, one fold on each at a time; by default all GPUs where ``train.device``
            leaves that open and there are several.

    Returns:
        The content of ``evaluation/metrics.json``; empty in all processes but the main one.

    Raises:
        BadTable, BadConfig, BadModel, CannotWrite: one sentence each.
        KeyboardInterrupt, Preempted: after a signal, when the states are saved.
    """
    with preemptible():
        plan = _planned(config, data, Path(out), images, count, resume=resume)
        chosen = _devices(config) if devices is None else list(devices)
        if len(chosen) > 1 and plan.missing:
            _side_by_side(plan, chosen)
            is_main = True
        else:
            is_main = _one_by_one(plan)
        return _evaluated(plan, count) if is_main else {}


def _planned(
    config: Config, data: str | Path, out: Path, images: str | Path | None, count: int, *, resume: bool
) -> Plan:
    """What is to be trained, after everything that can be refused has been."""
    samples = folds.training_films(data, config.data, images)
    if not FEWEST <= count <= len(samples):
        raise BadConfig(f"{len(samples)} training films cannot be divided into {count} folds")
    if config.train.start:
        raise BadConfig(f"train.start {config.train.start!r} has seen the films of all folds: folds begin without it")
    if config.data.limit:
        raise BadConfig("data.limit leaves films out, and folds are made of all of them")
    refuse_unwritable(out)
    if int(os.environ.get("RANK", "0")) == 0 and not resume and out.exists() and any(out.iterdir()):
        raise CannotWrite(f"{out} exists already: choose another --out, or continue it with --resume")
    fold_of = folds.folds(samples, count)
    if len(set(fold_of.values())) < count:
        raise BadConfig(f"{len(samples)} training films of too few patients cannot be divided into {count} folds")
    return Plan(config, data, out, images, fold_of)


def _devices(config: Config) -> list[str]:
    """The GPUs that may train side by side; empty where the processes of ``torchrun`` share them already."""
    is_open = config.train.device in ("auto", "cuda") and "WORLD_SIZE" not in os.environ
    return [f"cuda:{number}" for number in range(torch.cuda.device_count())] if is_open else []


def _one_by_one(plan: Plan) -> bool:
    """Train each fold that is missing with the processes there are; returns whether this is the main one."""
    keep_freed_memory()
    with join_processes(plan.config.train.device) as processes:
        films = plan.films(processes)
        for fold in plan.missing:
            folds.train_without(fold, plan.fold_of, plan.config, films, plan.run(fold), processes)
        return processes.is_main


# --- A fold on each device --------------------------------------------------------------------------------------------


def _side_by_side(plan: Plan, devices: Sequence[str]) -> None:
    """Train the folds that are missing, one on each device at a time, each in a process of its own.

    Raises:
        BadConfig: what went wrong in one of them; the others are stopped first, and saved.
        KeyboardInterrupt, Preempted: after a signal, when all are saved.
    """
    with join_processes("cpu") as alone:
        plan.films(alone)  # the cache is made once, and its films are not needed here
    context = multiprocessing.get_context("spawn")
    waiting, running, said = deque(plan.missing), dict[str, BaseProcess](), context.SimpleQueue()
    slots = [f"{place} {device}" for place, device in enumerate(devices)]
    failed = ""
    with interruptible() as interrupt, progress("training", len(waiting), "folds") as advance:
        while running or (waiting and not failed and not interrupt):
            for slot in [one for one in slots if one not in running and waiting and not failed and not interrupt]:
                fold = waiting.popleft()
                work = (plan, fold, slot.split()[1], said)
                running[slot] = context.Process(target=_train_alone, args=work, name=f"fold {fold}")
                running[slot].start()
            wait([child.sentinel for child in running.values()], timeout=_POLL)
            for slot in [slot for slot, child in running.items() if not child.is_alive()]:
                child = running.pop(slot)
                if child.exitcode and not failed:
                    failed = f"{child.name} was not trained: its process ended with exit code {child.exitcode}"
                advance(1)
            _stop(running, interrupt, failed=bool(failed))
    if interrupt:
        raise Preempted if interrupt.by_scheduler else KeyboardInterrupt
    if failed:
        raise BadConfig(failed if said.empty() else said.get())


def _stop(running: dict[str, BaseProcess], interrupt: Interrupt, *, failed: bool) -> None:
    """Ask the processes to save and end, where they should."""
    if failed or interrupt:
        for child in running.values():
            child.terminate()


def _train_alone(plan: Plan, fold: int, device: str, said: SimpleQueue[str]) -> None:
    """Train the network of one fold on one device, in a process of its own; what goes wrong is ``said``."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # several bars of progress would write over each other
    keep_freed_memory()
    try:
        with preemptible(), join_processes(device) as processes:
            films = load(plan.config, plan.data, processes.device, plan.images)
            folds.train_without(fold, plan.fold_of, plan.config, films, plan.run(fold), processes)
    except (Preempted, KeyboardInterrupt):
        raise SystemExit(1) from None
    except BoneAgeError as error:
        said.put(f"fold {fold}: {error}")
        raise SystemExit(2) from None
    except Exception as error:
        said.put(f"fold {fold}: {type(error).__name__}: {' '.join(str(error).split())}")
        raise SystemExit(2) from None


# --- What they read ---------------------------------------------------------------------------------------------------


def _evaluated(plan: Plan, count: int) -> dict[str, Any]:
    """Write the table and its evaluation; returns the numbers."""
    samples = folds.training_films(plan.data, plan.config.data, plan.images)
    for fold in range(count):
        folds.export(plan.run(fold))
    table_path = plan.out / folds.OUT_OF_FOLD
    failures = folds.write(table_path, samples, plan.fold_of, plan.out)
    table = replace(read_predictions(table_path), name=f"{plan.config.recipe}, {count} folds")
    if not len(table):
        raise BadTable(f"not one film of {plan.data} could be read")
    context = {"data": Path(plan.data).name, "folds": count}
    about = evaluate.provenance(Predictor.load(plan.run(0)), "train, out of fold", failures, context)
    about |= {"model": table.name, "sex_not_given": False}
    about["weights_sha256"] = sha256(*(load_run(plan.run(fold))["weights_sha256"].encode() for fold in plan.folds))
    return evaluate.report(table, samples, plan.out / EVALUATION, about, factors={})
