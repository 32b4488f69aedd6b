"""All documents of a case, and how they are written into a folder."""

from __future__ import annotations

import io
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from pydicom import dcmread

from ...files import json_bytes, write_bytes
from . import capture, fhir, page, structured_report
from .case import Case, NoDocument
from .header import check

__all__ = ["DICOM", "KINDS", "PLAIN", "Document", "check", "dicom", "documents", "place_of", "write"]


@dataclass(frozen=True)
class Document:
    """A document as a file: its ``name``, its bytes, and whether it is DICOM."""

    name: str
    data: bytes
    is_dicom: bool


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


def dicom(case: Case, wanted: Collection[str] = tuple(DICOM)) -> list[Document]:
    """The DICOM objects of a case, or those of these names.

    Raises:
        NoDocument: if the film is not DICOM, or its header lacks what they need.
    """
    return [Document(name, made(case), True) for name, made in DICOM.items() if name in wanted]


def documents(case: Case) -> tuple[list[Document], str | None]:
    """All documents of a case, and one sentence on why those of DICOM are not among them, None if they are."""
    plain = [Document(name, made(case), False) for name, made in PLAIN.items()]
    try:
        return [*dicom(case), *plain], None
    except NoDocument as error:
        return plain, str(error)


def place_of(data: bytes) -> str:
    """The UIDs of series and instance of a document, as ``SERIES#INSTANCE``."""
    tags = ["SeriesInstanceUID", "SOPInstanceUID"]
    found = dcmread(io.BytesIO(data), specific_tags=tags, stop_before_pixels=True)
    return f"{found.SeriesInstanceUID}#{found.SOPInstanceUID}"


def write(case: Case, folder: Path) -> tuple[list[Path], str | None]:
    """Write all documents of a case into a folder.

    Returns:
        The files, and one sentence on those that could not be made, None if all were.

    Raises:
        CannotWrite: if the folder does not take them.
    """
    made, missing = documents(case)
    paths = [folder / document.name for document in made]
    for path, document in zip(paths, made, strict=True):
        write_bytes(path, document.data)
    return paths, missing
