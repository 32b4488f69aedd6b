"""Out-of-fold predictions: every training film read by a network that has not seen it.

The films are divided into five folds, stratified by age and sex. Five networks are trained, each from the same start
with a fixed schedule on four of the folds, with nothing chosen by the fifth, and each reads its fifth. The table says
what networks of these kinds do on films that are new to them; intervals take their shape from it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from ..config import Config, DataConfig
from ..data.dataset import Sample, open_folder
from ..data.split import assign, divide
from ..errors import BadTable
from ..evaluation.evaluate import predict_all
from ..evaluation.predictions import Predictions
from ..files import write_bytes
from ..reading.predictor import Predictor
from ..run_folder import RUN, load_run
from .distributed import Processes, interruptible
from .export import write_model
from .fit import Run
from .recipes import ROUGH, quick
from .tensors import FilmTensors, TrainingData

FOLDS, SEED = 5, 0
OUT_OF_FOLD = "oof.csv"
COLUMNS = ("id", "fold", "sex", "label", "prediction", "expected_error")  # sex, months, months, months


def fold_hand() -> Config:
    """`quick` in eight epochs, augmented also by noise, JPEG and coarse pixels."""
    first = quick()
    train = replace(first.train, epochs=8, evaluate_every=8)
    return replace(first, recipe="fold_hand", augment=ROUGH, train=train)


def fold_joints() -> Config:
    """`fold_hand`, with the joints in place of the hand."""
    first = fold_hand()
    return replace(first, recipe="fold_joints", prepare=replace(first.prepare, joints=True))


def fold_distribution() -> Config:
    """`fold_joints`, but learning the distribution of the labels, on smaller pictures first: twenty minutes a fold."""
    other = fold_joints()
    train = replace(other.train, loss="distribution", sizes=(160, 192, 192, 224), seed=2)
    return replace(other, recipe="fold_distribution", train=train)


KINDS = {kind.__name__: kind for kind in (fold_distribution, fold_joints, fold_hand)}  # short forms of what is shipped


def folds(films: Sequence[Sample]) -> dict[str, int]:
    """The fold of each film by id, from 0."""
    names = [f"fold {number}" for number in range(1, FOLDS)]
    parts = assign(tuple(films), {}, dict.fromkeys(names, len(films) // FOLDS), SEED)
    return {name: int(part.removeprefix("fold ")) if part in names else 0 for name, part in parts.items()}


def training_films(data: str | Path, config: DataConfig, images: str | Path | None = None) -> tuple[Sample, ...]:
    """The training part of a data folder."""
    return divide(open_folder(data, images), config).of("train").samples


def without(data: TrainingData, fold_of: dict[str, int], fold: int) -> TrainingData:
    """The training films but for a fold, and none to choose by."""
    rows = [row for row, name in enumerate(data.train.ids) if fold_of[name] != fold]
    record = data.record | {"train": len(rows), "validation": 0, "left_out_fold": fold}
    return replace(data, train=_chosen(data.train, rows), validation=_chosen(data.validation, []), record=record)


def is_done(folder: Path) -> bool:
    """Whether a run came to the end of its schedule."""
    if not (folder / RUN).exists():
        return False
    run = load_run(folder)
    return bool(run["step"] == run["steps"])


def train_without(
    fold: int, fold_of: dict[str, int], config: Config, films: TrainingData, folder: Path, processes: Processes
) -> None:
    """Train on all training films but a fold's, unless that is done; what was stopped goes on."""
    if is_done(folder):
        return
    folder.mkdir(parents=True, exist_ok=True)
    run = Run(config, without(films, fold_of, fold), folder, processes)
    run.restore()
    with interruptible() as interrupt:
        run.fit(interrupt)
    if processes.is_main:
        write_model(folder)


def write(out: Path, films: Sequence[Sample], fold_of: dict[str, int], *runs: Path) -> None:
    """The table ``out``: what the five runs ``fold0`` to ``fold4`` of a folder read, each on its own fold of the films.

    Of several such folders the networks that left out the same fold read together: the mean of their ages, and the
    error to expect of the first, widened by what all disagree by, as in `boneage.models.head.Ensemble`. What each said
    alone follows, in months, under the name of its folder.
    """
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    kinds = [folder.name for folder in runs] if len(runs) > 1 else []
    rows.writerow((*COLUMNS, *kinds))
    for fold in range(FOLDS):
        left_out = [film for film in films if fold_of[film.id] == fold]
        predict_batch = [_predict(folder / f"fold{fold}", left_out) for folder in runs]
        first, ages = predict_batch[0], np.stack([table.predictions for table in predict_batch], axis=1)
        expected_errors = [""] * len(ages)
        if first.expected_errors is not None:
            expected_errors = [f"{value:.2f}" for value in np.sqrt(first.expected_errors**2 + ages.var(axis=1))]
        for name, sex, label, each, expected_error in zip(
            first.ids, first.sexes, first.labels, ages, expected_errors, strict=True
        ):
            alone = [f"{age:.2f}" for age in each[: len(kinds)]]
            rows.writerow((name, fold, sex.value, f"{label:.2f}", f"{each.mean():.2f}", expected_error, *alone))
    write_bytes(out, text.getvalue().encode())


def _predict(run: Path, films: Sequence[Sample]) -> Predictions:
    """What a run reads on films, in their order; BadTable if one cannot be read."""
    table, failures = predict_all(Predictor.load(run), films)
    if failures:
        raise BadTable(f"film {failures[0].id} cannot be read: {failures[0].reason}")
    return table


def _chosen(films: FilmTensors, rows: list[int]) -> FilmTensors:
    index = torch.tensor(rows, dtype=torch.long)
    return FilmTensors(
        tuple(films.ids[row] for row in rows), films.pixels[index], films.months[index], films.sex[index]
    )
