"""The report counts what the readings do when the film changes."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from boneage.data.dataset import open_folder
from boneage.errors import BadTable, CannotWrite
from boneage.evaluation.changes import CHANGES, Change, faint
from boneage.evaluation.robustness import FILES, robustness
from boneage.reading.predictor import Predictor
from boneage.reading.weights import shipped

FEW = tuple(change for change in CHANGES if change.kind in ("mirror", "gamma", "crop of each side"))


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    assert "default" in shipped()
    return Predictor.load()


def test_a_report_of_what_the_readings_do(films: Path, predictor: Predictor, tmp_path: Path) -> None:
    samples = open_folder(films).samples[:3]
    counted = []
    out = tmp_path / "robustness"
    found = robustness(
        predictor, samples, out, split="all", changes=FEW, progress=lambda n=1, note="": counted.append(n)
    )
    assert sorted(path.name for path in out.iterdir()) == sorted(FILES)
    assert json.loads((out / "robustness.json").read_text()) == found
    assert (found["n"], sum(counted), len(found["changes"])) == (3, 3, len(FEW))
    rows = list(csv.DictReader((out / "robustness.csv").read_text().splitlines()))
    for change, row in zip(FEW, found["changes"], strict=True):
        shift = np.array([float(line[change.name]) - float(line["as it is"]) for line in rows])
        assert row["mean_shift"] == pytest.approx(shift.mean(), abs=0.02)
        assert row["largest_shift"] == pytest.approx(np.abs(shift).max(), abs=0.02)
        assert row["mean_absolute_shift"] <= row["p99_absolute_shift"] <= row["largest_shift"]
        assert row["largest_shift_unwarned"] <= row["largest_shift"]
        ages = np.array([float(line[change.name]) for line in rows])
        labels = np.array([float(line["label"]) for line in rows])
        assert row["mae"] == pytest.approx(np.abs(ages - labels).mean(), abs=0.02)
        assert row["mae_change"]["value"] == pytest.approx(row["mae"] - found["mae"]["value"], abs=1e-9)
    page = (out / "report.html").read_text()
    assert "Research use only" in page
    assert "mirror" in page


def test_what_the_gate_warns_of_is_counted(films: Path, predictor: Predictor, tmp_path: Path) -> None:
    few = [Change("contrast", "3 %", lambda pixels: faint(pixels, 0.03)), *FEW[:1]]
    found = robustness(predictor, open_folder(films).samples[:4], tmp_path / "out", split="all", changes=few)
    dim, mirrored = found["changes"]
    assert (dim["warned"], dim["largest_shift_unwarned"]) == (4, 0)
    assert mirrored["warned"] < 4
    assert mirrored["largest_shift_unwarned"] > 0


def test_films_that_fail_are_listed_and_none_left_is_an_error(
    films: Path, predictor: Predictor, tmp_path: Path
) -> None:
    good, other, third = open_folder(films).samples[:3]
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    samples = [good, replace(other, path=broken), replace(third, months=None)]
    found = robustness(predictor, samples, tmp_path / "out", split="all", changes=FEW[:1])
    assert found["n"] == 1
    assert [failure["id"] for failure in found["failures"]] == [other.id, third.id]
    assert "broken.png" in found["failures"][0]["reason"]
    with pytest.raises(BadTable, match="not one of 1 films"):
        robustness(predictor, samples[1:2], tmp_path / "none", split="all", changes=FEW[:1])
    assert not (tmp_path / "none").exists()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    with pytest.raises(CannotWrite, match="holds other things"):
        robustness(predictor, samples, tmp_path / "mine", split="all", changes=FEW[:1])
