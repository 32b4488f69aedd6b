"""The model card in the form of RSNA's ATLAS."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from places import DOCS, ROOT

from boneage.evaluation import atlas_card

SCHEMA = ROOT.parent / "shared" / "atlas" / "model.schema.json"
CARDS = sorted(DOCS.joinpath("models").glob("*.json"))
LINK = "https://example.org/boneage"


def card(path: Path) -> dict:
    return json.loads(path.read_text())


@pytest.mark.skipif(not SCHEMA.exists(), reason="ATLAS's schema is not here")
@pytest.mark.parametrize("path", CARDS, ids=[path.stem for path in CARDS])
def test_every_card_validates_against_the_schema(path: Path) -> None:
    from jsonschema import Draft202012Validator

    schema = json.loads(SCHEMA.read_text())
    checker = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    assert [error.message for error in checker.iter_errors(atlas_card.atlas(card(path), LINK))] == []
    assert not checker.is_valid(atlas_card.atlas(card(path), LINK) | {"more": 1})


def test_the_numbers_are_those_that_were_measured() -> None:
    values = card(DOCS / "models" / "default.json")
    said = atlas_card.performance(values["evaluation"])
    mae = values["evaluation"]["mae"]
    assert f"mean absolute error {mae['value']:.2f} months ({mae['low']:.2f} to {mae['high']:.2f})" in said
    assert f"{values['evaluation']['n']} films of split {values['evaluation']['split']}" in said
    assert "90% prediction intervals hold" in said
    assert "female (n = " in said


def test_without_intervals_none_are_claimed() -> None:
    values = card(DOCS / "models" / "default.json")
    found = {key: value for key, value in values["evaluation"].items() if key != "intervals"}
    found["r2"] = {"value": None, "low": None, "high": None}
    said = atlas_card.performance(found)
    assert "prediction intervals" not in said
    assert "R-squared not defined" in said


def test_it_names_weights_use_limits_and_that_it_is_no_device(tmp_path: Path) -> None:
    values = card(DOCS / "models" / "default.json")
    path = atlas_card.write(values, LINK, tmp_path)
    assert path == tmp_path / "default.atlas.json"
    model = json.loads(path.read_text())["Model"]
    assert model["Link"] == LINK
    assert values["weights_sha256"] in model["Descriptors"]["Version"]
    assert model["Model properties"]["Limitations"].startswith(values["limits"])
    assert model["Model properties"]["Regulatory information"]["FDA cleared"] is False
    assert "Research use only" in model["Summary"]
    assert len(model["Summary"]) <= 250
