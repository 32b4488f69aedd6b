"""The words: a sex is never guessed, a radiograph is checked, a reading is plain values."""

from __future__ import annotations

import dataclasses
import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from boneage.types import DISCLAIMER, Radiograph, Reading, Sex

SPELLINGS = {
    Sex.FEMALE: ("F", "f", "female", " Female ", "GIRL"),
    Sex.MALE: ("M", "m", "male", "Male\n", "boy"),
    Sex.UNKNOWN: (None, "", "  ", "O", "o", "U", "unknown", "other", "NA", "nan"),
}


def film(pixels: np.ndarray) -> Radiograph:
    return Radiograph(pixels, source="hand.png", sha256="0" * 64, format="PNG")


@pytest.mark.parametrize(("sex", "text"), [(sex, text) for sex, texts in SPELLINGS.items() for text in texts])
def test_sex_in_every_spelling(sex: Sex, text: str | None) -> None:
    assert Sex.parse(text) is sex


@pytest.mark.parametrize("text", ["1", "0", "true", "mm", "x", "fe male", "maybe"])
def test_other_words_are_no_sex(text: str) -> None:
    with pytest.raises(ValueError, match="expected female, male or unknown"):
        Sex.parse(text)


@given(st.text(max_size=12))
def test_any_text_is_a_sex_or_refused(text: str) -> None:
    known = {(word or "").strip().lower() for words in SPELLINGS.values() for word in words}
    if text.strip().lower() in known:
        assert isinstance(Sex.parse(text), Sex)
    else:
        with pytest.raises(ValueError, match=re.escape(repr(text))):
            Sex.parse(text)


@pytest.mark.parametrize(
    ("pixels", "reason"),
    [
        (np.zeros((4, 4, 3), np.float32), "2-D float32, got 3-D float32"),
        (np.zeros((4, 4), np.float64), "2-D float32, got 2-D float64"),
        (np.zeros((4, 4), np.uint8), "2-D float32, got 2-D uint8"),
        (np.zeros((0, 4), np.float32), "must not be empty"),
    ],
)
def test_pixels_that_are_no_film_are_refused(pixels: np.ndarray, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        film(pixels)


def test_a_film_without_a_word_on_sex_is_of_unknown_sex() -> None:
    assert film(np.zeros((4, 4), np.float32)).sex is Sex.UNKNOWN


def test_films_and_readings_are_frozen() -> None:
    reading = Reading("hand.png", 120.5, Sex.FEMALE, "given", ("inverted",), "tiny", "a" * 64, "b" * 64, "0.1.0")
    for thing, name in ((film(np.zeros((4, 4), np.float32)), "source"), (reading, "bone_age_months")):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(thing, name, "changed")


def test_a_reading_as_json_keeps_everything_and_says_what_it_is_not() -> None:
    reading = Reading("hand.png", 120.5, Sex.UNKNOWN, "absent", ("sex_unknown",), "tiny", "a" * 64, "b" * 64, "0.1.0")
    values = json.loads(json.dumps(reading.to_dict()))
    assert values.keys() == {field.name for field in dataclasses.fields(Reading)}
    assert (values["sex"], values["flags"], values["bone_age_months"]) == ("unknown", ["sex_unknown"], 120.5)
    assert values["disclaimer"] == DISCLAIMER == "Research use only, not a medical device."
