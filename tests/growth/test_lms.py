"""Heights against a chart: the CDC's, half months, a chart of one's own, and what a chart does not cover."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from children import child
from hypothesis import given
from hypothesis import strategies as st

from boneage import Sex
from boneage.errors import BadTable, OutsideReference
from boneage.growth.lms import CENTILES, cdc, centiles, figure, read

OWN = "sex;age_months;L;M;S\nmale;60;1;110;0,04\nmale;72;1;116;0,04\nF;60;0;109;0,04\nF;72;0;115;0,04\n"


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "chart.csv"
    path.write_text(OWN)
    return path


@pytest.mark.parametrize(
    ("sex", "months", "centile", "cm"),
    [  # as the CDC prints them for the same rows (statage)
        (Sex.MALE, 24.0, 50, 86.45220101),
        (Sex.MALE, 120.5, 50, 138.82286),
        (Sex.FEMALE, 240.0, 50, 163.33),
    ],
)
def test_the_median_is_that_of_the_file(sex: Sex, months: float, centile: int, cm: float) -> None:
    assert cdc(False).heights(0.0, np.array([months]), sex)[0] == pytest.approx(cm, abs=0.02)


def test_between_the_half_months_l_m_and_s_are_interpolated() -> None:
    chart = cdc(False)
    below, between, above = chart.parameters(np.array([120.5, 121.0, 121.5]), Sex.FEMALE).T
    assert between == pytest.approx((below + above) / 2)


def test_at_birth_and_lying_it_is_the_chart_of_length() -> None:
    baby = child(age_months=12.0, height_cm=76.0)
    found = figure(baby, cdc(baby.is_lying))
    assert "length for age" in found.method
    assert found.value == pytest.approx(float(cdc(True).sds(76.0, np.array([12.0]), Sex.MALE)[0]), abs=0.005)
    assert "stature for age" in figure(child(), cdc(False)).method


def test_a_score_and_its_height_are_inverse() -> None:
    chart, ages = cdc(False), np.linspace(24, 240, 50)
    for z in (-3.0, -1.0, 0.0, 2.5):
        for sex in (Sex.MALE, Sex.FEMALE):
            for height, age in zip(chart.heights(z, ages, sex), ages, strict=True):
                assert chart.sds(float(height), np.array([age]), sex)[0] == pytest.approx(z, abs=1e-9)


def test_the_centiles_rise() -> None:
    found = centiles(cdc(False), Sex.MALE, np.array([60.0, 120.0, 240.0]))
    assert tuple(found) == CENTILES
    assert (np.diff(np.array(list(found.values())), axis=0) > 0).all()


@pytest.mark.parametrize(
    ("known", "code", "reason"),
    [
        ({"age_months": 241.0}, "outside_table", "covers 24 to 240 months of age, not 241.0"),
        ({"age_months": 238.0, "age_half_width_months": 6.0}, "outside_table", "to 240 months of age, not 24"),
        ({"age_months": 23.0, "height_cm": 85.0, "lying": False}, "outside_table", "stature for age covers 24"),
        ({"age_months": 36.0, "height_cm": 95.0, "lying": True}, "outside_table", "length for age covers 0 to 35.5"),
        ({"age_months": None}, "no_age", "the chronological age is not known"),
        ({"height_cm": None}, "no_height", "height is not given"),
    ],
)
def test_it_says_why_there_is_no_score(known: dict[str, float], code: str, reason: str) -> None:
    one = child(**known)
    found = figure(one, cdc(one.is_lying))
    assert (found.value, found.codes) == (None, (code,))
    assert reason in found.refusal


def test_an_age_in_whole_years_gives_a_range() -> None:
    exact, wide = figure(child(), cdc(False)), figure(child(age_half_width_months=6.0), cdc(False))
    assert (exact.low, exact.level, exact.range_of) == (None, None, "")
    assert wide.value == exact.value
    assert None not in (wide.low, wide.high)
    assert wide.low < wide.value < wide.high  # type: ignore[operator]
    assert wide.level == 0.9


def test_a_chart_of_ones_own(own: Path) -> None:
    chart = read(own)
    assert chart.range_of(Sex.FEMALE) == (60, 72)
    assert chart.sds(116.6, np.array([60.0]), Sex.MALE)[0] == pytest.approx(1.5)
    assert chart.sds(109 * np.exp(0.08), np.array([60.0]), Sex.FEMALE)[0] == pytest.approx(2)
    found = figure(child(age_months=66.0, height_cm=113.0), chart)
    assert (found.value, found.source) == (0.0, "the file chart.csv")
    assert len(chart.sha256) == 64


def test_ages_in_years_and_the_cdcs_own_spelling(own: Path) -> None:
    own.write_text("Sex,Agemos,L,M,S\n1,60,1,110,.04\n1,72,1,116,.04\n")
    assert read(own).range_of(Sex.MALE) == (60, 72)
    own.write_text("sex,age_years,L,M,S\n2,5,1,110,.04\n2,6,1,116,.04\n")
    assert read(own).range_of(Sex.FEMALE) == (60, 72)
    with pytest.raises(OutsideReference, match="no rows of this sex"):
        read(own).parameters(np.array([60.0]), Sex.MALE)
    assert figure(child(age_months=62.0, height_cm=110.0), read(own)).codes == ("outside_table",)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("L;M;S", "L;M;T", "no column s"),
        ("age_months", "when", "no column age_months"),
        ("male;60;1;110", "male;60;1;tall", "'tall' is not a number"),
        ("male;60;1;110", "male;60;1;-110", "not above 0"),
        ("male;60", "child;60", "'child' is neither female nor male"),
        ("male;72", "male;60", "do not rise"),
    ],
)
def test_a_wrong_chart_is_refused(own: Path, old: str, new: str, reason: str) -> None:
    own.write_text(OWN.replace(old, new, 1))
    with pytest.raises(BadTable, match=reason):
        read(own)


@given(st.floats(24, 239), st.floats(60, 200), st.floats(0, 20), st.sampled_from([Sex.MALE, Sex.FEMALE]))
def test_it_rises_with_the_height(age: float, height: float, more: float, sex: Sex) -> None:
    low, high = (cdc(False).sds(cm, np.array([age]), sex)[0] for cm in (height, height + more))
    assert low <= high
