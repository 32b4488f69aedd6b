"""The page: a PDF that names nobody, and the same within a DICOM object."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from clinical_films import HEADER, opened, plain_case, refused_case
from hands import hand
from pdf_text import printed
from validators import dciodvfy

from boneage import read
from boneage.clinic.documents import page


def test_it_has_the_age_and_the_films_date_and_no_name() -> None:
    plain = plain_case()
    text = printed(page.page(plain))
    assert f"{plain.months:.1f} months" in text
    assert "film of 2024-03-01" in text
    assert "Çelik" not in text
    assert "4711" not in text


def test_the_same_case_gives_the_same_bytes_and_a_picture_a_page_without_a_date() -> None:
    plain = plain_case()
    assert page.page(plain) == page.page(plain)
    assert "film without a date" in printed(page.page(replace(plain, film=read(hand()))))


def test_as_dicom_it_holds_the_page_and_is_without_error(tmp_path: Path) -> None:
    for number, case in enumerate((plain_case(), refused_case())):
        path = tmp_path / f"{number}.dcm"
        path.write_bytes(page.encapsulated_pdf(case))
        assert dciodvfy(path) == []
        found = opened(path.read_bytes())
        assert found.EncapsulatedDocument[: found.EncapsulatedDocumentLength] == page.page(case)
    assert found.SourceInstanceSequence[0].ReferencedSOPInstanceUID == HEADER["SOPInstanceUID"]
