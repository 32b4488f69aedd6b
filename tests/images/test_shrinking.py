"""How far films above the limit are shrunk."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, JpegImagePlugin

from boneage.errors import UnreadableImage
from boneage.images import shrinking
from boneage.images.read import read
from boneage.images.shrinking import fits_when_progressive, scale_of


@pytest.mark.parametrize(
    ("width", "height", "most", "scale"),
    [(100, 100, 10_000, 1), (101, 100, 10_000, 2), (300, 300, 10_000, 4), (800, 800, 10_000, 8), (801, 801, 10_000, 0)],
)
def test_the_smallest_scale_that_will_do(width: int, height: int, most: int, scale: int) -> None:
    assert scale_of(width, height, most) == scale


def progressive(mode: str, **options: object) -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.zeros((200, 300), np.uint8)).convert(mode).save(out, "JPEG", progressive=True, **options)
    return out.getvalue()


@pytest.mark.parametrize(("mode", "subsampling", "share"), [("L", 0, 1.0), ("RGB", 0, 3.0), ("RGB", 2, 1.5)])
def test_a_progressive_jpeg_is_shrunk_while_its_coefficients_fit(
    mode: str, subsampling: int, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = progressive(mode, subsampling=subsampling)
    needed = round(300 * 200 * share * 2)
    with JpegImagePlugin.JpegImageFile(io.BytesIO(file), "") as image:
        monkeypatch.setattr(shrinking, "MOST_COEFFICIENTS", needed)
        assert fits_when_progressive(image)
        assert read(file, max_pixels=20_000).pixels.shape == (100, 150)
        monkeypatch.setattr(shrinking, "MOST_COEFFICIENTS", needed - 1)
        assert not fits_when_progressive(image)
        with pytest.raises(UnreadableImage, match="more than the limit"):
            read(file, max_pixels=20_000)
