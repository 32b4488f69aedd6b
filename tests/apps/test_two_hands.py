"""A picture of two hands on the command line: a line, an object, a row and a heat map for each."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from command import boneage
from odd_films import HAND
from odd_films import hand as another


@pytest.fixture
def pair(tmp_path: Path) -> Path:
    """A left hand, and to the right of it a right hand of another child."""
    path = tmp_path / "pair.png"
    cv2.imwrite(str(path), np.hstack([HAND, another(2, 80)[:, ::-1]]) * 255)
    return path


def test_each_hand_has_a_line_an_object_and_a_row(tiny_model: Path, pair: Path, tmp_path: Path) -> None:
    words, out = ("predict", pair, "--model", tiny_model, "--sex", "male"), tmp_path / "out.csv"
    text = boneage(*words).out
    for part, side in (("left", "left"), ("right", "right")):
        assert f"{pair}, {part} part: bone age" in text
        assert f"this is its {part} part, a {side} hand if seen from its back" in text
    lines: list[dict[str, Any]] = [json.loads(line) for line in boneage(*words, "--json").out.splitlines()]
    assert [line["part"] for line in lines] == ["left", "right"]
    assert boneage(*words, "--csv", out).code == 0
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["id"], row["part"]) for row in rows] == [("pair", "left"), ("pair", "right")]
    assert [float(row["bone_age_months"]) for row in rows] == [line["bone_age_months"] for line in lines]


@pytest.mark.parametrize("side", ["left", "right"])
def test_the_hand_asked_for_is_read_alone_and_the_other_is_told_of(tiny_model: Path, pair: Path, side: str) -> None:
    ended = boneage("predict", pair, "--model", tiny_model, "--sex", "male", "--hand", side, "--json")
    (line,) = map(json.loads, ended.out.splitlines())
    assert line["part"] == side
    assert "several_hands" in [flag["code"] for flag in line["flags"]]


def test_each_hand_has_a_heat_map_of_its_own(tiny_model: Path, pair: Path, tmp_path: Path) -> None:
    words = ("predict", pair, "--model", tiny_model, "--sex", "male", "--heatmap", tmp_path / "map.png")
    assert boneage(*words).code == 0
    assert sorted(path.name for path in tmp_path.glob("map*")) == ["map.left-part.png", "map.right-part.png"]


def test_a_heat_map_of_one_hand_does_not_replace_a_film(tiny_model: Path, pair: Path) -> None:
    other = pair.with_name("pair.left-part.png")
    other.write_bytes(before := pair.read_bytes())
    words = ("predict", pair, other, "--model", tiny_model, "--heatmap", pair.parent)
    ended = boneage(*words)
    assert ended.code == 2
    assert "one of the files that are read" in ended.err
    assert other.read_bytes() == before
