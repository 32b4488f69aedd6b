"""The scale of an exported model's intervals, from calibration films: the one thing that those are used for.

boneage calibrate MODEL.onnx --data DIR --out CALIBRATED.onnx [--out-of-fold oof.csv]

The shape of the intervals may come, besides from the network, from training films that were read out of fold.
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
from .export import annotated


def calibrate(
    model: Path,
    samples: Sequence[Sample],
    out: Path,
    *,
    split: str,
    out_of_fold: Path | None = None,
    progress: Advance | None = None,
) -> dict[str, Any]:
    """Write the model with ``intervals`` among the facts about itself, and return those: the factors by level, of the
    sex known and of the sex withheld, each from all ``samples`` (the former but for films of unknown sex), and how many
    films of which split they come from.

    ``out_of_fold``: a table of training films read by networks that have not seen them, from which the usual error by
    age and sex is kept too (see `intervals.blended`). BadModel if the model gives no expected error, BadTable for too
    few films, CannotWrite.
    """
    usual = _usual(out_of_fold)
    data = annotated(model_file.verified(model), intervals=usual)
    predictor = Predictor(data, model)
    if not predictor.tells_expected_error:
        raise BadModel(f"{model} does not tell the error to expect: train with model.expected_error_loss above 0")
    with replacing(out) as temporary:  # entered first: a place that takes no file shows before the work
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
        temporary.write_bytes(annotated(data, intervals=found))
    return found


def _usual(out_of_fold: Path | None) -> dict[str, Any]:
    """The shape that a table gives, as a model's file has it; nothing without one."""
    if out_of_fold is None:
        return {}
    table = read_predictions(out_of_fold)
    try:
        return {"usual": usual_errors(table.predictions, table.errors, table.sexes)}
    except ValueError as error:
        raise BadTable(f"{out_of_fold}: {error}") from None
