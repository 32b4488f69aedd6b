"""The RSNA challenge's rule on a table that is computed by hand."""

from __future__ import annotations

import numpy as np
import pytest

from boneage.study.consensus import rsna

RATINGS = np.array([[100.0, 110, 96], [50, 52, 48], [80, 90, 76]])
# By hand: means 102, 50, 82. Differences from them: -2 0 -2; 8 2 8; -6 -2 -6. Biases -4/3, 6, -14/3; MADs 4/3, 6, 14/3.
# Weights 3/4, 1/6, 3/14, together 95/84: of each 63/95, 14/95, 18/95. First film without biases: 304/3, 104, 302/3,
# weighted (63·304/3 + 14·104 + 18·302/3) / 95 = 9652/95 = 101.6.


def test_the_rule_by_hand() -> None:
    found = rsna(RATINGS)
    assert found.biases == pytest.approx([-4 / 3, 6, -14 / 3])
    assert found.mads == pytest.approx([4 / 3, 6, 14 / 3])
    assert found.weights == pytest.approx([63 / 95, 14 / 95, 18 / 95])
    assert found.months == pytest.approx([101.6, 50.8, 81.6])
    assert found.counts.tolist() == [3, 3, 3]


def test_a_gap_leaves_the_others_their_weights() -> None:
    values = np.vstack([RATINGS, [60.0, np.nan, 56.0], [np.nan] * 3])
    found = rsna(values)
    weights, biases = found.weights[[0, 2]], found.biases[[0, 2]]
    assert found.months[3] == pytest.approx((values[3, [0, 2]] - biases) @ weights / weights.sum())
    assert np.isnan(found.months[4])
    assert found.counts.tolist() == [3, 3, 3, 2, 0]


def test_readers_who_agree_fully_share_the_weight() -> None:
    found = rsna(np.array([[10.0, 10.0], [20.0, 20.0]]))
    assert found.weights.tolist() == [0.5, 0.5]
    assert found.months.tolist() == [10.0, 20.0]


def test_a_reader_far_from_the_mean_counts_little() -> None:
    generator = np.random.default_rng(0)
    ages = generator.uniform(50, 200, 400)
    values = np.column_stack([ages + generator.normal(0, sd, 400) for sd in (4, 4, 4, 25)])
    found = rsna(values)
    assert found.weights[3] < 0.5 * found.weights[0]
    assert np.abs(found.months - ages).mean() < np.abs(values.mean(axis=1) - ages).mean()


def test_films_that_a_reader_rated_alone_do_not_raise_his_weight() -> None:
    alone = np.column_stack([np.full((50, 2), np.nan), np.linspace(30, 200, 50)])
    found, apart = rsna(np.vstack([RATINGS, alone])), rsna(RATINGS)
    assert found.weights == pytest.approx(apart.weights)
    assert found.biases == pytest.approx(apart.biases)
    assert found.months[3:] == pytest.approx(alone[:, 2] - apart.biases[2])


def test_a_reader_who_shares_no_film_keeps_his_ratings_and_one_without_deviation_has_not_all_the_weight() -> None:
    values = np.array([[90, 100, 110, np.nan], [60, 60, 60, np.nan], [np.nan, np.nan, np.nan, 80]])
    found = rsna(values)
    assert found.mads[:3].tolist() == [5, 0, 5]
    assert found.weights == pytest.approx([0.25] * 4)
    assert found.months == pytest.approx([100, 60, 80])
    assert np.isnan(found.biases[3])
