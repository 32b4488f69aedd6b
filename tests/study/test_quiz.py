"""A reader's differences in a quiz."""

from __future__ import annotations

import pytest

from boneage.study.quiz import differences


def test_differences_are_of_films_that_both_have() -> None:
    found = differences([100, None, 120, 90], [104, 70, 118, None])
    assert found is not None
    assert (found["n"], found["bias"]["value"], found["mad"]["value"]) == (2, 1, 3)
    assert found["upper"]["value"] == pytest.approx(1 + 1.96 * 18**0.5)
    assert differences([None], [100]) is None
