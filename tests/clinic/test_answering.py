"""Answers: what a request states goes before what the file says."""

from __future__ import annotations

from clinical_films import film, plain_case
from hands import predictor

from boneage import Sex, read
from boneage.clinic.answering import case_of
from boneage.clinic.answers import ReadingRequest


def test_age_and_sex_of_the_request_go_before_those_of_the_file() -> None:
    radiograph = read(film())
    stated = case_of(predictor(), radiograph, ReadingRequest(sex=Sex.MALE, chronological_age_months=100)).answer
    assert (stated.sex, stated.sex_source) == (Sex.MALE, "given")
    assert (stated.chronological_age_months, stated.age_source) == (100, "given")
    assert stated.chronological_age_half_width_months is None
    in_file = plain_case().answer
    assert (in_file.sex, in_file.sex_source, in_file.age_source) == (Sex.FEMALE, "dicom", "dicom")
    assert in_file.chronological_age_half_width_months == 0


def test_an_answer_names_nobody() -> None:
    answer = case_of(predictor(), read(film()), ReadingRequest(patient_id="MRN-4711")).answer
    assert answer.patient is None
    assert "4711" not in answer.model_dump_json()
