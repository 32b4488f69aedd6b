"""Ages by region for people and for tables: every number, and what is not informative or unusual."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from command import done, refused
from hands import hand
from regional import told

from boneage.apps.regional_output import COLUMNS, cells, regions_text
from boneage.hand.bone_regions import REGIONS
from boneage.reading import weights
from boneage.types import RegionalAges

TOLD = told()


def test_the_text_has_every_region_with_its_number_or_without() -> None:
    text = regions_text(TOLD)
    assert "carpals: 96.0 months (8 y 0 mo, 90% 70 to 122); -24.5 against the rest, usually -18 to +16, UNUSUAL" in text
    assert "radius and ulna: 118.0 months" in text
    assert "metacarpals and phalanges: 120.5 months (10 y 0 mo, 90% 105 to 136); the rest of the hand is not" in text
    assert "ray I: not informative at this age" in text
    assert text.count("UNUSUAL") == 1
    assert "model regions, weights abababababab" in text.splitlines()[-1]
    assert len(text.splitlines()) == len(REGIONS) + 1


def test_without_ages_the_text_says_why() -> None:
    text = regions_text(RegionalAges("regions", "0" * 64, reason="no hand"))
    assert text.splitlines()[0] == "  no ages by region: no hand"


def test_each_value_has_a_cell() -> None:
    row = cells(TOLD)
    assert set(row) == set(COLUMNS)
    assert len(COLUMNS) == len(set(COLUMNS)) == 8 * len(REGIONS) + 3
    carpals = [row[f"carpals_{name}"] for name in ("months", "low", "high", "difference", "unusual")]
    assert carpals == [96.0, 70.0, 122.0, -24.5, "true"]
    assert (row["carpals_usual_low"], row["carpals_usual_high"], row["carpals_difference_sd"]) == (-18, 16, 7)
    assert (row["short_bones_months"], row["short_bones_difference"], row["short_bones_unusual"]) == (120.5, "", "")
    assert [row[f"ray_i_{name}"] for name in ("months", "low", "difference", "unusual")] == [""] * 4
    assert row["regions_reason"] == "ray_i:not_informative"
    assert row["regions_weights_sha256"] == TOLD.weights_sha256
    bare = cells(replace(TOLD, ages=(), reason="no hand"))
    assert bare["regions_reason"] == "no hand"


@pytest.fixture
def shipped(regions_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tiny network in the place of the shipped one."""
    monkeypatch.setattr("boneage.reading.regional.NAME", str(regions_model))
    found = weights.find
    monkeypatch.setattr(weights, "find", lambda name: regions_model if str(name) == "regions" else found(name))


@pytest.mark.usefixtures("shipped")
def test_predict_tells_them_where_it_is_asked_to(tmp_path: Path) -> None:
    film = tmp_path / "hand.png"
    film.write_bytes(hand())
    plain = done("predict", film, "--sex", "female", "--json")
    values = json.loads(done("predict", film, "--sex", "female", "--json", "--regions").out)
    assert "regional_ages" not in json.loads(plain.out)
    assert [age["region"] for age in values["regional_ages"]["ages"]] == [region.key for region in REGIONS]
    text = done("predict", film, "--sex", "female", "--regions").out
    assert "  carpals: " in text
    assert "no film has labels by region" in text.replace("\n", " ")
    table = tmp_path / "out.csv"
    done("predict", film, "--sex", "female", "--regions", "--csv", table)
    (row,) = csv.DictReader(io.StringIO(table.read_text()))
    assert set(COLUMNS) <= set(row)
    assert float(row["bone_age_months"]) == values["bone_age_months"]
    age = next(one for one in values["regional_ages"]["ages"] if one["region"] == "carpals")
    assert row["carpals_months"] == ("" if age["bone_age_months"] is None else str(age["bone_age_months"]))
    assert list(row)[-1] == "error"


def test_without_the_package_it_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    film = tmp_path / "hand.png"
    film.write_bytes(hand())
    monkeypatch.setattr(weights, "shipped", dict)
    refused("predict", film, "--regions", because="the weights regions are in the package boneage-weights")
