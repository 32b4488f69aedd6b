"""A run's state: how it begins, what it writes, and what it refuses."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from refusals import full_disk
from runs import finished, log, run_of, step

from boneage.errors import BadConfig, CannotWrite
from boneage.training import checkpoint
from boneage.training.export import load as load_reader
from boneage.training.fit import batch_rows, validate
from boneage.training.tensors import TrainingData

pytestmark = pytest.mark.usefixtures("one_thread")


def test_a_run_leaves_torchs_generator_as_it_was(tiny_data: TrainingData, tmp_path: Path) -> None:
    torch.manual_seed(7)
    before = torch.get_rng_state()
    run_of(tiny_data, tmp_path / "run")
    assert torch.equal(torch.get_rng_state(), before)


def test_a_batch_larger_than_the_data_is_all_of_it(tiny_data: TrainingData, tmp_path: Path) -> None:
    run = run_of(tiny_data, tmp_path / "run", "train.batch=1000")
    assert (run.batch_size, run.epoch_steps, run.steps) == (51, 1, 3)
    assert sorted(batch_rows(run, 1).tolist()) == list(range(51))


def test_more_sizes_than_steps(tiny_data: TrainingData, tmp_path: Path) -> None:
    run = run_of(tiny_data, tmp_path, "train.sizes=32,36,40,44,48", "train.batch=51")
    assert [run.side_at(step) for step in range(run.steps)] == [32, 36, 44]


def test_fewer_films_in_a_batch_than_processes(tiny_data: TrainingData, tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="a batch of 2 films cannot be shared by 3 processes"):
        run_of(tiny_data, tmp_path / "run", "train.batch=2", size=3)


@pytest.mark.parametrize("word", ["train.loss=l3", "train.optimizer=lion", "model.name=vgg", "model.activation=tanh"])
def test_an_unknown_word_is_refused_before_the_folder_is_made(
    tiny_data: TrainingData, tmp_path: Path, word: str
) -> None:
    with pytest.raises(BadConfig, match=word.partition("=")[2]):
        run_of(tiny_data, tmp_path / "run", word)
    assert not (tmp_path / "run").exists()


# What it writes


def test_the_stored_weights_have_the_stored_error(tiny_data: TrainingData, tmp_path: Path) -> None:
    folder = finished(tiny_data, tmp_path / "run", "train.ema=0", "train.lr=0.03", "train.epochs=6")
    reader, summary = load_reader(folder)
    with torch.no_grad():
        months = reader(tiny_data.validation.pixels, tiny_data.validation.sex).months
    assert (months - tiny_data.validation.months).abs().mean().item() == pytest.approx(
        summary["validation_mae"], abs=1e-3
    )
    errors = [line["validation_mae"] for line in checkpoint.read_log(folder)]
    assert summary["epoch"] == 1 + errors.index(min(errors))


def test_a_full_disk_stops_the_run_and_keeps_the_last_state(tiny_data: TrainingData, tmp_path: Path) -> None:
    run = run_of(tiny_data, tmp_path / "run")
    run.save()
    run.progress.step = 1
    with full_disk(1000), pytest.raises(CannotWrite, match=r"state\.safetensors cannot be written"):
        run.save()
    assert step(tmp_path / "run") == 0
    assert [path.name for path in (tmp_path / "run").iterdir()] == [checkpoint.STATE]


def test_tensorboard_where_it_is_asked_for(tiny_data: TrainingData, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    folder = finished(tiny_data, tmp_path / "run", "train.tensorboard=true")
    events = EventAccumulator(str(folder / checkpoint.BOARD)).Reload()
    for name in ("loss", "validation_mae", "lr"):
        shown = [(event.step, pytest.approx(event.value)) for event in events.Scalars(name)]
        assert shown == [(line["step"], line[name]) for line in log(folder)]


def test_tensorboard_that_is_not_installed_is_said_at_once(
    tiny_data: TrainingData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    monkeypatch.delitem(sys.modules, "torch.utils.tensorboard", raising=False)
    with pytest.raises(BadConfig, match=r"train\.tensorboard needs boneage\[tensorboard\]"):
        run_of(tiny_data, tmp_path, "train.tensorboard=true")


# What it begins with


def test_a_run_begins_where_another_ended(tiny_data: TrainingData, tiny_run: Path, tmp_path: Path) -> None:
    weights, other = checkpoint.load_weights(tiny_run)
    run = run_of(tiny_data, tmp_path / "run", "train.seed=9")
    run.begin(tiny_run)
    assert all(torch.equal(tensor, weights[name]) for name, tensor in run.network.state_dict().items())
    assert all(torch.equal(tensor, weights[name]) for name, tensor in run.average.shadow.items())
    assert validate(run) == pytest.approx(other["validation_mae"], abs=1e-3)
    assert run.summary()["start"] == {"recipe": "tiny", "weights_sha256": other["weights_sha256"]}


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
    other = TrainingData(tiny_data.train, tiny_data.validation, tiny_data.origin | {"sha256": "0" * 64})
    with pytest.raises(BadConfig, match="trained on other films or another split"):
        run_of(other, tmp_path / "run").begin(tiny_run)
