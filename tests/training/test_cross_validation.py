"""A network for each fold: side by side or one after the other, stopped and gone on with, and what they read."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from command import done, refused
from tiny import TINY, tiny_config

from boneage.errors import BadConfig, CannotWrite
from boneage.run_folder import load_run
from boneage.training import cross_validation, folds
from boneage.training.cross_validation import train_in_folds

pytestmark = pytest.mark.usefixtures("one_thread")
SHORT = ("train.epochs=1", "prepare.size=32")


@pytest.fixture(scope="module")
def two_folds(films: Path, tmp_path_factory: pytest.TempPathFactory, one_thread: None) -> Path:
    """Two folds, trained side by side in processes of their own."""
    out = tmp_path_factory.mktemp("folds") / "out"
    found = train_in_folds(tiny_config(*SHORT), films, out, count=2, devices=("cpu", "cpu"))
    assert json.loads((out / "evaluation" / "metrics.json").read_text()) == found
    return out


def test_each_film_is_read_by_the_network_that_has_not_seen_it(two_folds: Path, films: Path) -> None:
    samples = folds.training_films(films, tiny_config().data)
    fold_of = folds.folds(samples, 2)
    with (two_folds / folds.OUT_OF_FOLD).open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["id"]: int(row["fold"]) for row in rows} == fold_of
    for fold in (0, 1):
        run = load_run(two_folds / f"fold{fold}")
        assert run["data"]["left_out_fold"] == fold
        assert run["data"]["train"] == sum(one != fold for one in fold_of.values())
    found = json.loads((two_folds / "evaluation" / "metrics.json").read_text())
    assert (found["n"], found["split"], found["model"]) == (len(samples), "train, out of fold", "tiny, 2 folds")
    errors = [abs(float(row["prediction"]) - float(row["label"])) for row in rows]
    assert found["mae"]["value"] == pytest.approx(sum(errors) / len(errors), abs=0.01)


def test_the_command_goes_on_with_what_is_there_and_tells_the_error(two_folds: Path, films: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in two_folds.glob("fold*/*")}
    settings = [word for setting in (*TINY, *SHORT) for word in ("--set", setting)]
    ended = done("train", "tiny", "--data", films, "--out", two_folds, "--folds", 2, "--resume", *settings)
    assert "out of fold MAE" in ended.out
    assert "2 folds" in ended.out
    assert {path: path.stat().st_mtime_ns for path in two_folds.glob("fold*/*")} == before
    said = refused("train", "tiny", "--data", films, "--out", two_folds, "--folds", 2)
    assert "exists already: choose another --out, or continue it with --resume" in said


def test_without_gpus_the_missing_folds_are_trained_one_after_the_other(
    films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained: list[int] = []
    monkeypatch.setattr(folds, "train_without", lambda fold, *_: trained.append(fold))
    monkeypatch.setattr(folds, "is_done", lambda run: run.name == "fold1")
    monkeypatch.setattr(cross_validation, "_evaluated", lambda plan, count: {"n": count})
    assert train_in_folds(tiny_config(), films, tmp_path / "out", count=3) == {"n": 3}
    assert trained == [0, 2]


def test_a_fold_that_fails_beside_others_says_why(films: Path, tmp_path: Path) -> None:
    config = tiny_config(*SHORT, "train.epochs=1000")
    with pytest.raises(BadConfig, match=r"train.device 'mps' is not here"):
        train_in_folds(config, films, tmp_path / "out", count=2, devices=("cpu", "mps"))
    assert not folds.is_done(tmp_path / "out" / "fold0")  # which was stopped then


def test_what_cannot_be_divided_or_has_seen_all_films_is_refused(films: Path, tmp_path: Path) -> None:
    config = tiny_config()
    for count in (1, 10_000):
        with pytest.raises(BadConfig, match="cannot be divided"):
            train_in_folds(config, films, tmp_path / "out", count=count)
    started = replace(config, train=replace(config.train, start="quick"))
    with pytest.raises(BadConfig, match="has seen the films of all folds"):
        train_in_folds(started, films, tmp_path / "out", count=2)
    with pytest.raises(BadConfig, match=r"data\.limit"):
        train_in_folds(replace(config, data=replace(config.data, limit=5)), films, tmp_path / "out", count=2)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    with pytest.raises(CannotWrite, match="exists already"):
        train_in_folds(config, films, tmp_path / "mine", count=2)
