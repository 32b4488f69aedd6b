"""Out-of-fold predictions: each training film is read by a network that was not trained on it.

The training films are divided into folds, stratified by age and sex. For each a network is trained on the others, by a
fixed schedule, so that nothing is chosen by the fold left out, which it then reads. The table shows the errors of such
networks on new films; `boneage.training.calibrate` gives intervals their shape by it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..config import Config, DataConfig
from ..data.dataset import Sample, open_folder
from ..data.split import assign, divide
from ..errors import BadConfig
from ..evaluation.evaluate import predict_all
from ..evaluation.predictions import Predictions
from ..files import write_bytes
from ..reading.predictor import Predictor
from ..run_folder import MODEL, RUN, load_run
from ..table import harmless
from ..types import Failure
from .distributed import Processes, interruptible
from .export import write_model
from .fit import fit
from .recipes import ROUGH, quick
from .run import Run, refuse_another
from .tensors import TrainingData

FOLDS, SEED = 5, 0
OUT_OF_FOLD = "oof.csv"
COLUMNS = ("id", "fold", "sex", "label", "prediction", "expected_error")  # sex, months, months, months


def fold_hand() -> Config:
    """`quick` in eight epochs, with the augmentation `ROUGH`."""
    first = quick()
    train = replace(first.train, epochs=8, evaluate_every=8)
    return replace(first, recipe="fold_hand", augment=ROUGH, train=train)


def fold_joints() -> Config:
    """`fold_hand` on the joints in place of the hand."""
    first = fold_hand()
    return replace(first, recipe="fold_joints", prepare=replace(first.prepare, joints=True))


def fold_distribution() -> Config:
    """`fold_joints` with the loss ``distribution``, on smaller films first: twenty minutes a fold."""
    other = fold_joints()
    train = replace(other.train, loss="distribution", sizes=(160, 192, 192, 224), seed=2)
    return replace(other, recipe="fold_distribution", train=train)


# Recipes for networks of the kinds of `default`, trained for a shorter time.
KINDS = {kind.__name__: kind for kind in (fold_distribution, fold_joints, fold_hand)}


def folds(films: Sequence[Sample], count: int = FOLDS) -> dict[str, int]:
    """The fold of each film, of ``count`` from 0, by the film's id. Films of one patient are in one fold."""
    names = [f"fold {number}" for number in range(1, count)]
    parts = assign(tuple(films), {}, dict.fromkeys(names, len(films) // count), SEED)
    return {name: int(part.removeprefix("fold ")) if part in names else 0 for name, part in parts.items()}


def training_films(data: str | Path, config: DataConfig, images: str | Path | None = None) -> tuple[Sample, ...]:
    """The training films of a data folder; ``images``: where they are, if not beside the table."""
    return divide(open_folder(data, images), config).of("train").samples


def without(data: TrainingData, fold_of: dict[str, int], fold: int) -> TrainingData:
    """The training films without those of a fold, and no validation films: nothing is to be chosen by their error."""
    rows = [row for row, name in enumerate(data.train.ids) if fold_of[name] != fold]
    origin = origin_without(data, fold_of, fold)
    return replace(data, train=data.train.select(rows), validation=data.validation.select([]), origin=origin)


def origin_without(data: TrainingData, fold_of: dict[str, int], fold: int) -> dict[str, Any]:
    """The ``origin`` of the films that `without` gives."""
    count = sum(fold_of[name] != fold for name in data.train.ids)
    return data.origin | {"train": count, "validation": 0, "left_out_fold": fold}


def is_done(folder: Path, epochs: int) -> bool:
    """Whether a run has reached the end of its schedule, and that was of so many epochs or more."""
    if not (folder / RUN).exists():
        return False
    run = load_run(folder)
    return bool(run["step"] == run["steps"] and run["config"]["train"]["epochs"] >= epochs)


def refuse_another_fold(folder: Path, config: Config, origin: dict[str, Any]) -> None:
    """BadConfig, naming the difference, if there is a run that was trained with other settings or films than these.

    See `boneage.training.run.refuse_another`; ``auto`` and the precision that it was are no difference.
    """
    if not (folder / RUN).exists():
        return
    run = load_run(folder)
    refuse_another(folder, run, config, origin)
    precisions = {run["config"]["train"]["precision"], run["precision"]}
    if config.train.precision not in precisions:
        raise BadConfig(f"{folder} was trained in {run['precision']}: resume it with the same train.precision")


def train_without(
    fold: int, fold_of: dict[str, int], config: Config, films: TrainingData, folder: Path, processes: Processes
) -> None:
    """Train the run ``folder`` on the training films without a fold's, and export it.

    A run that was stopped is continued, and one of fewer epochs; what is done is not done again.
    """
    if not is_done(folder, config.train.epochs):
        folder.mkdir(parents=True, exist_ok=True)
        run = Run(config, without(films, fold_of, fold), folder, processes)
        run.restore()
        processes.tell(run.remarks)
        if processes.is_main:
            (folder / MODEL).unlink(missing_ok=True)  # of fewer epochs
        with interruptible() as interrupt:
            fit(run, interrupt)
    if processes.is_main:
        export(folder)


def export(folder: Path) -> None:
    """Write the model file of a run folder, where it is not there."""
    if not (folder / MODEL).exists():
        write_model(folder)


def write(out: Path, films: Sequence[Sample], fold_of: dict[str, int], *runs: Path) -> list[Failure]:
    """Write the table of out-of-fold predictions; returns the films that cannot be read, which are left out.

    With several folders of ``runs`` the networks that left out the same fold are read as an ensemble, by the formulas
    of `boneage.models.ensemble.Ensemble`, and a column for each folder has its own network's prediction in months.

    Args:
        out: a CSV file with `COLUMNS`.
        films: the training films.
        fold_of: their folds, as from `folds`.
        runs: folders of one run folder for each fold: ``fold0``, ``fold1`` and so on.

    Raises:
        BadModel: a run is missing or damaged.
    """
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    kinds = [folder.name for folder in runs] if len(runs) > 1 else []
    rows.writerow((*COLUMNS, *kinds))
    failures: dict[str, Failure] = {}
    for fold in sorted(set(fold_of.values())):
        left_out = [film for film in films if fold_of[film.id] == fold]
        answers = [predict_all(Predictor.load(folder / f"fold{fold}"), left_out) for folder in runs]
        failures |= {film.id: film for _, failed in answers for film in failed}
        tables = [_readable(table, failures) for table, _ in answers]
        first, ages = tables[0], np.stack([table.predictions for table in tables], axis=1)
        expected_errors = [""] * len(ages)
        if first.expected_errors is not None:
            expected_errors = [f"{value:.2f}" for value in np.sqrt(first.expected_errors**2 + ages.var(axis=1))]
        for name, sex, label, each, expected_error in zip(
            first.ids, first.sexes, first.labels, ages, expected_errors, strict=True
        ):
            alone = [f"{age:.2f}" for age in each[: len(kinds)]]
            read = (sex.value, f"{label:.2f}", f"{each.mean():.2f}", expected_error, *alone)
            rows.writerow((harmless(name), fold, *read))
    write_bytes(out, text.getvalue().encode())
    return list(failures.values())


def _readable(table: Predictions, failures: Mapping[str, Failure]) -> Predictions:
    """The films of a table that no network failed to read."""
    return table.select([row for row, name in enumerate(table.ids) if name not in failures])
