"""What is measured on a film: hands at every age are hands, and a reading's analysis serves the measures too."""

from __future__ import annotations

from dataclasses import replace

import pytest
from odd_films import HAND, film, hand

from boneage.config import PrepareConfig
from boneage.hand.locate import MISFIT
from boneage.hand.prepare import analyse
from boneage.hand.quality import examine


@pytest.mark.parametrize("seed", range(8))
def test_hands_are_hands_at_every_age(seed: int) -> None:
    evidence = examine(film(hand(seed, months=20 + 25 * seed)))
    assert evidence.is_hand
    assert (evidence.missing, evidence.hands) == ((), 1)
    assert evidence.misfit < 0.5 * MISFIT


def test_one_look_serves_the_reading_and_the_gate() -> None:
    one = film(HAND)
    found = analyse(one.pixels, PrepareConfig(size=64, hand=True))
    assert replace(examine(one, found), contrast=0) == replace(examine(one), contrast=0)
