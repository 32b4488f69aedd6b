"""All documents of a case, and how they are written into a folder."""

from __future__ import annotations

import io
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from pydicom import dcmread

from ...files import json_bytes, write_bytes
from . import capture, fhir, page, structured_report
from .case import Case, NoDocument
from .document import Document
from .header import check

__all__ = ["DICOM", "KINDS", "PLAIN", "Document", "check", "dicom", "named", "place_of", "write"]


DICOM: dict[str, Callable[[Case], bytes]] = {
    "bone-age-3d.sr.dcm": structured_report.comprehensive_3d,
    "bone-age.sr.dcm": structured_report.comprehensive,
    "bone-age.capture.dcm": capture.secondary_capture,
    "bone-age.pdf.dcm": page.encapsulated_pdf,
}
PLAIN: dict[str, Callable[[Case], bytes]] = {
    "bone-age.pdf": page.page,
    "bone-age.png": capture.png,
    "observation.json": lambda case: json_bytes(fhir.observation(case)),
    "report.json": lambda case: json_bytes(fhir.diagnostic_report(case)),
    "reading.json": lambda case: json_bytes(case.answer.model_dump(mode="json", exclude={"record", "patient"})),
}
KINDS = {  # words by which a configuration names the documents that a destination gets
    "sr3d": "bone-age-3d.sr.dcm",
    "sr": "bone-age.sr.dcm",
    "capture": "bone-age.capture.dcm",
    "pdf": "bone-age.pdf.dcm",
}


def named(name: str, case: Case) -> str:
    """The name of a document; of one of two hands in a picture with its place there."""
    return f"{case.answer.part}-part.{name}" if case.answer.part else name


def dicom(case: Case, wanted: Collection[str] = tuple(DICOM)) -> list[Document]:
    """The DICOM objects of a case, or those of these names.

    Raises:
        NoDocument: if the film is not DICOM, or its header lacks what they need.
    """
    return [Document(named(name, case), made(case)) for name, made in DICOM.items() if name in wanted]


def plain(case: Case, wanted: Collection[str] = tuple(PLAIN)) -> list[Document]:
    """The other documents of a case, or those of these names."""
    return [Document(named(name, case), made(case)) for name, made in PLAIN.items() if name in wanted]


def place_of(data: bytes) -> str:
    """The UIDs of series and instance of a document, as ``SERIES#INSTANCE``."""
    tags = ["SeriesInstanceUID", "SOPInstanceUID"]
    found = dcmread(io.BytesIO(data), specific_tags=tags, stop_before_pixels=True)
    return f"{found.SeriesInstanceUID}#{found.SOPInstanceUID}"


def write(cases: Sequence[Case], folder: Path) -> tuple[list[Path], str | None]:
    """Write all documents of the cases of a film into a folder.

    Returns:
        The files, and one sentence on why those of DICOM are not among them, None if they are.

    Raises:
        CannotWrite: if the folder does not take them.
    """
    missing: str | None = None
    try:
        made = [document for case in cases for document in dicom(case)]
    except NoDocument as error:
        made, missing = [], str(error)
    made += [document for case in cases for document in plain(case)]
    paths = [folder / document.name for document in made]
    for path, document in zip(paths, made, strict=True):
        write_bytes(path, document.data)
    return paths, missing
