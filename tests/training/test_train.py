from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from refusals import full_disk
from runs import CERTAIN, FROZEN, finished, log, rows_of, run_of, same, state, step
from tiny import tiny_config

from boneage.config import PrepareConfig
from boneage.errors import BadConfig, BadTable, CannotWrite
from boneage.training import checkpoint
from boneage.training.export import load as load_reader
from boneage.training.fit import Run
from boneage.training.tensors import TrainingData, load
from boneage.training.train import train

CPU = torch.device("cpu")
pytestmark = pytest.mark.usefixtures("one_thread")


# A run from beginning to end


def test_a_run_leaves_a_folder_that_explains_itself(tiny_run: Path, films: Path) -> None:
    record = checkpoint.load_run(tiny_run)
    assert record["config"] == json.loads(json.dumps(tiny_config().to_dict()))
    assert record["data"]["folder"] == films.name
    assert (record["data"]["train"], record["data"]["validation"]) == (51, 6)
    assert record["steps"] == 9
    assert record["epoch"] in (1, 2, 3)
    assert record["precision"] == "fp32"
    assert record["versions"].keys() == {"python", "boneage", "torch", "numpy", "opencv-python-headless"}
    lines = checkpoint.read_log(tiny_run)
    assert {line["precision"] for line in lines} == {"fp32"}
    assert [(line["epoch"], line["step"], line["images"]) for line in lines] == [(1, 3, 48), (2, 6, 48), (3, 9, 48)]
    assert record["validation_mae"] == min(line["validation_mae"] for line in lines) == lines[-1]["best"]


def test_the_log_has_each_epochs_mean_loss(
    tiny_data: TrainingData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, losses, one_step = run_of(tiny_data, tmp_path / "run"), [], Run.step
    monkeypatch.setattr(run, "step", lambda *words: losses.append(one_step(run, *words)) or losses[-1])
    run.fit(False)
    means = [np.mean(losses[start : start + 3]) for start in (0, 3, 6)]
    assert [line["loss"] for line in log(tmp_path / "run")] == pytest.approx(means)


def test_the_stored_weights_have_the_stored_error(tiny_data: TrainingData, tmp_path: Path) -> None:
    folder = finished(tiny_data, tmp_path / "run", "train.ema=0", "train.lr=0.03", "train.epochs=6")
    reader, record = load_reader(folder)
    with torch.no_grad():
        months = reader(tiny_data.validation.pixels, tiny_data.validation.sex).months
    assert (months - tiny_data.validation.months).abs().mean().item() == pytest.approx(
        record["validation_mae"], abs=1e-3
    )
    errors = [line["validation_mae"] for line in checkpoint.read_log(folder)]
    assert record["epoch"] == 1 + errors.index(min(errors))


def test_equal_runs_are_equal_and_the_seed_makes_another(tiny_data: TrainingData, tmp_path: Path) -> None:
    one, other, third = (
        finished(tiny_data, tmp_path / n, f"train.seed={s}") for n, s in (("a", 1), ("b", 1), ("c", 2))
    )
    assert same(state(one), state(other))
    assert not same(state(one), state(third))


def test_a_run_leaves_torchs_generator_as_it_was(tiny_data: TrainingData, tmp_path: Path) -> None:
    torch.manual_seed(7)
    before = torch.get_rng_state()
    run_of(tiny_data, tmp_path / "run")
    assert torch.equal(torch.get_rng_state(), before)


def test_learns_thirty_two_films_by_heart(tiny_data: TrainingData, tmp_path: Path) -> None:
    some = rows_of(tiny_data.train, list(range(32)))
    settings = [*CERTAIN, "train.epochs=40", "train.ema=0.9", "train.evaluate_every=10"]
    run = run_of(replace(tiny_data, train=some, validation=some), tmp_path / "run", *settings)
    run.fit(False)
    constant = float((some.months - some.months.median()).abs().mean())
    assert run.progress.best < constant / 3


def test_validation_labels_have_no_say_in_the_weights(tiny_data: TrainingData, tmp_path: Path) -> None:
    shuffled = replace(tiny_data.validation, months=tiny_data.validation.months.flip(0))
    one, other = finished(tiny_data, tmp_path / "a"), finished(replace(tiny_data, validation=shuffled), tmp_path / "b")
    assert [line["validation_mae"] for line in log(one)] != [line["validation_mae"] for line in log(other)]
    assert same(state(one), state(other))


def test_stops_early_when_the_error_no_longer_falls(tiny_data: TrainingData, tmp_path: Path) -> None:
    folder = finished(tiny_data, tmp_path / "run", *FROZEN, "train.lr=0", "train.patience=2", "train.epochs=9")
    assert [line["epoch"] for line in log(folder)] == [1, 2, 3]
    assert checkpoint.load_run(folder)["epoch"] == 1


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


# Films


def test_loads_each_split_with_its_own_labels(tiny_data: TrainingData, films: Path) -> None:
    table = dict(line.split(",", 1) for line in (films / "boneage-training-dataset.csv").read_text().splitlines()[1:])
    for part in (tiny_data.train, tiny_data.validation):
        words = [f"{months:.0f},{bool(sex[1])}" for months, sex in zip(part.months, part.sex, strict=True)]
        assert words == [table[name] for name in part.ids]
        assert part.pixels.dtype == torch.uint8
        assert part.pixels.shape == (len(part), 48, 48)
    assert not set(tiny_data.train.ids) & set(tiny_data.validation.ids)


def test_a_limit_draws_training_films_only(tiny_data: TrainingData, films: Path) -> None:
    some = load(tiny_config("data.limit=20"), films, CPU)
    assert len(some.train) == 20
    assert set(some.train.ids) < set(tiny_data.train.ids)
    assert some.validation.ids == tiny_data.validation.ids
    assert load(tiny_config("data.limit=20", "data.seed=0"), films, CPU).train.ids == some.train.ids


def test_a_film_that_cannot_be_read_is_left_out_and_said(
    own_films: Path, tiny_data: TrainingData, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lost = tiny_data.train.ids[3]
    (own_films / "images" / f"{lost}.png").write_text("no film")
    found = load(tiny_config(), own_films, CPU)
    keep = [row for row in range(51) if row != 3]
    assert found.train.ids == tuple(tiny_data.train.ids[row] for row in keep)
    assert torch.equal(found.train.pixels, tiny_data.train.pixels[keep])
    assert list(found.left_out) == [lost]
    assert f"{lost}.png" in found.left_out[lost]
    train(tiny_config("train.epochs=1"), own_films, tmp_path / "run")
    said = capsys.readouterr().err
    assert f".csv, film {lost}: cannot read " in said
    assert "\nboneage: 1 films left out\n" in said
    assert "\ntiny in fp32 3/3, " in said  # the bar's label


def test_a_native_aspect_is_restored_where_it_is_known(own_films: Path, tiny_data: TrainingData) -> None:
    name = tiny_data.train.ids[5]
    (own_films / "original_sizes.csv").write_text(f"id,width,height\n{name},1500,2000\n")
    native = load(tiny_config("data.aspect=native", "prepare.fit=pad"), own_films, CPU).train
    stored = load(tiny_config("prepare.fit=pad"), own_films, CPU).train
    assert [i for i in range(51) if not torch.equal(native.pixels[i], stored.pixels[i])] == [5]


def test_one_film_is_enough_to_train(own_films: Path, tmp_path: Path) -> None:
    table = own_films / "boneage-training-dataset.csv"
    table.write_text("".join(table.read_text().splitlines(keepends=True)[:2]))
    record = train(tiny_config("train.epochs=2"), own_films, tmp_path / "run")
    assert (record["data"]["train"], record["data"]["validation"], record["step"]) == (1, 0, 2)
    assert record["validation_mae"] is None
    assert load_reader(tmp_path / "run")[1] == record


def test_without_validation_films_the_last_weights_are_kept(tiny_data: TrainingData, tmp_path: Path) -> None:
    folder = finished(
        replace(tiny_data, validation=rows_of(tiny_data.validation, [])), tmp_path / "run", "train.patience=1"
    )
    assert checkpoint.load_run(folder)["step"] == 9
    assert same(checkpoint.load_weights(folder)[0], checkpoint.taken("average", state(folder)))
    assert [line["validation_mae"] for line in log(folder)] == [None] * 3


def test_a_batch_larger_than_the_data_is_all_of_it(tiny_data: TrainingData, tmp_path: Path) -> None:
    run = run_of(tiny_data, tmp_path / "run", "train.batch=1000")
    assert (run.batch, run.epoch_steps, run.steps) == (51, 1, 3)
    assert sorted(run._rows(1).tolist()) == list(range(51))


# Refusals


def test_a_folder_that_exists_is_refused_before_any_work(tiny_run: Path, tmp_path: Path) -> None:
    with pytest.raises(CannotWrite, match="exists already"):
        train(tiny_config(), tmp_path / "no data is looked at", tiny_run)


def test_bad_data_leaves_no_run_folder(tmp_path: Path) -> None:
    with pytest.raises(BadTable):
        train(tiny_config(), tmp_path / "absent", tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("word", ["train.loss=l3", "train.optimizer=lion", "model.name=vgg", "model.activation=tanh"])
def test_an_unknown_word_is_refused_before_the_folder_is_made(
    tiny_data: TrainingData, tmp_path: Path, word: str
) -> None:
    with pytest.raises(BadConfig, match=word.partition("=")[2]):
        run_of(tiny_data, tmp_path / "run", word)
    assert not (tmp_path / "run").exists()


def test_fewer_films_in_a_batch_than_processes(tiny_data: TrainingData, tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="a batch of 2 films cannot be shared by 3 processes"):
        run_of(tiny_data, tmp_path / "run", "train.batch=2", size=3)


def test_a_loss_that_is_no_number_stops_the_run(tiny_data: TrainingData, tmp_path: Path) -> None:
    settings = ("train.optimizer=sgd", "train.lr=1e30", "train.ema=0")
    with pytest.raises(BadConfig, match=r"the loss became (inf|nan) at step \d: try a smaller train\.lr"):
        finished(tiny_data, tmp_path / "run", *settings)
    assert all(tensor.isfinite().all() for tensor in state(tmp_path / "run").values())


def test_a_validation_error_that_is_no_number_stops_the_run(tiny_data: TrainingData, tmp_path: Path) -> None:
    run = run_of(tiny_data, tmp_path / "run")
    run.average.shadow["head.last.bias"].fill_(torch.nan)
    with pytest.raises(BadConfig, match="the validation error became nan at step 0"):
        run.validate()


def test_a_full_disk_stops_the_run_and_keeps_the_last_state(tiny_data: TrainingData, tmp_path: Path) -> None:
    run = run_of(tiny_data, tmp_path / "run")
    run.save()
    run.progress.step = 1
    with full_disk(1000), pytest.raises(CannotWrite, match=r"state\.safetensors cannot be written"):
        run.save()
    assert step(tmp_path / "run") == 0
    assert [path.name for path in (tmp_path / "run").iterdir()] == [checkpoint.STATE]


# One step


def stepped(tiny_data: TrainingData, folder: Path, *settings: str) -> Run:
    run = run_of(tiny_data, folder, *settings)
    run.step(run.network, 0)
    return run


def test_accumulation_is_the_large_batch(tiny_data: TrainingData, tmp_path: Path) -> None:
    settings = [*FROZEN, "train.optimizer=sgd", "train.lr=0.1", "train.batch=15"]
    whole = stepped(tiny_data, tmp_path, *settings)
    parts = stepped(tiny_data, tmp_path, *settings, "train.accumulate=4")  # of 4, 4, 4 and 3 films
    start = run_of(tiny_data, tmp_path, *settings).network.state_dict()
    for name, tensor in parts.network.state_dict().items():
        torch.testing.assert_close(tensor, whole.network.state_dict()[name], atol=1e-6, rtol=1e-5)
    assert not torch.equal(whole.network.state_dict()["head.last.weight"], start["head.last.weight"])


def test_accumulating_more_parts_than_films(tiny_data: TrainingData, tmp_path: Path) -> None:
    run = run_of(tiny_data, tmp_path, *FROZEN, "train.batch=2", "train.accumulate=5")
    assert run.step(run.network, 0) > 0


def test_processes_share_each_batch_without_overlap(tiny_data: TrainingData, tmp_path: Path) -> None:
    alone = run_of(tiny_data, tmp_path, "train.batch=15")
    shares = [run_of(tiny_data, tmp_path, "train.batch=15", rank=rank, size=2) for rank in (0, 1)]
    for number in range(alone.steps):
        rows = [share._rows(number).tolist() for share in shares]
        assert [len(part) for part in rows] == [8, 7]
        assert sorted(rows[0] + rows[1]) == sorted(alone._rows(number).tolist())


def test_every_step_part_and_process_augments_in_its_own_way(tiny_data: TrainingData, tmp_path: Path) -> None:
    first, second = (run_of(tiny_data, tmp_path, rank=rank, size=2) for rank in (0, 1))
    rows = torch.arange(4)
    batches = [first._batch(0, 0, rows), first._batch(1, 0, rows), first._batch(0, 1, rows), second._batch(0, 0, rows)]
    assert len({pixels.sum().item() for pixels, _ in batches}) == 4
    assert torch.equal(first._batch(0, 0, rows)[0], batches[0][0])
    assert all(torch.equal(sex, tiny_data.train.sex[:4]) for _, sex in batches)


def test_every_epoch_has_its_own_order_and_no_film_twice(tiny_data: TrainingData, tmp_path: Path) -> None:
    run = run_of(tiny_data, tmp_path)
    epochs = [torch.cat([run._rows(3 * epoch + place) for place in range(3)]).tolist() for epoch in range(3)]
    assert all(len(set(rows)) == 48 for rows in epochs)
    assert epochs[0] != epochs[1] != epochs[2]


def test_frozen_batch_statistics_stay(tiny_data: TrainingData, tmp_path: Path) -> None:
    def moved(*settings: str) -> set[str]:
        start, end = (f(tiny_data, tmp_path, *settings).network.state_dict() for f in (run_of, stepped))
        return {name.rpartition(".")[2] for name in start if not torch.equal(start[name], end[name])}

    assert {"weight", "bias", "running_mean", "running_var", "num_batches_tracked"} <= moved()
    assert moved("train.freeze_batchnorm=true") == {"weight", "bias"}
    assert "running_mean" in moved("train.freeze_batchnorm=true", "train.freeze_after=0.5")


def test_clipping_bounds_the_step(tiny_data: TrainingData, tmp_path: Path) -> None:
    settings = [*FROZEN, "train.optimizer=sgd", "train.lr=1", "train.weight_decay=0"]
    start = run_of(tiny_data, tmp_path, *settings).network

    def length(*more: str) -> float:
        pairs = zip(
            stepped(tiny_data, tmp_path, *settings, *more).network.parameters(), start.parameters(), strict=True
        )
        return sum(float((a - b).detach().square().sum()) for a, b in pairs) ** 0.5

    for precision in ("fp32", "fp16"):  # Nesterov's first step is 1.9 gradients long
        assert length("train.clip=0.01", f"train.precision={precision}") == pytest.approx(0.019, rel=0.01)
    assert length() > 0.1


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_computes_the_same_loss_nearly(tiny_data: TrainingData, tmp_path: Path, precision: str) -> None:
    seen: list[torch.dtype] = []
    full = run_of(tiny_data, tmp_path, *CERTAIN)
    half = run_of(tiny_data, tmp_path, *CERTAIN, f"train.precision={precision}")
    half.network.backbone.register_forward_hook(lambda module, inputs, raw: seen.append(raw.dtype))
    losses = [run.step(run.network, 0) for run in (full, half)]
    assert losses[0] == pytest.approx(losses[1], rel=0.02)
    assert seen == [{"bf16": torch.bfloat16, "fp16": torch.float16}[precision]]
    assert all(parameter.dtype == torch.float32 for parameter in half.network.parameters())
    assert all(parameter.isfinite().all() for parameter in half.network.parameters())


def test_sizes_share_the_epochs_and_validation_keeps_the_last_word(tiny_data: TrainingData, tmp_path: Path) -> None:
    run, seen = run_of(tiny_data, tmp_path / "run", "train.sizes=32,40,48"), []
    run.network.register_forward_pre_hook(lambda module, inputs: seen.append((module.training, inputs[0].shape[-1])))
    run.fit(False)
    assert [side for training, side in seen if training] == [32] * 3 + [40] * 3 + [48] * 3
    assert {side for training, side in seen if not training} == {48}
    assert [line["size"] for line in log(tmp_path / "run")] == [32, 40, 48]


def test_more_sizes_than_steps(tiny_data: TrainingData, tmp_path: Path) -> None:
    run = run_of(tiny_data, tmp_path, "train.sizes=32,36,40,44,48", "train.batch=51")
    assert [run._size(step) for step in range(run.steps)] == [32, 36, 44]


def test_the_rate_follows_the_schedule(tiny_data: TrainingData, tmp_path: Path) -> None:
    finished(tiny_data, tmp_path / "run", "train.lr=0.01", "train.warmup=0")
    rates = [line["lr"] for line in log(tmp_path / "run")]
    assert rates == sorted(rates, reverse=True)
    assert rates[0] < 0.01


# Averages and predictions


def test_predictions_are_the_averages_and_leave_the_network_alone(tiny_data: TrainingData, tmp_path: Path) -> None:
    run = stepped(tiny_data, tmp_path, "train.ema=0.99")
    before = {name: tensor.clone() for name, tensor in run.network.state_dict().items()}
    months = run.predict(tiny_data.validation.pixels, tiny_data.validation.sex)
    assert same(before, run.network.state_dict())
    assert months.shape == (6,)
    assert months.dtype == np.float64
    run.average.shadow["head.last.bias"] += 1
    moved = run.predict(tiny_data.validation.pixels, tiny_data.validation.sex) - months
    np.testing.assert_allclose(moved, run.scale, rtol=1e-4)


def test_predictions_do_not_depend_on_the_company(tiny_data: TrainingData, tmp_path: Path) -> None:
    run = stepped(tiny_data, tmp_path)
    many = torch.cat(
        [tiny_data.train.pixels, tiny_data.validation.pixels, tiny_data.train.pixels]
    )  # more than one portion
    sexes = torch.cat([tiny_data.train.sex, tiny_data.validation.sex, tiny_data.train.sex])
    together = run.predict(many, sexes)
    alone = np.concatenate([run.predict(many[i : i + 1], sexes[i : i + 1]) for i in (0, 55, 107)])
    np.testing.assert_allclose(together[[0, 55, 107]], alone, atol=1e-3)


def test_a_fresh_run_predicts_the_best_constant(tiny_data: TrainingData, tmp_path: Path) -> None:
    run = run_of(tiny_data, tmp_path, "train.loss=huber")
    run.average.shadow["head.last.weight"].zero_()
    months = run.predict(tiny_data.train.pixels, tiny_data.train.sex)
    np.testing.assert_allclose(months, float(tiny_data.train.months.median()), atol=1e-3)


def test_the_preparation_is_stored_with_the_weights(tiny_run: Path) -> None:
    assert PrepareConfig(**checkpoint.load_run(tiny_run)["config"]["prepare"]) == tiny_config().prepare
