"""What is told of a child beside the film: by options, by a header, by both."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from children import child

from boneage import Radiograph, Reading, Sex
from boneage.growth.facts import Facts, day, of_film, of_texts
from boneage.growth.units import Age
from boneage.types import Identity, Interval

READING = Reading(
    *("a.png", 120.0, Sex.MALE, "given", (), "default", "0" * 64, "1" * 64, "1"),
    intervals=(Interval(0.9, 108.0, 132.0),),
)


def film(**known: object) -> Radiograph:
    return Radiograph(np.zeros((4, 4), np.float32), "a.dcm", "0" * 64, "DICOM", **known)  # type: ignore[arg-type]


def test_facts_go_over_others_where_they_tell_anything() -> None:
    given, table = Facts(height_cm=140.0), Facts(height_cm=130.0, weight_kg=30.0, patient="p")
    assert given.over(table) == Facts(height_cm=140.0, weight_kg=30.0, patient="p")
    assert Facts().over(table) == table


def test_whose_film_it_is_tells_nothing_of_the_child() -> None:
    assert not Facts(patient="p", day=date(2024, 1, 1))
    assert Facts(weight_kg=30.0)
    assert "secret" not in repr(Facts(patient="secret"))


def test_a_reading_becomes_a_visit() -> None:
    found = Facts(age=Age(126.0, 6.0), height_cm=140.2, day=date(2024, 1, 1)).visit(READING, "a")
    assert (found.name, found.model, found.day) == ("a", "default", date(2024, 1, 1))
    assert (found.child.age_months, found.child.age_half_width_months, found.child.height_cm) == (126, 6, 140.2)
    assert found.child.bone_age_intervals == READING.intervals
    assert Facts().visit(READING).name == "a.png"


def test_onto_a_child_only_what_is_told() -> None:
    assert Facts().onto(child()) == child()
    assert Facts(weight_kg=40.0, lying=True).onto(child()) == child(weight_kg=40.0, lying=True)


def test_a_header_tells_age_width_patient_and_date() -> None:
    who = Identity(patient_id="p1", study_date="20240131")
    found = of_film(film(chronological_age=138.0, chronological_age_width=6.0, identity=who))
    assert found == Facts(age=Age(138.0, 6.0), patient="p1", day=date(2024, 1, 31))
    assert of_film(film()) == Facts()
    assert of_film(film(identity=Identity(study_date="soon"))).day is None


def test_texts_become_facts_or_complaints() -> None:
    found, complaints = of_texts({"age": "10y4m", "height_cm": "4ft7in", "mother_cm": "1.68m", "day": "2024-01-31"})
    assert (found.age, found.mother_cm, found.day, complaints) == (Age(124), 168.0, date(2024, 1, 31), [])
    assert found.height_cm == pytest.approx(139.7)
    found, complaints = of_texts({"age": "ten", "weight_kg": " ", "father_cm": "17cm"})
    assert not found
    assert [sentence.split(":")[0] for sentence in complaints] == [
        "'ten' is no age",
        "the height '17cm' is 17 cm, outside 25 to 250",
    ]
    assert of_texts({"age": "10y"}, exact=True)[0].age == Age(120)


def test_a_date_is_written_as_iso_or_dicom_have_it() -> None:
    for text in ("2024-03-31T09:30", "20240331", " 2024/03/31 ", "2024.03.31", "31.03.2024", "20240331093000"):
        assert day(text) == date(2024, 3, 31), text
    with pytest.raises(ValueError, match="write it as 2024-03-31"):
        day("31.13.2024")
