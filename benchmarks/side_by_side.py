"""Trains recipes beside each other on one GPU until a time is over, as the shipped networks were trained.

python benchmarks/side_by_side.py LANE... --data DIR --runs runs --minutes 10 [--fold 0]

A LANE is a process of its own; recipes joined by commas follow each other in it and share its time, and what a recipe
is tried with follows it: ``joints+prepare.size=384+train.loss=distribution``. With ``--fold`` a fold of the training
films is left out and judges in place of the validation films. Alone, a network leaves such a device idle while it waits
for the launches of its many small steps: several fill it, best under NVIDIA's multi-process service
(``nvidia-cuda-mps-control -d``). The rate's cosine ends when the time does: how many steps a run has is estimated anew
from its last ones. So these runs are not repeatable to the bit and cannot be resumed; each says in its run.json how
many epochs it had.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from dataclasses import replace
from pathlib import Path

import torch

from boneage.config import Config, override
from boneage.training import fit, folds
from boneage.training.distributed import join_processes, keep_freed_memory
from boneage.training.recipes import recipe
from boneage.training.run import Run
from boneage.training.tensors import TrainingData, load

RECENT = 40  # looks at the interrupt, from which the speed is estimated
AT_LEAST = 3.0  # seconds of them
RESERVE = 4.0  # seconds for reading the validation films at the end


class Unsaved(Run):
    """A run that saves nothing on the way but the best weights: nobody resumes it."""

    def save(self) -> None:
        """Nothing."""


class Deadline:
    """Ends a run's schedule at a time (of `time.time`), or after its epochs if that is earlier.

    `fit` asks whether to stop. It is told no, and each time the number of steps is set anew.
    """

    def __init__(self, run: Run, until: float) -> None:
        self.run, self.until, self.most = run, until, run.steps
        self.marks: list[tuple[float, int]] = []

    def __bool__(self) -> bool:
        step = self.run.progress.step
        if step >= 20:  # the first steps are slow
            now = time.time()
            self.marks = [*self.marks, (now, step)][-RECENT:]
            (first, at), left = self.marks[0], self.until - RESERVE - now
            if now - first > AT_LEAST:
                steps = step + int(left * (step - at) / (now - first))
                self.run.steps = min(self.most, max(step + 1, steps))
        return False


def fit_until(run: Run, until: float) -> None:
    """Train until a time, and evaluate once more at the end, wherever within an epoch that is."""
    fit.fit(run, Deadline(run, until))
    run.config = replace(run.config, train=replace(run.config.train, epochs=max(1, round(epochs(run)))))
    error, rest = fit.validate(run), run.progress.step % run.epoch_steps
    if error <= run.progress.best:
        run.progress.best = error
        run.save_best()
    if rest:
        run.progress.loss *= run.epoch_steps / rest
        run.log(round(epochs(run), 2), error)


def epochs(run: Run) -> float:
    return run.progress.step / run.epoch_steps


def tried(word: str) -> Config:
    """A recipe with what it is tried with."""
    name, *changes = word.split("+")
    return override(recipe(name), changes)


def judged_by(fold: int, films: TrainingData, fold_of: dict[str, int]) -> TrainingData:
    """The training films without a fold, which takes the place of the validation films."""
    rows = [row for row, name in enumerate(films.train.ids) if fold_of[name] == fold]
    return replace(folds.without(films, fold_of, fold), validation=films.train.select(rows))


def lane(names: list[str], data: Path, runs: Path, until: float, fold: int | None) -> None:
    """Recipes one after the other, each with an equal share of what is left of the time."""
    keep_freed_memory()
    for place, name in enumerate(names):
        now = time.time()
        config = tried(name)
        (runs / name).mkdir(parents=True)
        with join_processes(config.train.device) as processes:
            films = load(config, data, processes.device)
            if fold is not None:
                films = judged_by(fold, films, folds.folds(folds.training_films(data, config.data)))
            run = Unsaved(config, films, runs / name, processes)
            fit_until(run, now + (until - now) / (len(names) - place))
            print(f"{name}: {run.progress.best:.2f} months after {epochs(run):.2f} epochs", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lanes", nargs="+", metavar="LANE")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where the run folders go")
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--fold", type=int, help="of the training films: left out, and what judges")
    options = parser.parse_args()
    lanes = [word.split(",") for word in options.lanes]
    for config in {tried(name).prepare: tried(name) for names in lanes for name in names}.values():
        load(config, options.data, torch.device("cpu"))  # each preparation once, not by every process
    until, start = time.time() + 60 * options.minutes, multiprocessing.get_context("spawn")
    works = [
        start.Process(target=lane, args=(names, options.data, options.runs, until, options.fold)) for names in lanes
    ]
    for work in works:
        work.start()
    for work in works:
        work.join()


if __name__ == "__main__":
    main()
