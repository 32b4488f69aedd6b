from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

import numpy as np
from runs import run_of
from tiny import tiny_config

from boneage.errors import BadConfig
from boneage.training import checkpoint, recipes
from boneage.training.tensors import TrainingData
from boneage.training.train import train

pytestmark = pytest.mark.usefixtures("one_thread")
ONE_EPOCH = ("train.epochs=1",)


def test_a_run_begins_where_another_ended(tiny_data: TrainingData, tiny_run: Path, tmp_path: Path) -> None:
    weights, record = checkpoint.load_weights(tiny_run)
    run = run_of(tiny_data, tmp_path / "run", "train.seed=9")
    run.begin(tiny_run)
    assert all(torch.equal(tensor, weights[name]) for name, tensor in run.network.state_dict().items())
    assert all(torch.equal(tensor, weights[name]) for name, tensor in run.average.shadow.items())
    assert run.validate() == pytest.approx(record["validation_mae"], abs=1e-3)
    assert run.record()["start"] == {"recipe": record["config"]["recipe"], "weights_sha256": record["weights_sha256"]}


def test_what_belongs_to_the_new_run_stays(tiny_data: TrainingData, tiny_run: Path, tmp_path: Path) -> None:
    run = run_of(tiny_data, tmp_path / "run", "train.loss=msle", "prepare.std=0.5", "model.expected_error_loss=0.3")
    bias = run.network.head.last.bias.clone()
    run.begin(tiny_run)
    assert run.network.std.item() == 0.5
    assert torch.equal(run.network.head.last.bias, bias)
    stem = next(name for name in run.network.state_dict() if name.startswith("backbone."))
    assert torch.equal(run.network.state_dict()[stem], checkpoint.load_weights(tiny_run)[0][stem])


def test_a_start_of_another_network_or_split_is_refused(
    tiny_data: TrainingData, tiny_run: Path, tmp_path: Path
) -> None:
    with pytest.raises(BadConfig, match=r"holds another network than model\.name 'tiny'"):
        run_of(tiny_data, tmp_path / "run", "prepare.channels=3").begin(tiny_run)
    other = TrainingData(tiny_data.train, tiny_data.validation, tiny_data.record | {"sha256": "0" * 64})
    with pytest.raises(BadConfig, match="trained on other films or another split"):
        run_of(other, tmp_path / "run").begin(tiny_run)


def test_a_start_that_is_nowhere_is_refused_before_any_film_is_prepared(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="'elsewhere' is neither a run folder nor a recipe; known: tiny"):
        train(tiny_config("train.start=elsewhere"), tmp_path / "no data is looked at", tmp_path / "run")


def test_a_recipe_is_trained_first_and_not_again(films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config, first = tiny_config("train.start=tiny", *ONE_EPOCH), tiny_config("train.seed=5", "train.precision=auto")
    monkeypatch.setitem(recipes.RECIPES, "tiny", lambda: first)
    record = train(config, films, tmp_path / "run")
    begun = checkpoint.load_run(tmp_path / "run" / "start")
    assert begun["config"]["train"]["seed"] == 5
    assert begun["precision"] == record["precision"] == "fp32"  # of the run that it is for
    assert record["start"]["weights_sha256"] == begun["weights_sha256"]

    killed = tmp_path / "killed"
    killed.mkdir()
    (tmp_path / "run" / "start").rename(killed / "start")
    written = (killed / "start" / checkpoint.STATE).stat().st_mtime_ns
    again = train(config, films, killed, resume=True)
    assert (killed / "start" / checkpoint.STATE).stat().st_mtime_ns == written
    assert again["weights_sha256"] == record["weights_sha256"]
    assert train(config, films, tmp_path / "run", resume=True)["start"] == record["start"]


def test_a_better_start_ends_better(tiny_data: TrainingData, tiny_run: Path, tmp_path: Path) -> None:
    """The same single epoch, with a small rate, from nothing and from a finished run."""
    runs = [run_of(tiny_data, tmp_path / name, *ONE_EPOCH, "train.lr=1e-4") for name in ("fresh", "started")]
    runs[1].begin(tiny_run)
    for run in runs:
        run.fit(False)
    labels = tiny_data.train.months.numpy()
    fresh, started = (np.abs(run.predict(tiny_data.train.pixels, tiny_data.train.sex) - labels).mean() for run in runs)
    assert started < fresh
