"""All that growth says of a child, as one frozen result."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from children import child, read
from jsonschema import Draft202012Validator

import boneage
from boneage import Reading, Sex
from boneage.growth import lms
from boneage.growth.child import Child
from boneage.growth.reference import NAMES
from boneage.growth.result import Growth, assess, child_of
from boneage.growth.tables import TABLES
from boneage.growth.velocity import Visit
from boneage.types import DISCLAIMER, Interval

CHILDREN = (
    read(120.0),
    read(120.0, age_half_width_months=6.0),
    child(),
    child(Sex.FEMALE, age_months=18.0, bone_age_months=17.0, height_cm=80.0),
    child(age_months=None, height_cm=None),
    Child(Sex.UNKNOWN),
    child(bone_age_months=160.0, age_months=180.0),
    child(age_months=400.0),
)


@pytest.fixture(scope="module")
def schema() -> Draft202012Validator:
    found = json.loads((Path(boneage.__file__).parent / "growth" / "growth.schema.json").read_text())
    Draft202012Validator.check_schema(found)
    return Draft202012Validator(found)


@pytest.mark.parametrize("one", CHILDREN)
def test_whatever_is_known_the_result_is_as_its_schema_says(one: Child, schema: Draft202012Validator) -> None:
    growth = assess(one, [Visit(read(100.0, age_months=108.0), name="before", model="default")])
    values = json.loads(json.dumps(growth.to_dict(), allow_nan=False))
    schema.validate(values)
    assert values["disclaimer"] == DISCLAIMER
    for figure in growth.figures:
        assert (figure.value is None) == bool(figure.refusal)
        assert all((figure.method, figure.source, figure.domain))


def test_the_schema_refuses_a_number_with_a_reason_not_to_have_it(schema: Draft202012Validator) -> None:
    values = assess(child()).to_dict()
    values["height_sds"]["flags"] = [{"code": "no_age", "severity": "refuse", "sentence": "it is not known"}]
    assert not schema.is_valid(values)
    values = assess(child()).to_dict()
    values["height_sds"]["value"] = None
    assert not schema.is_valid(values)
    values = assess(child()).to_dict()
    values["more"] = 1
    assert not schema.is_valid(values)


def test_three_methods_stand_side_by_side() -> None:
    growth = assess(read(120.0))
    assert [one.name for one in growth.adult_heights] == ["bayley_pinneau", "roche_wainer_thissen", "khamis_guo"]
    assert all(one.value is not None for one in growth.adult_heights)
    with pytest.raises(dataclasses.FrozenInstanceError):
        growth.difference = growth.bone_age_sds  # type: ignore[misc]


def test_it_names_the_tables_that_it_looks_in(tmp_path: Path) -> None:
    known = assess(child()).tables
    assert known["bayley_pinneau_1952"] == TABLES["bayley_pinneau_1952"].sha256
    assert "CDC 2000 stature for age" in known
    assert "greulich_pyle_1959_sd" not in known
    own = tmp_path / "own.csv"
    own.write_text("sex,age_months,L,M,S\nmale,60,1,110,.04\nmale,180,1,160,.04\n")
    other = assess(child(), chart=lms.read(own), sds_table="greulich_pyle_1959")
    assert {"own.csv", "greulich_pyle_1959_sd"} <= set(other.tables)
    assert other.height_sds.value == pytest.approx((140.2 / 137.5 - 1) / 0.04, abs=0.005)


def test_the_velocity_is_that_of_the_last_step() -> None:
    earlier = [Visit(read(100.0, age_months=102.0), name="b"), Visit(read(88.0, age_months=90.0), name="a")]
    growth: Growth = assess(Visit(read(120.0), name="c"), earlier)
    assert growth.velocity is growth.follow_up[-1]
    assert [(one.first, one.second) for one in growth.follow_up] == [("a", "b"), ("b", "c")]
    assert assess(read(120.0)).velocity is None


def test_no_velocity_is_told_of_a_film_without_its_part_in_it() -> None:
    """A film that was not read, one of unknown age, and the first of several films have no velocity."""
    others = [
        Visit(read(bone, age_months=age), name=name) for name, bone, age in (("a", 88.0, 90.0), ("b", 110.0, 114.0))
    ]
    assert assess(Visit(child(bone_age_months=None, age_months=126.0)), others).follow_up == ()
    assert assess(Visit(child(age_months=None)), others).follow_up == ()
    assert assess(Visit(read(80.0, age_months=84.0)), others).follow_up == ()
    between = assess(Visit(read(100.0, age_months=102.0), name="now"), others).follow_up
    assert [(one.first, one.second) for one in between] == [("a", "now")]


def test_the_change_of_the_score_is_by_the_table_that_is_asked_for() -> None:
    earlier = [Visit(read(100.0, age_months=108.0))]
    found = {name: assess(read(120.0), earlier, sds_table=name) for name in NAMES}
    for growth in found.values():
        step = growth.velocity
        assert step is not None
        assert step.sds_change.computed_from["sds"] == growth.bone_age_sds.value
        assert step.sds_change.source == growth.bone_age_sds.source
    assert len({growth.follow_up[-1].sds_change.method for growth in found.values()}) == 2


def test_a_reading_becomes_a_child() -> None:
    intervals = (Interval(0.9, 110.0, 130.0),)
    reading = Reading("a.png", 120.0, Sex.MALE, "given", (), "m", "0" * 64, "1" * 64, "1", intervals=intervals)
    found = child_of(reading, age_months=126.0, height_cm=140.2)
    assert (found.bone_age_months, found.bone_age_intervals, found.by_network) == (120.0, intervals, True)
    assert assess(found).adult_heights[0].low is not None
    below = dataclasses.replace(reading, bone_age_months=-0.4)
    assert child_of(below).bone_age_months == 0
