"""What all pages of the PDF share."""

from __future__ import annotations

import pytest

pytest.importorskip("reportlab", reason="the PDF needs boneage[serve]")

from boneage.clinic.pdf_page import printable, signed


def test_what_the_fonts_lack_is_a_question_mark() -> None:
    assert printable("Ä \N{MINUS SIGN}3 \N{SNOWMAN}") == "Ä –3 ?"


def test_a_number_has_its_sign() -> None:
    assert (signed(-1.25, 2), signed(2.0)) == ("–1.25", "+2.0")
