"""What a codestream says of itself is read from its markers, and damaged ones say nothing."""

from __future__ import annotations

import io

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from picture_files import RGB, G, saved
from PIL import Image

from boneage.images.codestream import Codestream, codestream


def jpeg_2000(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(array).save(file, "JPEG2000", no_jp2=True)
    return file.getvalue()


def test_jpeg() -> None:
    grey, colour = codestream(saved(G, "JPEG")), codestream(saved(RGB, "JPEG", progressive=True))
    assert grey == Codestream("jpeg", 53, 38, 1, 8, None, False)
    assert colour == Codestream("jpeg", 53, 38, 3, 8, None, False)
    assert codestream(saved(RGB, "JPEG", keep_rgb=True)) == Codestream("jpeg", 53, 38, 3, 8, None, True, True)


def test_jpeg_2000() -> None:
    assert codestream(jpeg_2000(np.zeros((40, 30), np.uint8))) == Codestream("jpeg 2000", 40, 30, 1, 8, False)
    assert codestream(jpeg_2000(np.zeros((40, 30, 3), np.uint8))) == Codestream("jpeg 2000", 40, 30, 3, 8, False)


def test_a_syntax_is_kept_where_it_fits() -> None:
    found = codestream(saved(G, "JPEG"))
    assert found
    assert found.syntax("1.2.840.10008.1.2.4.51") == "1.2.840.10008.1.2.4.51"
    assert found.syntax("1.2.840.10008.1.2.4.70") == "1.2.840.10008.1.2.4.50"


@given(st.sampled_from([b"", b"\xff\xd8", b"\xff\x4f\xff\x51"]), st.binary(max_size=80))
def test_bytes_that_are_none(head: bytes, tail: bytes) -> None:
    found = codestream(head + tail)
    assert found is None or found.kind
