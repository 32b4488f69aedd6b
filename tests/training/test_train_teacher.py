"""A teacher: networks that have not seen a film say what they read on it, and the run learns from that too."""

from __future__ import annotations

import csv
import hashlib
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from runs import run_of
from tiny import tiny_config

from boneage.errors import BadConfig, BadTable
from boneage.evaluation.evaluate import predict_all
from boneage.evaluation.predictions import read_predictions, to_csv
from boneage.models.head import Answer
from boneage.reading.predictor import Predictor
from boneage.training import checkpoint, folds, recipes
from boneage.training.fit import Run
from boneage.training.tensors import Data, load
from boneage.training.train import train

pytestmark = pytest.mark.usefixtures("one_thread")
ONE_EPOCH = ("train.epochs=1",)


def table(path: Path, readings: dict[str, float]) -> Path:
    path.write_text("id,label,prediction\n" + "".join(f"{name},100,{months}\n" for name, months in readings.items()))
    return path


def loss(run: Run, months: float, spread: float = 2.0) -> float:
    """Of a network that reads the same on the first four films, and expects the same error."""
    raw = torch.full((4, 1), (months - run.centre) / run.scale)
    return run._loss(Answer(raw, None, torch.full((4,), spread)), torch.arange(4)).item()


def test_a_trusted_teacher_is_what_is_learnt(tiny_data: Data, tmp_path: Path) -> None:
    teacher = tiny_data.train.months * 0 + 77
    data = replace(tiny_data, train=replace(tiny_data.train, teacher=teacher))
    settings = ("train.teacher=t.csv", "model.spread_loss=0")
    by_trust = {trust: run_of(data, tmp_path, *settings, f"train.trust={trust}") for trust in (0, 1)}
    alone = run_of(tiny_data, tmp_path, "model.spread_loss=0")
    assert loss(by_trust[0], 90) == loss(alone, 90) > 0
    assert loss(by_trust[1], 77) == 0 < loss(by_trust[1], 90)
    same = replace(tiny_data, train=replace(tiny_data.train, teacher=tiny_data.train.months))
    assert loss(run_of(same, tmp_path, *settings, "train.trust=0.5"), 90) == loss(alone, 90)
    between = replace(data, train=replace(data.train, months=teacher - 20))
    half = run_of(between, tmp_path, *settings, "train.trust=0.5")
    assert loss(half, 67) == pytest.approx(0, abs=1e-6)


def test_the_error_to_expect_is_the_teachers(tiny_data: Data, tmp_path: Path) -> None:
    """However near the network itself is to the labels that it has seen."""
    far = replace(tiny_data, train=replace(tiny_data.train, teacher=tiny_data.train.months + 30))
    settings = ("train.teacher=t.csv", "model.spread_loss=1")
    run = run_of(far, tmp_path, *settings)
    months = tiny_data.train.months[0].item()
    spreads = torch.tensor([1.0, 10, 25, 30, 35, 100]).log().tolist()
    assert min(spreads, key=lambda spread: loss(run, months, spread)) == spreads[3]


def test_a_run_with_a_teacher_says_so_and_is_resumed_with_the_same_only(films: Path, tmp_path: Path) -> None:
    ids = load(tiny_config(), films, torch.device("cpu")).train.ids
    one = table(tmp_path / "one.csv", dict.fromkeys(ids, 80.0))
    config = tiny_config(f"train.teacher={one}", "train.trust=0.5", *ONE_EPOCH)
    record = train(config, films, tmp_path / "run")
    assert len(record["data"]["teacher_sha256"]) == 64
    table(one, dict.fromkeys(ids, 81.0))
    with pytest.raises(BadConfig, match=r"another data \(teacher_sha256\)"):
        train(config, films, tmp_path / "run", resume=True)


def test_a_teacher_that_misses_a_film_or_is_missing_is_refused(films: Path, tmp_path: Path) -> None:
    ids = load(tiny_config(), films, torch.device("cpu")).train.ids
    short = table(tmp_path / "short.csv", dict.fromkeys(ids[1:], 80.0))
    with pytest.raises(BadTable, match=f"short says nothing of 1 training films; the first is {ids[0]}"):
        train(tiny_config(f"train.teacher={short}"), films, tmp_path / "run")
    with pytest.raises(BadConfig, match=r"gone\.csv' is neither a table of predictions nor a recipe; known: resnet50_"):
        train(tiny_config("train.teacher=gone.csv"), tmp_path / "no data is looked at", tmp_path / "run")


def test_a_recipe_teaches_by_networks_that_have_not_seen_a_film(
    films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five runs, each without its fold; the table holds what each says of it, and a run that goes on keeps them."""
    config, first = tiny_config("train.teacher=tiny", "train.trust=0.5", *ONE_EPOCH), tiny_config(*ONE_EPOCH)
    monkeypatch.setitem(recipes.RECIPES, "tiny", lambda: first)
    record = train(config, films, tmp_path / "run")
    own = tmp_path / "run" / checkpoint.TEACHER
    with (own / folds.FILE).open() as file:
        rows = list(csv.DictReader(file))
    samples = folds.training_films(films, config.data)
    assert {row["id"]: int(row["fold"]) for row in rows} == folds.folds(samples)
    assert sorted(Counter(row["fold"] for row in rows)) == ["0", "1", "2", "3", "4"]
    for fold in (0, 4):
        left_out = [film for film in samples if folds.folds(samples)[film.id] == fold]
        said, _ = predict_all(Predictor.load(own / f"fold{fold}"), left_out)
        told = {row["id"]: float(row["prediction"]) for row in rows}
        assert [told[name] for name in said.ids] == pytest.approx(said.predictions, abs=0.006)
        assert checkpoint.load_run(own / f"fold{fold}")["data"]["train"] == len(samples) - len(left_out)
    _networks_that_left_out_a_fold_read_it_together(own, films, tmp_path)
    taught_by = read_predictions(own / folds.FILE)
    assert record["data"]["teacher_sha256"] == hashlib.sha256(to_csv(taught_by).encode()).hexdigest()

    (tmp_path / "killed").mkdir()
    own.rename(tmp_path / "killed" / checkpoint.TEACHER)
    (tmp_path / "killed" / checkpoint.TEACHER / folds.FILE).unlink()
    written = (tmp_path / "killed" / checkpoint.TEACHER / "fold3" / checkpoint.STATE).stat().st_mtime_ns
    again = train(config, films, tmp_path / "killed", resume=True)
    assert (tmp_path / "killed" / checkpoint.TEACHER / "fold3" / checkpoint.STATE).stat().st_mtime_ns == written
    assert again["weights_sha256"] == record["weights_sha256"]


def test_a_teacher_does_not_learn_from_another_run(
    films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, first = tiny_config("train.teacher=tiny"), tiny_config("train.start=quick")
    monkeypatch.setitem(recipes.RECIPES, "tiny", lambda: first)
    with pytest.raises(BadConfig, match="'tiny' is a recipe that itself learns from another run"):
        train(config, films, tmp_path / "run")


def test_trust_needs_a_teacher() -> None:
    with pytest.raises(BadConfig, match=r"train\.trust is 0\.5 without a train\.teacher"):
        tiny_config("train.trust=0.5")


def _networks_that_left_out_a_fold_read_it_together(own: Path, films: Path, tmp_path: Path) -> None:
    samples = folds.training_films(films, tiny_config().data)
    fold_of, other = folds.folds(samples), tmp_path / "other"
    for fold in range(folds.FOLDS):
        shutil.copytree(own / f"fold{(fold + 1) % folds.FOLDS}", other / f"fold{fold}")
    folds.write(tmp_path / "pair.csv", samples, fold_of, own, other)
    left_out = [film for film in samples if fold_of[film.id] == 0]
    told = [predict_all(Predictor.load(runs / "fold0"), left_out)[0] for runs in (own, other)]
    ages = np.array([each.predictions for each in told])
    assert abs(ages[0] - ages[1]).max() > 0.1
    expected = {
        "prediction": ages.mean(axis=0),
        "spread": np.sqrt(told[0].spreads ** 2 + ages.var(axis=0)),  # the first leads
        own.name: ages[0],
        "other": ages[1],
    }
    rows = {row["id"]: row for row in csv.DictReader((tmp_path / "pair.csv").read_text().splitlines())}
    for column, values in expected.items():
        assert [float(rows[film.id][column]) for film in left_out] == pytest.approx(values, abs=0.006)
