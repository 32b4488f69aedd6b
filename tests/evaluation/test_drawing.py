"""The parts of figures that all reports share."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from boneage.evaluation import drawing


@pytest.mark.parametrize(("months", "words"), [(0.04, "0.0"), (-1.25, "\N{MINUS SIGN}1.2"), (3, "+3.0")])
def test_numbers_have_a_sign_unless_they_are_0(months: float, words: str) -> None:
    assert drawing.signed(months) == words


def test_names_are_cut_and_letters_without_a_glyph_replaced() -> None:
    assert drawing.drawable("人 reader\n", 20) == "? reader?"
    assert drawing.drawable("x" * 40, 10) == "x" * 9 + "…"


def test_many_points_are_paler() -> None:
    opacities = [drawing.alpha(n) for n in (10, 1000, 100_000)]
    assert opacities == sorted(opacities, reverse=True)
    assert min(opacities) >= 0.12


@pytest.mark.parametrize(("count", "wide"), [(1, 7.2), (3, 12), (4, 8)])
def test_panels_lie_in_rows_and_the_sheet_has_their_size(count: int, wide: float) -> None:
    with drawing.style():
        figure, panels = drawing.panels(count)
        drawing.agreement_lines(panels[0], np.array([-4.0, 0.0, 4.0]))
        picture = Image.open(io.BytesIO(drawing.png(figure, panels[0])))
    assert len(panels) == count
    assert picture.width == round(wide * drawing.DPI)
