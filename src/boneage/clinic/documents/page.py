"""A reading as the reading room's page of one PDF, and that page as a DICOM object."""

from __future__ import annotations

from pydicom.dataset import Dataset

from .. import pdf
from . import codes
from .case import Case
from .header import NO_DATE, PAGES, file_of, moment, owned, placed, source

SOP_CLASS = "1.2.840.10008.5.1.4.1.1.104.1"
TITLE = "Bone age reading"


def page(case: Case) -> bytes:
    """The PDF of a case. It names nobody, and says when the film was taken instead of when the page was made."""
    return pdf.report(case.corrected, case.film, [], dated=_dated(case), remarks=case.remarks)


def encapsulated_pdf(case: Case) -> bytes:
    """The PDF within an Encapsulated PDF object, a DICOM file; NoDocument if the film has no study."""
    dataset, content = Dataset(), page(case)
    owned(dataset, case)
    placed(dataset, case, PAGES, SOP_CLASS, 1)
    dataset.ConversionType = "SYN"
    dataset.ContentDate, dataset.ContentTime = moment(case.owner)
    dataset.AcquisitionDateTime = "".join(moment(case.owner))
    dataset.BurnedInAnnotation = "NO"
    dataset.DocumentTitle = TITLE
    dataset.ConceptNameCodeSequence = [_title()]
    dataset.VerificationFlag = "VERIFIED" if case.review else "UNVERIFIED"
    dataset.SourceInstanceSequence = [source(case)]
    dataset.MIMETypeOfEncapsulatedDocument = "application/pdf"
    dataset.EncapsulatedDocumentLength = len(content)
    dataset.EncapsulatedDocument = content + b"\0" * (len(content) % 2)
    return file_of(dataset)


def _title() -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = codes.STUDY
    return item


def _dated(case: Case) -> str:
    if case.film.identity is None or moment(case.film.identity)[0] == NO_DATE:
        return "film without a date"
    day = moment(case.film.identity)[0]
    return f"film of {day[:4]}-{day[4:6]}-{day[6:]}"
