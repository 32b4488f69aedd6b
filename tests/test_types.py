"""The words: a sex is never guessed, a radiograph is checked, a reading is plain values."""

from __future__ import annotations

import dataclasses
import json
import math
import re
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from regional import told

import boneage
from boneage.hand.bone_regions import REGIONS
from boneage.hand.flags import CODES
from boneage.sex_words import SEXES
from boneage.types import (
    DISCLAIMER,
    SEX_SOURCES,
    Flag,
    Interval,
    Radiograph,
    Reading,
    RegionalAge,
    RegionalAges,
    Severity,
    Sex,
)

SPELLINGS = {
    Sex.FEMALE: ("F", "f", "female", " Female ", "GIRL", "W", "weiblich", "F\0", "f.", "Ｆ", "MÄDCHEN", "女"),
    Sex.MALE: ("M", "m", "male", "Male\n", "boy", "M\0", "Männlich", "masculino", "М".lower(), "garçon"),
    Sex.UNKNOWN: (None, "", "  ", "O", "o", "U", "unknown", "other", "NA", "nan", "\0", "n/a", "-", "divers"),
}


def film(pixels: np.ndarray) -> Radiograph:
    return Radiograph(pixels, source="hand.png", sha256="0" * 64, format="PNG")


@pytest.mark.parametrize(("sex", "text"), [(sex, text) for sex, texts in SPELLINGS.items() for text in texts])
def test_sex_in_every_spelling(sex: Sex, text: str | None) -> None:
    assert Sex.parse(text) is sex


@pytest.mark.parametrize("text", ["1", "0", "true", "mm", "x", "fe male", "maybe", "V", "H", "F/M", "f m"])
def test_other_words_are_no_sex(text: str) -> None:
    with pytest.raises(ValueError, match="expected female, male or unknown"):
        Sex.parse(text)


@given(st.text(max_size=12))
def test_any_text_is_a_sex_or_refused(text: str) -> None:
    known = {word for words in SEXES.values() for word in words}
    if unicodedata.normalize("NFKC", text).casefold().strip("\0. \t\n\r\f\v") in known:
        assert isinstance(Sex.parse(text), Sex)
    else:
        with pytest.raises(ValueError, match=re.escape(repr(text))):
            Sex.parse(text)


def test_no_word_is_of_two_sexes() -> None:
    listed = [word for words in SEXES.values() for word in words]
    assert len(listed) == len(set(listed))
    for sex, words in SEXES.items():
        assert {Sex.parse(word.upper()) for word in words} == {sex}


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


REFUSED = Flag("not_a_hand", Severity.REFUSE, "no radiograph of one hand was recognised")
NOTED = Flag("mirrored", Severity.NOTE, "the thumb points to the left and was put right")


def reading(months: float | None = 120.5, *flags: Flag, **more: Any) -> Reading:
    return Reading("hand.png", months, Sex.FEMALE, "given", flags, "tiny", "a" * 64, "b" * 64, "0.1.0", **more)


READINGS = (
    reading(),
    reading(120.5, NOTED, versions={"numpy": "2.0"}),
    reading(None, NOTED, REFUSED),
    reading(-0.5, REFUSED, forced=True),
    reading(120.5, intervals=(Interval(0.5, 115.0, 126.0), Interval(0.9, 100.0, 141.0))),
    reading(120.5, intervals=()),
    reading(120.5, regional_ages=told()),
    reading(120.5, regional_ages=RegionalAges("regions", "0" * 64, reason="no hand")),
)


@pytest.fixture(scope="module")
def schema() -> Draft202012Validator:
    found = json.loads((Path(boneage.__file__).parent / "reading.schema.json").read_text())
    Draft202012Validator.check_schema(found)
    return Draft202012Validator(found)


def test_films_and_readings_are_frozen() -> None:
    for thing, name in ((film(np.zeros((4, 4), np.float32)), "source"), (reading(), "bone_age_months")):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(thing, name, "changed")


def test_a_reading_as_json_keeps_everything_and_says_what_it_is_not() -> None:
    values = json.loads(json.dumps(reading(None, REFUSED).to_dict()))
    assert [*values, "site_sha256", "regional_ages"] == [field.name for field in dataclasses.fields(Reading)]
    assert values["flags"] == [{"code": "not_a_hand", "severity": "refuse", "sentence": REFUSED.sentence}]
    assert (values["sex"], values["bone_age_months"], values["intervals"]) == ("female", None, None)
    assert values["disclaimer"] == DISCLAIMER == "Research use only, not a medical device."


@pytest.mark.parametrize("one", READINGS)
def test_a_reading_goes_through_json_and_back(one: Reading, schema: Draft202012Validator) -> None:
    values = json.loads(json.dumps(one.to_dict(), allow_nan=False))
    schema.validate(values)
    assert Reading.from_dict(values) == one
    assert (one.is_refused, one.codes) == (REFUSED in one.flags, tuple(flag.code for flag in one.flags))


def test_an_age_is_withheld_where_a_film_is_refused_and_only_there() -> None:
    for months, flags, forced in ((120.5, [REFUSED], False), (None, [NOTED], False), (None, [REFUSED], True)):
        with pytest.raises(ValueError, match="withheld where a flag refuses"):
            reading(months, *flags, forced=forced)
    with pytest.raises(ValueError, match="only a refused film can be forced"):
        reading(120.5, NOTED, forced=True)


def test_a_difference_is_unusual_beyond_its_range_and_only_with_one() -> None:
    carpals, forearm, short, ray, *_ = told().ages
    assert carpals.is_unusual
    assert not forearm.is_unusual
    assert not short.is_unusual, "there is no difference"
    assert not ray.is_unusual
    at_the_end = dataclasses.replace(carpals, difference_months=-18.0)
    assert not at_the_end.is_unusual


def test_growth_beside_a_reading_is_no_part_of_it(schema: Draft202012Validator) -> None:
    values = reading().to_dict() | {"growth": {}}
    schema.validate(values)
    assert Reading.from_dict(values) == reading()


@pytest.mark.parametrize(
    "change",
    [
        {"bone_age_months": None},
        {"bone_age_months": "120"},
        {"forced": True},
        {"sex": "girl"},
        {"sex_source": "guessed"},
        {"flags": [{"code": "mirrored", "severity": "bad", "sentence": ""}]},
        {"flags": [{"code": "mirrored", "severity": "note"}]},
        {"flags": [{"code": "not_a_hand", "severity": "refuse", "sentence": ""}]},
        {"flags": 7},
        {"sex": ["male"]},
        {"intervals": [{"level": 1.5, "low": 0, "high": 1}]},
        {"intervals": [{"level": 0.5, "low": "0", "high": 1}]},
        {"more": 1},
    ],
)
def test_what_is_no_reading_is_refused_by_schema_and_program(
    change: dict[str, Any], schema: Draft202012Validator
) -> None:
    values = reading().to_dict() | change
    assert not schema.is_valid(values)
    with pytest.raises(ValueError, match=r"\w") as told:
        Reading.from_dict(values)
    pythons = ("is not a valid", "unexpected keyword", "positional", "indices", "must be")
    assert not any(words in str(told.value) for words in pythons)
    short = reading().to_dict()
    del short["flags"]
    assert not schema.is_valid(short)
    with pytest.raises(ValueError, match="this is no reading"):
        Reading.from_dict(short)


def test_the_schema_knows_what_the_program_knows(schema: Draft202012Validator) -> None:
    of, flag = schema.schema, schema.schema["$defs"]["flag"]["properties"]
    names = [field.name for field in dataclasses.fields(Reading)]
    optional = ["site_sha256", "regional_ages"]
    assert sorted(of["properties"]) == sorted([*names, "growth"])
    assert [*of["required"], *optional] == names
    regional = schema.schema["$defs"]["regional_age"]
    assert regional["required"] == [*(field.name for field in dataclasses.fields(RegionalAge)), "is_unusual"]
    assert regional["properties"]["region"]["enum"] == [region.key for region in REGIONS]
    ages = schema.schema["$defs"]["regional_ages"]
    assert sorted(ages["required"]) == sorted(field.name for field in dataclasses.fields(RegionalAges))
    assert of["properties"]["sex"]["enum"] == [sex.value for sex in Sex]
    assert of["properties"]["sex_source"]["enum"] == list(SEX_SOURCES)
    assert of["properties"]["disclaimer"]["const"] == DISCLAIMER
    assert flag["severity"]["enum"] == [severity.value for severity in Severity]
    assert flag["code"]["enum"] == list(CODES)
    assert list(flag) == [field.name for field in dataclasses.fields(Flag)]
    interval = schema.schema["$defs"]["interval"]
    assert interval["required"] == [field.name for field in dataclasses.fields(Interval)]


@pytest.mark.parametrize("values", [(0.0, 1, 2), (1.0, 1, 2), (0.5, 2, 1), (0.5, math.nan, 2), (0.5, 1, math.inf)])
def test_an_interval_has_two_ends(values: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="no interval"):
        Interval(*values)
