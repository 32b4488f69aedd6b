"""Calibration: the scale that goes into the file, and what refuses to have one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from boneage import exported
from boneage.calibrate import calibrate
from boneage.dataset import Sample, open_folder
from boneage.errors import BadModel, BadTable
from boneage.evaluate import predict_all
from boneage.intervals import LEVELS, bounds
from boneage.predictor import Predictor


@pytest.fixture(scope="module")
def samples(films: Path) -> list[Sample]:
    return list(open_folder(films).samples)


def test_the_factors_cover_the_films_they_come_from(tiny_model: Path, samples: list[Sample], tmp_path: Path) -> None:
    out = tmp_path / "calibrated.onnx"
    found = calibrate(tiny_model, samples, out, split="all")
    predictor = Predictor.load(out)
    assert predictor.factors == found["factors"]
    assert predictor.about["intervals"] == found
    assert predictor.weights_sha256 == Predictor.load(tiny_model).weights_sha256
    for name, withheld in (("known", False), ("unknown", True)):
        table, _ = predict_all(predictor, samples, withhold_sex=withheld)
        assert table.spreads is not None
        for level in LEVELS:
            low, high = bounds(table.predictions, table.spreads, predictor.factors[name][f"{level:g}"])
            inside = np.mean((low <= table.labels + 1e-3) & (table.labels <= high + 1e-3))
            assert level <= inside < level + 0.1


def test_the_file_is_whole_and_takes_the_place_of_the_other(
    tiny_model: Path, samples: list[Sample], tmp_path: Path
) -> None:
    model = tmp_path / "model.onnx"
    model.write_bytes(tiny_model.read_bytes())
    first = calibrate(model, samples, model, split="all")
    assert calibrate(model, samples[:20], model, split="all") != first
    exported.verified(model)


def test_too_few_films_are_refused_and_nothing_is_written(
    tiny_model: Path, samples: list[Sample], tmp_path: Path
) -> None:
    with pytest.raises(BadTable, match="split 'all': 5 films are too few"):
        calibrate(tiny_model, samples[:5], tmp_path / "out.onnx", split="all")
    assert not list(tmp_path.iterdir())


def test_a_model_that_tells_no_spread_is_refused(
    tiny_model: Path, samples: list[Sample], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Predictor, "tells_spread", False)
    with pytest.raises(BadModel, match="does not tell the error to expect"):
        calibrate(tiny_model, samples, tmp_path / "out.onnx", split="all")


def test_films_that_cannot_be_read_do_not_count(tiny_model: Path, samples: list[Sample], tmp_path: Path) -> None:
    some = [*samples[:20], replace(samples[20], path=None)]
    assert calibrate(tiny_model, some, tmp_path / "out.onnx", split="all")["n"] == {"known": 20, "unknown": 20}
