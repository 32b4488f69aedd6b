from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from boneage.evaluation import metrics
from boneage.types import Sex

LABELS = np.array([10.0, 20.0, 24.0, 40.0])
PREDICTIONS = np.array([12.0, 18.0, 27.0, 40.0])

ages = st.integers(2, 40).flatmap(lambda n: arrays(np.float64, (2, n), elements=st.integers(1, 230).map(float)))


def measured(labels, predictions):
    return metrics.summary(np.asarray(labels), np.asarray(predictions), resamples=200)


def test_values_by_hand():
    found = measured(LABELS, PREDICTIONS)
    expected = {
        "mae": 7 / 4,
        "rmse": np.sqrt(17 / 4),
        "mape": 10.625,
        "mape_24": 6.25,
        "r2": 1 - 17 / 467,
        "median_error": 2.0,
        "bias": 3 / 4,
        "within_6": 100.0,
    }
    assert found["n"] == 4
    assert {key: found[key]["value"] for key in expected} == pytest.approx(expected)
    assert found["mape_24"]["n"] == 2


def test_within_counts_its_own_edge():
    found = measured([100.0, 100, 100, 100], [106.0, 112, 124, 125])
    assert [found[f"within_{months}"]["value"] for months in (6, 12, 24)] == [25, 50, 75]


def test_labels_of_zero_are_left_out_of_mape_and_counted():
    found = measured([0.0, 100, 50], [5.0, 110, 55])
    assert found["mape"]["value"] == pytest.approx(10)
    assert found["mape"]["n"] == 2
    assert found["mae"]["value"] == pytest.approx(20 / 3)


def test_mape_without_any_label_above_zero_is_undefined():
    found = measured([0.0, 0.0], [5.0, 3.0])
    assert found["mape"] == {"value": None, "low": None, "high": None, "n": 0}


def test_one_film_has_values_but_no_intervals():
    found = measured([100.0], [104.0])
    assert found["mae"] == {"value": 4.0, "low": None, "high": None}
    assert found["r2"]["value"] is None


def test_equal_labels_have_no_r2_but_an_mae_interval():
    found = measured([96.1] * 10, np.linspace(90, 110, 10))
    assert found["r2"] == {"value": None, "low": None, "high": None}
    assert found["mae"]["low"] < found["mae"]["value"] < found["mae"]["high"]


@pytest.mark.parametrize(
    ("labels", "predictions", "reason"),
    [
        ([], [], "no film"),
        ([1.0, 2.0], [1.0], "one length"),
        ([1.0, np.nan], [1.0, 2.0], "finite"),
        ([1.0, 2.0], [1.0, np.inf], "finite"),
    ],
)
def test_bad_columns_are_refused(labels, predictions, reason):
    with pytest.raises(ValueError, match=reason):
        measured(labels, predictions)


def test_interval_of_a_mean_is_near_the_textbook_one():
    errors = np.random.default_rng(1).normal(2, 9, 800)
    labels = np.linspace(10, 220, 800)
    bias = metrics.summary(labels, labels + errors)["bias"]
    half = 1.96 * errors.std(ddof=1) / np.sqrt(800)
    assert (bias["high"] - bias["low"]) / 2 == pytest.approx(half, rel=0.08)


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    generator = np.random.default_rng(5)
    truth, labels, hits = 9 * np.sqrt(2 / np.pi), np.linspace(10, 220, 60), 0
    for _ in range(200):
        mae = measured(labels, labels + generator.normal(0, 9, 60))["mae"]
        hits += mae["low"] <= truth <= mae["high"]
    assert 0.88 <= hits / 200 <= 0.99


def test_blocks_of_the_bootstrap_make_all_resamples(monkeypatch):
    whole = measured(LABELS, PREDICTIONS)
    monkeypatch.setattr(metrics, "_BLOCK", 12)
    blocks = list(metrics._resampled_rows(4, 200))
    assert sum(len(block) for block in blocks) == 200
    assert len(blocks) > 1
    assert measured(LABELS, PREDICTIONS)["mae"]["value"] == whole["mae"]["value"]


@given(ages)
def test_order_of_the_numbers(columns):
    found = measured(*columns)
    value = {key: found[key]["value"] for key in metrics.METRICS}
    assert value["mae"] <= value["rmse"] + 1e-9
    assert abs(value["bias"]) <= value["mae"] + 1e-9
    assert value["within_6"] <= value["within_12"] <= value["within_24"]
    assert value["r2"] is None or value["r2"] <= 1
    for key in metrics.METRICS:
        low, high = found[key]["low"], found[key]["high"]
        assert (low is None) == (high is None)
        assert low is None or low <= high


@given(ages)
def test_the_same_films_in_another_order_give_the_same_values(columns):
    one, other = measured(*columns), measured(*columns[:, ::-1])
    for key in metrics.METRICS:
        first, second = one[key]["value"], other[key]["value"]
        assert first == second or first == pytest.approx(second, rel=1e-9, abs=1e-9)


@given(ages)
def test_a_perfect_model_has_no_error(columns):
    found = measured(columns[0], columns[0])
    assert found["mae"] == {"value": 0, "low": 0, "high": 0}
    assert found["within_6"]["value"] == 100


@given(ages)
def test_results_repeat(columns):
    assert measured(*columns) == measured(*columns)


def test_by_sex_holds_only_those_that_occur():
    groups = metrics.by_sex(LABELS, PREDICTIONS, [Sex.MALE, Sex.UNKNOWN, Sex.MALE, Sex.MALE])
    assert {name: group["n"] for name, group in groups.items()} == {"male": 3, "unknown": 1}
    assert groups["unknown"]["mae"]["value"] == 2


def test_an_age_band_holds_its_lower_end():
    labels = np.array([83.9, 84, 119.9, 120, 155.9, 156, 228])
    groups = metrics.by_age(labels, labels + 1)
    assert {name: group["n"] for name, group in groups.items()} == {"<84": 1, "84-120": 2, "120-156": 2, ">=156": 2}


def test_limits_of_agreement():
    errors = np.random.default_rng(2).normal(3, 8, 300)
    labels = np.linspace(20, 200, 300)
    limits = metrics.agreement(labels, labels + errors)
    assert limits["lower"]["value"] == pytest.approx(errors.mean() - 1.96 * errors.std(ddof=1))
    assert limits["upper"]["low"] < limits["upper"]["value"] < limits["upper"]["high"]


def test_one_film_has_no_limits_of_agreement():
    assert metrics.agreement(LABELS[:1], PREDICTIONS[:1])["lower"]["value"] is None


def test_paired_by_hand():
    labels, a, b = np.array([100.0, 100, 100]), np.array([104.0, 90, 101]), np.array([102.0, 88, 101])
    found = metrics.paired(labels, a, b)
    assert (found["n"], found["win"], found["lose"], found["tie"]) == (3, 1, 1, 1)
    assert found["mae"]["value"] == pytest.approx(0.0)
    assert found["share"]["value"] == pytest.approx(100 / 3)


def test_a_model_ties_with_itself():
    found = metrics.paired(LABELS, PREDICTIONS, PREDICTIONS)
    assert found["mae"] == {"value": 0, "low": 0, "high": 0}
    assert found["tie"] == 4


@given(arrays(np.float64, (3, 12), elements=st.floats(1, 230)))
def test_the_paired_difference_turns_its_sign_with_the_order(columns):
    labels, a, b = columns
    forth, back = metrics.paired(labels, a, b, resamples=200), metrics.paired(labels, b, a, resamples=200)
    for key in ("mae", "rmse"):
        assert forth[key]["low"] == pytest.approx(-back[key]["high"], abs=1e-9)
        assert forth[key]["value"] == pytest.approx(-back[key]["value"], abs=1e-9)
    assert (forth["win"], forth["lose"]) == (back["lose"], back["win"])
    single = [measured(labels, each)["mae"]["value"] for each in (a, b)]
    assert forth["mae"]["value"] == pytest.approx(single[1] - single[0], abs=1e-9)


def test_pairing_sees_a_difference_that_two_intervals_hide():
    generator = np.random.default_rng(3)
    labels, shared = np.linspace(20, 200, 500), generator.normal(0, 9, 500)
    a, b = labels + 1.08 * shared, labels + shared
    assert metrics.paired(labels, a, b)["mae"]["high"] < 0
    assert measured(labels, a)["mae"]["low"] < measured(labels, b)["mae"]["high"]


def test_correlation():
    assert metrics.correlation(LABELS, 3 - 2 * LABELS) == pytest.approx(-1)
    assert metrics.correlation(LABELS, np.ones(4)) is None
    assert metrics.correlation(LABELS[:1], LABELS[:1]) is None
