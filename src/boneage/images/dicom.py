"""Read DICOM (CR, DX, secondary capture) as a `Radiograph`, its grey levels as a viewer displays them.

The steps are those of DICOM PS3.3 C.11 and PS3.4 N.2: stored values, modality LUT, VOI LUT, presentation.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.encaps import get_frame
from pydicom.filereader import read_dataset
from pydicom.pixels import get_decoder
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

from ..errors import UnreadableImage
from ..types import Radiograph
from .dicom_header import described, identity, number, text
from .formats import unpacked
from .pixels import MAX_BYTES, check_size, luminance

_DECODE_SECONDS = 60
_CHILD = Path(__file__).with_name("dicom_frame.py")


def read_dicom(data: bytes, name: str, sha256: str, *, max_pixels: int) -> Radiograph:
    """Read the first frame of a DICOM file, and what its header says (see `boneage.images.dicom_header`).

    Args:
        data: the bytes of the file.
        name: the film's ``source``.
        sha256: of ``data``, in hexadecimal.
        max_pixels: the largest rows times columns.

    Returns:
        The film, with pixels float32 [rows, columns] in [0, 1] as displayed, so bone is bright.

    Raises:
        UnreadableImage: also for damaged files, on which pydicom raises errors of any type: all are caught.
    """
    try:
        dataset = _parse(data)
        with np.errstate(all="ignore"):
            pixels, notes = _pixels(dataset, max_pixels)
        return described(dataset, pixels, notes, name, sha256)
    except UnreadableImage:
        raise
    except MemoryError as error:
        raise UnreadableImage("there is not enough memory for this DICOM image") from error
    except Exception as error:
        reason = str(error)[:200] or type(error).__name__
        raise UnreadableImage(f"the DICOM file is truncated, damaged or not supported ({reason})") from error


def patient_id(data: bytes) -> str:
    """The PatientID of a DICOM file, empty where it has none or none that can be read."""
    try:
        file = io.BytesIO(_inflated(unpacked(data)))
        return identity(
            pydicom.dcmread(file, stop_before_pixels=True, force=True, specific_tags=["PatientID"])
        ).patient_id
    except Exception:  # hostile bytes; whether the file is a film is for `read_dicom` to say
        return ""


# --- the file -------------------------------------------------------------------------------------------------------


def _parse(data: bytes) -> Dataset:
    dataset = pydicom.dcmread(io.BytesIO(_inflated(data)), force=True)
    if "TransferSyntaxUID" not in dataset.file_meta:
        implicit, little = dataset.original_encoding
        explicit = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else explicit
    return dataset


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


def _pixels(dataset: Dataset, max_pixels: int) -> tuple[np.ndarray, list[str]]:
    """Float32 [rows, columns] in [0, 1] as displayed, and notes."""
    if not any(word in dataset for word in ("PixelData", "FloatPixelData", "DoubleFloatPixelData")):
        raise UnreadableImage(f"it is DICOM without an image (modality {text(dataset, 'Modality') or 'not given'})")
    check_size(int(dataset.Columns), int(dataset.Rows), max_pixels)
    frames = int(dataset.get("NumberOfFrames") or 1)
    notes = [f"{frames} frames: only the first is read"] if frames > 1 else []
    values, photometric = _stored_values(dataset, frames)
    if photometric == "PALETTE COLOR":
        pixels = _palette(values, dataset)
    elif values.ndim == 3:
        pixels = luminance(values) / np.float32(2 ** int(dataset.BitsStored) - 1)
    elif photometric in ("MONOCHROME1", "MONOCHROME2"):
        pixels = _displayed(values, dataset, photometric, notes)
    else:
        raise UnreadableImage(f"its photometric interpretation {photometric} is not supported")
    return np.clip(np.nan_to_num(pixels), 0, 1).astype(np.float32, copy=False), notes


def _stored_values(dataset: Dataset, frames: int) -> tuple[np.ndarray, str]:
    """The first frame's stored values, [rows, columns] or [rows, columns, 3], and its photometric interpretation."""
    syntax = UID(dataset.file_meta.TransferSyntaxUID)
    if syntax.is_encapsulated:
        frame = get_frame(dataset.PixelData, 0, number_of_frames=frames)
        values, photometric = _decoded_apart(_request(dataset, syntax), frame)
    else:
        options: Any = {"correct_unused_bits": False}
        values, properties = get_decoder(syntax).as_array(dataset, index=0, **options)
        photometric = str(properties["photometric_interpretation"])
    if syntax.is_encapsulated and syntax != RLELossless:
        return values, photometric
    return _used_bits(values, dataset), photometric


def _used_bits(values: np.ndarray, dataset: Dataset) -> np.ndarray:
    """Keep the BitsStored bits below HighBit, with their sign: old files have overlays in the other bits.

    Shifted left until HighBit is the top bit of the word, and back: a signed type then repeats its sign.
    """
    if values.dtype.kind == "f" or dataset.BitsAllocated == 1:
        return values
    allocated, stored = 8 * values.dtype.itemsize, int(dataset.BitsStored)
    high = int(dataset.get("HighBit", stored - 1))
    if not 0 < stored <= high + 1 <= allocated:
        raise UnreadableImage(f"BitsStored {stored} and HighBit {high} do not fit {allocated} bits")
    return values if stored == allocated else (values << (allocated - 1 - high)) >> (allocated - stored)


def _request(dataset: Dataset, syntax: UID) -> dict[str, Any]:
    return {
        "transfer_syntax": str(syntax),
        "rows": int(dataset.Rows),
        "columns": int(dataset.Columns),
        "samples_per_pixel": int(dataset.get("SamplesPerPixel", 1)),
        "photometric_interpretation": text(dataset, "PhotometricInterpretation"),
        "planar_configuration": int(dataset.get("PlanarConfiguration") or 0),
        "bits_allocated": int(dataset.BitsAllocated),
        "bits_stored": int(dataset.BitsStored),
        "pixel_representation": int(dataset.get("PixelRepresentation", 0)),
        "pixel_keyword": "PixelData",
    }


def _decoded_apart(request: dict[str, Any], frame: bytes) -> tuple[np.ndarray, str]:
    """Decode a compressed frame in a process of its own, so that a codec that crashes or hangs stops nothing else."""
    try:
        child = subprocess.run(
            [sys.executable, "-P", "-W", "ignore", str(_CHILD)],
            input=json.dumps(request).encode() + b"\n" + frame,
            capture_output=True,
            timeout=_DECODE_SECONDS,
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        )
    except subprocess.TimeoutExpired:
        raise UnreadableImage(f"its compressed image did not decode within {_DECODE_SECONDS} seconds") from None
    if child.returncode != 0:
        raise UnreadableImage("its compressed image is damaged: the decoder crashed on it")
    line, _, raw = child.stdout.partition(b"\n")
    answer = json.loads(line)
    if "error" in answer:
        raise UnreadableImage(f"its compressed image is damaged or not supported ({answer['error'][:200]})")
    return np.frombuffer(raw, np.dtype(answer["dtype"])).reshape(answer["shape"]), answer["photometric"]


# --- from stored values to what is displayed ------------------------------------------------------------------------


def _displayed(stored: np.ndarray, dataset: Dataset, photometric: str, notes: list[str]) -> np.ndarray:
    shown = np.isfinite(stored) & ~_padding(stored, dataset)
    if not shown.any():
        raise UnreadableImage("all its pixels are padding")
    values = _modality(stored, dataset)
    pixels = _voi(values, dataset, notes)
    if pixels is None or (_is_flat(pixels[shown]) and not _is_flat(values[shown])):
        if pixels is not None:
            notes.append("the window leaves the image blank: the range of its values is used")
        low, high = values[shown].min(), values[shown].max()
        pixels = (values - low) / (high - low or np.float32(1))
    # PS3.3 C.8.11.3.1: in DX, INVERSE goes with MONOCHROME1 and says the same thing, so the two do not cancel.
    if photometric == "MONOCHROME1" or text(dataset, "PresentationLUTShape") == "INVERSE":
        pixels = 1 - pixels
    return np.where(shown, pixels, np.float32(0))


def _is_flat(values: np.ndarray) -> bool:
    return bool(values.min() == values.max())


def _padding(stored: np.ndarray, dataset: Dataset) -> np.ndarray:
    """Where the detector saw nothing: PixelPaddingValue, up to PixelPaddingRangeLimit where that is given."""
    value = dataset.get("PixelPaddingValue")
    if value is None:
        return np.zeros(stored.shape, bool)
    limit = dataset.get("PixelPaddingRangeLimit")
    ends = [_as_stored(int(end), stored.dtype, dataset) for end in (value, value if limit is None else limit)]
    return (stored >= min(ends)) & (stored <= max(ends))


def _as_stored(value: int, dtype: np.dtype, dataset: Dataset) -> int:
    """A padding value in the signedness of the stored values; some scanners write it in the other."""
    bits = 16 if dtype.kind == "f" else 8 * dtype.itemsize
    if dtype.kind == "i" and value >= 2 ** (bits - 1):
        return value - 2**bits
    return value + 2 ** int(dataset.BitsStored) if dtype.kind == "u" and value < 0 else value


def _modality(stored: np.ndarray, dataset: Dataset) -> np.ndarray:
    """Stored values through the modality LUT, or rescale slope and intercept (PS3.3 C.11.1), as float32."""
    sequence = dataset.get("ModalityLUTSequence")
    if sequence:
        return _look_up(stored, sequence[0].LUTDescriptor, sequence[0].LUTData, dataset)[0]
    slope, intercept = number(dataset, "RescaleSlope"), number(dataset, "RescaleIntercept")
    return stored.astype(np.float32) * np.float32(1 if slope is None else slope) + np.float32(intercept or 0)


def _voi(values: np.ndarray, dataset: Dataset, notes: list[str]) -> np.ndarray | None:
    """Values in [0, 1] through the first VOI LUT, else the first window; None where there is neither."""
    sequence = dataset.get("VOILUTSequence")
    if sequence:
        table, top = _look_up(values, sequence[0].LUTDescriptor, sequence[0].LUTData, dataset)
        return table / np.float32(top)
    center, width = number(dataset, "WindowCenter"), number(dataset, "WindowWidth")
    if center is None or width is None:
        return None
    shape = text(dataset, "VOILUTFunction") or "LINEAR"
    if width < 1 if shape == "LINEAR" else width <= 0:
        notes.append(f"window width {width:g} makes no sense: the range of the values is used")
        return None
    return _window(values, center, width, shape)


def _window(values: np.ndarray, center: float, width: float, shape: str) -> np.ndarray:
    """VOI LUT functions of PS3.3 C.11.2.1.2 and C.11.2.1.3, to [0, 1]."""
    if shape == "SIGMOID":
        return 1 / (1 + np.exp(np.clip(-4 * (values - center) / width, -80, 80)))
    if shape == "LINEAR_EXACT":
        return np.clip((values - center) / width + 0.5, 0, 1)
    if width == 1:
        return (values > center - 0.5).astype(np.float32)
    return np.clip((values - (center - 0.5)) / (width - 1) + 0.5, 0, 1)


def _look_up(values: np.ndarray, descriptor: Sequence[int], data: Any, dataset: Dataset) -> tuple[np.ndarray, int]:
    """A LUT (PS3.3 C.11.1.1): float32 entries for the values, and the largest value an entry may have."""
    count, first, bits = (int(number) for number in descriptor)
    count = count or 2**16
    first = first - 2**16 if first >= 2**15 and values.min() < 0 else first
    table = _entries(data, count, dataset)
    place = np.clip(np.rint(values) - first, 0, len(table) - 1).astype(np.int32)
    return table.astype(np.float32)[place], max(2**bits - 1, int(table.max()))


def _entries(data: Any, count: int, dataset: Dataset) -> np.ndarray:
    """LUT entries from words or bytes, and from 8-bit entries packed in pairs."""
    little = dataset.original_encoding[1] is not False
    if not isinstance(data, bytes):
        words = np.atleast_1d(np.asarray(data, dtype=np.int64)) & 0xFFFF
        data, little = words.astype("<u2").tobytes(), True
    if len(data) < count:
        raise UnreadableImage(f"a lookup table has {len(data)} bytes for {count} entries")
    word = np.dtype("<u2" if little else ">u2")
    return np.frombuffer(data, np.uint8 if len(data) < 2 * count else word)[:count]


def _palette(stored: np.ndarray, dataset: Dataset) -> np.ndarray:
    """Luminance in [0, 1] of palette colours."""
    if "RedPaletteColorLookupTableData" not in dataset:
        raise UnreadableImage("its palette is missing or segmented")
    planes = []
    for colour in ("Red", "Green", "Blue"):
        descriptor = dataset[f"{colour}PaletteColorLookupTableDescriptor"].value
        entries, top = _look_up(stored, descriptor, dataset[f"{colour}PaletteColorLookupTableData"].value, dataset)
        planes.append(entries / np.float32(top))
    return luminance(np.stack(planes, axis=-1))
