"""Compressed DICOM: every codec shows the same picture, and a codec that crashes or hangs takes nothing with it."""

from __future__ import annotations

import base64
import copy
import io
import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
from dicom_files import (
    EIGHT,
    LEVEL,
    PICTURE,
    SMALL,
    TWELVE,
    compressed,
    dicom,
    reads_or_refuses,
    refused,
    shows,
    wrapped,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pydicom.uid import (
    HTJ2KLossless,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from boneage.errors import UnreadableImage
from boneage.images import dicom_stored as read_dicom
from boneage.images.read import read

SIDE = 400  # pixels

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


def with_adobe(stream: bytes, transform: int) -> bytes:
    """A JPEG whose JFIF segment is replaced by Adobe's."""
    return stream[:2] + b"\xff\xee\0\x0eAdobe\0\x64" + bytes([0, 0, 0, 0, transform]) + stream[20:]


RGB = np.dstack([EIGHT, EIGHT // 2, 255 - EIGHT])
LUMA = RGB @ np.array([0.299, 0.587, 0.114]) / 255
PLAIN = jpeg(RGB)
WRONG = {  # data set, codestream, transfer syntax, what is shown
    "12 bits said 8": (dicom(EIGHT[::3, ::2], 8), JPEG_12_BIT, JPEGExtended12Bit, SMALL / 4095),
    "12 bits said 10": (dicom(SMALL, 10), JPEG_12_BIT, JPEGExtended12Bit, SMALL / 4095),
    "12 bits said baseline": (dicom(EIGHT[::3, ::2], 8), JPEG_12_BIT, JPEGBaseline8Bit, SMALL / 4095),
    "8 bits said 12": (dicom(), jpeg(EIGHT), JPEGBaseline8Bit, PICTURE),
    "8 bits said 12, extended": (dicom(), jpeg(EIGHT), JPEGExtended12Bit, PICTURE),
    "lossless 12 said 8": (dicom(EIGHT, 8), lossless_jpeg(TWELVE, 12, 1), JPEGLosslessSV1, PICTURE),
    "lossless said baseline": (dicom(EIGHT, 8), lossless_jpeg(TWELVE, 12, 1), JPEGBaseline8Bit, PICTURE),
    "baseline said lossless": (dicom(), jpeg(EIGHT), JPEGLosslessSV1, PICTURE),
    "baseline said JPEG 2000": (dicom(), jpeg(EIGHT), JPEG2000Lossless, PICTURE),
    "HTJ2K 12 said 8": (dicom(EIGHT[::3, ::2], 8), HTJ2K, HTJ2KLossless, SMALL / 4095),
    "HTJ2K unsigned said signed": (dicom(SMALL.astype(np.int16)), HTJ2K, HTJ2KLossless, SMALL / 4095),
    "grey said colour": (dicom(RGB, 8), jpeg(EIGHT), JPEGBaseline8Bit, PICTURE),
    "grey said YBR": (
        dicom(EIGHT, 8, PhotometricInterpretation="YBR_FULL_422"),
        jpeg(EIGHT),
        JPEGBaseline8Bit,
        PICTURE,
    ),
    "colour said grey": (dicom(EIGHT, 8), PLAIN, JPEGBaseline8Bit, LUMA),
    "YBR said RGB": (dicom(RGB, 8), PLAIN, JPEGBaseline8Bit, LUMA),
}


@pytest.mark.parametrize("name", WRONG)
def test_the_pixels_are_what_the_codestream_says(name: str) -> None:
    dataset, stream, syntax, expected = WRONG[name]
    film = read(wrapped(copy.deepcopy(dataset), stream, syntax))
    np.testing.assert_allclose(film.pixels, expected, atol=0.02)
    if name not in ("baseline said lossless", "baseline said JPEG 2000"):
        assert "the compressed image is read as it says itself" in film.notes[0]


@pytest.mark.parametrize("word", ["BitsAllocated", "BitsStored", "SamplesPerPixel", "PhotometricInterpretation"])
def test_what_the_header_lacks_the_codestream_says(word: str) -> None:
    dataset = dicom()
    del dataset[word]
    shows(wrapped(dataset, lossless_jpeg(TWELVE, 12, 1), JPEGLosslessSV1), PICTURE)


def test_colour_with_adobes_marker_is_turned_to_rgb_once() -> None:
    dataset = dicom(RGB, 8, PhotometricInterpretation="YBR_FULL_422")
    film = read(wrapped(dataset, with_adobe(PLAIN, 1), JPEGBaseline8Bit))
    np.testing.assert_allclose(film.pixels, LUMA, atol=0.03)
    assert film.notes == ()


def test_a_missing_delimiter_at_the_end_loses_nothing() -> None:
    data = compressed(dicom(), JPEG2000Lossless)
    for cut in (1, 4, 5, 8):
        film = read(data[:-cut])
        np.testing.assert_allclose(film.pixels, PICTURE, atol=LEVEL)
        assert film.notes == (("the delimiter at the end of its compressed image is missing",) if cut > 4 else ())


def test_a_cut_transfer_is_called_that() -> None:
    data = compressed(dicom(), JPEG2000Lossless)
    for cut in (9, 100, 500):
        refused(data[:-cut], "the DICOM file is truncated: it ends within its image")
    refused(data[:700], "the DICOM file is truncated: it ends")


def test_the_first_of_several_compressed_frames_is_read() -> None:
    dataset = dicom(PixelData=np.stack([TWELVE, 4095 - TWELVE]).tobytes(), NumberOfFrames=2)
    shows(compressed(dataset, JPEG2000Lossless), PICTURE)


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


STREAMS = [(JPEGLosslessSV1, lossless_jpeg(EIGHT[:16, :16].astype(np.uint16), 12, 1)), (JPEGExtended12Bit, JPEG_12_BIT)]


@settings(deadline=None, max_examples=4)
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


@pytest.mark.parametrize(
    ("kind", "rows", "columns"),
    [
        ("unsigned", SIDE, SIDE),  # a multiple of each scale; the others are of none
        *((kind, SIDE - 3, SIDE - 5) for kind in ("unsigned", "signed", "bytes", "colour")),
    ],
)
def test_jpeg_2000_above_the_limit_is_read_without_its_finest_levels(kind: str, rows: int, columns: int) -> None:
    smooth = cv2.resize(TWELVE, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)[:rows, :columns].clip(0, 4095)
    values = {
        "unsigned": smooth,
        "signed": smooth.astype(np.int16) - 2048,
        "bytes": (smooth >> 4).astype(np.uint8),
        "colour": np.dstack([(smooth >> 4).astype(np.uint8)] * 3),
    }[kind]
    bits = 8 if values.dtype == np.uint8 else 12
    file = compressed(dicom(values, bits, PixelSpacing=[0.1, 0.2]), JPEG2000Lossless)
    whole = read(file).pixels
    for scale in (2, 4, 8):
        film = read(file, max_pixels=-(-rows // scale) * -(-columns // scale))
        assert film.notes == (
            f"{columns} x {rows} pixels are more than the limit: it is read at 1/{scale} of its sides",
        )
        assert film.spacing == (pytest.approx(0.1 * scale), pytest.approx(0.2 * scale))
        np.testing.assert_allclose(film.pixels, whole[::scale, ::scale], atol=0.06)
    with pytest.raises(UnreadableImage, match="more than the limit"):
        read(file, max_pixels=256)
