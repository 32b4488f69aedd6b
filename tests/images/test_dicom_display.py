"""A film over the whole range of its values: a viewer finds what is read, and the file's own window, among them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from dicom_files import dicom, written
from odd_films import HAND

from boneage import Radiograph, read
from boneage.images.read import read as read_film
from boneage.types import Levels

VALUES = np.rint(100 + 3000 * HAND).astype(np.uint16)
WIDE = {"WindowCenter": 2000.5, "WindowWidth": 3201}  # 400 to 3600
CUTTING = {"WindowCenter": 900.5, "WindowWidth": 601}  # 600 to 1200: it cuts off the hand


def both(values: np.ndarray = VALUES, **attributes: Any) -> tuple[Radiograph, Radiograph]:
    """As read, and over all values."""
    data = written(dicom(values, **attributes))
    return read(data), read_film(data, whole_range=True)


def among(pixels: np.ndarray, ends: tuple[float, float]) -> np.ndarray:
    return np.clip((pixels - ends[0]) / (ends[1] - ends[0]), 0, 1)


@pytest.mark.parametrize("photometric", ["MONOCHROME2", "MONOCHROME1"])
@pytest.mark.parametrize("window", [WIDE, CUTTING, {}], ids=["kept", "set aside", "none"])
def test_what_is_read_lies_among_all_values(photometric: str, window: dict[str, Any]) -> None:
    as_read, whole = both(**window, PhotometricInterpretation=photometric)
    assert (whole.pixels.min(), whole.pixels.max()) == (0, 1)
    np.testing.assert_allclose(among(whole.pixels, whole.levels.read), as_read.pixels, atol=2e-3)
    assert as_read.levels == Levels()


def test_a_window_that_is_set_aside_is_still_known() -> None:
    as_read, whole = both(**CUTTING)
    assert any("cuts off" in note for note in as_read.notes)
    assert whole.levels.read == (0, 1)
    low, high = float(VALUES.min()), float(VALUES.max())
    assert whole.levels.window == pytest.approx(((600 - low) / (high - low), (1200 - low) / (high - low)), abs=1e-3)


@pytest.mark.parametrize("shape", ["LINEAR", "LINEAR_EXACT"])
def test_the_window_is_where_the_standard_puts_it(shape: str) -> None:
    as_read, whole = both(**WIDE, VOILUTFunction=shape)
    np.testing.assert_allclose(among(whole.pixels, whole.levels.window), as_read.pixels, atol=2e-3)


def test_a_curve_is_no_line_and_is_given_as_it_displays() -> None:
    as_read, whole = both(**WIDE, VOILUTFunction="SIGMOID")
    assert whole.levels == Levels()
    np.testing.assert_array_equal(whole.pixels, as_read.pixels)


def test_an_ordinary_picture_has_no_other_range() -> None:
    from hands import hand

    assert read_film(hand(), whole_range=True).levels == Levels()
