"""What the header of a DICOM file says of its film: sex, age, side, spacing, and whose film it is."""

from __future__ import annotations

import contextlib
import re

import numpy as np
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from ..types import Identity, Radiograph, Sex
from .dicom_age import age_of
from .pixels import printable

_RADIOGRAPHY = ("CR", "DX", "RG", "")
_IDENTITY = {  # field of an `Identity` to the DICOM attribute it is taken from
    "study_uid": "StudyInstanceUID",
    "series_uid": "SeriesInstanceUID",
    "sop_class_uid": "SOPClassUID",
    "sop_instance_uid": "SOPInstanceUID",
    "patient_id": "PatientID",
    "patient_name": "PatientName",
    "patient_birth_date": "PatientBirthDate",
    "patient_sex": "PatientSex",
    "issuer_of_patient_id": "IssuerOfPatientID",
    "accession_number": "AccessionNumber",
    "study_id": "StudyID",
    "study_description": "StudyDescription",
    "referring_physician": "ReferringPhysicianName",
    "study_date": "StudyDate",
    "study_time": "StudyTime",
    "series_date": "SeriesDate",
    "series_time": "SeriesTime",
    "acquisition_date": "AcquisitionDate",
    "acquisition_time": "AcquisitionTime",
    "content_date": "ContentDate",
    "content_time": "ContentTime",
    "modality": "Modality",
    "manufacturer": "Manufacturer",
    "device_model": "ManufacturerModelName",
}
_SPACINGS = ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing")
_LONGEST = 200  # characters kept of one of these: a person's name has at most three spellings of 64


def described(dataset: Dataset, pixels: np.ndarray, notes: list[str], name: str, sha256: str) -> Radiograph:
    """The radiograph of a DICOM file.

    Args:
        dataset: the header.
        pixels: float32 [rows, columns] in [0, 1], as displayed.
        notes: on how the pixels were read; notes on what is odd in the header are added.
        name: the film's ``source``.
        sha256: of the file's bytes.
    """
    modality = text(dataset, "Modality")
    if modality not in _RADIOGRAPHY:
        known = modality if re.fullmatch("[A-Z]{2,4}", modality) else "unknown"  # no free text: it may name a person
        notes.append(f"the file is of modality {known}, not of radiography")
    sex, age = _sex(dataset, notes), age_of(dataset, notes)
    side = text(dataset, "ImageLaterality") or text(dataset, "Laterality")
    return Radiograph(
        pixels,
        source=name,
        sha256=sha256,
        format="DICOM",
        sex=sex,
        chronological_age=age.months if age else None,
        chronological_age_width=age.half_width if age else None,
        laterality=side if side in ("L", "R") else None,
        spacing=_spacing(dataset),
        notes=tuple(notes),
        identity=identity(dataset),
    )


def identity(dataset: Dataset) -> Identity:
    """Whose film it is, and from which study and device, as far as the header says."""
    return Identity(**{field: _words(dataset, keyword) for field, keyword in _IDENTITY.items()})


def _words(dataset: Dataset, keyword: str) -> str:
    """An attribute as the file spells it, empty where it is absent or cannot be decoded: a film is read without it."""
    with contextlib.suppress(Exception):
        value = dataset.get(keyword)
        several = isinstance(value, MultiValue)
        plain = "\\".join(map(str, value)) if several else "" if value is None else str(value).strip("\0 ")
        return plain if plain.isprintable() and len(plain) <= _LONGEST else printable(plain, _LONGEST).strip()
    return ""


def text(dataset: Dataset, keyword: str) -> str:
    """An attribute that holds a short code, in capitals; empty where it is absent."""
    value = dataset.get(keyword)
    return "" if value is None else printable(str(value).strip("\0 "), 32).strip().upper()


def number(dataset: Dataset, keyword: str) -> float | None:
    """The first value of a decimal attribute; None where it is absent or no finite number."""
    values = _numbers(dataset, keyword)
    return values[0] if values and np.isfinite(values[0]) else None


def _numbers(dataset: Dataset, keyword: str) -> list[float]:
    """The values of a decimal attribute, NaN for those that are no numbers; empty where it is absent."""
    value = dataset.get(keyword)
    several = [] if value is None else [value] if isinstance(value, (str, int, float)) else value
    found = []
    for one in several:
        try:
            found.append(float(one))
        except ValueError:
            found.append(np.nan)
    return found


def _sex(dataset: Dataset, notes: list[str]) -> Sex:
    """The sex that one of the words of `Sex.parse` says. A word is quoted only if it is one of those."""
    found = text(dataset, "PatientSex")
    with contextlib.suppress(ValueError):
        sex = Sex.parse(found)
        if sex is not Sex.UNKNOWN:
            if found not in ("F", "M"):
                notes.append(f"PatientSex is {found} and is taken as {sex}")
            return sex
    if found:
        notes.append("PatientSex is neither F nor M and is taken as unknown")
    return Sex.UNKNOWN


def coarsen(dataset: Dataset, scale: int) -> None:
    """Let the header tell the spacing of a film whose sides are divided by ``scale``."""
    for keyword in _SPACINGS:
        if values := _numbers(dataset, keyword):
            setattr(dataset, keyword, [value * scale for value in values])


def _spacing(dataset: Dataset) -> tuple[float, float] | None:
    """Millimetres (row, column). PixelSpacing goes first: where it differs, it is calibrated (PS3.3 10.7.1)."""
    for keyword in _SPACINGS:
        values = _numbers(dataset, keyword)
        if len(values) == 2 and all(0 < value < np.inf for value in values):
            return values[0], values[1]
    return None
