"""The reader on DICOM: the same picture through every encoding, and what the header says."""

from __future__ import annotations

import base64
import io
import struct
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

pydicom = pytest.importorskip("pydicom")
from pydicom.config import IGNORE  # noqa: E402
from pydicom.config import settings as dicom_settings  # noqa: E402
from pydicom.dataset import Dataset, FileMetaDataset  # noqa: E402
from pydicom.encaps import encapsulate  # noqa: E402
from pydicom.uid import (  # noqa: E402
    MPEG2MPML,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from boneage import read_dicom  # noqa: E402
from boneage.errors import UnreadableImage  # noqa: E402
from boneage.read import read  # noqa: E402
from boneage.types import Sex  # noqa: E402

# SMALL below, written once by libjpeg-turbo (12 bits, quality 90) and OpenJPH (reversible).
JPEG_12_BIT = base64.b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAMCAgMCAgMDAwMEAwMEBQgFBQQEBQoHBwYIDAoMDAsKCwsNDhIQDQ4RDgsLEBYQERMUFRUVDA8XGB"
    "YUGBIUFRT/wQALDAASABMBAREA/8QAGAABAAMBAAAAAAAAAAAAAAAACwgJDAr/xAAwEAAABQEFBAoDAQAAAAAAAAABAgMEBQYABwgKEgsMERMJ"
    "FBUWITFBUVJhFxobwf/aAAgBAQAAPwCTu7JO4+XRzZnvKW3YYsK4uro53Lr0O2lRO6j0TG1C2Kf1C3H7t3nd2PDDkLsc1fUPdTQkJHIU+8XTID"
    "BoQoBoMIegfVhcaZy8bOkYRtDJwJQIy1IgAJexhtpcN3a978P1UMtLdphA/IjOM6vSDaJ5JnhSj4IATy42qm2t1tg3+hDjAquve2kJ3vE6UV1J"
    "qgpx1iI/7Y2yhMAXfGko6b7H49eIZfjy/cw2z7+RXvDqqLuzodJnU0w0S5KIaEH6pC+QegGsu10E8zIT0xSxpN85kTCKXEXaxlRHy+QjZAnDRC"
    "Rxrh6LEWDUR6gHiKJfkb6t/9k="
)
HTJ2K = base64.b64decode(
    "/0//UQApQAAAAAATAAAAEgAAAAAAAAAAAAAAEwAAABIAAAAAAAAAAAABDwEB/1AACAACAAAACv9SAAwAAgABAAUEBEAB/1wAEyCIkJCQkJCQkJ"
    "CQkJCQiIiI/2QAFwABT3BlbkpQSCBWZXIgMC4yNi4zLv+QAAoAAAAAAagAAf+TwAAmMfAFB3QAwAASwAASwAATAIsBh3QA+QDHdADO/QKHdADA"
    "ABPAABPAABKAVs6LAwt0AA7oewOBdAC8Awd0AMAAFbAABVQAAVAGQ46qdA4PVfg4wZQAcn9jUVFAsb6VAIZdlSIAwzQAwAAXTQAAW/AABao4VO"
    "GyoeBE+2QHNjS+uJKQsHPTDuEgI3DB8gYLs7nGIgvAIBOcADfozvGWxlMKiMNwKoXzJ8eScvZAbPwBw0AbxCAzmQDWgQihJsVIuE4YEuWxAHDQ"
    "Bv0QWADAAC9QgABeswAAtcAAcAxjqOOeP8sMW4JAmQwV3gLr2bcv9RGSQGCWogwUO471yST7UKchAEDTSFlMk+c8x5kj1iXoSKj6CrWS1btwGn"
    "bhV6/4EWWTm9IWUguWAV9F+VsDtm1yhysZwWyKAihBAmBavs1opCwiKsgMg0MB0TOsCpnABAUICGn9g6i4+qW98/evmkrt/2m/g/nQGH977Xuc"
    "pRFRJrLgDdpPfIpHk1oz6gapIpsBARAPPFv8KQ87qO0HFM7WxsO8bmK6gQH/2Q=="
)

HEIGHT, WIDTH = 53, 38
Y, X = np.mgrid[0 : 1 : HEIGHT * 1j, 0 : 1 : WIDTH * 1j]
PICTURE = np.exp(-8 * ((X - 0.3) ** 2 + (Y - 0.4) ** 2)) + 0.4 * X + 0.2 * Y
PICTURE = (PICTURE - PICTURE.min()) / np.ptp(PICTURE)
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


def lossless_jpeg(values: np.ndarray, bits: int, predictor: int) -> bytes:
    """A lossless JPEG (ITU-T T.81 annex H) with one fixed Huffman table of 5-bit codes for the 17 categories."""
    height, width = values.shape
    pixels = values.astype(int).tolist()
    stream = ""
    for y in range(height):
        for x in range(width):
            left, up = pixels[y][x - 1], pixels[y - 1][x]
            guesses = [0, left, up, pixels[y - 1][x - 1], left + up - pixels[y - 1][x - 1]]
            guess = guesses[predictor] if x and y else left if x else up if y else 2 ** (bits - 1)
            error = (pixels[y][x] - guess + 32768) % 65536 - 32768
            size = abs(error).bit_length()
            stream += f"{size:05b}"
            if 0 < size < 16:  # a difference of 32768 has no further bits
                stream += f"{error if error > 0 else error + 2**size - 1:0{size}b}"
    stream += "1" * (-len(stream) % 8)
    data = int(stream, 2).to_bytes(len(stream) // 8, "big").replace(b"\xff", b"\xff\0")
    table = bytes([0, 0, 0, 0, 0, 17]) + bytes(11) + bytes(range(17))
    frame = struct.pack(">BHHBBBB", bits, height, width, 1, 1, 0x11, 0)
    scan = bytes([1, 1, 0, predictor, 0, 0])
    parts = [
        b"\xff" + bytes([code]) + struct.pack(">H", len(body) + 2) + body
        for code, body in ((0xC4, table), (0xC3, frame), (0xDA, scan))
    ]
    return b"\xff\xd8" + b"".join(parts) + data + b"\xff\xd9"


def jpeg(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(array).save(file, "JPEG", quality=95)
    return file.getvalue()


def shows(film_bytes: bytes, expected: np.ndarray, tolerance: float = LEVEL) -> None:
    film = read(film_bytes)
    assert film.format == "DICOM"
    np.testing.assert_allclose(film.pixels, expected, atol=tolerance)


# --- encodings ------------------------------------------------------------------------------------------------------

BIG_ENDIAN = TWELVE.astype(">u2")
NATIVE = {
    "implicit": lambda: written(dicom(), ImplicitVRLittleEndian),
    "explicit": lambda: written(dicom()),
    "deflated": lambda: written(dicom(), DeflatedExplicitVRLittleEndian),
    "big endian": lambda: written(dicom(PixelData=BIG_ENDIAN.tobytes()), ExplicitVRBigEndian),
    "no preamble": lambda: written(dicom())[132:],
    "bare implicit": lambda: bare(written(dicom(), ImplicitVRLittleEndian)),
    "bare explicit": lambda: bare(written(dicom())),
    "bare big endian": lambda: bare(written(dicom(PixelData=BIG_ENDIAN.tobytes()), ExplicitVRBigEndian)),
    "signed": lambda: written(dicom(TWELVE.astype(np.int16) - 2048)),
    "signed, bits above": lambda: written(dicom((TWELVE.astype(np.int16) - 2048) & 0x0FFF)),
    "bits at the top": lambda: written(dicom(TWELVE << 4, HighBit=15)),
    "signed, at the top": lambda: written(dicom((TWELVE.astype(np.int16) - 2048) << 4, HighBit=15)),
    "overlay in high bits": lambda: written(dicom(TWELVE | 0x8000)),
    "16 bits": lambda: written(dicom(np.round(PICTURE * 65535).astype(np.uint16), 16)),
    "10 bits": lambda: written(dicom(np.round(PICTURE * 1023).astype(np.uint16), 10)),
    "8 bits": lambda: written(dicom(EIGHT, 8)),
    "32 bits": lambda: written(dicom(np.round(PICTURE * 2**31).astype(np.uint32), 32)),
}


def bare(file: bytes) -> bytes:
    """The data set alone, without preamble and file meta group."""
    return file[144 + int.from_bytes(file[140:144], "little") :]


@pytest.mark.parametrize("name", NATIVE)
def test_every_uncompressed_encoding_shows_the_same_picture(name: str) -> None:
    shows(NATIVE[name](), PICTURE, 0.5 / 255 + 1e-6 if name == "8 bits" else 0.5 / 1023)


def test_an_odd_number_of_bytes_is_read() -> None:
    shows(written(dicom(EIGHT[:, :37], 8)), EIGHT[:, :37] / 255, 0.005)


def test_one_bit_and_float_pixels() -> None:
    bits = (PICTURE > 0.5).astype(np.uint8)
    one = dicom(EIGHT, 1, BitsAllocated=1, PixelData=np.packbits(bits, bitorder="little").tobytes())
    shows(written(one), bits)
    real = dicom(FloatPixelData=(PICTURE.astype(np.float32) * 7 - 3).tobytes(), BitsAllocated=32)
    del real.PixelData
    shows(written(real), PICTURE)


COMPRESSED = {
    "RLE": lambda: (compressed(dicom(), RLELossless), PICTURE, LEVEL),
    "RLE, bits at the top": lambda: (compressed(dicom(TWELVE << 4, 16), RLELossless), PICTURE, LEVEL),
    "JPEG baseline": lambda: (wrapped(dicom(EIGHT, 8), jpeg(EIGHT), JPEGBaseline8Bit), PICTURE, 0.02),
    "JPEG baseline, colour": lambda: (colour_jpeg(), PICTURE, 0.02),
    "JPEG extended, 8": lambda: (wrapped(dicom(EIGHT, 8), jpeg(EIGHT), JPEGExtended12Bit), PICTURE, 0.02),
    "JPEG extended, 12": lambda: (wrapped(dicom(SMALL), JPEG_12_BIT, JPEGExtended12Bit), SMALL / 4095, 0.005),
    "JPEG lossless, 57": lambda: (wrapped(dicom(), lossless_jpeg(TWELVE, 12, 4), JPEGLossless), PICTURE, LEVEL),
    "JPEG lossless, 70": lambda: (wrapped(dicom(), lossless_jpeg(TWELVE, 12, 1), JPEGLosslessSV1), PICTURE, LEVEL),
    "JPEG lossless, 16": lambda: (lossless_sixteen(), PICTURE, LEVEL),
    "JPEG-LS": lambda: (compressed(dicom(), JPEGLSLossless), PICTURE, LEVEL),
    "JPEG-LS, near": lambda: (compressed(dicom(), JPEGLSNearLossless, jls_error=2), PICTURE, 3 / 4095),
    "JPEG 2000": lambda: (compressed(dicom(), JPEG2000Lossless), PICTURE, LEVEL),
    "JPEG 2000, signed": lambda: (
        compressed(dicom(TWELVE.astype(np.int16) - 2048), JPEG2000Lossless),
        PICTURE,
        LEVEL,
    ),
    "HTJ2K": lambda: (wrapped(dicom(SMALL), HTJ2K, HTJ2KLossless), SMALL / 4095, LEVEL),
}


def lossless_sixteen() -> bytes:
    values = np.round(PICTURE * 65535).astype(np.uint16)
    return wrapped(dicom(values, 16), lossless_jpeg(values, 16, 2), JPEGLosslessSV1)


def colour_jpeg() -> bytes:
    colour = np.repeat(EIGHT[..., None], 3, axis=2)
    return wrapped(dicom(colour, 8, PhotometricInterpretation="YBR_FULL_422"), jpeg(colour), JPEGBaseline8Bit)


@pytest.mark.parametrize("name", COMPRESSED)
def test_every_compressed_encoding_shows_the_same_picture(name: str) -> None:
    shows(*COMPRESSED[name]())


# --- what is displayed ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "elements",
    [
        {"PhotometricInterpretation": "MONOCHROME1"},
        {"PresentationLUTShape": "INVERSE"},
        {"PhotometricInterpretation": "MONOCHROME1", "PresentationLUTShape": "INVERSE"},
    ],
    ids=["monochrome1", "inverse", "both say the same"],
)
def test_inverted_films_are_turned_bone_bright(elements: dict[str, str]) -> None:
    shows(written(dicom(4095 - TWELVE, **elements)), PICTURE)


def test_the_range_of_the_values_is_used_where_no_window_is() -> None:
    film = read(written(dicom(TWELVE // 4 + 500)))
    assert (film.pixels.min(), film.pixels.max()) == (0, 1)


WINDOWS = {  # centre, width, function: the displayed value of a stored value (PS3.3 C.11.2.1.2, C.11.2.1.3)
    "linear": (2000, 1001, None, lambda v: np.clip((v - 1999.5) / 1000 + 0.5, 0, 1)),
    "linear of two": ([2000, 7], [1001, 9], "LINEAR", lambda v: np.clip((v - 1999.5) / 1000 + 0.5, 0, 1)),
    "step": (2000, 1, "LINEAR", lambda v: v > 1999.5),
    "exact": (2000.5, 1000, "LINEAR_EXACT", lambda v: np.clip((v - 2000.5) / 1000 + 0.5, 0, 1)),
    "sigmoid": (2000, 800, "SIGMOID", lambda v: 1 / (1 + np.exp(-4 * (v - 2000) / 800))),
}


@pytest.mark.parametrize("name", WINDOWS)
def test_the_first_window_is_applied(name: str) -> None:
    center, width, function, expected = WINDOWS[name]
    elements = {"WindowCenter": center, "WindowWidth": width}
    if function:
        elements["VOILUTFunction"] = function
    shows(written(dicom(**elements)), expected(TWELVE.astype(float)), 1e-5)


def test_rescale_comes_before_the_window() -> None:
    film = dicom(RescaleSlope="0.5", RescaleIntercept="-100", WindowCenter="900.5", WindowWidth="1001")
    shows(written(film), np.clip((TWELVE * 0.5 - 100 - 900) / 1000 + 0.5, 0, 1), 1e-5)


@pytest.mark.parametrize(("center", "width"), [(2000, 0), (2000, -5), (90000, 10)])
def test_a_window_that_shows_nothing_is_set_aside_and_noted(center: int, width: int) -> None:
    data = written(dicom(WindowCenter=center, WindowWidth=width))
    shows(data, PICTURE)
    assert "window" in read(data).notes[0]


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
@pytest.mark.parametrize("depth", [8, 12, 16])
def test_a_voi_lut_goes_before_the_window(depth: int, syntax: str) -> None:
    entries = (np.linspace(0, 1, 4096) ** 2 * (2**depth - 1)).astype(np.uint16)
    lut = table([4096, 0, depth], entries.tolist())
    data = written(dicom(VOILUTSequence=lut, WindowCenter=5, WindowWidth=3), syntax)
    shows(data, (TWELVE / 4095) ** 2, 1 / (2**depth - 1) + 1e-5)


def test_lookup_tables_of_packed_bytes_signed_values_and_the_full_length() -> None:
    byte_table = table([256, 0, 8], bytes(range(255, -1, -1)))
    shows(written(dicom(255 - EIGHT, 8, VOILUTSequence=byte_table)), PICTURE, 0.5 / 255 + 1e-6)
    signed = table([4096, 65536 - 2048, 12], list(range(4096)))
    shows(written(dicom(TWELVE.astype(np.int16) - 2048, VOILUTSequence=signed)), PICTURE)
    full = table([0, 0, 16], np.arange(65536).astype("<u2").tobytes())
    shows(written(dicom(np.round(PICTURE * 65535).astype(np.uint16), 16, ModalityLUTSequence=full)), PICTURE)


def test_a_lookup_table_that_is_too_short_is_refused() -> None:
    lut = table([4096, 0, 12], [1, 2, 3])
    with pytest.raises(UnreadableImage, match="a lookup table has 6 bytes for 4096 entries"):
        read(written(dicom(VOILUTSequence=lut)))


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_padding_is_black_and_does_not_stretch_the_range(photometric: str) -> None:
    values = TWELVE // 2 + 100
    values[:, :5] = 4000
    values[:, 5:9] = 4010
    film = read(
        written(
            dicom(values, PixelPaddingValue=4000, PixelPaddingRangeLimit=4010, PhotometricInterpretation=photometric)
        )
    )
    assert not film.pixels[:, :9].any()
    assert (film.pixels[:, 9:].min(), film.pixels[:, 9:].max()) == (0, 1)


def test_padding_written_with_the_other_sign_is_found() -> None:
    values = TWELVE.astype(np.int16) - 1000
    values[:9] = -2000
    dataset = dicom(values, 16)
    dataset.add_new("PixelPaddingValue", "US", 65536 - 2000)
    film = read(written(dataset))
    assert not film.pixels[:9].any()
    assert film.pixels[9:].min() == 0
    with pytest.raises(UnreadableImage, match="all its pixels are padding"):
        read(written(dicom(np.full((20, 20), 7, np.uint16), PixelPaddingValue=7)))


def test_a_constant_film_is_read() -> None:
    shows(written(dicom(np.full((20, 20), 7, np.uint16))), np.zeros((20, 20)))


COLOUR = np.dstack([EIGHT, EIGHT // 2, 255 - EIGHT])
LUMA = COLOUR @ np.array([0.299, 0.587, 0.114]) / 255


def ybr(rgb: np.ndarray) -> np.ndarray:
    """RGB to full-range YCbCr (PS3.3 C.7.6.3.1.2)."""
    matrix = [[0.299, 0.587, 0.114], [-0.1687, -0.3313, 0.5], [0.5, -0.4187, -0.0813]]
    return np.clip(np.round(rgb @ np.array(matrix).T + [0, 128, 128]), 0, 255).astype(np.uint8)


def test_secondary_captures_in_colour_become_luminance() -> None:
    planes = np.ascontiguousarray(COLOUR.transpose(2, 0, 1)).tobytes()
    shows(written(dicom(COLOUR, 8)), LUMA, 1e-5)
    shows(written(dicom(COLOUR, 8, PlanarConfiguration=1, PixelData=planes)), LUMA, 1e-5)
    shows(written(dicom(ybr(COLOUR), 8, PhotometricInterpretation="YBR_FULL")), LUMA, 0.01)
    shows(compressed(dicom(COLOUR, 8), JPEG2000Lossless), LUMA, 1e-5)


def test_a_palette_is_looked_up() -> None:
    dataset = dicom(255 - EIGHT, 8, PhotometricInterpretation="PALETTE COLOR")
    for colour, scale in (("Red", 1.0), ("Green", 0.5), ("Blue", 0.25)):
        entries = (np.arange(255, -1, -1) * 257 * scale).astype("<u2").tobytes()
        setattr(dataset, f"{colour}PaletteColorLookupTableDescriptor", [256, 0, 16])
        setattr(dataset, f"{colour}PaletteColorLookupTableData", entries)
    shows(written(dataset), PICTURE * (0.299 + 0.587 * 0.5 + 0.114 * 0.25), 0.003)
    del dataset.RedPaletteColorLookupTableData
    with pytest.raises(UnreadableImage, match="its palette is missing or segmented"):
        read(written(dataset))


# --- what the header says -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "sex", "note"),
    [
        ("F", Sex.FEMALE, None),
        ("M", Sex.MALE, None),
        ("m", Sex.MALE, None),
        ("O", Sex.UNKNOWN, "PatientSex O is taken as unknown"),
        ("girl", Sex.UNKNOWN, "PatientSex GIRL is taken as unknown"),
        ("", Sex.UNKNOWN, "PatientSex is not given"),
    ],
)
def test_sex_never_defaults_silently(found: str, sex: Sex, note: str | None) -> None:
    film = read(written(dicom(PatientSex=found)))
    assert film.sex == sex
    assert film.notes == ((note,) if note else ())


@pytest.mark.parametrize(
    ("age", "birth", "study", "months", "noted"),
    [
        ("010Y", "", "", 120, False),
        ("042M", "", "", 42, False),
        ("052W", "", "", 52 * 7 * 12 / 365.25, False),
        ("100D", "", "", 100 * 12 / 365.25, False),
        ("", "20100101", "20200101", 3652 * 12 / 365.25, False),
        ("010Y", "20100101", "20200901", 3896 * 12 / 365.25, False),
        ("010Y", "19000101", "20200901", 120, True),
        ("010Y", "20200902", "20200901", 120, False),
        ("", "20200902", "20200901", None, False),
        ("ten", "soon", "20209999", None, False),
        ("", "", "", None, False),
    ],
)
def test_age_in_months(age: str, birth: str, study: str, months: float | None, noted: bool) -> None:
    film = read(written(dicom(PatientAge=age, PatientBirthDate=birth, StudyDate=study)))
    assert film.chronological_age == (None if months is None else pytest.approx(months))
    assert any("contradicts" in note for note in film.notes) == noted


@pytest.mark.parametrize(
    ("elements", "spacing"),
    [
        ({"ImagerPixelSpacing": [0.15, 0.14]}, (0.15, 0.14)),
        ({"ImagerPixelSpacing": [0.15, 0.14], "PixelSpacing": [0.13, 0.12]}, (0.13, 0.12)),
        ({"NominalScannedPixelSpacing": [0.2, 0.2]}, (0.2, 0.2)),
        ({"PixelSpacing": [0, 0.1]}, None),
        ({"PixelSpacing": "0.1"}, None),
        ({"PixelSpacing": "", "ImagerPixelSpacing": [0.15, 0.14]}, (0.15, 0.14)),
        ({}, None),
    ],
)
def test_spacing(elements: dict[str, Any], spacing: tuple[float, float] | None) -> None:
    assert read(written(dicom(**elements))).spacing == spacing


@pytest.mark.parametrize(
    ("elements", "side"),
    [({"ImageLaterality": "L"}, "L"), ({"Laterality": "R"}, "R"), ({"ImageLaterality": "U"}, None), ({}, None)],
)
def test_laterality(elements: dict[str, str], side: str | None) -> None:
    assert read(written(dicom(**elements))).laterality == side


def test_several_frames_and_other_modalities_are_noted() -> None:
    frames = np.stack([TWELVE, 4095 - TWELVE, TWELVE])
    film = read(written(dicom(PixelData=frames.tobytes(), NumberOfFrames=3, Modality="CT")))
    assert film.notes == ("3 frames: only the first is read", "modality CT")
    np.testing.assert_allclose(film.pixels, PICTURE, atol=LEVEL)


def test_the_first_of_several_compressed_frames_is_read() -> None:
    dataset = dicom(PixelData=np.stack([TWELVE, 4095 - TWELVE]).tobytes(), NumberOfFrames=2)
    shows(compressed(dataset, JPEG2000Lossless), PICTURE)


# --- what cannot be read --------------------------------------------------------------------------------------------


def refused(data: bytes, reason: str, **limits: int) -> None:
    with pytest.raises(UnreadableImage) as caught:
        read(data, **limits)
    assert str(caught.value).startswith("cannot read <bytes>: ")
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_dicom_without_an_image_is_refused() -> None:
    report = dicom(Modality="SR")
    del report.PixelData
    refused(written(report), "it is DICOM without an image (modality SR)")
    refused(bytes(128) + b"DICM", "it is DICOM without an image (modality not given)")


def test_damaged_headers_are_refused() -> None:
    data = written(dicom())
    refused(data[:-100], "truncated")
    refused(data[:600], "DICOM")
    refused(written(dicom(BitsStored=17)), "DICOM")
    refused(written(dicom(HighBit=16)), "BitsStored 12 and HighBit 16 do not fit 16 bits")
    refused(written(dicom(PhotometricInterpretation="HSV")), "photometric interpretation HSV")
    refused(written(dicom(BitsAllocated=13)), "DICOM")
    refused(wrapped(dicom(), b"film", MPEG2MPML), "transfer syntax 1.2.840.10008.1.2.4.100 is not supported")


def test_limits_are_checked_before_decoding() -> None:
    refused(written(dicom(Rows=60000, Columns=60000)), "60000 x 60000 pixels is more than the limit of 64,000,000")
    refused(written(dicom()), "38 x 53 pixels is more than the limit of 2,000", max_pixels=2000)
    refused(written(dicom(TWELVE[:15])), "38 x 15 pixels is too small")


def test_a_deflate_bomb_is_refused_before_it_fills_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_dicom, "MAX_BYTES", 10_000_000)
    dataset = dicom(PixelData=bytes(50_000_000))
    data = written(dataset, DeflatedExplicitVRLittleEndian)
    assert len(data) < 100_000
    refused(data, "inflates to more than 10,000,000 bytes")


def test_a_crash_of_the_codec_takes_only_its_own_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    data = compressed(dicom(), RLELossless)
    child = tmp_path / "child.py"
    monkeypatch.setattr(read_dicom, "_CHILD", child)
    child.write_text("import os; os.abort()")
    refused(data, "the decoder crashed on it")
    child.write_text("import time; time.sleep(60)")
    monkeypatch.setattr(read_dicom, "_DECODE_SECONDS", 0.3)
    refused(data, "did not decode within 0.3 seconds")


def test_a_codestream_that_claims_another_size_is_refused() -> None:
    data = compressed(dicom(), JPEG2000Lossless)
    at = data.index(b"\xff\x51") + 6
    refused(data[:at] + struct.pack(">II", 60000, 60000) + data[at + 8 :], "its compressed image is damaged")
    refused(wrapped(dicom(), b"\xff\xd8 no codestream", JPEGLosslessSV1), "its compressed image is damaged")


def test_pydicom_may_be_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    data = written(dicom())
    monkeypatch.delitem(sys.modules, "boneage.read_dicom")
    monkeypatch.setitem(sys.modules, "pydicom", None)
    refused(data, "it is DICOM, and pydicom is not installed")


def test_warnings_of_pydicom_do_not_leak() -> None:
    data = written(dicom(SpecificCharacterSet="ISO_IR 192")).replace(b"ISO_IR 192", b"ISO_IR 999")
    with pytest.warns(UserWarning, match="Unknown encoding"):
        pydicom.dcmread(io.BytesIO(data))
    before = list(warnings.filters)
    shows(data, PICTURE)  # any warning would be an error here
    assert warnings.filters == before


def test_what_a_header_says_cannot_break_the_line() -> None:
    report = dicom(Modality="S\nR\x1b[31m")
    del report.PixelData
    refused(written(report), "it is DICOM without an image (modality S R?[31M)")


# --- properties -----------------------------------------------------------------------------------------------------


def reads_or_refuses(data: bytes) -> None:
    try:
        pixels, message = read(data).pixels, "cannot read <bytes>: "
    except UnreadableImage as error:
        pixels, message = np.zeros((1, 1), np.float32), str(error)
    assert message.startswith("cannot read <bytes>: ")
    assert "\n" not in message
    assert np.isfinite(pixels).all()
    assert 0 <= pixels.min() <= pixels.max() <= 1


def rich() -> Dataset:
    """A small film whose header has something of everything."""
    lut = table([256, 0, 8], list(range(256)))
    return dicom(
        EIGHT[:16, :16],
        8,
        PatientAge="010Y",
        PixelSpacing=[0.1, 0.1],
        VOILUTSequence=lut,
        RescaleSlope="1",
        RescaleIntercept="0",
        PixelPaddingValue=3,
        PatientName="Ä^B",
        SpecificCharacterSet="ISO_IR 192",
        NumberOfFrames=1,
    )


RICH = [written(rich(), syntax) for syntax in (ImplicitVRLittleEndian, ExplicitVRLittleEndian)]
RICH += [bare(data) for data in RICH]


@settings(deadline=None, max_examples=200)
@given(st.sampled_from(RICH), st.floats(0, 1, exclude_max=True), st.integers(1, 255))
def test_a_header_with_one_byte_changed_reads_or_is_refused(data: bytes, share: float, change: int) -> None:
    at = int(share * len(data))
    reads_or_refuses(data[:at] + bytes([data[at] ^ change]) + data[at + 1 :])


@settings(deadline=None, max_examples=100)
@given(st.sampled_from(RICH), st.floats(0, 1, exclude_max=True))
def test_a_file_cut_anywhere_reads_or_is_refused(data: bytes, share: float) -> None:
    reads_or_refuses(data[: int(share * len(data))])


@settings(deadline=None, max_examples=100)
@given(st.sampled_from([b"\x08\0\x05\0CS\x0a\0ISO_IR 100", b"\x02\0\0\0UL\4\0\0\0\0\0", b""]), st.binary(max_size=300))
def test_random_bytes_after_a_dicom_head_read_or_are_refused(head: bytes, tail: bytes) -> None:
    reads_or_refuses(bytes(128) + b"DICM" + head + tail)


STREAMS = [(JPEGLosslessSV1, lossless_jpeg(EIGHT[:16, :16].astype(np.uint16), 12, 1)), (JPEGExtended12Bit, JPEG_12_BIT)]


@settings(deadline=None, max_examples=6)
@given(st.sampled_from(STREAMS), st.floats(0, 1, exclude_max=True), st.integers(1, 255))
def test_a_codestream_with_one_byte_changed_reads_or_is_refused(
    stream: tuple[str, bytes], share: float, change: int
) -> None:
    syntax, data = stream
    shape = SMALL.shape if data is JPEG_12_BIT else (16, 16)
    at = int(share * len(data))
    reads_or_refuses(
        wrapped(dicom(np.zeros(shape, np.uint16)), data[:at] + bytes([data[at] ^ change]) + data[at + 1 :], syntax)
    )
