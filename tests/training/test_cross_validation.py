"""A network for each fold: side by side or one after the other, stopped and gone on with, and what they read."""

from __future__ import annotations

import csv
import json
import multiprocessing
import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from command import done, refused
from tiny import TINY, tiny_config

from boneage.errors import BadConfig, CannotWrite, Preempted
from boneage.run_folder import load_run
from boneage.training import cross_validation, folds
from boneage.training.cross_validation import train_in_folds
from boneage.training.tensors import TrainingData

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


@pytest.mark.parametrize(
    ("count", "setting", "named"), [(2, "train.lr=0.5", "configuration (train.lr)"), (3, SHORT[0], "data (train)")]
)
def test_what_is_trained_does_not_go_on_otherwise(
    two_folds: Path, films: Path, count: int, setting: str, named: str
) -> None:
    words = ("--data", films, "--out", two_folds, "--folds", count, "--resume", "--set", setting)
    refused("train", "tiny", *words, naming=two_folds / "fold0", because=f"was started with another {named}")


def test_without_gpus_the_missing_folds_are_trained_one_after_the_other(
    films: Path,
    tiny_data: TrainingData,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    trained: list[int] = []
    monkeypatch.setattr(cross_validation, "load", lambda *_: replace(tiny_data, doubts=["film 7 is doubtful"]))
    monkeypatch.setattr(folds, "train_without", lambda fold, *_: trained.append(fold))
    monkeypatch.setattr(folds, "is_done", lambda run, _: run.name == "fold1")
    monkeypatch.setattr(cross_validation, "_evaluated", lambda plan, count: {"n": count})
    assert train_in_folds(tiny_config(), films, tmp_path / "out", count=3) == {"n": 3}
    assert trained == [0, 2]
    assert capsys.readouterr().err == "boneage: film 7 is doubtful\n"


def test_a_scheduler_stops_what_follows_the_training_too(
    films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folds, "train_without", lambda *_: None)
    monkeypatch.setattr(cross_validation, "_evaluated", lambda *_: signal.raise_signal(signal.SIGTERM))
    with pytest.raises(Preempted):
        train_in_folds(tiny_config(), films, tmp_path / "out", count=2)


def test_a_fold_that_fails_beside_others_says_why(films: Path, tmp_path: Path) -> None:
    config = tiny_config(*SHORT, "train.epochs=1000")
    with pytest.raises(BadConfig, match=r"^fold 1: train.device 'mps' is not here"):
        train_in_folds(config, films, tmp_path / "out", count=2, devices=("cpu", "mps"))
    assert not folds.is_done(tmp_path / "out" / "fold0", 1000)  # which was stopped then


def test_what_no_one_foresaw_in_a_fold_is_told_by_its_kind(
    films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cross_validation.os, "dup2", lambda *_: None)  # this process keeps its standard error
    plan = cross_validation._planned(tiny_config(), films, tmp_path, None, 2, resume=True)
    (tmp_path / "fold1").write_text("no folder")
    said = multiprocessing.SimpleQueue()
    with pytest.raises(SystemExit):
        cross_validation._train_alone(plan, 1, "cpu", said)
    assert said.get().startswith("fold 1: FileExistsError: ")


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_fold_that_dies_without_a_word_is_named_with_its_exit_code(
    films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forking = multiprocessing.get_context("fork")  # takes what is patched along
    monkeypatch.setattr(cross_validation.multiprocessing, "get_context", lambda _: forking)
    monkeypatch.setattr(cross_validation, "_train_alone", lambda plan, fold, *_: os._exit(9 if fold == 0 else 0))
    with pytest.raises(BadConfig, match=r"^fold 0 was not trained: its process ended with exit code 9$"):
        train_in_folds(tiny_config(), films, tmp_path / "out", count=2, devices=("cpu", "cpu"))


def test_what_cannot_be_divided_or_has_seen_all_films_is_refused(
    films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny_config()
    for count in (1, 10_000):
        with pytest.raises(BadConfig, match="cannot be divided"):
            train_in_folds(config, films, tmp_path / "out", count=count)
    samples = folds.training_films(films, config.data)
    with monkeypatch.context() as patch:
        two_patients = tuple(replace(film, patient=str(number % 2)) for number, film in enumerate(samples))
        patch.setattr(folds, "training_films", lambda *_: two_patients)
        with pytest.raises(BadConfig, match="51 training films of too few patients cannot be divided into 3 folds"):
            train_in_folds(config, films, tmp_path / "out", count=3)
    started = replace(config, train=replace(config.train, start="quick"))
    with pytest.raises(BadConfig, match="has seen the films of all folds"):
        train_in_folds(started, films, tmp_path / "out", count=2)
    with pytest.raises(BadConfig, match=r"data\.limit"):
        train_in_folds(replace(config, data=replace(config.data, limit=5)), films, tmp_path / "out", count=2)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    with pytest.raises(CannotWrite, match="exists already"):
        train_in_folds(config, films, tmp_path / "mine", count=2)
