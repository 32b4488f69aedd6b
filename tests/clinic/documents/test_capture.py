"""The picture: legible, with regions, and correct as a DICOM object."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
from clinical_films import HEADER, opened, plain_case, refused_case, tells_patient
from validators import dciodvfy

from boneage import read
from boneage.clinic.documents import capture
from boneage.clinic.documents.case import Case, Review
from boneage.types import DISCLAIMER


def shown(case: Case) -> str:
    """All words of the picture, in order."""
    return " ".join(words for words, *_ in capture._words(case))


def test_it_says_age_interval_sds_side_and_what_it_is_not_for() -> None:
    plain = plain_case()
    text = shown(plain)
    assert plain.months is not None
    for word in (f"{plain.months:.1f} months", "90% interval", "SDS", "Left hand", DISCLAIMER, "Brush Foundation"):
        assert word in text
    assert not tells_patient(text)
    assert "elik" not in text


def test_a_refusal_says_so_and_a_review_too() -> None:
    refused = shown(refused_case())
    assert "the film was refused" in refused
    assert "no radiograph of one hand" in refused
    assert "Side: not given" in refused
    review = Review("Roe^Ann", "Ward", datetime(2024, 3, 4), laterality="R")
    assert "Right hand, by the reviewer" in shown(plain_case().reviewed(review))
    assert "Accepted by a reviewer" in shown(plain_case().reviewed(replace(review, laterality=None)))


def test_all_words_fit_and_are_large_enough_at_a_thousand_pixels() -> None:
    for case in (plain_case(), refused_case()):
        lines = [(line, size) for words, size, *_ in capture._words(case) for line in capture._wrapped(words, size)]
        assert all(capture._font(size).getlength(line) <= capture.RIGHT - capture.LEFT for line, size in lines)
        assert min(size for _, size in lines) >= 20
        assert sum(round(1.25 * size) + 14 for _, size in lines) < capture.SIDE
    assert capture._wrapped("w" * 30 + " i", 20) == capture._narrower("w" * 30 + " i", 20)


def test_the_regions_lie_on_the_film_and_the_film_keeps_its_shape() -> None:
    plain = plain_case()
    drawn, bare = capture.picture(plain), capture.picture(replace(plain, outlines=()))
    assert drawn.shape == (capture.SIDE, capture.SIDE, 3)
    changed = np.argwhere((drawn != bare).any(axis=2))
    left, top, width, height = capture.FILM
    assert len(changed) > 500
    assert left <= changed[:, 1].min() <= changed[:, 1].max() < left + width
    assert top <= changed[:, 0].min() <= changed[:, 0].max() < top + height
    assert {one.name for one in plain.outlines} == {"carpals", "radius and ulna", "MCP", "PIP", "DIP"}
    assert refused_case().outlines == ()


def test_as_dicom_it_is_read_back_and_without_error(tmp_path: Path) -> None:
    for number, case in enumerate((plain_case(), refused_case())):
        path = tmp_path / f"{number}.dcm"
        path.write_bytes(capture.secondary_capture(case))
        assert dciodvfy(path) == []
    found = opened((tmp_path / "0.dcm").read_bytes())
    np.testing.assert_array_equal(found.pixel_array, capture.picture(plain_case()))
    assert found.Laterality == "L"
    assert found.SourceImageSequence[0].ReferencedSOPInstanceUID == HEADER["SOPInstanceUID"]


def test_the_png_is_the_same_picture() -> None:
    grey = read(capture.png(plain_case())).pixels
    expected = capture.picture(plain_case()) @ [0.299, 0.587, 0.114] / 255
    np.testing.assert_allclose(grey, expected, atol=0.01)
