"""DICOM files made for the tests: one synthetic picture, any header, any encoding; and what reading should give."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from picture_files import PICTURE

pydicom = pytest.importorskip("pydicom")
from pydicom.config import IGNORE
from pydicom.config import settings as dicom_settings
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRLittleEndian

from boneage.errors import UnreadableImage
from boneage.images.read import read

TWELVE = np.round(PICTURE * 4095).astype(np.uint16)
EIGHT = np.round(PICTURE * 255).astype(np.uint8)
SMALL = TWELVE[::3, ::2]
LEVEL = 0.5 / 4095 + 1e-6


@contextmanager
def unchecked() -> Iterator[None]:
    """Let pydicom build odd values in silence; the reader must be silent by itself."""
    modes = dicom_settings.reading_validation_mode, dicom_settings.writing_validation_mode
    dicom_settings.reading_validation_mode = dicom_settings.writing_validation_mode = IGNORE
    try:
        yield
    finally:
        dicom_settings.reading_validation_mode, dicom_settings.writing_validation_mode = modes


@unchecked()
def dicom(values: np.ndarray = TWELVE, bits: int = 12, **elements: Any) -> Dataset:
    """An uncompressed one-frame CR image of ``values`` [rows, columns] or [rows, columns, 3]."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.1"
    dataset.SOPInstanceUID = "1.2.826.0.1.3680043.8.498.1"
    dataset.Modality, dataset.PatientSex = "CR", "F"
    dataset.Rows, dataset.Columns = values.shape[:2]
    dataset.SamplesPerPixel = 3 if values.ndim == 3 else 1
    dataset.PhotometricInterpretation = "RGB" if values.ndim == 3 else "MONOCHROME2"
    if values.ndim == 3:
        dataset.PlanarConfiguration = 0
    dataset.BitsAllocated = 8 * values.dtype.itemsize
    dataset.BitsStored, dataset.HighBit = bits, bits - 1
    dataset.PixelRepresentation = int(values.dtype.kind == "i")
    dataset.PixelData = values.tobytes()
    dataset["PixelData"].VR = "OB" if values.dtype.itemsize == 1 else "OW"
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return dataset


@unchecked()
def written(dataset: Dataset, syntax: str = ExplicitVRLittleEndian) -> bytes:
    dataset.file_meta.TransferSyntaxUID = syntax
    file = io.BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()


def compressed(dataset: Dataset, syntax: str, **options: Any) -> bytes:
    dataset.compress(syntax, generate_instance_uid=False, **options)
    return written(dataset, syntax)


def wrapped(dataset: Dataset, stream: bytes, syntax: str) -> bytes:
    """The data set with a codestream made elsewhere."""
    dataset.PixelData = encapsulate([stream])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    return written(dataset, syntax)


def table(descriptor: list[int], data: list[int] | bytes) -> list[Dataset]:
    """A sequence of one lookup table, its entries as words (US) or as bytes (OW)."""
    dataset = Dataset()
    dataset.add_new("LUTDescriptor", "US", descriptor)
    dataset.add_new("LUTData", "OW" if isinstance(data, bytes) else "US", data)
    return [dataset]


def bare(file: bytes) -> bytes:
    """The data set alone, without preamble and file meta group."""
    return file[144 + int.from_bytes(file[140:144], "little") :]


def shows(film_bytes: bytes, expected: np.ndarray, tolerance: float = LEVEL) -> None:
    film = read(film_bytes)
    assert film.format == "DICOM"
    np.testing.assert_allclose(film.pixels, expected, atol=tolerance)


def refused(data: bytes, reason: str, **limits: int) -> None:
    with pytest.raises(UnreadableImage) as caught:
        read(data, **limits)
    assert str(caught.value).startswith("cannot read <bytes>: ")
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def reads_or_refuses(data: bytes) -> None:
    try:
        pixels, message = read(data).pixels, "cannot read <bytes>: "
    except UnreadableImage as error:
        pixels, message = np.zeros((1, 1), np.float32), str(error)
    assert message.startswith("cannot read <bytes>: ")
    assert "\n" not in message
    assert np.isfinite(pixels).all()
    assert 0 <= pixels.min() <= pixels.max() <= 1
