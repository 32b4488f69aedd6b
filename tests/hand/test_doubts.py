"""Where the doubt of a flag lies: at the edge by which a part is cut off, around what is blurred, at the thumb."""

from __future__ import annotations

import numpy as np
import pytest
from odd_films import HAND, film, noise

from boneage import Radiograph
from boneage.hand import doubts, quality
from boneage.hand.flags import CODES
from boneage.hand.prepare import Findings, analyse
from boneage.hand.quality import SPEC, Evidence

SIDE = HAND.shape[0]


def seen(picture: Radiograph) -> tuple[Findings, Evidence]:
    found = analyse(picture.pixels, SPEC)
    return found, quality.examine(picture, found)


def test_every_code_has_a_place_or_is_about_the_whole_picture_or_is_not_about_it() -> None:
    found, evidence = seen(film(HAND))
    for code in CODES:
        where = doubts.place(code, found, evidence)
        assert (where is None) == (code in doubts.NOT_OF_THE_PICTURE)
        for line in where or ():
            assert line.min() >= 0
            assert line.max() <= 1
            assert line.shape[1] == 2


@pytest.mark.parametrize(
    ("cut", "axis", "edge", "name"), [(0, 1, 0, "middle finger"), (1, 1, 1, "wrist"), (2, 0, 1, "thumb")]
)
def test_a_part_that_is_cut_off_is_marked_at_the_edge_that_cuts_it(cut: int, axis: int, edge: int, name: str) -> None:
    rows = (slice(SIDE // 4, None), slice(0, SIDE * 7 // 10), slice(None))[cut]
    columns = slice(0, SIDE * 6 // 10) if cut == 2 else slice(None)
    found, evidence = seen(film(HAND[rows, columns]))
    assert name in evidence.missing
    where = doubts.place("hand_cut_off", found, evidence)
    assert where
    assert len(where) == len(evidence.missing)
    (point,) = where[evidence.missing.index(name)]
    assert point[axis] == pytest.approx(edge, abs=0.08)


def test_what_is_too_dark_lies_within_what_is_blurred() -> None:
    found, evidence = seen(film(HAND))
    (palm,), (whole,) = (doubts.place(code, found, evidence) or () for code in ("too_dark", "blurred"))
    assert (palm.min(axis=0) >= whole.min(axis=0) - 1e-6).all()
    assert (palm.max(axis=0) <= whole.max(axis=0) + 1e-6).all()


def test_the_wrong_side_is_seen_by_the_thumb() -> None:
    left, right = (doubts.place("laterality_contradicts", *seen(film(one))) or () for one in (HAND, HAND[:, ::-1]))
    assert left[0][0, 0] > 0.5 > right[0][0, 0]


def test_what_is_no_hand_has_no_place() -> None:
    found, evidence = seen(film(noise(np.random.default_rng(1))))
    assert doubts.place("not_a_hand", found, evidence) == doubts.place("hand_cut_off", found, evidence) == ()
