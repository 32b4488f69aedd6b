"""A regression with a row for each age: the nearest row, its misprints, its ends."""

from __future__ import annotations

import numpy as np
import pytest
from children import child
from hypothesis import given
from hypothesis import strategies as st

from boneage import Sex
from boneage.growth.regression import heights, nearest, outside, remarks
from boneage.growth.tables import column, rows

RWT, KG = "roche_wainer_thissen_1975", "khamis_guo_1993"


def test_the_row_of_the_nearest_age_is_used() -> None:
    known = np.array([12.0, 15.0, 18.0])
    assert nearest(known, np.array([12.0, 13.4, 13.5, 16.4, 18.0])).tolist() == [0, 0, 1, 1, 2]


@pytest.mark.parametrize("table", [RWT, KG])
@pytest.mark.parametrize("sex", [Sex.MALE, Sex.FEMALE])
def test_at_every_row_it_is_the_sum_that_is_printed(table: str, sex: Sex) -> None:
    one = child(sex)
    for row in rows(table):
        if row["sex"] == sex.value:
            terms = {name: float(row[name]) for name in ("intercept", "height_cm", "weight_kg", "midparent_cm")}
            expected = terms["intercept"] + 141 * terms["height_cm"] + 35 * terms["weight_kg"]
            expected += 172 * terms["midparent_cm"] + 9.5 * float(row["skeletal_age_years"])
            found = heights(table, one, 141.0, np.array([114.0]), np.array([float(row["age_months"])]))
            assert found[0] == pytest.approx(expected, abs=1e-9)


def test_outside_the_table_there_is_no_number_but_a_sentence() -> None:
    low, high = (column(RWT, Sex.FEMALE, "age_months")[place] for place in (0, -1))
    found = heights(RWT, child(Sex.FEMALE), 141.0, np.full(4, 114.0), np.array([low - 0.1, low, high, high + 0.1]))
    assert np.isnan(found).tolist() == [True, False, False, True]
    said = "the table of girls covers ages of 1 y 0 mo to 14 y 0 mo, not 14 y 2 mo"
    assert outside(RWT, child(Sex.FEMALE, age_months=170.0)) == said


def codes(table: str, sex: Sex, age: float, **known: float) -> list[str]:
    one = child(sex, age_months=age, **known)
    return [flag.code for flag in remarks(table, one, np.array([age]))]


def test_misprints_are_told() -> None:
    assert codes(RWT, Sex.FEMALE, 135.0) == ["misprint_corrected"]
    assert codes(RWT, Sex.MALE, 192.0) == ["misprint_suspected"]
    assert codes(RWT, Sex.FEMALE, 165.0) == ["misprint_suspected"]
    assert codes(KG, Sex.MALE, 150.0) == ["misprint_suspected"]
    assert codes(KG, Sex.MALE, 146.0) == codes(RWT, Sex.MALE, 135.0) == []


def test_a_suspected_misprint_says_what_it_would_change() -> None:
    [flag] = remarks(RWT, child(age_months=192.0, weight_kg=60.0), np.array([192.0]))
    assert flag.sentence.endswith("then the height would be +1.7 cm different")
    [flag] = remarks(KG, child(age_months=150.0, weight_kg=40.0), np.array([150.0]))
    assert "weight_kg 0.01995, by its neighbours -0.01995" in flag.sentence
    assert "-1.6 cm" in flag.sentence


def test_it_is_not_meant_for_bones_that_are_mostly_adult() -> None:
    assert codes(RWT, Sex.MALE, 186.0, bone_age_months=192.0) == ["most_bones_adult"]
    assert codes(KG, Sex.FEMALE, 156.0, bone_age_months=168.0) == ["most_bones_adult"]
    assert codes(KG, Sex.FEMALE, 156.0, bone_age_months=167.0) == []


@given(st.sampled_from([RWT, KG]), st.floats(36, 168), st.floats(24, 200), st.floats(0, 12))
def test_within_a_row_it_has_no_step(table: str, age: float, bone_age: float, more: float) -> None:
    found = heights(table, child(), 140.0, np.array([bone_age, bone_age + more]), np.array([age, age]))
    steepest = np.abs(column(table, Sex.MALE, "skeletal_age_years")).max() / 12
    assert abs(found[1] - found[0]) <= steepest * more + 1e-9


@given(st.sampled_from([RWT, KG]), st.floats(36, 168), st.floats(60, 190), st.floats(0, 20))
def test_it_rises_with_the_height(table: str, age: float, height: float, more: float) -> None:
    low, high = (heights(table, child(), cm, np.array([120.0]), np.array([age]))[0] for cm in (height, height + more))
    assert high >= low
