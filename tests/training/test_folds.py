"""Out-of-fold predictions: who is left out of what, and the table of several networks."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from runs import log, run_of
from tiny import tiny_config

from boneage.data.dataset import Sample
from boneage.errors import BadConfig
from boneage.evaluation.predictions import Predictions
from boneage.run_folder import MODEL, load_run
from boneage.training import folds
from boneage.training.distributed import Processes
from boneage.training.fit import fit
from boneage.training.tensors import TrainingData
from boneage.types import Failure

ALONE = Processes(0, 1, torch.device("cpu"))


@pytest.fixture(scope="module")
def samples(films: Path) -> tuple[Sample, ...]:
    return folds.training_films(films, tiny_config().data)


@pytest.fixture(scope="module")
def fold_of(samples: tuple[Sample, ...]) -> dict[str, int]:
    return folds.folds(samples)


def test_every_training_film_is_in_one_of_five_folds(
    samples: tuple[Sample, ...], fold_of: dict[str, int], tiny_data: TrainingData
) -> None:
    assert set(fold_of) == set(tiny_data.train.ids) == {film.id for film in samples}
    counts = Counter(fold_of.values())
    assert set(counts) == set(range(5))
    assert max(counts.values()) - min(counts.values()) <= 1


def test_a_run_is_trained_without_its_fold_once_and_goes_on_when_it_was_stopped(
    tiny_data: TrainingData, fold_of: dict[str, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folds, "write_model", lambda folder: (folder / MODEL).touch())
    config, folder = tiny_config("train.epochs=2", "train.save_every=1"), tmp_path / "fold3"
    some = folds.without(tiny_data, fold_of, 3)
    assert set(some.train.ids) == {name for name, fold in fold_of.items() if fold != 3}
    assert len(some.validation) == 0
    with pytest.raises(KeyboardInterrupt):
        fit(run_of(some, folder, "train.epochs=2", "train.save_every=1"), True)
    assert not folds.is_done(folder, 2)
    folds.train_without(3, fold_of, config, tiny_data, folder, ALONE)
    assert folds.is_done(folder, 2)
    assert not folds.is_done(folder, 3)
    assert load_run(folder)["data"] == tiny_data.origin | {
        "train": len(some.train), "validation": 0, "left_out_fold": 3
    }  # fmt: skip
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    folds.train_without(3, fold_of, config, tiny_data, folder, ALONE)
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before
    folds.train_without(3, fold_of, tiny_config("train.epochs=3", "train.save_every=1"), tiny_data, folder, ALONE)
    assert folds.is_done(folder, 3)
    assert [line["epoch"] for line in log(folder)] == [1, 2, 3]
    assert (folder / MODEL).stat().st_mtime_ns > before[MODEL]


def test_a_run_of_other_settings_or_films_is_no_fold(tiny_run: Path, tmp_path: Path) -> None:
    config, origin = tiny_config(), load_run(tiny_run)["data"]
    folds.refuse_another_fold(tmp_path, config, origin)  # there is no run
    folds.refuse_another_fold(tiny_run, tiny_config("train.epochs=9", "train.device=cpu"), origin | {"folder": "moved"})
    for setting in ("train.lr=0.5", "train.epochs=1"):
        with pytest.raises(BadConfig, match=rf"tiny was started with another configuration .{setting.split('=')[0]}"):
            folds.refuse_another_fold(tiny_run, tiny_config(setting), origin)
    with pytest.raises(BadConfig, match="tiny was trained in fp32: resume it with the same"):
        folds.refuse_another_fold(tiny_run, tiny_config("train.precision=bf16"), origin)
    with pytest.raises(BadConfig, match=r"tiny was started with another data .sha256.: resume it with the same"):
        folds.refuse_another_fold(tiny_run, config, origin | {"sha256": "0" * 64})


def test_the_table_has_each_film_as_read_by_the_networks_that_left_it_out(
    samples: tuple[Sample, ...], fold_of: dict[str, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def predict(run: Path, films: list[Sample]) -> tuple[Predictions, list[Failure]]:
        shift = {"hand": 4.0, "joints": 10.0}[run.parent.name] + int(run.name.removeprefix("fold"))
        labels = np.array([film.months for film in films], float)
        ids, sexes = tuple(film.id for film in films), tuple(film.sex for film in films)
        table = Predictions(run.name, ids, sexes, labels, labels + shift, np.full(len(films), 4.0))
        failed = run.name == "fold2" and run.parent.name == "joints"
        return table.select(range(failed, len(films))), [Failure(ids[0], "", "it is damaged")] * failed

    monkeypatch.setattr(folds, "predict_all", predict)
    monkeypatch.setattr(folds.Predictor, "load", lambda run: run)
    [failure] = folds.write(tmp_path / "oof.csv", samples, fold_of, tmp_path / "hand", tmp_path / "joints")
    with (tmp_path / "oof.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert fold_of[failure.id] == 2  # which one network alone could not read
    assert {row["id"]: int(row["fold"]) for row in rows} == {k: v for k, v in fold_of.items() if k != failure.id}
    for row in rows:
        label, fold = float(row["label"]), int(row["fold"])
        alone = (float(row["hand"]), float(row["joints"]))
        assert float(row["prediction"]) == pytest.approx(label + fold + 7, abs=0.01)
        assert alone == pytest.approx((label + fold + 4, label + fold + 10), abs=0.01)
        assert row["expected_error"] == "5.00"  # of 4 months, and a standard deviation of 3


@pytest.mark.parametrize("name", folds.KINDS)
def test_the_kinds_are_short_and_choose_nothing(name: str) -> None:
    config = folds.KINDS[name]()
    assert config.recipe == name
    assert config.train.epochs == config.train.evaluate_every == 8
    assert config.train.patience == 0
