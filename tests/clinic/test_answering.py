"""Answers: what a request states goes before what the file says."""

from __future__ import annotations

from clinical_films import case, film, pair_cases, plain_case, tells_patient

from boneage import Sex


def test_age_and_sex_of_the_request_go_before_those_of_the_file() -> None:
    stated = case(film(), sex=Sex.MALE, chronological_age_months=100).answer
    assert (stated.sex, stated.sex_source) == (Sex.MALE, "given")
    assert (stated.chronological_age_months, stated.age_source) == (100, "given")
    assert stated.chronological_age_half_width_months is None
    in_file = plain_case().answer
    assert (in_file.sex, in_file.sex_source, in_file.age_source) == (Sex.FEMALE, "dicom", "dicom")
    assert in_file.chronological_age_half_width_months == 0


def test_an_answer_names_nobody() -> None:
    answer = case(patient_id="MRN-4711").answer
    assert answer.patient is None
    assert not tells_patient(answer.model_dump_json())


def test_each_of_two_hands_has_a_case_with_its_part_of_the_picture() -> None:
    left, right = pair_cases()
    assert [one.answer.part for one in (left, right)] == ["left", "right"]
    assert [one.laterality for one in (left, right)] == ["L", "R"]
    assert left.film is right.film
    assert left.months != right.months
    assert {one.uid("x") for one in (left, right)} == {one.uid("x") for one in pair_cases()}
    assert left.uid("x") != right.uid("x")
    for one in (left, right):
        x = [line[:, 0] for outline in one.outlines for line in outline.lines]
        assert 0 <= min(map(min, x)) <= max(map(max, x)) <= 256
