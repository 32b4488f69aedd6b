"""What all DICOM objects of a case share: the film's patient, study and dates, and the equipment that made them."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import UID, ExplicitVRLittleEndian
from pydicom.valuerep import PersonName

from ...types import DISCLAIMER, Identity
from .case import Case, NoDocument

MAKER = "boneage"
IMPLEMENTATION_UID = "2.25.263926839131462416418310823297385064448"  # of the objects and the node
IMPLEMENTATION = "BONEAGE"
UTF8 = "ISO_IR 192"
NO_DATE = "19000101"  # for a film of which no date is known, where an object must have one
NO_TIME = "000000"
_UID = re.compile(r"(?=.{1,64}$)(0|[1-9]\d*)(\.(0|[1-9]\d*))*")
_DATE = re.compile(r"\d{4}(0[1-9]|1[0-2])([0-2]\d|3[01])")
_TIME = re.compile(r"([01]\d|2[0-3])([0-5]\d([0-5]\d(\.\d{1,6})?)?)?")
_LONGEST = {  # characters that DICOM allows; a film with a longer id or number gets no document
    "patient_id": 64,
    "issuer_of_patient_id": 64,
    "accession_number": 16,
}


@dataclass(frozen=True)
class Series:
    """A series that a kind of document goes to: the word that its UID is made from, its number, modality and name."""

    word: str
    number: int
    modality: str
    description: str


REPORTS = Series("reports", 9501, "SR", "Bone age, structured report")
CAPTURES = Series("captures", 9502, "OT", "Bone age, picture")
PAGES = Series("pages", 9503, "DOC", "Bone age, page")
SERIES = (REPORTS, CAPTURES, PAGES)


def check(case: Case) -> None:
    """Raise NoDocument if the film's header cannot be carried over without a change."""
    owner, file = case.owner, case.answer.file
    for name in ("study_uid", "series_uid", "sop_class_uid", "sop_instance_uid"):
        if not _UID.fullmatch(getattr(owner, name)):
            raise NoDocument(f"{file} has no valid {name.replace('_uid', ' UID').replace('_', ' ')}")
    for name, most in _LONGEST.items():
        if len(getattr(owner, name)) > most or "\\" in getattr(owner, name):
            raise NoDocument(f"{file} has a {name.replace('_', ' ')} that DICOM does not allow")


def owned(dataset: Dataset, case: Case) -> None:
    """Give an object the patient, the study and the dates of the film, and the equipment.

    Raises:
        NoDocument: if the film is not DICOM, or its header does not allow it.
    """
    check(case)
    owner = case.owner
    dataset.SpecificCharacterSet = UTF8
    _patient(dataset, owner)
    _study(dataset, owner)
    day, time = moment(owner)
    dataset.InstanceCreationDate, dataset.InstanceCreationTime = day, time
    dataset.SeriesDate, dataset.SeriesTime = day, time
    dataset.Manufacturer = dataset.ManufacturerModelName = MAKER
    dataset.SoftwareVersions = case.answer.version
    dataset.DeviceSerialNumber = case.answer.weights_sha256
    dataset.InstitutionName = None


def placed(dataset: Dataset, case: Case, series: Series, sop_class: str, number: int) -> None:
    """Give an object its place: series, SOP class and instance; ``number`` within the series."""
    part = f", {case.answer.part} hand in the picture" if case.answer.part else ""
    dataset.Modality, dataset.SeriesDescription = series.modality, f"{series.description}{part}"
    dataset.SeriesInstanceUID, dataset.SeriesNumber = case.uid(series.word), series.number
    dataset.SOPClassUID, dataset.SOPInstanceUID = sop_class, case.uid(f"{sop_class} {number}")
    dataset.InstanceNumber = number


def source(case: Case) -> Dataset:
    """The reference to the film."""
    item = Dataset()
    item.ReferencedSOPClassUID = case.owner.sop_class_uid
    item.ReferencedSOPInstanceUID = case.owner.sop_instance_uid
    return item


def file_of(dataset: Dataset) -> bytes:
    """An object as a DICOM file, always the same bytes."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID, meta.ImplementationVersionName = UID(IMPLEMENTATION_UID), IMPLEMENTATION
    dataset.file_meta = meta
    file = io.BytesIO()
    dcmwrite(file, dataset, enforce_file_format=True)
    return file.getvalue()


def moment(owner: Identity) -> tuple[str, str]:
    """Date and time of the film, as DICOM writes them; `NO_DATE` where its header has none."""
    for word in ("acquisition", "content", "series", "study"):
        day, time = getattr(owner, f"{word}_date"), getattr(owner, f"{word}_time")
        if _DATE.fullmatch(day):
            return day, time if _TIME.fullmatch(time) else NO_TIME
    return NO_DATE, NO_TIME


def caution(case: Case) -> str:
    """The sentence that every document has: what it is not for, and the model."""
    return f"{DISCLAIMER} Model {case.answer.model}, weights {case.answer.weights_sha256[:16]}."


def _patient(dataset: Dataset, owner: Identity) -> None:
    dataset.PatientID = owner.patient_id
    dataset.PatientName = PersonName(owner.patient_name)
    dataset.PatientBirthDate = _if(_DATE, owner.patient_birth_date)
    dataset.PatientSex = owner.patient_sex if owner.patient_sex in ("M", "F", "O") else ""
    if owner.issuer_of_patient_id:
        dataset.IssuerOfPatientID = owner.issuer_of_patient_id


def _study(dataset: Dataset, owner: Identity) -> None:
    dataset.StudyInstanceUID = owner.study_uid
    dataset.AccessionNumber = owner.accession_number
    dataset.StudyID = owner.study_id if len(owner.study_id) <= 16 else ""
    dataset.StudyDate, dataset.StudyTime = _if(_DATE, owner.study_date), _if(_TIME, owner.study_time)
    dataset.ReferringPhysicianName = PersonName(owner.referring_physician)
    if 0 < len(owner.study_description) <= 64:
        dataset.StudyDescription = owner.study_description


def _if(pattern: re.Pattern[str], text: str) -> str:
    return text if pattern.fullmatch(text) else ""
