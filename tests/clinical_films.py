"""DICOM films with whole headers, their cases, and what no other patient's film may give away."""

from __future__ import annotations

import io
import re
from functools import cache
from typing import Any

import numpy as np
import pytest

for package in ("highdicom", "pydantic", "reportlab", "sqlalchemy", "prometheus_client"):
    pytest.importorskip(package, reason="documents need boneage[dicom]")

import pydicom
from dicom_files import dicom, written
from hands import predictor

from boneage import Sex, read
from boneage.clinic.answering import cases_of
from boneage.clinic.answers import ReadingRequest
from boneage.clinic.documents.case import Case
from boneage.data.phantom import draw

STUDY = "1.2.826.0.1.3680043.8.498.471"
CR, DX, SC = (f"1.2.840.10008.5.1.4.1.1.{number}" for number in ("1", "1.1", "7"))
HEADER: dict[str, Any] = {
    "SpecificCharacterSet": "ISO_IR 192",
    "PatientID": "MRN-4711",
    "IssuerOfPatientID": "Ward 9",
    "PatientName": "Çelik^Zoë",
    "PatientBirthDate": "20140115",
    "PatientSex": "F",
    "StudyInstanceUID": STUDY,
    "SeriesInstanceUID": f"{STUDY}.1",
    "SOPInstanceUID": f"{STUDY}.1.1",
    "StudyID": "S7",
    "StudyDescription": "Left hand",
    "StudyDate": "20240301",
    "StudyTime": "101112",
    "AccessionNumber": "ACC-471",
    "ReferringPhysicianName": "Weiß^Ida",
    "ImageLaterality": "L",
}


def tells_patient(text: str) -> bool:
    """Whether the id of `HEADER`, or its number alone, stands in a text; digits within a hash or a UID do not count."""
    return re.search(r"(?<![0-9A-Za-z.])(MRN|4711)(?![0-9A-Za-z])", text) is not None


@cache
def hand_pixels(size: int = 256, seed: int = 7, months: float = 120) -> np.ndarray:
    """A synthetic girl's hand as twelve bits, uint16 [size, size]."""
    pixels = draw(np.random.default_rng(seed), months=months, sex=Sex.FEMALE, size=size, plain=True).pixels
    return np.round(pixels.astype(float) / pixels.max() * 4095).astype(np.uint16)


def noise_pixels() -> np.ndarray:
    """No hand, uint16 [200, 160]."""
    return np.random.default_rng(1).integers(0, 4096, (200, 160)).astype(np.uint16)


def film(pixels: np.ndarray | None = None, **elements: Any) -> bytes:
    """A CR film with a whole header, changed as named; None leaves an element away."""
    kept = {keyword: value for keyword, value in (HEADER | elements).items() if value is not None}
    return written(dicom(hand_pixels() if pixels is None else pixels, **kept))


def case(data: bytes | None = None, **request: Any) -> Case:
    """The case of a film of one hand."""
    (found,) = cases_of(predictor(), read(film() if data is None else data), ReadingRequest(**request))
    return found


@cache
def pair_film() -> bytes:
    """A CR film of a girl's left hand, and to the right of it another girl's right hand, whose file names no side."""
    other = hand_pixels(256, 2, 80)
    return film(np.hstack([hand_pixels(), other[:, ::-1]]), ImageLaterality=None)


@cache
def pair_cases() -> list[Case]:
    """Those of its hands, read once."""
    return cases_of(predictor(), read(pair_film()), ReadingRequest())


@cache
def plain_case() -> Case:
    """That of the film as it is, read once."""
    return case()


@cache
def refused_case() -> Case:
    """That of a film that shows no hand."""
    return case(film(noise_pixels(), ImageLaterality=None))


def opened(data: bytes) -> pydicom.Dataset:
    """A DICOM object from its file."""
    return pydicom.dcmread(io.BytesIO(data))
