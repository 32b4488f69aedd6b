"""The memory and time that the largest films need: one file of each kind, read by ``boneage predict`` in a new process.

python benchmarks/film_memory.py --out docs/results/film_memory.json     (no data: the hand is drawn)
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import os
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, JPEG2000Lossless, JPEGLSLossless, RLELossless

from boneage.data import phantom
from boneage.files import write_json
from boneage.types import Sex

POLL = 0.01  # seconds between two looks at the processes
Image.MAX_IMAGE_PIXELS = None


def drawn(side: int) -> np.ndarray:
    """A hand of so many pixels on a side, uint16 of 12 bits, with a detector's noise."""
    hand = phantom.draw(np.random.default_rng(0), months=120, sex=Sex.FEMALE, plain=True).pixels
    large = cv2.resize(hand, (side, side), interpolation=cv2.INTER_CUBIC).astype(np.uint16)
    large <<= 4
    noise = np.random.default_rng(1).integers(0, 16, (side, side), np.uint8)
    return np.minimum(large + noise, 4095).astype(np.uint16)


def picture(array: np.ndarray, kind: str, **options: object) -> bytes:
    """As a file of Pillow's."""
    out = io.BytesIO()
    Image.fromarray(array).save(out, kind, **options)  # type: ignore[arg-type]
    return out.getvalue()


def by_opencv(array: np.ndarray, ending: str, *options: int) -> bytes:
    """As a file of OpenCV's."""
    return cv2.imencode(ending, array, options)[1].tobytes()


def dicom(values: np.ndarray, syntax: UID = ExplicitVRLittleEndian, **elements: object) -> bytes:
    """As a DICOM file with a window."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    dataset.Modality, dataset.PatientSex, dataset.SOPClassUID = "DX", "F", "1.2.840.10008.5.1.4.1.1.1.1"
    dataset.SOPInstanceUID = meta.MediaStorageSOPInstanceUID = "1.2.3"
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.Rows, dataset.Columns = values.shape[:2]
    dataset.SamplesPerPixel = 3 if values.ndim == 3 else 1
    dataset.PlanarConfiguration = 0
    dataset.PhotometricInterpretation = "RGB" if values.ndim == 3 else "MONOCHROME2"
    dataset.BitsAllocated = 8 * values.dtype.itemsize
    dataset.BitsStored = 12 if values.dtype == np.uint16 else dataset.BitsAllocated
    dataset.HighBit, dataset.PixelRepresentation = dataset.BitsStored - 1, 0
    if values.dtype.kind == "f":
        dataset.FloatPixelData = values.tobytes()
    else:
        dataset.PixelData = values.tobytes()
        dataset["PixelData"].VR = "OB" if values.itemsize == 1 else "OW"
    if values.ndim == 2:
        dataset.WindowCenter, dataset.WindowWidth = 2048, 4096
    for name, value in elements.items():
        setattr(dataset, name, value)
    if syntax != ExplicitVRLittleEndian:
        dataset.compress(syntax)
    out = io.BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    return out.getvalue()


def kinds(side: int) -> dict[str, Callable[[], bytes]]:
    """What makes a file of each kind."""
    deep = drawn(side)
    grey = (deep >> 4).astype(np.uint8)

    def colour(values: np.ndarray, samples: int) -> np.ndarray:
        planes = [values] * 3 + [np.full_like(values, np.iinfo(values.dtype).max)] * (samples - 3)
        return np.dstack(planes)

    return {
        "png, 8 bits": lambda: picture(grey, "PNG", compress_level=1),
        "png, 16 bits": lambda: picture(deep, "PNG", compress_level=1),
        "png, colour": lambda: picture(colour(grey, 3), "PNG", compress_level=1),
        "png, colour and alpha": lambda: picture(colour(grey, 4), "PNG", compress_level=1),
        "png, colour of 16 bits": lambda: by_opencv(colour(deep, 3), ".png", cv2.IMWRITE_PNG_COMPRESSION, 1),
        "png, grey and alpha of 16 bits": lambda: _deep_alpha(deep),
        "png, palette": lambda: _palette(grey),
        "jpeg": lambda: picture(grey, "JPEG"),
        "jpeg, colour": lambda: picture(colour(grey, 3), "JPEG"),
        "jpeg, colour, turned": lambda: _turned(colour(grey, 3)),
        "jpeg, progressive": lambda: picture(grey, "JPEG", progressive=True),
        "tiff, 8 bits": lambda: picture(grey, "TIFF"),
        "tiff, 16 bits": lambda: picture(deep, "TIFF"),
        "tiff, colour of 16 bits": lambda: by_opencv(colour(deep, 3), ".tif"),
        "tiff, 32 bits": lambda: picture(deep.astype(np.int32), "TIFF"),
        "tiff, 32 bits, deflated": lambda: picture(deep.astype(np.int32), "TIFF", compression="tiff_deflate"),
        "tiff, floating point": lambda: picture(deep.astype(np.float32), "TIFF"),
        "tiff, floating point of 64 bits": lambda: by_opencv(deep.astype(np.float64), ".tif"),
        "webp, colour and alpha": lambda: picture(colour(grey, 4), "WebP", quality=80, method=0),
        "webp, lossless": lambda: picture(colour(grey, 3), "WebP", lossless=True, method=0, quality=0),
        "webp": lambda: picture(colour(grey, 3), "WebP", quality=80, method=0),
        "avif": lambda: picture(grey, "AVIF", quality=60, speed=10),
        "bmp": lambda: picture(grey, "BMP"),
        "dicom": lambda: dicom(deep),
        "dicom, inverted, no window": lambda: _inverted(deep),
        "dicom, 8 bits": lambda: dicom(grey),
        "dicom, colour": lambda: dicom(colour(grey, 3)),
        "dicom, floating point": lambda: dicom(deep.astype(np.float32)),
        "dicom, rle": lambda: dicom(deep, RLELossless),
        "dicom, jpeg 2000": lambda: dicom(deep, JPEG2000Lossless),
        "dicom, jpeg-ls": lambda: dicom(deep, JPEGLSLossless),
        "dicom, gzip": lambda: gzip.compress(dicom(deep), 1),
    }


def _deep_alpha(deep: np.ndarray) -> bytes:
    """A PNG that neither Pillow nor OpenCV can write."""
    height, width = deep.shape
    rows = np.empty((height, 1 + 4 * width), np.uint8)
    rows[:, 0] = 0  # no filter
    samples = rows[:, 1:].reshape(height, width, 4)
    samples[..., 0], samples[..., 1], samples[..., 2:] = deep >> 8, deep & 255, 255

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, height, 16, 4, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def _palette(grey: np.ndarray) -> bytes:
    image = Image.fromarray(grey)
    image = image.convert("P")
    out = io.BytesIO()
    image.save(out, "PNG", compress_level=1)
    return out.getvalue()


def _turned(colour: np.ndarray) -> bytes:
    image, out, exif = Image.fromarray(colour), io.BytesIO(), Image.Exif()
    exif[274] = 6
    image.save(out, "JPEG", exif=exif)
    return out.getvalue()


def _inverted(deep: np.ndarray) -> bytes:
    file = dicom(4095 - deep, PhotometricInterpretation="MONOCHROME1", PixelPaddingValue=0)
    return file.replace(b"\x28\0\x50\x10DS", b"\x28\0\x51\x11DS", 1)  # a window's centre of another name: none


def measured(path: Path) -> dict[str, object]:
    """Peak resident memory in MB, of the program and with its children, seconds, and what it printed."""
    began = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-m", "boneage", "predict", str(path), "--json", "--force"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        own = together = 0
        while child.poll() is None:
            sizes = [_resident(pid) for pid in _family(child.pid)]
            own, together = max([own, *sizes[:1]]), max(together, sum(sizes))
            time.sleep(POLL)
        assert child.stdout
        assert child.stderr
        out, said = child.stdout.read(), child.stderr.read()
    months = json.loads(out).get("bone_age_months") if out else None
    return {
        "file_mb": round(path.stat().st_size / 1e6, 1),
        "peak_mb": round(own / 1e6),
        "with_children_mb": round(together / 1e6),
        "seconds": round(time.perf_counter() - began, 1),
        "months": months,
        "said": said.strip(),
    }


def _family(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        others = [
            int(child)
            for task in os.listdir(f"/proc/{pid}/task")
            for child in Path(f"/proc/{pid}/task/{task}/children").read_text().split()
        ]
    except OSError:
        return [pid]
    return [pid, *(one for child in {*map(int, children), *others} for one in _family(child))]


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=8000, help="pixels; 8000: the largest film that is read whole")
    parser.add_argument("--kind", action="append", help="of these kinds only")
    parser.add_argument("--keep", type=Path, help="keep the films in this folder, or use those there")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    found: dict[str, dict[str, object]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        for name, file in kinds(options.side).items():
            if options.kind and name not in options.kind:
                continue
            path = folder / f"{name.replace(', ', '_').replace(' ', '-')}.{options.side}"
            if not path.exists():
                path.write_bytes(file())
            found[name] = measured(path)
            print(f"{name:34}", json.dumps(found[name]), flush=True)
            if not options.keep:
                path.unlink()
    if options.out:
        write_json(options.out, {"side": options.side, "kinds": found})


if __name__ == "__main__":
    main()
