"""The outlines: where the regions lie on the film, and the same moved and scaled."""

from __future__ import annotations

import numpy as np
from clinical_films import hand_pixels, noise_pixels
from hands import predictor

from boneage.clinic.documents.outlines import Outline, outlines_of, scaled
from boneage.types import Radiograph


def film(pixels: np.ndarray) -> Radiograph:
    return Radiograph((pixels / 4095).astype(np.float32), "film", "0", "PNG")


def test_they_lie_on_the_hand_also_where_the_film_is_not_square() -> None:
    plain, wide = hand_pixels(), np.pad(hand_pixels(), ((0, 0), (200, 0)))
    found, moved = (outlines_of(predictor().examine(film(pixels))) for pixels in (plain, wide))
    assert [one.name for one in found] == [one.name for one in moved] != []
    for one, other in zip(found, moved, strict=True):
        middle, middle_moved = (np.concatenate(each.lines).mean(axis=0) for each in (one, other))
        np.testing.assert_allclose(middle_moved - middle, [200, 0], atol=12)


def test_where_no_hand_is_certain_there_are_none() -> None:
    assert outlines_of(predictor().examine(film(noise_pixels()))) == ()


def test_scaled_they_are_whole_pixels_of_another_picture() -> None:
    (line,) = scaled((Outline("x", (np.array([[0.0, 10.0], [4.0, 2.0]]),)),), 0.5, (100, 7))
    assert line.tolist() == [[[100, 12]], [[102, 8]]]
    assert line.dtype == np.int32
