"""What saying the ages of the atlas would gain on single ratings, which lie on them: a gain of the measure.

python benchmarks/atlas_ages.py [--table docs/results/tables/oof.csv] [--out docs/results/atlas_ages.json]

Each out-of-fold reading is replaced by the weighted median of the labels of like readings (a Gaussian of `NEAR` months)
of the same sex in the other folds.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np

from boneage.evaluation import metrics
from boneage.files import write_json

NEAR = 3.0  # months


def median(labels: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted medians [n] of labels [m] under each row of weights [n, m]."""
    order = np.argsort(labels, kind="stable")
    reached = np.cumsum(weights[:, order], axis=1) / weights.sum(axis=1, keepdims=True)
    return labels[order][(reached >= 0.5).argmax(axis=1)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", type=Path, default=Path("docs/results/tables/oof.csv"))
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with options.table.open() as file:
        films = list(csv.DictReader(file))
    labels, ages = (np.array([float(film[column]) for film in films]) for column in ("label", "prediction"))
    folds, sexes = (np.array([film[column] for film in films]) for column in ("fold", "sex"))
    said = ages.copy()
    for fold in np.unique(folds):
        for sex in np.unique(sexes):
            own, others = (rows & (sexes == sex) for rows in (folds == fold, folds != fold))
            distance = (ages[own][:, None] - ages[others]) / NEAR
            said[own] = median(labels[others], np.exp(-(distance**2) / 2))
    found = {"n": len(films)}
    for name, months in (("as read", ages), ("atlas ages", said)):
        summary = metrics.summary(labels, months)
        found[name] = {metric: summary[metric] for metric in ("mae", "rmse")}
    print(found)
    if options.out:
        write_json(options.out, found)


if __name__ == "__main__":
    main()
