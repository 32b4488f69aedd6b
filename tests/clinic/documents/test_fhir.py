"""The FHIR resources: valid as R4B, with what a growth chart looks for, and no name."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime

import pytest
from clinical_films import HEADER, plain_case, refused_case
from hands import hand

pytest.importorskip("fhir.resources", reason="the check needs fhir.resources")
from fhir.resources.R4B.diagnosticreport import DiagnosticReport
from fhir.resources.R4B.observation import Observation

from boneage import read
from boneage.clinic.documents import fhir
from boneage.clinic.documents.case import Case, Review

REVIEW = Review("Roe^Ann", "Ward", datetime(2024, 3, 4))
CASES = {
    "read": plain_case,
    "refused": refused_case,
    "accepted": lambda: plain_case().reviewed(REVIEW),
    "corrected": lambda: plain_case().reviewed(replace(REVIEW, bone_age_months=140)),
    "png": lambda: replace(plain_case(), film=read(hand())),
}


@pytest.mark.parametrize("kind", CASES)
def test_both_are_valid_as_r4(kind: str) -> None:
    case = CASES[kind]()
    for model, value in ((Observation, fhir.observation(case)), (DiagnosticReport, fhir.diagnostic_report(case))):
        parsed = model.model_validate_json(json.dumps(value))
        assert json.loads(parsed.model_dump_json()).keys() == value.keys()


def test_a_growth_chart_finds_what_it_looks_for() -> None:
    """The three conditions of the SMART growth chart: final or amended, 85151-9, a quantity with value and code."""
    for case, status in ((plain_case(), "final"), (CASES["accepted"](), "final"), (CASES["corrected"](), "amended")):
        found = fhir.observation(case)
        assert found["status"] == status
        assert {"system": "http://loinc.org", "code": "85151-9"}.items() <= found["code"]["coding"][0].items()
        assert (found["valueQuantity"]["value"], found["valueQuantity"]["code"]) == (case.months, "mo")


def test_it_has_interval_comparison_side_subject_and_study() -> None:
    plain = plain_case()
    found, interval = fhir.observation(plain), plain.interval
    assert interval is not None
    ranges = [one["valueRange"] for one in found["component"] if "valueRange" in one]
    assert [(one["low"]["value"], one["high"]["value"]) for one in ranges] == [(interval.low, interval.high)]
    values = {one["valueQuantity"]["value"] for one in found["component"] if "valueQuantity" in one}
    reference = plain.answer.reference
    assert plain.answer.chronological_age_months is not None
    expected = {reference.difference_months, reference.sds, round(plain.answer.chronological_age_months, 2)}
    assert values == expected
    assert found["bodySite"]["text"] == "left hand"
    assert found["subject"]["identifier"]["value"] == HEADER["PatientID"]
    assert found["derivedFrom"][0]["identifier"]["value"] == f"urn:oid:{HEADER['StudyInstanceUID']}"
    assert found["effectiveDateTime"] == "2024-03-01"
    order = fhir.diagnostic_report(plain)["basedOn"][0]
    assert order["identifier"]["value"] == HEADER["AccessionNumber"]
    assert "elik" not in json.dumps(fhir.diagnostic_report(plain), ensure_ascii=False)


def test_a_refusal_has_reasons_and_no_number() -> None:
    found = fhir.observation(refused_case())
    assert "valueQuantity" not in found
    assert "component" not in found
    assert "not_a_hand" in {one["code"] for one in found["dataAbsentReason"]["coding"]}
    assert fhir.conclusion(refused_case()).startswith("No bone age: the film was refused (not_a_hand)")


def test_of_a_picture_nothing_is_said_that_its_file_does_not_say() -> None:
    found: Case = CASES["png"]()
    assert not {"subject", "effectiveDateTime", "imagingStudy", "basedOn"} & fhir.diagnostic_report(found).keys()
