"""The page: a PDF that names nobody, and the same within a DICOM object."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

from clinical_films import HEADER, case, film, opened, plain_case, refused_case, tells_patient
from hands import hand
from pdf_text import printed
from validators import dciodvfy

from boneage import read
from boneage.clinic.documents import page
from boneage.clinic.documents.case import Review
from boneage.clinic.documents.structured_report import sentences
from boneage.clinic.pdf_page import signed


def test_it_has_the_age_and_the_films_date_and_no_name() -> None:
    plain = plain_case()
    text = printed(page.page(plain))
    assert f"{plain.months:.1f} months" in text
    assert "film of 2024-03-01" in text
    assert "Çelik" not in text
    assert not tells_patient(text)


def test_the_same_case_gives_the_same_bytes_and_a_picture_a_page_without_a_date() -> None:
    plain = plain_case()
    assert page.page(plain) == page.page(plain)
    assert "film without a date" in printed(page.page(replace(plain, film=read(hand()))))


def test_it_says_that_an_age_or_a_side_is_the_reviewers() -> None:
    plain = plain_case()
    review = Review("Roe^Ann", "Ward", datetime(2024, 3, 4), bone_age_months=131.0, laterality="R")
    text = " ".join(printed(page.page(plain.reviewed(review))).split())
    assert "131.0 months" in text
    assert f"The age is the reviewer's; the program read {plain.months:.1f} months." in text
    assert "The side is the reviewer's; the film's file says L." in text
    assert "Roe" not in text
    accepted = printed(page.page(plain.reviewed(replace(review, bone_age_months=None, laterality=None))))
    assert "A reviewer has accepted this reading." in accepted


def test_an_age_in_whole_years_has_the_range_of_its_sds_also_beside_a_reviewers_age() -> None:
    whole = case(film(PatientBirthDate=None, PatientAge="010Y"))
    review = Review("Roe^Ann", "Ward", datetime(2024, 3, 4), bone_age_months=131.0)
    for one in (whole, whole.reviewed(review)):
        against = one.corrected.reference
        assert against.age_half_width_months == 6
        assert against.sds_high is not None
        assert f"to {signed(against.sds_high, 2)}" in printed(page.page(one)).replace(r"\226", "–")
        assert any(f"{against.sds_high:+.2f} within that year" in sentence for sentence in sentences(one))


def test_as_dicom_it_holds_the_page_and_is_without_error(tmp_path: Path) -> None:
    for number, one in enumerate((plain_case(), refused_case())):
        path = tmp_path / f"{number}.dcm"
        path.write_bytes(page.encapsulated_pdf(one))
        assert dciodvfy(path) == []
        found = opened(path.read_bytes())
        assert found.EncapsulatedDocument[: found.EncapsulatedDocumentLength] == page.page(one)
    assert found.SourceInstanceSequence[0].ReferencedSOPInstanceUID == HEADER["SOPInstanceUID"]
