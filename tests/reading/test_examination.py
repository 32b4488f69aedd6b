"""A film is decoded and analysed once, and the reading, its flags and the heat map all use what was found."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from odd_films import HAND, clouds, film

from boneage import Predictor, Sex
from boneage.config import PrepareConfig
from boneage.hand import quality
from boneage.hand.prepare import analyse, prepare
from boneage.reading import batch, examination
from boneage.reading.batch import Item, read_and_explain
from boneage.reading.examination import examine
from boneage.reading.occlusion import explain
from boneage.types import Reading

SPECS = [
    PrepareConfig(size=64),
    PrepareConfig(size=64, hand=True),
    PrepareConfig(size=64, hand=True, joints=True),
    PrepareConfig(size=64, hand=True, joints=True, beside=True),
]


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("pixels", [HAND, clouds(np.random.default_rng(0))], ids=["hand", "clouds"])
def test_its_pixels_are_those_of_prepare(spec: PrepareConfig, pixels: np.ndarray) -> None:
    one = film(pixels)
    seen = examine(one, spec)
    np.testing.assert_array_equal(seen.pixels, prepare(one, spec))
    np.testing.assert_array_equal(seen.square, prepare(one, spec.in_one))
    assert seen.evidence == quality.examine(one, analyse(one.pixels, spec))


@pytest.mark.parametrize("spec", SPECS)
def test_a_film_without_a_hand_is_flagged_where_the_model_reads_hands(spec: PrepareConfig) -> None:
    codes = {flag.code for flag in examine(film(clouds(np.random.default_rng(0))), spec).flags}
    assert ("hand_not_found" in codes) == spec.hand
    assert examine(film(HAND), spec).flags == []


def test_reading_and_heat_map_are_those_of_the_film() -> None:
    predictor, one = Predictor.load(), film(HAND)
    seen = predictor.examine(one)
    assert predictor.read(seen, Sex.MALE) == predictor.read(one, Sex.MALE)
    np.testing.assert_array_equal(explain(predictor, seen, Sex.MALE).heat, explain(predictor, one, Sex.MALE).heat)


def test_a_film_is_decoded_and_analysed_once(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, calls = tmp_path / "hand.png", []
    cv2.imwrite(str(path), (HAND * 255).astype(np.uint8))
    for module, name in ((batch, "read"), (examination, "analyse")):
        whole = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *args, of=whole: calls.append(of.__name__) or of(*args))
    ((_, reading, explanation),) = read_and_explain(Predictor.load(), [Item("hand", path, Sex.MALE)])
    assert isinstance(reading, Reading)
    assert explanation is not None
    assert calls == ["read", "analyse"]
