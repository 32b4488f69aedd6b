"""The stored values of a DICOM image: native or decoded, by the codestream where the header contradicts it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.encaps import get_frame
from pydicom.pixels import get_decoder
from pydicom.uid import UID, RLELossless

from ..errors import UnreadableImage
from .children import end, exactly, watched
from .codestream import JPEG_2000, Codestream, codestream
from .dicom_header import text
from .pixels import bands

_DECODE_SECONDS = 60
_CHILD = Path(__file__).with_name("dicom_frame.py")
_COLOURS = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT", "YBR_PARTIAL_420")
_GREYS = ("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR")


def is_jpeg_2000(dataset: Dataset) -> bool:
    """Whether the image is compressed by JPEG 2000, as its transfer syntax promises."""
    return str(dataset.file_meta.TransferSyntaxUID) in JPEG_2000


def stored_values(dataset: Dataset, frames: int, notes: list[str], scale: int = 1) -> tuple[np.ndarray, str]:
    """The first of so many frames, [rows, columns] or [rows, columns, 3], and its photometric interpretation.

    The elements of the Image Pixel module are completed, and corrected by the codestream, in ``dataset``. ``scale``: by
    what to divide the sides of a JPEG 2000 image, 2, 4 or 8.
    """
    syntax = UID(dataset.file_meta.TransferSyntaxUID)
    if not syntax.is_encapsulated:
        _complete(dataset, notes)
        _check_length(dataset)
        options: Any = {"correct_unused_bits": False, "view_only": True}
        values, properties = get_decoder(syntax).as_array(dataset, index=0, **options)
        return _used_bits(values, dataset, notes), str(properties["photometric_interpretation"])
    frame = get_frame(dataset.PixelData, 0, number_of_frames=frames)
    del dataset.PixelData
    found = codestream(frame)
    if found:
        _correct(dataset, found, notes)
    _complete(dataset, notes)
    request = _request(dataset, found.syntax(str(syntax)) if found else str(syntax))
    if found and found.samples == 3 and found.is_adobe:
        request["photometric_interpretation"] = "RGB"
    values, photometric = _decoded_apart(request | {"scale": scale}, frame)
    return (_used_bits(values, dataset, notes) if syntax == RLELossless else values), photometric


# --- what the header lacks or has wrong -----------------------------------------------------------------------------


def _complete(dataset: Dataset, notes: list[str]) -> None:
    """Give what is absent from the Image Pixel module its plain default, and say so where a reader could differ."""
    absent = [word for word in ("BitsAllocated", "PhotometricInterpretation") if dataset.get(word) in (None, "")]
    samples = _whole(dataset, "SamplesPerPixel") or (3 if text(dataset, "PhotometricInterpretation") in _COLOURS else 1)
    dataset.SamplesPerPixel = samples
    if "BitsAllocated" in absent:
        dataset.BitsAllocated = _allocated(dataset, samples)
    if "PhotometricInterpretation" in absent:
        dataset.PhotometricInterpretation = "RGB" if samples == 3 else "MONOCHROME2"
    if _whole(dataset, "BitsStored") is None:
        dataset.BitsStored = dataset.BitsAllocated
    if _whole(dataset, "HighBit") is None:
        dataset.HighBit = int(dataset.BitsStored) - 1
    dataset.PixelRepresentation = _whole(dataset, "PixelRepresentation") or 0
    if samples > 1:
        dataset.PlanarConfiguration = _whole(dataset, "PlanarConfiguration") or 0
    if absent:
        notes.append(f"the header lacks {' and '.join(absent)}: the plain default is used")


def _whole(dataset: Dataset, keyword: str) -> int | None:
    value = dataset.get(keyword)
    return None if value in (None, "") else int(value)


def _allocated(dataset: Dataset, samples: int) -> int:
    """Bits of a stored value, by the length of the pixels where nothing says it."""
    if "FloatPixelData" in dataset:
        return 32
    if "PixelData" not in dataset:
        return 64
    per_frame = int(dataset.Rows) * int(dataset.Columns) * samples * int(dataset.get("NumberOfFrames") or 1)
    return 16 if len(dataset.PixelData) >= 2 * per_frame else 8


def _check_length(dataset: Dataset) -> None:
    if "PixelData" not in dataset:
        return
    bits = int(dataset.Rows) * int(dataset.Columns) * int(dataset.SamplesPerPixel) * int(dataset.BitsAllocated)
    expected = (bits + 7) // 8
    if text(dataset, "PhotometricInterpretation") == "YBR_FULL_422":
        expected = expected * 2 // 3
    if len(dataset.PixelData) < expected:
        found = f"{len(dataset.PixelData):,} of {expected:,} bytes"
        raise UnreadableImage(f"the DICOM file is truncated: {found} of its image are there")


def _correct(dataset: Dataset, found: Codestream, notes: list[str]) -> None:
    """Let the header say what the codestream says, and note what it said before."""
    wrong = []
    bits, allocated = _whole(dataset, "BitsStored"), _whole(dataset, "BitsAllocated")
    if bits != found.precision or (allocated or 0) < found.precision:
        wrong += [] if bits is None else [f"{bits} bits (it has {found.precision})"]
        dataset.BitsStored, dataset.HighBit = found.precision, found.precision - 1
    dataset.BitsAllocated = 8 if found.precision <= 8 else 16 if found.precision <= 16 else 32
    samples = _whole(dataset, "SamplesPerPixel")
    if samples != found.samples:
        wrong += [] if samples is None else [f"{samples} samples (it has {found.samples})"]
        dataset.SamplesPerPixel = found.samples
    photometric = text(dataset, "PhotometricInterpretation")
    if found.samples == 1 and photometric not in _GREYS:
        wrong += [f"{photometric} (it is grey)"] if photometric else []
        dataset.PhotometricInterpretation = "MONOCHROME2"
    if found.samples == 3 and (photometric not in _COLOURS or photometric in _contradicted(found)):
        wrong += [f"{photometric} (it is {_colour(found)[:3]})"] if photometric else []
        dataset.PhotometricInterpretation = _colour(found)
    signed = _whole(dataset, "PixelRepresentation")
    if found.is_signed is not None and bool(signed) != found.is_signed:
        wrong.append("signed values (it has none)" if signed else "no signed values (it has some)")
        dataset.PixelRepresentation = int(found.is_signed)
    if wrong:
        notes.append(f"the compressed image is read as it says itself, for the header says {', '.join(wrong)}")


def _contradicted(found: Codestream) -> tuple[str, ...]:
    """What a header cannot say of a JPEG in colour whose markers say the other."""
    if found.kind != "jpeg" or found.is_rgb is None:
        return ()
    return ("YBR_FULL", "YBR_FULL_422") if found.is_rgb else ("RGB",)


def _colour(found: Codestream) -> str:
    if found.kind in ("jpeg 2000", "jpeg-ls", "lossless") or found.is_rgb:
        return "RGB"
    return "YBR_FULL_422"


# --- bits -----------------------------------------------------------------------------------------------------------


def _used_bits(values: np.ndarray, dataset: Dataset, notes: list[str]) -> np.ndarray:
    """Keep the BitsStored bits below HighBit, with their sign: old files have overlays in the other bits.

    Shifted left until HighBit is the top bit of the word, and back: a signed type then repeats its sign.
    """
    if values.dtype.kind == "f" or dataset.BitsAllocated == 1:
        return values
    allocated, stored = 8 * values.dtype.itemsize, int(dataset.BitsStored)
    high = int(dataset.HighBit)
    if not 0 < stored <= high + 1 <= allocated:
        raise UnreadableImage(f"BitsStored {stored} and HighBit {high} do not fit {allocated} bits")
    if stored == allocated:
        return values
    kept = (values << (allocated - 1 - high)) >> (allocated - stored)
    if high == stored - 1 and (kept != values).any() and (values & (2**stored - 1) != values).any():
        return _with_bits_above(values, kept, dataset, notes)
    return kept


def _with_bits_above(values: np.ndarray, kept: np.ndarray, dataset: Dataset, notes: list[str]) -> np.ndarray:
    """Values with bits above BitsStored: without these, unless they go on counting where the lower ones overflow."""
    stored = int(dataset.BitsStored)
    short = steps = 0
    for rows in bands(*values.shape[:2]):
        band = values[rows].astype(np.int64)
        lengths = np.abs(np.diff(band, axis=1))[np.diff(band >> stored, axis=1) != 0]
        short, steps = short + int((lengths < 2 ** (stored - 1)).sum()), steps + lengths.size
    if 2 * short > steps:
        notes.append(f"the values need more than the {stored} bits that BitsStored names: all bits are used")
        dataset.BitsStored = 8 * values.dtype.itemsize
        return values
    if not any(0x6000 <= tag >> 16 < 0x6100 for tag in list(dataset.keys())):  # overlays that the header describes
        notes.append(f"bits above the {stored} that BitsStored names are set: they are left away")
    return kept


# --- decoding in a process of its own -------------------------------------------------------------------------------


def _request(dataset: Dataset, syntax: str) -> dict[str, Any]:
    return {
        "transfer_syntax": syntax,
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
    with _decoder() as child:
        try:
            with watched(child, _DECODE_SECONDS) as (questions, answers):
                questions.write(json.dumps(request).encode() + b"\n")
                questions.write(frame)
                questions.close()
                answer = json.loads(answers.readline() or b"!")
                raw = exactly(answers, answer.get("bytes", 0))
        except TimeoutError:
            raise UnreadableImage(f"its compressed image did not decode within {_DECODE_SECONDS} seconds") from None
        except (OSError, ValueError, EOFError):
            raise UnreadableImage("its compressed image is damaged: the decoder crashed on it") from None
    if "error" in answer:
        is_own = answer["error"].startswith("transfer syntax")  # else a library's, which is its own
        reason = f" ({answer['error']})" if is_own else ""
        raise UnreadableImage(f"its compressed image is damaged or not supported{reason}")
    return np.frombuffer(raw, np.dtype(answer["dtype"])).reshape(answer["shape"]), answer["photometric"]


@contextmanager
def _decoder() -> Iterator[subprocess.Popen[bytes]]:
    child = subprocess.Popen(
        [sys.executable, "-P", "-W", "ignore", str(_CHILD)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
    )  # in this group: who ends a process that reads films ends its decoder too
    try:
        yield child
    finally:
        end(child)
