"""Which networks a shipped file should be made of, and how many views, by films that none of them has seen.

python benchmarks/members.py [--table docs/results/tables/members.csv] [--all docs/results/tables/oof.csv]
    [--out docs/results/members.json] [--add NAME=RUN --data DIR]

The table holds what networks of several kinds, each trained without the first fold of the training films, read on that
fold, view by view: for two and a half minutes of a GPU (`python benchmarks/side_by_side.py … --minutes 2.5 --fold 0`)
or on two cores (`python benchmarks/one_fold.py`). ``--add`` reads the fold by the network of a run folder and puts it
into the table. What the kinds of `default` add to each other is asked of all folds (`benchmarks/out_of_fold.py`), and
of the first what a larger network on the hand adds to them. No validation label is asked.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
from collections.abc import Sequence
from itertools import combinations, product
from pathlib import Path
from typing import Any

import numpy as np

from boneage.config import DataConfig
from boneage.evaluation import metrics
from boneage.evaluation.evaluate import predict_all
from boneage.files import write_bytes, write_json
from boneage.hand.prepare import parts
from boneage.hand.views import views
from boneage.reading.predictor import Predictor
from boneage.training import folds
from boneage.types import Sex

SHIPPED = {  # the kinds that shipped files are made of; one of `best` was trained for a shorter time
    "default": ("joints_384", "joints_distribution", "hand_384"),
    "best": ("joints_384", "joints_distribution", "hand_384", "hand_lite2_short"),
}
JOINTS = ("joints_384", "joints_distribution")
ALIKE = ("hand_short", "hand_lite2_short")  # trained alike, for a short time
KINDS = ("fold_joints", "fold_distribution", "fold_hand")  # of all folds, the kinds of `default`
FOURTH = "fold_hand_lite2"  # of the first fold: `fold_hand` by EfficientNet-Lite2
WEIGHTS = np.arange(0, 1.01, 0.1)
LARGEST = 5  # networks of one file that are tried together
VIEWS = 3  # of each network in the table


class OneView(Predictor):
    """A trained network that sees a film once, by one of several views."""

    which = 0

    def predict_batch(self, pixels: np.ndarray, sexes: Sequence[Sex]) -> tuple[np.ndarray, np.ndarray]:
        *_, seen = views(pixels, self.which + 1, parts(self.spec))
        return super().predict_batch(seen, sexes)


def add(path: Path, name: str, run: Path, data: Path) -> None:
    """What the network of a run folder reads on the films of the table, view by view, into the table."""
    with path.open(newline="") as file:
        rows = {row["id"]: row for row in csv.DictReader(file)}
    films = [film for film in folds.training_films(data, DataConfig()) if film.id in rows]
    predictor = OneView.load(run)
    predictor.views = 1
    for predictor.which in range(VIEWS):
        table, failures = predict_all(predictor, films)
        assert not failures, failures[0]
        for film, age in zip(table.ids, table.predictions, strict=True):
            rows[film][f"{name} view {predictor.which + 1}"] = f"{age:.2f}"
    text = io.StringIO()
    writer = csv.DictWriter(text, next(iter(rows.values())).keys(), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows.values())
    write_bytes(path, text.getvalue().encode())


def read(path: Path) -> tuple[list[str], np.ndarray, dict[str, np.ndarray]]:
    """Ids, labels [films] and by network its readings [views, films], in months, of the first fold."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    views: dict[str, list[np.ndarray]] = {}
    for column in [name for name in rows[0] if " view " in name]:
        views.setdefault(column.partition(" view ")[0], []).append(np.array([float(row[column]) for row in rows]))
    labels = np.array([float(row["label"]) for row in rows])
    return [row["id"] for row in rows], labels, {name: np.stack(each) for name, each in views.items()}


def read_all(path: Path) -> tuple[list[str], np.ndarray, dict[str, np.ndarray]]:
    """Ids, labels and by kind the readings of every film of the table of all folds, in months."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    months = {name: np.array([float(row[name]) for row in rows]) for name in ("label", *KINDS)}
    return [row["id"] for row in rows], months.pop("label"), months


def mae(months: np.ndarray, labels: np.ndarray) -> float:
    return float(np.abs(months - labels).mean())


def chosen(labels: np.ndarray, readings: dict[str, np.ndarray]) -> dict[str, Any]:
    """The best mean of each number of networks, and the shipped ones."""
    best = {}
    for count in range(1, LARGEST + 1):
        means = {names: np.mean([readings[name] for name in names], 0) for names in combinations(readings, count)}
        first = min(means, key=lambda names: mae(means[names], labels))
        best[count] = {"networks": first, "mae": mae(means[first], labels)}
    return {"means": best, **{name: parts_of(labels, readings, kinds) for name, kinds in SHIPPED.items()}}


def parts_of(labels: np.ndarray, readings: dict[str, np.ndarray], kinds: Sequence[str]) -> dict[str, Any]:
    """The mean of some networks, by how much it is worse without each of them, and other weights."""
    stacked = np.stack([readings[name] for name in kinds])
    without = {
        name: metrics.paired(labels, stacked.mean(0), np.delete(stacked, place, 0).mean(0))["mae"]
        for place, name in enumerate(kinds)
    }
    shares = [each for each in product(WEIGHTS, repeat=len(kinds)) if abs(sum(each) - 1) < 1e-9]
    weights = min(shares, key=lambda each: mae(np.array(each) @ stacked, labels))
    return {
        "mae": metrics.summary(labels, stacked.mean(0))["mae"],
        "without": without,
        "best_weights": {name: round(float(share), 1) for name, share in zip(kinds, weights, strict=True)},
        "mae_of_best_weights": mae(np.array(weights) @ stacked, labels),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", type=Path, default=Path("docs/results/tables/members.csv"))
    parser.add_argument(
        "--all", type=Path, default=Path("docs/results/tables") / folds.OUT_OF_FOLD, help="of all folds, by kind"
    )
    parser.add_argument("--out", type=Path)
    parser.add_argument("--add", metavar="NAME=RUN", help="a network that has not seen the fold, by its run folder")
    parser.add_argument("--data", type=Path, help="the films, for --add")
    options = parser.parse_args()
    if options.add:
        if not options.data:
            parser.error("--add needs --data")
        name, _, run = options.add.partition("=")
        add(options.table, name, Path(run), options.data)
    ids, labels, readings = read(options.table)
    fourth = readings.pop(FOURTH).mean(0)  # trained for longer than the others, as the kinds of all folds
    one, all_views = ({name: each[:count].mean(0) for name, each in readings.items()} for count in (1, None))
    every, all_labels, kinds = read_all(options.all)
    row_of = {name: row for row, name in enumerate(every)}
    first = [row_of[name] for name in ids]
    with_fourth = {name: ages[first] for name, ages in kinds.items()} | {FOURTH: fourth}
    found: dict[str, Any] = {
        "n": len(labels),
        "alone": {name: [mae(one[name], labels), mae(all_views[name], labels)] for name in readings},
        "one view": chosen(labels, one),
        "three views": chosen(labels, all_views),
        "all folds": {"n": len(every), **parts_of(all_labels, kinds, KINDS)},
        "fourth": parts_of(labels, with_fourth, (*KINDS, FOURTH)),
    }
    for shipped, networks in SHIPPED.items():
        means = [np.mean([readings[name] for name in networks], 0) for readings in (one, all_views)]
        found["one view"][shipped]["three views"] = metrics.paired(labels, *means)["mae"]
    means = [np.mean([one[name] for name in (*JOINTS, hand)], 0) for hand in ALIKE]
    found["larger hand"] = metrics.paired(labels, *means)
    print(json.dumps(found, indent=2))
    if options.out:
        write_json(options.out, found)


if __name__ == "__main__":
    main()
