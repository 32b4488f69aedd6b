"""How well intervals hold, and the numbers they are judged by."""

from __future__ import annotations

import numpy as np
import pytest
from honest import sample

from boneage.evaluation.coverage import assessment, auroc, calibrated_range, ranks
from boneage.reading.intervals import factors
from boneage.types import Sex


def test_the_assessment_of_honest_spreads() -> None:
    labels, months, expected_errors = sample(600, 1)
    known = factors(months - labels, expected_errors)
    labels, months, expected_errors = sample(4000, 2)
    sexes = [Sex.FEMALE, Sex.MALE] * 2000
    found = assessment(labels, months, expected_errors, sexes, known)
    covered = found["levels"]["0.9"]["coverage"]
    assert len(covered) == 9
    assert sum(cell["n"] for name, cell in covered.items() if name != "all") == 4000
    assert covered["all"]["value"] == pytest.approx(0.9, abs=0.03)
    assert found["levels"]["0.9"]["width"] > found["levels"]["0.5"]["width"]
    assert found["spearman"] > 0.35
    assert found["auroc"] > 0.7
    assert found["surest"] < 0.9
    flat = assessment(labels, months, np.full(4000, 9.0), sexes, known)
    assert (flat["spearman"], flat["auroc"]) == (None, pytest.approx(0.5))


def test_the_range_of_calibrated_intervals_is_the_binomials() -> None:
    low, high = calibrated_range(100, 0.9)
    draws = np.random.default_rng(0).binomial(100, 0.9, 200_000) / 100
    assert np.mean(draws < low) <= 0.005 < np.mean(draws < low + 0.01)
    assert np.mean(draws > high) <= 0.005 < np.mean(draws > high - 0.01)


def test_ranks_share_ties() -> None:
    assert ranks(np.array([3.0, 1.0, 3.0, 2.0])).tolist() == [2.5, 0, 2.5, 1]


@pytest.mark.parametrize(("scores", "wanted"), [([1, 2, 3, 4], 1.0), ([4, 3, 2, 1], 0.0), ([1, 1, 1, 1], 0.5)])
def test_auroc(scores: list[float], wanted: float) -> None:
    positive = np.array([False, False, True, True])
    assert auroc(np.array(scores, float), positive) == wanted
    assert auroc(np.array(scores, float), np.ones(4, bool)) is None
