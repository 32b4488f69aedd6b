"""Whether a program could take the place of a reader: is it as near to the readers as they are to each other?

Individual equivalence as by Obuchowski, Subhas & Schoenhagen, "Testing for interchangeability of imaging tests", Acad
Radiol 2014;21:1483-1489: the disagreement of program and reader on a film less that of two readers on the same film.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np

from .consensus import mean_of_rated
from .deviation import Measured
from .resampling import RESAMPLES, bootstrapped

MARGIN = 1.0  # months: a program that disagrees by less than this more than a reader does is taken for one
INTERCHANGEABLE, FARTHER, UNDECIDED = "interchangeable", "farther", "undecided"


def interchangeability(
    program: np.ndarray, readers: np.ndarray, margin: float = MARGIN, resamples: int = RESAMPLES
) -> dict[str, Any] | None:
    """Compare the disagreement of a program with readers to that of readers with each other, on the same films.

    Args:
        program: readings [films] in months, NaN for gaps.
        readers: ratings [films, readers] in months, NaN for gaps.
        margin: how much more disagreement, in months, still counts as a reader's.
        resamples: of the films, for the intervals.

    Returns:
        ``n`` films that the program and two readers or more have read; ``with_program`` and ``between_readers``, mean
        absolute differences; ``difference`` of the two; ``gamma``, the same of mean squares, months²; ``margin``; and
        ``verdict``: interchangeable if the interval of the difference ends at the margin or below, farther if it begins
        above it, else undecided. None without such films.
    """
    both = np.isfinite(program) & (np.isfinite(readers).sum(axis=1) > 1)
    if not both.any():
        return None
    apart, among = _differences(program[both], readers[both])
    of_films = {
        "with_program": mean_of_rated(np.abs(apart)),
        "between_readers": mean_of_rated(np.abs(among)),
        "difference": mean_of_rated(np.abs(apart)) - mean_of_rated(np.abs(among)),
        "gamma": mean_of_rated(np.square(apart)) - mean_of_rated(np.square(among)),
    }
    found = _averages(of_films, resamples)
    return {"n": int(both.sum()), **found, "margin": margin, "verdict": _verdict(found["difference"], margin)}


def _differences(program: np.ndarray, readers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    pairs = combinations(range(readers.shape[1]), 2)
    return readers - program[:, None], np.column_stack([readers[:, a] - readers[:, b] for a, b in pairs])


def _averages(of_films: Mapping[str, np.ndarray], resamples: int) -> dict[str, Measured]:
    """The mean of each column [films] with its interval."""
    columns = np.column_stack([np.ones(len(next(iter(of_films.values())))), *of_films.values()])

    def means(sums: np.ndarray) -> dict[str, np.ndarray]:
        return {name: sums[..., place] / sums[..., 0] for place, name in enumerate(of_films, start=1)}

    return bootstrapped(columns, means, resamples)


def _verdict(difference: Measured, margin: float) -> str:
    if difference["low"] is None:
        return UNDECIDED
    if difference["high"] <= margin:
        return INTERCHANGEABLE
    return FARTHER if difference["low"] > margin else UNDECIDED
