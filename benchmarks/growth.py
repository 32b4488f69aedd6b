"""Whether the 90 % ranges of predicted adult heights hold what they say, and how long a whole `Growth` takes.

python benchmarks/growth.py [--errors docs/results/tables/oof.csv] [--out JSON]    about four minutes

A cell is a sex, a chronological age and a difference of bone age and calendar: some at the border of two groups of
Bayley and Pinneau, some with an age that is known in whole years. Of each cell 500 readings are drawn (bone age within
1.5 months of the cell's, height, weight and parents from the CDC's chart), and 20 outcomes for each: 10,000 children.
A child's true bone age misses the reading as readings of films out of fold miss their labels (one half of them gives
the intervals, the other half the errors); its adult height is the method's formula at the true bone age and age, with
the method's published error. What lies outside the method's tables is drawn again.

So this is a test of the arithmetic, not of the methods: whether these predict the children of today is another matter.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from boneage.files import write_json
from boneage.growth import bayley_pinneau, khamis_guo, lms, roche_wainer_thissen
from boneage.growth.child import Child
from boneage.growth.prediction import Method, predict
from boneage.growth.result import assess
from boneage.growth.velocity import Visit
from boneage.reading.intervals import around, factors
from boneage.types import Sex

READINGS, OUTCOMES, SEED, TIMED = 500, 20, 0, 300
METHODS = (bayley_pinneau.METHOD, roche_wainer_thissen.METHOD, khamis_guo.METHOD)
APART = (-24, -12, -6, 0, 6, 12)  # bone age less chronological age in months: 12 is the border of a group
AGES = {Sex.MALE: (108, 132, 156), Sex.FEMALE: (102, 120, 144)}


@dataclass(frozen=True)
class Cell:
    """Children alike: ages in months."""

    sex: Sex
    age: float
    apart: float
    half_width: float = 0.0


@dataclass(frozen=True)
class Errors:
    """Errors of readings: expected ones, by how many of them readings miss, and the factors of the intervals."""

    expected: np.ndarray
    scores: np.ndarray
    factors: dict[str, float]

    @classmethod
    def of(cls, table: Path) -> Errors:
        """From a table of readings out of fold, with labels and expected errors."""
        with table.open(encoding="utf-8", newline="") as file:
            rows = [
                [float(row[name]) for name in ("label", "prediction", "expected_error")] for row in csv.DictReader(file)
            ]
        label, prediction, expected = np.random.default_rng(SEED).permutation(np.array(rows)).T
        half = len(label) // 2
        found = factors((label - prediction)[:half], expected[:half])
        return cls(expected[half:], ((label - prediction) / expected)[half:], found)


def cells() -> Iterator[Cell]:
    """All cells; with an age in whole years those of no difference and of the border."""
    for sex, ages in AGES.items():
        for age in ages:
            yield from (Cell(sex, age, apart) for apart in APART)
            yield from (Cell(sex, age, apart, 6.0) for apart in (-12, 0))


def read(cell: Cell, errors: Errors, rng: np.random.Generator) -> Child:
    """A child of a cell as it is read."""
    bone_age = cell.age + cell.apart + rng.uniform(-1.5, 1.5)
    height = float(lms.cdc(False).heights(rng.normal(), np.array([float(cell.age)]), cell.sex)[0])
    return Child(
        cell.sex,
        cell.age,
        cell.half_width,
        bone_age,
        around(bone_age, float(rng.choice(errors.expected)), errors.factors),
        height,
        None,
        17 * (1 + 0.12 * rng.normal()) * (height / 100) ** 2,
        rng.normal(164, 6.5),
        rng.normal(177, 7),
        by_network=True,
    )


def outcomes(method: Method, child: Child, expected: float, errors: Errors, rng: np.random.Generator) -> np.ndarray:
    """Adult heights of children who are read alike."""
    found = np.empty(0)
    while len(found) < OUTCOMES:
        bones = np.maximum(child.known("bone_age_months") + expected * rng.choice(errors.scores, OUTCOMES), 0)
        ages = child.known("age_months") + child.age_half_width_months * rng.uniform(-1, 1, OUTCOMES)
        heights = method.heights(child, bones, ages) + rng.normal(size=OUTCOMES) * method.errors(child, ages)
        found = np.append(found, heights[~np.isnan(heights)])
    return np.maximum(found[:OUTCOMES], child.known("stature_cm"))


def measured(method: Method, cell: Cell, errors: Errors, rng: np.random.Generator) -> dict[str, Any]:
    """How many of a cell's children the ranges hold, and how wide those are."""
    held, widths, without = [], [], 0
    for _ in range(READINGS):
        child = read(cell, errors, rng)
        assert child.bone_age_intervals
        expected = (child.bone_age_intervals[-1].high - child.known("bone_age_months")) / max(errors.factors.values())
        figure = predict(method, child)
        if figure.low is None or figure.high is None:
            without += 1
            continue
        drawn = outcomes(method, child, expected, errors, rng)
        held += list((figure.low <= drawn) & (drawn <= figure.high))
        widths.append(figure.high - figure.low)
    return {
        "held": round(float(np.mean(held)), 4) if held else None,
        "children": len(held),
        "width_cm": round(float(np.mean(widths)), 2) if widths else None,
        "without_range": without,
    }


def timed() -> float:
    """The median time in milliseconds of all that can be said of one child."""
    errors = Errors(np.array([9.0]), np.array([0.0]), {"0.5": 0.7, "0.8": 1.4, "0.9": 1.9})
    child = read(Cell(Sex.MALE, 132, -6), errors, np.random.default_rng(SEED))
    before = replace(child, age_months=120.0, bone_age_months=110.0)
    times = []
    for _ in range(TIMED):
        began = time.perf_counter()
        assess(child, [Visit(before)])
        times.append(time.perf_counter() - began)
    return 1000 * median(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--errors", type=Path, default=Path("docs/results/tables/oof.csv"))
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    errors, rng = Errors.of(options.errors), np.random.default_rng(SEED)
    rows = []
    for cell in cells():
        for method in METHODS:
            about = {"sex": cell.sex.value, "age_months": cell.age, "apart_months": cell.apart}
            row = {"method": method.name, **about, "age_half_width_months": cell.half_width}
            rows.append(row | measured(method, cell, errors, rng))
            print(json.dumps(rows[-1]), flush=True)
    held = [row["held"] for row in rows if row["held"] is not None]
    found = {
        "readings_a_cell": READINGS,
        "outcomes_a_reading": OUTCOMES,
        "cells": len(rows),
        "cells_with_a_range": len(held),
        "least_held": min(held),
        "most_held": max(held),
        "milliseconds_a_growth_with_follow_up": round(timed(), 2),
        "rows": rows,
    }
    print(json.dumps({name: value for name, value in found.items() if name != "rows"}, indent=2))
    if options.out:
        write_json(options.out, found)


if __name__ == "__main__":
    main()
