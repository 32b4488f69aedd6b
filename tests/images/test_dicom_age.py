"""The chronological age of a DICOM header: dates to the day, PatientAge to its unit, and what is odd is noted."""

from __future__ import annotations

import pytest
from pydicom.dataset import Dataset

from boneage.images.dicom_age import age_of
from boneage.types import Age


def told(**fields: str) -> tuple[Age | None, list[str]]:
    """The age of a header with these fields, and the notes."""
    dataset, notes = Dataset(), list[str]()
    for name, value in fields.items():
        # As a file gives it: assigning an odd value by name would be refused.
        dataset.add_new(name, "LO", value)
    return age_of(dataset, notes), notes


@pytest.mark.parametrize(
    ("text", "months", "half_width"),
    [
        ("011Y", 138, 6),
        ("11", 138, 6),
        ("11 Y", 138, 6),
        ("11.5Y", 138, 0.6),
        ("018M", 18.5, 0.5),
        ("030M", 30.5, 0.5),
        ("000D", 0.0164, 0.0164),
    ],
)
def test_patient_age_is_the_middle_of_its_unit(text: str, months: float, half_width: float) -> None:
    age, _ = told(PatientAge=text)
    assert age is not None
    assert (age.months, age.half_width) == pytest.approx((months, half_width), abs=0.01)


@pytest.mark.parametrize("text", ["old", "11 stone", "132", "-3Y", "0999Y"])
def test_an_age_that_is_none_is_noted_and_not_used(text: str) -> None:
    age, notes = told(PatientAge=text)
    assert age is None
    assert any("is not used" in note for note in notes)


def test_whole_years_and_a_missing_unit_are_noted() -> None:
    assert "132 to 144 months" in told(PatientAge="011Y")[1][0]
    assert "has no unit and is taken for years" in told(PatientAge="11")[1][0]
    assert told(PatientAge="018M")[1] == []


def test_dates_tell_it_to_the_day() -> None:
    age, notes = told(PatientBirthDate="20100115", StudyDate="20210115", PatientAge="011Y")
    assert age is not None
    assert age.months == pytest.approx(132, abs=0.05)
    assert (age.half_width, notes) == (0, [])


def test_the_first_date_that_is_one_counts() -> None:
    age, notes = told(PatientBirthDate="2010-01-15", StudyDate="unknown", SeriesDate="20210115120000")
    assert age is not None
    assert age.months == pytest.approx(132, abs=0.05)
    assert notes == ["StudyDate is no date that can be read: it is not used"]


def test_a_contradiction_is_noted_and_patient_age_wins() -> None:
    age, notes = told(PatientBirthDate="20000115", StudyDate="20210115", PatientAge="011Y")
    assert age == Age(138, 6)
    assert "contradicts birth and study dates" in notes[0]
    assert "2000" not in notes[0]  # no date of a patient in a note


def test_a_birth_after_the_film_is_impossible() -> None:
    age, notes = told(PatientBirthDate="20220115", StudyDate="20210115")
    assert age is None
    assert "is impossible" in notes[0]
    assert told() == (None, [])
