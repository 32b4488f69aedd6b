"""The white level is that of the bits in use, of whole numbers in any container."""

from __future__ import annotations

import numpy as np
import pytest

from boneage.images.grey import is_narrow, unit, white_level


@pytest.mark.parametrize(
    ("levels", "dtype", "white"),
    [
        ([0, 3], np.uint8, 255),
        ([0, 3], np.uint16, 255),
        ([0, 255], np.uint16, 255),
        ([0, 256], np.uint16, 1023),
        ([0, 500, 1000], np.uint16, 1023),
        ([0, 1500, 2047], np.uint16, 2047),
        ([0, 3000, 4000], np.uint16, 4095),
        ([0, 9000, 16000], np.uint16, 16383),
        ([0, 40000, 65535], np.uint16, 65535),
        ([0, 4000, 65535], np.uint16, 4095),
        ([0, 65535], np.uint16, 65535),
        ([0, 10**6], np.uint32, 2**20 - 1),
    ],
)
def test_white_level(levels: list[int], dtype: type, white: int) -> None:
    values = np.array([levels], dtype)
    assert white_level(values) == white
    np.testing.assert_allclose(unit(values), np.minimum(values / white, 1), rtol=1e-6)


def test_narrow() -> None:
    assert is_narrow(np.array([32768, 36863], np.uint16))
    assert not is_narrow(np.array([30000, 65535], np.uint16))
    assert not is_narrow(np.array([0, 100], np.uint16))
    assert not is_narrow(np.array([9, 9], np.uint16))
    assert not is_narrow(np.array([200, 210], np.uint8))
