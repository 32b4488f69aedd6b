"""Krippendorff's alpha against his own example, and against the definition pair by pair."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from published import KRIPPENDORFF

from boneage.study.krippendorff import alpha


def by_definition(values: np.ndarray) -> float:
    units = [unit[np.isfinite(unit)] for unit in values]
    units = [unit for unit in units if len(unit) > 1]
    every = np.concatenate(units)
    within = [sum((a - b) ** 2 for a, b in permutations(unit, 2)) / (len(unit) - 1) for unit in units]
    between = sum((a - b) ** 2 for a, b in permutations(every, 2)) / (len(every) - 1)
    return 1 - sum(within) / between


def test_krippendorffs_example_to_the_printed_digit() -> None:
    found = alpha(KRIPPENDORFF)
    assert round(found["value"], 3) == 0.849
    assert found["low"] < found["value"] < found["high"] <= 1


@pytest.mark.parametrize("seed", range(3))
def test_it_is_the_definition(seed: int) -> None:
    generator = np.random.default_rng(seed)
    values = generator.normal(100, 10, (15, 1)) + generator.normal(0, 5, (15, 4))
    values[generator.uniform(size=values.shape) < 0.3] = np.nan
    assert alpha(values, 100)["value"] == pytest.approx(by_definition(values))


def test_full_agreement_is_1_and_chance_is_0() -> None:
    generator = np.random.default_rng(0)
    ages = generator.normal(100, 20, 500)
    assert alpha(np.column_stack([ages, ages]), 100)["value"] == pytest.approx(1)
    assert alpha(generator.normal(100, 20, (500, 3)), 100)["value"] == pytest.approx(0, abs=0.06)


@pytest.mark.parametrize("values", [np.full((4, 2), 3.0), np.array([[1.0, np.nan], [np.nan, 2.0]])])
def test_what_does_not_vary_or_was_rated_once_has_no_alpha(values: np.ndarray) -> None:
    assert alpha(values, 100)["value"] is None
