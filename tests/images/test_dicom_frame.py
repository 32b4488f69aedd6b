"""Compressed DICOM: every codec shows the same picture, and a codec that crashes or hangs takes nothing with it."""

from __future__ import annotations

import base64
import io
import struct
from pathlib import Path

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

from boneage.images import dicom as read_dicom

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
