"""A figure has a number, or says why it has none."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from boneage.growth.figure import Figure, Part
from boneage.types import Flag

WHY = Flag.refuse("no_age", "the chronological age is not known")


def figure(**values: Any) -> Figure:
    return Figure("height_sds", "height SDS", "SD", "by LMS", "CDC", "2 to 20 years", **values)


def test_there_is_a_number_or_a_reason_and_never_both() -> None:
    assert figure(value=1.0).refusal == ""
    assert figure(flags=(Flag.note("short", "it is short"), WHY)).refusal == WHY.sentence
    for wrong in ({}, {"value": 1.0, "flags": (WHY,)}, {"flags": (Flag.warn("odd", "it is odd"),)}):
        with pytest.raises(ValueError, match="no number where a flag refuses it"):
            figure(**wrong)
    with pytest.raises(ValueError, match="a range without a number"):
        figure(low=1.0, flags=(WHY,))


def test_as_json_it_keeps_everything() -> None:
    parts = (Part("average", 0.6, 178.6), Part("retarded", 0.4, None))
    one = figure(value=1.5, low=1.0, high=2.0, level=0.9, computed_from={"sex": "male"}, parts=parts)
    values = json.loads(json.dumps(one.to_dict(), allow_nan=False))
    assert list(values) == [field.name for field in dataclasses.fields(Figure)]
    assert values["parts"][1] == {"name": "retarded", "share": 0.4, "value": None}
    assert figure(flags=(WHY,)).to_dict()["flags"] == [dataclasses.asdict(WHY) | {"severity": "refuse"}]
    assert figure(flags=(WHY,)).codes == ("no_age",)
