"""Calibration: the scale that goes into the file, and what refuses to have one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from boneage import model_file
from boneage.data.dataset import Sample, open_folder
from boneage.errors import BadModel, BadTable
from boneage.evaluation.evaluate import predict_all
from boneage.reading.intervals import LEVELS, bounds
from boneage.reading.predictor import Predictor
from boneage.training.calibrate import calibrate
from boneage.types import Sex


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
    for name, sex_not_given in (("known", False), ("unknown", True)):
        table, _ = predict_all(predictor, samples, sex_not_given=sex_not_given)
        assert table.expected_errors is not None
        for level in LEVELS:
            low, high = bounds(table.predictions, table.expected_errors, predictor.factors[name][f"{level:g}"])
            inside = np.mean((low <= table.labels + 1e-3) & (table.labels <= high + 1e-3))
            assert level <= inside < level + 0.1


def test_the_file_is_whole_and_takes_the_place_of_the_other(
    tiny_model: Path, samples: list[Sample], tmp_path: Path
) -> None:
    model = tmp_path / "model.onnx"
    model.write_bytes(tiny_model.read_bytes())
    first = calibrate(model, samples, model, split="all")
    assert calibrate(model, samples[:20], model, split="all") != first
    model_file.verified(model)


def test_too_few_films_are_refused_and_nothing_is_written(
    tiny_model: Path, samples: list[Sample], tmp_path: Path
) -> None:
    with pytest.raises(BadTable, match="split 'all': 5 films are too few"):
        calibrate(tiny_model, samples[:5], tmp_path / "out.onnx", split="all")
    assert not list(tmp_path.iterdir())


def test_a_model_without_expected_errors_is_refused(
    tiny_model: Path, samples: list[Sample], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Predictor, "has_expected_error", False)
    with pytest.raises(BadModel, match="has no expected error: train with"):
        calibrate(tiny_model, samples, tmp_path / "out.onnx", split="all")


def test_films_that_cannot_be_read_do_not_count(tiny_model: Path, samples: list[Sample], tmp_path: Path) -> None:
    some = [*samples[:20], replace(samples[20], path=None)]
    assert calibrate(tiny_model, some, tmp_path / "out.onnx", split="all")["n"] == {"known": 20, "unknown": 20}


def test_the_shape_comes_from_films_read_out_of_fold(tiny_model: Path, samples: list[Sample], tmp_path: Path) -> None:
    oof, out = tmp_path / "oof.csv", tmp_path / "blended.onnx"
    lines = [
        f"{age},0,{sex},{age},{age + error},5" for age in range(240) for sex, error in (("female", 2), ("male", 8))
    ]
    oof.write_text(
        "\n".join(["id,fold,sex,label,prediction,expected_error", *(f"{n}{line}" for n, line in enumerate(lines))])
    )
    found = calibrate(tiny_model, samples, out, split="all", out_of_fold=oof)
    assert (set(found["usual"]["female"]), set(found["usual"]["male"])) == ({2.0}, {8.0})
    plain, _ = predict_all(Predictor.load(tiny_model), samples)
    table, _ = predict_all(Predictor.load(out), samples)
    assert plain.expected_errors is not None
    usual = np.array([2.0 if sex is Sex.FEMALE else 8.0 for sex in table.sexes])
    assert table.expected_errors == pytest.approx(np.sqrt(plain.expected_errors * usual), rel=1e-3)
    assert table.predictions == pytest.approx(plain.predictions, abs=1e-3)
    assert "usual" not in calibrate(out, samples, tmp_path / "again.onnx", split="all")


def test_a_table_without_one_sex_gives_no_shape(tiny_model: Path, samples: list[Sample], tmp_path: Path) -> None:
    oof = tmp_path / "oof.csv"
    oof.write_text("id,sex,label,prediction\na,male,100,90\n")
    with pytest.raises(BadTable, match=r"oof\.csv: no film of a female hand"):
        calibrate(tiny_model, samples, tmp_path / "out.onnx", split="all", out_of_fold=oof)
    assert not (tmp_path / "out.onnx").exists()
