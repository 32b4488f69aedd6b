"""Out-of-fold predictions: every training film read by a network that has not seen it.

python benchmarks/oof.py RECIPE --data DIR [--set train.epochs=6] [--out docs/results/oof.csv]

Five folds, stratified by age and sex, each trained from the recipe's own start with its fixed schedule, nothing chosen
by the fold left out. A run that was stopped goes on where it was; the table is written when all five are done.
"""

from __future__ import annotations

import argparse
import csv
import io
from pathlib import Path

import torch

from boneage import metrics
from boneage.checkpoint import load_run
from boneage.config import Config, override
from boneage.dataset import Sample, open_folder
from boneage.evaluate import predict_all
from boneage.files import write_bytes
from boneage.films import Data, Films, load
from boneage.predictions import Predictions
from boneage.predictor import Predictor
from boneage.recipes import recipe
from boneage.split import assign, divide
from boneage.train import Run
from boneage.world import World, interruptible, keep_freed_memory

FOLDS, SEED = 5, 0


def folds(films: tuple[Sample, ...]) -> dict[str, int]:
    """The fold of each film by id."""
    names = [f"fold {number}" for number in range(1, FOLDS)]
    parts = assign(films, {}, dict.fromkeys(names, len(films) // FOLDS), SEED)
    return {name: int(part.removeprefix("fold ")) if part in names else 0 for name, part in parts.items()}


def chosen(films: Films, rows: list[int]) -> Films:
    """Some rows of the films."""
    index = torch.tensor(rows, dtype=torch.long)
    return Films(tuple(films.ids[row] for row in rows), films.pixels[index], films.months[index], films.sex[index])


def trained(config: Config, data: Data, fold: int, fold_of: dict[str, int], folder: Path) -> Predictor:
    """The network of one fold, trained on the others."""
    if not ((folder / "run.json").exists() and load_run(folder)["step"] == load_run(folder)["steps"]):
        rows = [row for row, name in enumerate(data.train.ids) if fold_of[name] != fold]
        record = data.record | {"train": len(rows), "validation": 0, "left_out_fold": fold}
        own = Data(chosen(data.train, rows), chosen(data.validation, []), record)
        run = Run(config, own, folder, World(0, 1, torch.device("cpu")))
        folder.mkdir(parents=True, exist_ok=True)
        run.restore()
        with interruptible() as interrupt:
            run.fit(interrupt)
    return Predictor.load(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--runs", type=Path, default=Path("runs/oof"))
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    keep_freed_memory()
    config = override(recipe(options.recipe), options.set)
    films = divide(open_folder(options.data), config.data).of("train").samples
    fold_of, rows = folds(films), []
    data = load(config, options.data, torch.device("cpu"))
    for fold in range(FOLDS):
        predictor = trained(config, data, fold, fold_of, options.runs / f"fold{fold}")
        table, failures = predict_all(predictor, [film for film in films if fold_of[film.id] == fold])
        assert not failures, failures[0]
        rows += _rows(table, fold)
        print(f"fold {fold}: MAE {metrics.summary(table.labels, table.predictions)['mae']['value']:.3f}", flush=True)
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([("id", "fold", "sex", "label", "prediction"), *rows])
    if options.out:
        write_bytes(options.out, text.getvalue().encode())


def _rows(table: Predictions, fold: int) -> list[tuple[str, int, str, float, float]]:
    columns = zip(table.ids, table.sexes, table.labels, table.predictions, strict=True)
    return [(name, fold, sex.value, label, age) for name, sex, label, age in columns]


if __name__ == "__main__":
    main()
