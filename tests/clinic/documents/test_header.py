"""The header that documents share: the film's own fields and no other's."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from clinical_films import HEADER, STUDY, case, film, opened, plain_case
from pydicom.dataset import Dataset

from boneage.clinic.documents import header
from boneage.clinic.documents.bundle import dicom
from boneage.clinic.documents.case import NoDocument
from boneage.types import Identity

CARRIED = (
    *("PatientID", "IssuerOfPatientID", "PatientName", "PatientBirthDate", "PatientSex", "StudyInstanceUID"),
    *("StudyID", "StudyDescription", "StudyDate", "StudyTime", "AccessionNumber", "ReferringPhysicianName"),
)


def test_every_document_has_the_films_patient_study_and_accession_and_a_series_of_its_own() -> None:
    made = [opened(one.data) for one in dicom(plain_case())]
    for dataset in made:
        assert {keyword: str(dataset[keyword].value) for keyword in CARRIED} == {one: HEADER[one] for one in CARRIED}
        assert dataset.SeriesInstanceUID != HEADER["SeriesInstanceUID"]
        assert (dataset.InstanceCreationDate, dataset.InstanceCreationTime) == ("20240301", "101112")
    assert len({dataset.SOPInstanceUID for dataset in made}) == len(made) == 4
    assert len({dataset.SeriesInstanceUID for dataset in made}) == len(header.SERIES)


def test_two_patients_share_nothing(caplog: pytest.LogCaptureFixture) -> None:
    other = {
        "PatientID": "ZQ-1",
        "PatientName": "Zq",
        "StudyInstanceUID": "1.2.3",
        "SOPInstanceUID": "1.2.3.4",
        "SeriesInstanceUID": "1.2.3.5",
        "AccessionNumber": "ZQ-2",
        "ReferringPhysicianName": None,
        "IssuerOfPatientID": None,
        "StudyDescription": None,
    }
    with caplog.at_level(logging.DEBUG):
        first, second = (dicom(case(film(**elements))) for elements in ({}, other))
    for one, two in zip(first, second, strict=True):
        assert opened(one.data).SOPInstanceUID != opened(two.data).SOPInstanceUID
        for secret in (b"MRN-4711", "Çelik".encode(), b"ACC-471", b"Ward 9", STUDY.encode(), b"Left hand"):
            assert secret in one.data
            assert secret not in two.data
    assert not [record for record in caplog.records if "Zq" in record.getMessage() or "elik" in record.getMessage()]


@pytest.mark.parametrize(
    ("elements", "reason"),
    [
        ({"StudyInstanceUID": None}, "no valid study UID"),
        ({"StudyInstanceUID": "../../etc"}, "no valid study UID"),
        ({"SOPInstanceUID": "1.02.x"}, "no valid sop instance UID"),
        ({"PatientID": "4" * 65}, "patient id"),
        ({"AccessionNumber": "4" * 17}, "accession number"),
    ],
)
def test_a_header_that_cannot_be_carried_over_unchanged_gets_no_document(elements: Any, reason: str) -> None:
    with pytest.raises(NoDocument, match=reason) as caught:
        header.check(case(film(**elements)))
    assert "4444" not in str(caught.value)


def test_fields_that_dicom_does_not_allow_stay_empty() -> None:
    odd = {"PatientBirthDate": "17 March", "PatientSex": "W", "StudyTime": "noon", "StudyID": "7" * 20}
    dataset = Dataset()
    header.owned(dataset, case(film(**odd)))
    assert [dataset[keyword].value or "" for keyword in odd] == [""] * 4


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"study_date": "20200102", "study_time": "0304"}, ("20200102", "0304")),
        ({"study_date": "20200102", "acquisition_date": "20200103"}, ("20200103", header.NO_TIME)),
        ({"study_date": "2020-01-02"}, (header.NO_DATE, header.NO_TIME)),
    ],
)
def test_the_moment_is_the_films(fields: dict[str, str], expected: tuple[str, str]) -> None:
    assert header.moment(Identity(**fields)) == expected
