"""The strip below a picture: below and not over it, a line a sentence, and what does not fit is made smaller."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from boneage.caption import LINE, MARGIN, captioned


@pytest.mark.parametrize("shape", [(40, 300), (40, 300, 3)])
def test_it_stands_below_the_picture(shape: tuple[int, ...]) -> None:
    picture = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    read = cv2.imdecode(np.frombuffer(captioned(picture, "Model default. Research use only."), np.uint8), -1)
    assert read.shape == (40 + 2 * LINE + MARGIN, *shape[1:])
    assert np.array_equal(read[:40], picture)
    for line in range(2):
        assert read[40 + LINE * line : 40 + LINE * (line + 1)].max() == 255


def test_a_long_sentence_fits_a_narrow_picture() -> None:
    read = cv2.imdecode(np.frombuffer(captioned(np.zeros((9, 80), np.uint8), "a word " * 12), np.uint8), -1)
    assert read.shape[1] == 80
    assert read[9:, -MARGIN // 2 :].max() < 128  # nothing is cut off at the edge


def test_other_letters_become_question_marks() -> None:
    plain, other = (captioned(np.zeros((9, 80), np.uint8), words) for words in ("na?ve", "naïve"))
    assert plain == other
