"""Training from films to a run folder, and what refuses to begin."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from command import child
from tiny import TINY, tiny_config

from boneage.errors import BadConfig, BadTable, CannotWrite
from boneage.run_folder import MODEL, WEIGHTS, load_run
from boneage.training import checkpoint, recipes
from boneage.training.export import load as load_reader
from boneage.training.tensors import TrainingData
from boneage.training.train import train

pytestmark = pytest.mark.usefixtures("one_thread")


def test_a_run_leaves_a_folder_that_explains_itself(tiny_run: Path, films: Path) -> None:
    summary = load_run(tiny_run)
    assert summary["config"] == json.loads(json.dumps(tiny_config().to_dict()))
    assert summary["data"]["folder"] == films.name
    assert (summary["data"]["train"], summary["data"]["validation"]) == (51, 6)
    assert summary["steps"] == 9
    assert summary["epoch"] in (1, 2, 3)
    assert summary["precision"] == "fp32"
    assert summary["versions"].keys() == {"python", "boneage", "torch", "numpy", "opencv-python-headless"}
    lines = checkpoint.read_log(tiny_run)
    assert {line["precision"] for line in lines} == {"fp32"}
    assert [(line["epoch"], line["step"], line["images"]) for line in lines] == [(1, 3, 48), (2, 6, 48), (3, 9, 48)]
    assert summary["validation_mae"] == min(line["validation_mae"] for line in lines) == lines[-1]["best"]


def test_one_film_is_enough_to_train(own_films: Path, tmp_path: Path) -> None:
    table = own_films / "boneage-training-dataset.csv"
    table.write_text("".join(table.read_text().splitlines(keepends=True)[:2]))
    summary = train(tiny_config("train.epochs=2"), own_films, tmp_path / "run", export=False)
    assert (summary["data"]["train"], summary["data"]["validation"], summary["step"]) == (1, 0, 2)
    assert summary["validation_mae"] is None
    assert load_reader(tmp_path / "run")[1] == summary
    assert not (tmp_path / "run" / MODEL).exists()


def test_training_says_what_it_leaves_out_and_ends_where_nothing_can_be_exported(
    own_films: Path, tiny_data: TrainingData, tmp_path: Path
) -> None:
    """As on a machine with torch, but without onnxscript and pydicom."""
    lost, run = tiny_data.train.ids[3], tmp_path / "run"
    (own_films / "images" / f"{lost}.png").write_text("no film")
    blocked = "import sys; sys.modules['onnxscript'] = sys.modules['pydicom'] = None\n"
    settings = [word for setting in (*TINY, "train.epochs=1") for word in ("--set", setting)]
    code = f"{blocked}from boneage.apps.cli import main; main()"
    ended = child("train", "tiny", "--data", own_films, "--out", run, *settings, code=code)
    assert ended.returncode == 0, ended.stderr
    said = ended.stderr.splitlines()
    assert any(f".csv, film {lost}: cannot read " in line for line in said)
    assert "boneage: 1 films left out" in said
    assert any(line.startswith("tiny in fp32 3/3, ") for line in said)  # the bar
    assert said[-1] == (
        f"boneage: {run} has no {MODEL} yet, as onnxscript is not installed; "
        f"where boneage[train] is installed: boneage export {run} --out {run / MODEL}"
    )
    assert (run / WEIGHTS).exists()
    assert not (run / MODEL).exists()


def test_a_recipe_is_trained_first_and_not_again(films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config, first = (
        tiny_config("train.start=tiny", "train.epochs=1"),
        tiny_config("train.seed=5", "train.precision=auto"),
    )
    monkeypatch.setitem(recipes.RECIPES, "tiny", lambda: first)
    summary = train(config, films, tmp_path / "run", export=False)
    begun = load_run(tmp_path / "run" / "start")
    assert begun["config"]["train"]["seed"] == 5
    assert begun["precision"] == summary["precision"] == "fp32"  # of the run that it is for
    assert summary["start"]["weights_sha256"] == begun["weights_sha256"]

    killed = tmp_path / "killed"
    killed.mkdir()
    (tmp_path / "run" / "start").rename(killed / "start")
    written = (killed / "start" / checkpoint.STATE).stat().st_mtime_ns
    again = train(config, films, killed, resume=True, export=False)
    assert (killed / "start" / checkpoint.STATE).stat().st_mtime_ns == written
    assert again["weights_sha256"] == summary["weights_sha256"]
    assert train(config, films, tmp_path / "run", resume=True, export=False)["start"] == summary["start"]


# Refusals


def test_a_folder_that_exists_is_refused_before_any_work(tiny_run: Path, tmp_path: Path) -> None:
    with pytest.raises(CannotWrite, match="exists already"):
        train(tiny_config(), tmp_path / "no data is looked at", tiny_run)


def test_bad_data_leaves_no_run_folder(tmp_path: Path) -> None:
    with pytest.raises(BadTable):
        train(tiny_config(), tmp_path / "absent", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_start_that_is_nowhere_is_refused_before_any_film_is_prepared(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="'elsewhere' is neither a run folder nor a recipe; known: tiny"):
        train(tiny_config("train.start=elsewhere"), tmp_path / "no data is looked at", tmp_path / "run")
