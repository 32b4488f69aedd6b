"""Read DICOM (CR, DX, secondary capture) as a `Radiograph`, its grey levels as a viewer displays them.

The steps are those of DICOM PS3.3 C.11 and PS3.4 N.2: stored values, modality LUT, VOI LUT, presentation.
"""

from __future__ import annotations

import io
import zlib
from dataclasses import replace

import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from ..errors import UnreadableImage
from ..types import Levels, Radiograph
from .content import Content
from .dicom_display import displayed, over_all_values, palette
from .dicom_header import coarsen, described, text
from .dicom_stored import is_jpeg_2000, stored_values
from .grey import white_level
from .pixels import MAX_BYTES, check_size, converted, luminance
from .shrinking import noted, scale_of

_IMAGE = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_PIXELS, _DELIMITER = (
    b"\xe0\x7f\x10\0",
    b"\xfe\xff\xdd\xe0\0\0\0\0",
)  # tags in a compressed file: (7FE0,0010), (FFFE,E0DD)


def read_dicom(content: Content, name: str, sha256: str, *, max_pixels: int, whole_range: bool = False) -> Radiograph:
    """Read the first frame of a DICOM file, and what its header says (see `boneage.images.dicom_header`).

    Args:
        content: of the file; it is released.
        name: the film's ``source``.
        sha256: of the file's bytes, in hexadecimal.
        max_pixels: the largest rows times columns.
        whole_range: whether the pixels hold all values, also those that the file's window cuts off.

    Returns:
        The film, with pixels float32 [rows, columns] in [0, 1] as displayed, so bone is bright.

    Raises:
        UnreadableImage: also for damaged files, on which pydicom raises errors of any type: all are caught.
    """
    try:
        dataset, notes = _parse(content.data)
        content.release()
        with np.errstate(all="ignore"):
            pixels, levels = _pixels(dataset, max_pixels, notes, whole_range)
        return replace(described(dataset, pixels, notes, name, sha256), levels=levels)
    except UnreadableImage:
        raise
    except MemoryError as error:
        raise UnreadableImage("there is not enough memory for this DICOM image") from error
    except Exception as error:
        raise UnreadableImage("the DICOM file is truncated, damaged or not supported") from error


# --- the file -------------------------------------------------------------------------------------------------------


def _parse(data: bytes) -> tuple[Dataset, list[str]]:
    """The data set, and a note where the delimiter that ends its compressed image is missing.

    Raises:
        UnreadableImage: if the file ends before or within its image.
    """
    plain, notes = _inflated(data), []
    dataset = _dataset(plain)
    if not _has_image(dataset) and _PIXELS in plain:
        kept = next(count for count in range(len(_DELIMITER) - 1, -1, -1) if plain.endswith(_DELIMITER[:count]))
        whole = _dataset(plain + _DELIMITER[kept:])
        if _has_image(whole):
            _check_end(whole.PixelData)
            dataset = whole
            notes.append("the delimiter at the end of its compressed image is missing")
        elif "SOPClassUID" not in dataset:
            raise UnreadableImage("the DICOM file is truncated: it ends within its image")
    if not _has_image(dataset) and "Rows" in dataset and text(dataset, "Modality") in ("CR", "DX", "RG"):
        raise UnreadableImage("the DICOM file is truncated: it ends before its image")
    if "TransferSyntaxUID" not in dataset.file_meta:
        implicit, little = dataset.original_encoding
        explicit = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else explicit
    return dataset, notes


def _dataset(plain: bytes) -> Dataset:
    with io.BytesIO(plain) as file:  # closed: the data set would keep it
        return pydicom.dcmread(file, force=True)


def _check_end(fragments: bytes) -> None:
    """Raise UnreadableImage if the last fragment of a compressed image is shorter than it says, or lacks its end."""
    at = length = 0
    while at + 8 <= len(fragments):
        length = int.from_bytes(fragments[at + 4 : at + 8], "little")
        at += 8 + length
    is_jpeg = fragments.find(b"\xff\xd8\xff") >= 0 or fragments.find(b"\xff\x4f\xff\x51") >= 0
    if at > len(fragments) or (is_jpeg and not fragments.rstrip(b"\0").endswith(b"\xff\xd9")):
        raise UnreadableImage("the DICOM file is truncated: it ends within its image")


def _has_image(dataset: Dataset) -> bool:
    return any(word in dataset for word in _IMAGE)


def _inflated(data: bytes) -> bytes:
    """The data set of a deflated file, inflated up to a limit, which pydicom does not have; other files unchanged."""
    if DeflatedExplicitVRLittleEndian.encode() not in data[:4096]:
        return data
    file = io.BytesIO(data)
    file.seek(132 if data[128:132] == b"DICM" else 0)
    meta = read_dataset(file, False, True, stop_when=lambda tag, _vr, _length: tag >> 16 != 2)
    if meta.get("TransferSyntaxUID") != DeflatedExplicitVRLittleEndian:
        return data
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    plain = stream.decompress(data[file.tell() :], MAX_BYTES)
    if not stream.eof:
        raise UnreadableImage(f"its deflated data is truncated or inflates to more than {MAX_BYTES:,} bytes")
    return plain


# --- the pixels -----------------------------------------------------------------------------------------------------


def _pixels(
    dataset: Dataset, max_pixels: int, notes: list[str], whole_range: bool = False
) -> tuple[np.ndarray, Levels]:
    """Float32 [rows, columns] in [0, 1] as displayed, or over all values; notes are added."""
    if not _has_image(dataset):
        raise UnreadableImage(f"it is DICOM without an image (modality {text(dataset, 'Modality') or 'not given'})")
    width, height = int(dataset.Columns), int(dataset.Rows)
    scale = scale_of(width, height, max_pixels) if is_jpeg_2000(dataset) else 1
    if scale > 1:
        notes.append(noted(width, height, scale))
        coarsen(dataset, scale)
    else:
        check_size(width, height, max_pixels)
    frames = int(dataset.get("NumberOfFrames") or 1)
    if frames > 1:
        notes.append(f"{frames} frames: only the first is read")
    values, photometric = stored_values(dataset, frames, notes, max(1, scale))
    for word in _IMAGE:
        dataset.pop(word, None)  # so that it is in memory but once
    levels = Levels()
    if photometric == "PALETTE COLOR":
        pixels = palette(values, dataset)
    elif values.ndim == 3:
        white = np.float32(white_level(values))
        pixels = converted(values, lambda band: luminance(band) / white)
    elif photometric in ("MONOCHROME1", "MONOCHROME2"):
        if whole_range:
            pixels, levels = over_all_values(values, dataset, photometric)
        else:
            pixels = displayed(values, dataset, photometric, notes)
    else:
        raise UnreadableImage(f"its photometric interpretation {photometric} is not supported")
    del values
    pixels = np.nan_to_num(pixels.astype(np.float32, copy=False), copy=False)
    return np.clip(pixels, 0, 1, out=pixels), levels
