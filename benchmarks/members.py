"""Which networks a shipped file should be made of, and how many looks, by films that none of them has seen.

python benchmarks/members.py [--table docs/results/members.csv] [--out docs/results/members.json]

The table holds what networks of several kinds, each trained for two and a half minutes of a GPU without the first fold
of the training films, read on that fold, look by look (`python benchmarks/side_by_side.py … --minutes 2.5 --fold 0`).
No validation label is asked.
"""

from __future__ import annotations

import argparse
import csv
import json
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from boneage import metrics
from boneage.files import write_json

SHIPPED = ("joints_384", "joints_distribution", "hand_384")  # the kinds that `default` is made of
WEIGHTS = np.arange(0, 1.01, 0.1)
LARGEST = 4  # networks of one file that are tried together


def read(path: Path) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Labels [films] and by network its readings [looks, films], in months."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    looks: dict[str, list[np.ndarray]] = {}
    for column in [name for name in rows[0] if " look " in name]:
        looks.setdefault(column.partition(" look ")[0], []).append(np.array([float(row[column]) for row in rows]))
    return np.array([float(row["label"]) for row in rows]), {name: np.stack(each) for name, each in looks.items()}


def mae(months: np.ndarray, labels: np.ndarray) -> float:
    return float(np.abs(months - labels).mean())


def chosen(labels: np.ndarray, readings: dict[str, np.ndarray]) -> dict[str, Any]:
    """The best mean of each number of networks, the shipped one, what each of its parts adds, and other weights."""
    best = {}
    for count in range(1, LARGEST + 1):
        means = {names: np.mean([readings[name] for name in names], 0) for names in combinations(readings, count)}
        first = min(means, key=lambda names: mae(means[names], labels))
        best[count] = {"networks": first, "mae": mae(means[first], labels)}
    shipped = np.mean([readings[name] for name in SHIPPED], 0)
    without = {}
    for name in SHIPPED:
        rest = np.mean([readings[other] for other in SHIPPED if other != name], 0)
        without[name] = metrics.paired(labels, shipped, rest)["mae"]
    parts = [(a, b, 1 - a - b) for a in WEIGHTS for b in WEIGHTS if a + b <= 1 + 1e-9]
    stacked = np.stack([readings[name] for name in SHIPPED])
    weights = min(parts, key=lambda each: mae(np.array(each) @ stacked, labels))
    return {
        "best": best,
        "shipped": metrics.summary(labels, shipped)["mae"],
        "without": without,
        "best_weights": {name: round(float(part), 1) for name, part in zip(SHIPPED, weights, strict=True)},
        "mae_of_best_weights": mae(np.array(weights) @ stacked, labels),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", type=Path, default=Path("docs/results/members.csv"))
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    labels, looks = read(options.table)
    one, all_looks = ({name: each[:count].mean(0) for name, each in looks.items()} for count in (1, None))
    found = {
        "n": len(labels),
        "alone": {name: [mae(one[name], labels), mae(all_looks[name], labels)] for name in looks},
        "one look": chosen(labels, one),
        "three looks": chosen(labels, all_looks),
    }
    means = [np.mean([readings[name] for name in SHIPPED], 0) for readings in (one, all_looks)]
    found["three looks against one"] = metrics.paired(labels, *means)["mae"]
    print(json.dumps(found, indent=2))
    if options.out:
        write_json(options.out, found)


if __name__ == "__main__":
    main()
