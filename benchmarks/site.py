"""Does a site's calibration help where it should and stay away where it should not?

python benchmarks/site.py [--table docs/results/tables/oof.csv] [--out docs/results/site.json] [--sites 500]

Simulated sites: n films drawn from out-of-fold readings of real films. Their labels less what a line for each sex
explains are a site without a bias; the others read otherwise by so many months. What is corrected is judged on all
other films. Ten minutes of one core.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from boneage.evaluation.predictions import Predictions
from boneage.files import write_json
from boneage.reading.site import Correction
from boneage.study import site
from boneage.table import rows_of
from boneage.types import Sex

SIZES = (100, 121, 300, 600)
Bias = Callable[[np.ndarray, np.ndarray], np.ndarray]  # of readings [n] and whether they are of boys
BIASES: dict[str, Bias] = {
    "none": lambda months, boys: np.zeros(len(months)),
    "girls 3 months younger, boys 5 older": lambda months, boys: np.where(boys, 5.0, -3.0),
    "all 3 months older": lambda months, boys: np.full(len(months), 3.0),
    "girls 3 months younger, boys 3 older": lambda months, boys: np.where(boys, 3.0, -3.0),
    "slope 0.9": lambda months, boys: -0.1 * months,
}


def films(table: Path) -> Predictions:
    """Out-of-fold readings, their labels freed from what a line for each sex explains."""
    header, rows = rows_of(table)
    column = {name: [cells[place] for _, cells in rows] for place, name in enumerate(header)}
    labels, months, expected = (np.array(column[name], float) for name in ("label", "prediction", "expected_error"))
    sexes = tuple(map(Sex, column["sex"]))
    design = site._design(months, sexes)
    explained = design @ np.linalg.lstsq(design, labels - months, rcond=None)[0]
    return Predictions("out of fold", tuple(column["id"]), sexes, labels - explained, months, expected)


def judged(known: Predictions, bias: Bias, n: int, seed: int) -> dict[str, bool | float]:
    """One site: whether it is corrected, whether the MAD of the films that it does not have falls, and the coverage."""
    boys = np.array([sex is Sex.MALE for sex in known.sexes])
    errors, expected = known.labels + bias(known.predictions, boys) - known.predictions, known.expected_errors
    assert expected is not None
    order = np.random.default_rng(seed).permutation(len(known))
    local, rest = order[:n], order[n:]
    sexes = [known.sexes[row] for row in local]
    fit = site.fitted(known.predictions[local], errors[local], sexes, expected[local])
    residuals = errors[local] - (fit.cross_fitted if fit.is_better else 0.0)
    factors = site.site_factors(residuals, expected[local], sexes)
    girls, others = (Correction(**site.corrections(fit.coefficients)[name]) for name in ("female", "male"))
    added = np.where(boys, others.of(known.predictions), girls.of(known.predictions)) * fit.is_better
    after = (errors - added)[rest]
    factor = np.where(boys, factors["male"]["0.9"], factors["female"]["0.9"])[rest]
    coverage, promised = float((np.abs(after) <= factor * expected[rest]).mean()), site.promised(n)["0.9"]
    change = float(np.abs(after).mean() - np.abs(errors[rest]).mean())
    return {
        "corrected": fit.is_better,
        "mad_falls": change < 0,
        "mad_change": change,
        "coverage": coverage,
        "as_promised": promised["low"] <= coverage <= promised["high"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", type=Path, default=Path("docs/results/tables/oof.csv"))
    parser.add_argument("--out", type=Path, default=Path("docs/results/site.json"))
    parser.add_argument("--sites", type=int, default=500)
    options = parser.parse_args()
    known, found = films(options.table), dict[str, Any]()
    for name, bias in BIASES.items():
        for n in SIZES:
            sites = [judged(known, bias, n, seed) for seed in range(options.sites)]
            means = {key: round(float(np.mean([one[key] for one in sites])), 4) for key in sites[0]}
            found[f"{name}, {n} films"] = means
            print(f"{name}, {n} films", means, flush=True)
    write_json(options.out, {"films": len(known), "sites": options.sites, "found": found})


if __name__ == "__main__":
    main()
