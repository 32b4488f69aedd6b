"""A predicted adult height as a figure: missing facts, ranges, and what holds for every method."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from children import child, read

from boneage import Sex
from boneage.growth import bayley_pinneau, khamis_guo, roche_wainer_thissen
from boneage.growth.prediction import Method, known_of, missing_of, predict

METHODS = (bayley_pinneau.METHOD, roche_wainer_thissen.METHOD, khamis_guo.METHOD)


def test_the_first_thing_that_is_missing_is_told() -> None:
    assert missing_of(child(), ("age_months", "weight_kg")) is None
    missing = missing_of(child(age_months=None, weight_kg=None), ("age_months", "weight_kg"))
    assert missing is not None
    assert missing.code == "no_age"
    unsexed = child(Sex.UNKNOWN)
    assert missing_of(unsexed, ("age_months",), sexed=False) is None


def test_what_went_in_is_told_with_the_ages_width() -> None:
    found = known_of(child(age_half_width_months=6.0, weight_kg=None), ("age_months", "weight_kg"))
    assert found == {"sex": "male", "age_months": 126, "age_half_width_months": 6}


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_every_method_says_all_of_itself(method: Method) -> None:
    found = predict(method, read(120.0))
    assert found.value is not None
    assert (found.unit, found.level) == ("cm", 0.9)
    assert all((found.method, found.source, found.domain, found.range_of))
    assert set(found.computed_from) == {"sex", *method.needs}
    assert None not in (found.low, found.high)
    assert found.low < found.value < found.high  # type: ignore[operator]


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_a_larger_error_of_the_reading_never_narrows_the_range(method: Method) -> None:
    widths = []
    for sd in (2.0, 6.0, 10.0):
        found = predict(method, read(126.0, sd, age_months=126.0))
        assert found.low is not None
        assert found.high is not None
        widths.append(found.high - found.low)
    assert widths[0] <= widths[1] + 0.02 <= widths[2] + 0.04


def test_the_method_itself_may_have_no_error_at_an_age() -> None:
    silent = replace(bayley_pinneau.METHOD, errors=lambda child, ages: np.full(ages.shape, np.nan))
    found = predict(silent, read(120.0))
    assert (found.value, found.low) == (bayley_pinneau.figure(read(120.0)).value, None)
    assert "no_published_error" in found.codes
