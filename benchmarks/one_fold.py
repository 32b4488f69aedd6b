"""What a recipe is worth, without asking the validation films: trained without one fold of the training films, read
on it, and compared film by film with the committed out-of-fold table.

python benchmarks/one_fold.py RECIPE --data DIR [--set section.field=value …] [--fold 0] [--out FILE.json]

The table's own reading of that fold is that of three networks together, trained on the same films. A run that was
stopped goes on.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path
from typing import Any

import numpy as np

from boneage.config import Config, override
from boneage.evaluation import metrics
from boneage.evaluation.evaluate import predict_all
from boneage.files import write_json
from boneage.reading.predictor import Predictor
from boneage.training import folds
from boneage.training.distributed import join_processes, keep_freed_memory
from boneage.training.recipes import recipe
from boneage.training.tensors import load

TABLE = Path(__file__).parent.parent / "docs" / "results" / "tables" / folds.OUT_OF_FOLD


def train(config: Config, data: Path, fold: int, run: Path) -> None:
    """The recipe on all training films but the fold's."""
    keep_freed_memory()
    with join_processes(config.train.device) as processes:
        films = load(config, data, processes.device)
        fold_of = folds.folds(folds.training_films(data, config.data))
        folds.train_without(fold, fold_of, config, films, run, processes)


def compared(run: Path, data: Path, fold: int) -> dict[str, Any]:
    """The run on the fold's films, and by how much it is better or worse than the table there."""
    with TABLE.open(newline="") as file:
        theirs = {row["id"]: float(row["prediction"]) for row in csv.DictReader(file) if int(row["fold"]) == fold}
    predictor = Predictor.load(run)
    films = [film for film in folds.training_films(data, Config().data) if film.id in theirs]
    table, failures = predict_all(predictor, films)
    assert not failures, failures[0]
    others = np.array([theirs[name] for name in table.ids])
    errors = (table.predictions - table.labels, others - table.labels)
    return {
        "n": len(table),
        "fold": fold,
        "config": predictor.about["config"],
        "weights_sha256": predictor.weights_sha256,
        **{name: metrics.summary(table.labels, table.predictions)[name] for name in ("mae", "rmse")},
        "table": {name: metrics.summary(table.labels, others)[name] for name in ("mae", "rmse")},
        "against_the_table": metrics.paired(table.labels, others, table.predictions),
        "mean_of_both": metrics.summary(table.labels, (table.predictions + others) / 2)["mae"],
        "error_correlation": float(np.corrcoef(*errors)[0, 1]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--set", action="append", default=[], dest="words", metavar="section.field=value")
    parser.add_argument("--fold", type=int, default=0)
    parser.add_argument("--run", type=Path, help="the run folder; runs/folds/RECIPE unless said")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    run = options.run or Path("runs/folds") / options.recipe
    config = folds.KINDS[options.recipe]() if options.recipe in folds.KINDS else recipe(options.recipe)
    train(override(config, options.words), options.data, options.fold, run)
    found = compared(run, options.data, options.fold)
    print({name: found[name] for name in ("mae", "rmse", "table", "against_the_table", "error_correlation")})
    if options.out:
        write_json(options.out, found)


if __name__ == "__main__":
    main()
