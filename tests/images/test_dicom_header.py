"""What a header says of its film: nothing is guessed, what is odd is noted, and nobody's name gets out by accident."""

from __future__ import annotations

import json
import logging
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command import boneage
from dicom_files import LEVEL, PICTURE, dicom, written

from boneage import Predictor
from boneage.images.read import read
from boneage.types import Identity, Sex

PERSON = {
    "StudyInstanceUID": "1.2.826.0.1.3680043.8.498.471101",
    "SeriesInstanceUID": "1.2.826.0.1.3680043.8.498.471102",
    "SOPInstanceUID": "1.2.826.0.1.3680043.8.498.471103",
    "PatientID": "MRN-471104",
    "PatientName": "Quint^Ottilie",
    "PatientBirthDate": "20110317",
    "AccessionNumber": "ACC471105",
    "IssuerOfPatientID": "Ward 471114",
    "StudyID": "471115",
    "StudyDescription": "Hand 471116",
    "ReferringPhysicianName": "Weiss^Ida",
    "StudyDate": "20200419",
    "StudyTime": "071108",
    "SeriesDate": "20200420",
    "SeriesTime": "071109",
    "AcquisitionDate": "20200421",
    "AcquisitionTime": "071110.25",
    "ContentDate": "20200422",
    "ContentTime": "071111",
    "Manufacturer": "Roentgen Works 471112",
    "ManufacturerModelName": "Handy 471113",
}


@pytest.mark.parametrize(
    ("found", "sex", "note"),
    [
        ("F", Sex.FEMALE, None),
        ("M", Sex.MALE, None),
        ("m", Sex.MALE, None),
        ("O", Sex.UNKNOWN, "PatientSex is neither F nor M and is taken as unknown"),
        ("girl", Sex.FEMALE, "PatientSex is GIRL and is taken as female"),
        ("FEMALE", Sex.FEMALE, "PatientSex is FEMALE and is taken as female"),
        ("W", Sex.FEMALE, "PatientSex is W and is taken as female"),
        ("M\0", Sex.MALE, None),
        ("F\\M", Sex.UNKNOWN, "PatientSex is neither F nor M and is taken as unknown"),
        ("Quint", Sex.UNKNOWN, "PatientSex is neither F nor M and is taken as unknown"),
        ("", Sex.UNKNOWN, None),
    ],
)
def test_sex_never_defaults_silently(found: str, sex: Sex, note: str | None) -> None:
    film = read(written(dicom(PatientSex=found)))
    assert film.sex == sex
    assert film.notes == ((note,) if note else ())


DAY = 12 / 365.25  # months
AGES = [  # PatientAge, birth, study, months, half-width, what is noted
    ("010Y", "", "", 126, 6, "PatientAge is in whole years: 120 to 132 months, of which the middle is taken"),
    ("11 Y", "", "", 138, 6, "132 to 144 months"),
    ("11", "", "", 138, 6, "PatientAge 11 has no unit and is taken for years"),
    ("11.5Y", "", "", 138, 0.6, ""),
    ("132", "", "", None, None, "PatientAge is no age that can be read: it is not used"),
    ("042M", "", "", 42.5, 0.5, ""),
    ("052W", "", "", 52.5 * 7 * DAY, 3.5 * DAY, ""),
    ("100D", "", "", 100.5 * DAY, 0.5 * DAY, ""),
    ("999Y", "", "", None, None, "PatientAge is impossible (11994.0 months): it is not used"),
    ("", "20100101", "20200101", 3652 * DAY, 0, ""),
    ("", "2010.01.01", "20200101", 3652 * DAY, 0, ""),
    ("", "2010-01-01", "20200101113000.5", 3652 * DAY, 0, ""),
    ("", "01.01.2010", "2020-01-01 11:30", 3652 * DAY, 0, ""),
    ("010Y", "20100101", "20200901", 3896 * DAY, 0, ""),
    ("010Y", "19200101", "20200901", 126, 6, "contradicts"),
    ("010Y", "19000101", "20200901", 126, 6, "the age by birth and study dates is impossible"),
    ("010Y", "20200902", "20200901", 126, 6, "the age by birth and study dates is impossible"),
    ("", "20200902", "20200901", None, None, "is impossible (-0.0 months): it is not used"),
    ("ten", "soon", "20209999", None, None, "PatientBirthDate is no date that can be read: it is not used"),
    ("", "", "", None, None, ""),
]


@pytest.mark.parametrize(("age", "birth", "study", "months", "width", "noted"), AGES)
def test_age_in_months(age: str, birth: str, study: str, months: float | None, width: float | None, noted: str) -> None:
    film = read(written(dicom(PatientAge=age, PatientBirthDate=birth, StudyDate=study)))
    assert film.chronological_age == (None if months is None else pytest.approx(months))
    assert film.chronological_age_width == (None if width is None else pytest.approx(width))
    assert noted in " ".join(film.notes)
    assert bool(film.notes) == bool(noted)


def test_the_first_date_that_can_be_read_is_the_films() -> None:
    dates = {"StudyDate": "", "SeriesDate": "unknown", "AcquisitionDate": "20200101", "ContentDate": "20210101"}
    film = read(written(dicom(PatientBirthDate="20100101", **dates)))
    assert film.chronological_age == pytest.approx(3652 * DAY)
    assert film.notes == ("SeriesDate is no date that can be read: it is not used",)


@pytest.mark.parametrize(
    ("elements", "spacing"),
    [
        ({"ImagerPixelSpacing": [0.15, 0.14]}, (0.15, 0.14)),
        ({"ImagerPixelSpacing": [0.15, 0.14], "PixelSpacing": [0.13, 0.12]}, (0.13, 0.12)),
        ({"NominalScannedPixelSpacing": [0.2, 0.2]}, (0.2, 0.2)),
        ({"PixelSpacing": [0, 0.1]}, None),
        ({"PixelSpacing": "0.1"}, None),
        ({"PixelSpacing": "", "ImagerPixelSpacing": [0.15, 0.14]}, (0.15, 0.14)),
        ({}, None),
    ],
)
def test_spacing(elements: dict[str, Any], spacing: tuple[float, float] | None) -> None:
    assert read(written(dicom(**elements))).spacing == spacing


@pytest.mark.parametrize("wrong", [b"0,143\\0,143", b"0.1234567\\ "])
def test_numbers_that_are_none_cost_no_film(wrong: bytes) -> None:
    data = written(dicom(PixelSpacing=[0.1234567, 0.12]))
    right = b"0.1234567\\0.12"
    assert right in data
    film = read(data.replace(right, wrong.ljust(len(right))))
    assert film.spacing is None
    np.testing.assert_allclose(film.pixels, PICTURE, atol=LEVEL)


@pytest.mark.parametrize(
    ("elements", "side"),
    [({"ImageLaterality": "L"}, "L"), ({"Laterality": "R"}, "R"), ({"ImageLaterality": "U"}, None), ({}, None)],
)
def test_laterality(elements: dict[str, str], side: str | None) -> None:
    assert read(written(dicom(**elements))).laterality == side


def test_a_film_knows_whose_it_is_and_from_where() -> None:
    found = read(written(dicom(**PERSON))).identity
    assert found == Identity(
        study_uid=PERSON["StudyInstanceUID"],
        series_uid=PERSON["SeriesInstanceUID"],
        sop_class_uid="1.2.840.10008.5.1.4.1.1.1",
        sop_instance_uid=PERSON["SOPInstanceUID"],
        patient_id="MRN-471104",
        patient_name="Quint^Ottilie",
        patient_birth_date="20110317",
        patient_sex="F",
        issuer_of_patient_id="Ward 471114",
        accession_number="ACC471105",
        study_id="471115",
        study_description="Hand 471116",
        referring_physician="Weiss^Ida",
        study_date="20200419",
        study_time="071108",
        series_date="20200420",
        series_time="071109",
        acquisition_date="20200421",
        acquisition_time="071110.25",
        content_date="20200422",
        content_time="071111",
        modality="CR",
        manufacturer="Roentgen Works 471112",
        device_model="Handy 471113",
    )


def test_what_a_header_does_not_say_is_empty() -> None:
    found = read(written(dicom())).identity
    assert found is not None
    said = {field.name for field in fields(found) if getattr(found, field.name)}
    assert said == {"sop_class_uid", "sop_instance_uid", "modality", "patient_sex"}


def test_a_name_that_cannot_be_decoded_costs_no_film() -> None:
    data = written(dicom(PatientName="AAAA^", SpecificCharacterSet="ISO_IR 192"))
    film = read(data.replace(b"AAAA^", b"\x1b$B\xff^").replace(b"ISO_IR 192", b"ISO 2022 I"))
    np.testing.assert_allclose(film.pixels, PICTURE, atol=LEVEL)
    assert film.identity is not None
    assert film.identity.patient_name.isprintable()


def test_values_that_dicom_does_not_allow_are_not_quoted_in_a_log(caplog: pytest.LogCaptureFixture) -> None:
    odd = PERSON | {"StudyInstanceUID": "no.uid.471", "PatientBirthDate": "17 March 11", "PatientID": "4711" * 30}
    data = written(dicom(**odd))
    caplog.clear()
    with caplog.at_level(logging.DEBUG):
        found = read(data).identity
    assert found is not None
    assert (found.study_uid, found.patient_birth_date) == ("no.uid.471", "17 March 11")
    assert caplog.records == []
    assert not logging.getLogger("pydicom").filters


def test_an_identity_shows_nothing_of_itself() -> None:
    film = read(written(dicom(**PERSON)))
    assert film.identity is not None
    shown = f"{film} {film!r} {film.identity} {film.identity!r} {film.identity!s:>12} {[film.identity]}"
    assert nothing_of(film.identity, shown)
    assert "identity" not in repr(film)
    assert "<Identity>" in shown
    assert replace(film, pixels=film.pixels[:20]).identity is film.identity


def test_no_output_tells_whose_film_it_is(tiny_model: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path, table = tmp_path / "film.dcm", tmp_path / "out.csv"
    path.write_bytes(written(dicom(**PERSON)))
    film = read(path)
    assert film.identity is not None
    with caplog.at_level(logging.DEBUG):
        reading = Predictor.load(tiny_model).read(film, force=True)
        line = boneage("predict", path, "--model", tiny_model, "--json")
        text = boneage("predict", path, "--model", tiny_model, "--csv", table)
    said = [repr(reading), json.dumps(reading.to_dict()), *(end.out + end.err for end in (line, text))]
    assert (line.code, text.code) == (3, 3)  # no hand: refused
    assert nothing_of(film.identity, "\n".join([*said, table.read_text(), caplog.text]))


def nothing_of(identity: Identity, text: str) -> bool:
    """Whether none of its words is in the text; a modality, a class of films and a sex are nobody's."""
    words = {field.name: getattr(identity, field.name) for field in fields(identity)}
    del words["modality"], words["sop_class_uid"], words["patient_sex"]
    return not [name for name, word in words.items() if word and word in text]
