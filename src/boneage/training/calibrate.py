"""Prediction intervals for a model file, scaled on calibration films, which serve no other purpose.

boneage calibrate MODEL.onnx --data DIR --out CALIBRATED.onnx [--out-of-fold oof.csv]
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .. import model_file
from ..data.dataset import Sample
from ..errors import BadModel, BadTable
from ..evaluation.evaluate import predict_all
from ..evaluation.predictions import read_predictions
from ..files import replacing
from ..progress import Advance
from ..reading.intervals import SEX_GIVEN, factors, usual_errors
from ..reading.predictor import Predictor
from ..types import Sex
from .export import with_facts


def calibrate(
    model: Path,
    samples: Sequence[Sample],
    out: Path,
    *,
    split: str,
    out_of_fold: Path | None = None,
    progress: Advance | None = None,
) -> dict[str, Any]:
    """Write a copy of a model file that gives prediction intervals.

    The half width of an interval is the expected error times a factor. There is one factor for each level, with the sex
    given and without, so that this share of the films lies within (see `boneage.reading.intervals`).

    Args:
        model: a model file.
        samples: the calibration films. Those of unknown sex are left out where the sex is given.
        out: the file to write; it may be ``model`` itself.
        split: the name of the films' split, which the file states.
        out_of_fold: a table of out-of-fold predictions (see `boneage.training.folds`). The usual error by age and sex
            is taken from it, with which the network's own expected error is blended
            (`boneage.reading.intervals.blended`).
        progress: called after each film; every film is read twice.

    Returns:
        The entry ``intervals`` of the file's description: the split, the numbers of films, the factors and the usual
        errors.

    Raises:
        BadModel: the file is damaged, or the network has no expected error.
        BadTable: too few films, or a table of out-of-fold predictions that does not cover both sexes.
        CannotWrite: ``out`` cannot be written.
    """
    usual = _usual(out_of_fold)
    data = with_facts(model_file.verified(model), intervals=usual)
    predictor = Predictor(data, model)
    if not predictor.has_expected_error:
        raise BadModel(f"{model} has no expected error: train with model.expected_error_loss above 0")
    with replacing(out) as temporary:  # entered first, so that a place that cannot be written is refused at once
        scales, counts = {}, {}
        for is_known, name in SEX_GIVEN.items():
            table, _ = predict_all(predictor, samples, progress, sex_not_given=not is_known)
            if is_known:
                table = table.select([row for row, sex in enumerate(table.sexes) if sex is not Sex.UNKNOWN])
            expected_errors = np.empty(0) if table.expected_errors is None else table.expected_errors
            try:
                scales[name], counts[name] = factors(table.errors, expected_errors), len(table)
            except ValueError as error:
                raise BadTable(f"split {split!r}: {error}") from None
        found: dict[str, Any] = {"split": split, "n": counts, "factors": scales, **usual}
        temporary.write_bytes(with_facts(data, intervals=found))
    return found


def _usual(out_of_fold: Path | None) -> dict[str, Any]:
    """The usual errors from a table of out-of-fold predictions, as an entry of ``intervals``; empty without a table."""
    if out_of_fold is None:
        return {}
    table = read_predictions(out_of_fold)
    try:
        return {"usual": usual_errors(table.predictions, table.errors, table.sexes)}
    except ValueError as error:
        raise BadTable(f"{out_of_fold}: {error}") from None
