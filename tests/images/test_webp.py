"""WebP of one picture: its head, and pixels that are equal to Pillow's."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from boneage.images import webp
from boneage.images.content import Content
from boneage.images.picture_levels import levels
from boneage.images.webp import decode_still, still

COLOUR = np.add.outer(np.arange(40), 3 * np.arange(50))[..., None] * np.array([1, 2, 3]) % 251
ALPHA = np.add.outer(6 * np.arange(40), np.zeros(50))[..., None]
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="8"/></x:xmpmeta>'


def saved(array: np.ndarray, **options: object) -> bytes:
    out = io.BytesIO()
    Image.fromarray(array.astype(np.uint8)).save(out, "WebP", **options)
    return out.getvalue()


FILES = {
    "lossy": saved(COLOUR),
    "lossless": saved(COLOUR, lossless=True),
    "lossy, alpha": saved(np.dstack([COLOUR, ALPHA])),
    "lossless, alpha": saved(np.dstack([COLOUR, ALPHA]), lossless=True, exact=True),
    "lossless, no alpha seen": saved(np.dstack([COLOUR, 0 * ALPHA]), lossless=True, exact=True),
    "lossy, colour profile": saved(COLOUR, icc_profile=bytes(131)),
    "lossy, xmp": saved(COLOUR, xmp=XMP),
}


@pytest.mark.parametrize("name", FILES)
def test_its_pixels_are_those_of_pillow(name: str) -> None:
    data = FILES[name]
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        wanted, notes = levels(image, Content(data), "WebP", None, ())
    content = Content(data)
    pixels, found = decode_still(content)
    assert np.array_equal(pixels, wanted)
    assert (found, content.data) == (notes, b"")


@pytest.mark.parametrize("name", FILES)
def test_its_size_stands_in_the_head_and_how_it_lies_beside(name: str) -> None:
    head = still(FILES[name])
    assert head is not None
    assert (head.width, head.height) == (50, 40)
    with Image.open(io.BytesIO(FILES[name])) as image:
        assert head.described.getexif().get(274) == image.getexif().get(274) == (8 if "xmp" in name else None)


def test_chunks_of_no_use_are_not_kept() -> None:
    data = FILES["lossy, xmp"]
    strange = b"".join(f"{number:04}".encode() + bytes(4) for number in range(1000))
    head, found = still(data), still(data + strange + b"XMP " + bytes(4))
    assert found == head
    assert len(webp._chunks(data + strange)) == 2


def test_an_animation_and_what_is_cut_short_are_not_read_here() -> None:
    frames = [Image.fromarray(one.astype(np.uint8)) for one in (COLOUR, 255 - COLOUR)]
    out = io.BytesIO()
    frames[0].save(out, "WebP", save_all=True, append_images=frames[1:], lossless=True)
    assert still(out.getvalue()) is None
    for name in ("lossy", "lossless", "lossy, alpha"):
        assert still(FILES[name][:21]) is None
    assert still(b"RIFF\0\0\0\0WEBPVP9 " + bytes(40)) is None
