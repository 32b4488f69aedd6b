"""Do the intervals of `boneage agree` hold what they say, and how long do 20,000 films take?

python benchmarks/agreement.py [--out docs/results/agreement.json] [--studies 2000]

Simulated studies: films, readers with biases and errors that are normal; each study's 95 % interval holds the truth or
does not. About five minutes of one core.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import norm

from boneage.files import write_json
from boneage.study import bland_altman, icc, krippendorff, variance
from boneage.study.agree import agree
from boneage.study.deviation import deviations

ERROR, BIAS = 6.5, 2.0  # months: a reader's standard deviation, and that of readers' biases
FILMS = {"all ages": 55.0, "one age band": 10.0}  # months: the standard deviation of the films' bone ages
FEWER = 400  # studies where each takes a bootstrap

Generator = np.random.Generator
Held = dict[str, bool | None]


def differences(n: int) -> Callable[[Generator], Held]:
    """Bias, MAD, RMSE and limits of agreement of n differences."""
    bias, sd = 2.0, ERROR
    folded = sd * np.sqrt(2 / np.pi) * np.exp(-(bias**2) / (2 * sd**2)) + bias * (1 - 2 * norm.cdf(-bias / sd))
    truth = {"bias": bias, "mad": folded, "rmse": np.hypot(bias, sd)}
    ends = {"lower": bias - bland_altman.WIDTH * sd, "upper": bias + bland_altman.WIDTH * sd}

    def study(generator: Generator) -> Held:
        apart = generator.normal(bias, sd, n)
        found, limits = deviations(apart), bland_altman.limits(apart)
        held = {name: _holds(found[name], value) for name, value in truth.items()}
        return held | {f"{name} limit": _holds(limits[name], value) for name, value in ends.items()}

    return study


def correlations(n: int, k: int, films: float) -> Callable[[Generator], Held]:
    """ICCs of complete ratings by k readers who are drawn anew for every study."""
    total = films**2 + BIAS**2 + ERROR**2
    truth = {"ICC(A,1)": films**2 / total, "ICC(C,1)": films**2 / (films**2 + ERROR**2)}
    truth["ICC(A,k)"] = films**2 / (films**2 + (BIAS**2 + ERROR**2) / k)

    def study(generator: Generator) -> Held:
        values = _rated(generator, n, generator.normal(0, BIAS, k), films)
        found = icc.of_complete(values)
        return {name: _holds(found[name], value) for name, value in truth.items()}

    return study


def with_gaps(n: int, k: int, films: float) -> Callable[[Generator], Held]:
    """ICCs and, by bootstrap, alpha: the same readers in every study, three ratings in ten missing."""
    biases = np.linspace(-1.5, 1.5, k) * BIAS
    between = biases.var(ddof=1)
    truth = {
        "ICC(A,1)": films**2 / (films**2 + between + ERROR**2),
        "ICC(C,1)": films**2 / (films**2 + ERROR**2),
        "alpha": 1 - (between + ERROR**2) / (films**2 + biases.var() + ERROR**2),
    }

    def study(generator: Generator) -> Held:
        values = _rated(generator, n, biases, films)
        values[generator.uniform(size=values.shape) < 0.3] = np.nan
        found = variance.of_incomplete(values) | {"alpha": krippendorff.alpha(values, 500)}
        return {name: _holds(found[name], value) for name, value in truth.items()}

    return study


def repeated(n: int) -> Callable[[Generator], Held]:
    """Limits of agreement of two readers who rated each film two or three times."""
    own, others = 4.0, 5.0  # months: a reader's error, and that of reader and film together
    width = bland_altman.WIDTH * np.sqrt(2 * (own**2 + others**2))
    truth = {"lower limit": -width, "upper limit": width}

    def study(generator: Generator) -> Held:
        both = [
            [generator.normal(at, own, 2 + film % 2) for film, at in enumerate(generator.normal(0, others, n))]
            for _ in range(2)
        ]
        found = bland_altman.repeated_limits(*both)
        assert found
        return {name: _holds(found[name.partition(" ")[0]], value) for name, value in truth.items()}

    return study


def designs() -> Iterator[tuple[str, Callable[[Generator], Held], bool]]:
    """The name of each design, how to draw and judge a study, and whether that takes a bootstrap."""
    for n in (10, 20, 50, 99, 100, 200):
        yield f"two columns, {n} films", differences(n), False
    for n in (12, 85):
        yield f"two readers, 2 or 3 ratings each of {n} films", repeated(n), False
    for name, films in FILMS.items():
        for n, k in ((20, 3), (50, 3), (50, 6), (200, 6)):
            yield f"{k} readers, {n} films, {name}", correlations(n, k, films), False
        for n, k in ((50, 4), (200, 4)):
            yield f"{k} readers with gaps, {n} films, {name}", with_gaps(n, k, films), True


def held(study: Callable[[Generator], Held], studies: int) -> dict[str, float]:
    """Which percentage of the intervals hold the truth, by number."""
    generator = np.random.default_rng(0)
    outcomes = [study(generator) for _ in range(studies)]
    return {name: round(100 * float(np.mean([one[name] for one in outcomes])), 2) for name in outcomes[0]}


def large(films: int, readers: int, resamples: int) -> dict[str, Any]:
    """Seconds and memory of one report."""
    generator = np.random.default_rng(0)
    values = _rated(generator, films, generator.normal(0, BIAS, readers), FILMS["all ages"]) + 120
    values = np.clip(values, 0, 240)
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder, "ratings.csv")
        rows = (f"{film},{'FM'[film % 2]},{','.join(f'{v:.2f}' for v in row)}" for film, row in enumerate(values))
        names = ",".join(f"reader_{number}" for number in range(readers))
        table.write_text("\n".join([f"id,sex,{names}", *rows]))
        began, worked = time.perf_counter(), time.process_time()
        agree(table, Path(folder, "out"), programs=["reader_0"], resamples=resamples)
        seconds, cpu = time.perf_counter() - began, time.process_time() - worked
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    found = {"films": films, "readers": readers, "resamples": resamples, "mb": round(peak)}
    return found | {"seconds": round(seconds, 1), "cpu_seconds": round(cpu, 1)}


def _rated(generator: Generator, n: int, biases: np.ndarray, films: float) -> np.ndarray:
    ages = generator.normal(0, films, (n, 1))
    return ages + biases + generator.normal(0, ERROR, (n, len(biases)))


def _holds(found: dict[str, Any], truth: float) -> bool:
    return found["low"] is not None and found["low"] <= truth <= found["high"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("docs/results/agreement.json"))
    parser.add_argument("--studies", type=int, default=2000)
    options = parser.parse_args()
    found: dict[str, Any] = {"machine": f"{os.cpu_count()} cores", "large": large(20_000, 6, 500), "held": {}}
    for name, study, slow in designs():
        number = min(options.studies, FEWER) if slow else options.studies
        found["held"][name] = {"studies": number, **held(study, number)}
        print(name, found["held"][name], flush=True)
    write_json(options.out, found)


if __name__ == "__main__":
    main()
