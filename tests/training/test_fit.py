"""The training loop: its steps, batches, evaluations and predictions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from runs import CERTAIN, FROZEN, finished, log, run_of, same, state

from boneage.errors import BadConfig
from boneage.run_folder import load_run
from boneage.training import checkpoint
from boneage.training import fit as loop
from boneage.training.fit import augmented_batch, batch_rows, fit, predict, train_step, validate
from boneage.training.run import Run
from boneage.training.tensors import TrainingData

pytestmark = pytest.mark.usefixtures("one_thread")


# From beginning to end


def test_the_log_has_each_epochs_mean_loss(
    tiny_data: TrainingData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, losses = run_of(tiny_data, tmp_path / "run"), []
    monkeypatch.setattr(loop, "train_step", lambda *words: losses.append(train_step(*words)) or losses[-1])
    fit(run, False)
    means = [np.mean(losses[start : start + 3]) for start in (0, 3, 6)]
    assert [line["loss"] for line in log(tmp_path / "run")] == pytest.approx(means)


def test_no_loss_is_left_out_where_a_run_ends_between_two_looks(
    tiny_data: TrainingData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, losses = run_of(tiny_data, tmp_path / "run"), []
    run.looks_every, run.steps = 16, 8  # as on a GPU; the last epoch has two of its three steps
    monkeypatch.setattr(loop, "train_step", lambda *words: losses.append(train_step(*words)) or losses[-1])
    fit(run, False)
    assert len(losses) == 8
    assert run.progress.loss == pytest.approx(float(sum(losses[6:])))


def test_equal_runs_are_equal_and_the_seed_makes_another(tiny_data: TrainingData, tmp_path: Path) -> None:
    one, other, third = (
        finished(tiny_data, tmp_path / n, f"train.seed={s}") for n, s in (("a", 1), ("b", 1), ("c", 2))
    )
    assert same(state(one), state(other))
    assert not same(state(one), state(third))


def test_learns_thirty_two_films_by_heart(tiny_data: TrainingData, tmp_path: Path) -> None:
    some = tiny_data.train.select(range(32))
    settings = [*CERTAIN, "train.epochs=40", "train.ema=0.9", "train.evaluate_every=10"]
    run = run_of(replace(tiny_data, train=some, validation=some), tmp_path / "run", *settings)
    fit(run, False)
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
    assert load_run(folder)["epoch"] == 1


def test_without_validation_films_the_last_weights_are_kept(tiny_data: TrainingData, tmp_path: Path) -> None:
    folder = finished(
        replace(tiny_data, validation=tiny_data.validation.select([])), tmp_path / "run", "train.patience=1"
    )
    assert load_run(folder)["step"] == 9
    assert same(checkpoint.load_weights(folder)[0], checkpoint.unprefixed("average", state(folder)))
    assert [line["validation_mae"] for line in log(folder)] == [None] * 3


def test_a_better_start_ends_better(tiny_data: TrainingData, tiny_run: Path, tmp_path: Path) -> None:
    """The same single epoch, with a small rate, from nothing and from a finished run."""
    runs = [run_of(tiny_data, tmp_path / name, "train.epochs=1", "train.lr=1e-4") for name in ("fresh", "started")]
    runs[1].begin(tiny_run)
    for run in runs:
        fit(run, False)
    labels = tiny_data.train.months.numpy()
    fresh, started = (np.abs(predict(run, tiny_data.train.pixels, tiny_data.train.sex) - labels).mean() for run in runs)
    assert started < fresh


def test_a_loss_that_is_no_number_stops_the_run(tiny_data: TrainingData, tmp_path: Path) -> None:
    settings = ("train.optimizer=sgd", "train.lr=1e30", "train.ema=0")
    with pytest.raises(BadConfig, match=r"the loss became (inf|nan) at step \d: try a smaller train\.lr"):
        finished(tiny_data, tmp_path / "run", *settings)
    assert all(tensor.isfinite().all() for tensor in state(tmp_path / "run").values())


def test_a_validation_error_that_is_no_number_stops_the_run(tiny_data: TrainingData, tmp_path: Path) -> None:
    run = run_of(tiny_data, tmp_path / "run")
    run.average.shadow["head.last.bias"].fill_(torch.nan)
    with pytest.raises(BadConfig, match="the validation error became nan at step 0"):
        validate(run)


# One step


def stepped(tiny_data: TrainingData, folder: Path, *settings: str) -> Run:
    run = run_of(tiny_data, folder, *settings)
    train_step(run, run.network, 0)
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
    assert train_step(run, run.network, 0) > 0


def test_processes_share_each_batch_without_overlap(tiny_data: TrainingData, tmp_path: Path) -> None:
    alone = run_of(tiny_data, tmp_path, "train.batch=15")
    shares = [run_of(tiny_data, tmp_path, "train.batch=15", rank=rank, size=2) for rank in (0, 1)]
    for number in range(alone.steps):
        rows = [batch_rows(share, number).tolist() for share in shares]
        assert [len(part) for part in rows] == [8, 7]
        assert sorted(rows[0] + rows[1]) == sorted(batch_rows(alone, number).tolist())


def test_every_step_part_and_process_augments_in_its_own_way(tiny_data: TrainingData, tmp_path: Path) -> None:
    first, second = (run_of(tiny_data, tmp_path, rank=rank, size=2) for rank in (0, 1))
    rows = torch.arange(4)
    batches = [
        augmented_batch(first, 0, 0, rows),
        augmented_batch(first, 1, 0, rows),
        augmented_batch(first, 0, 1, rows),
        augmented_batch(second, 0, 0, rows),
    ]
    assert len({pixels.sum().item() for pixels, _ in batches}) == 4
    assert torch.equal(augmented_batch(first, 0, 0, rows)[0], batches[0][0])
    assert all(torch.equal(sex, tiny_data.train.sex[:4]) for _, sex in batches)


def test_every_epoch_has_its_own_order_and_no_film_twice(tiny_data: TrainingData, tmp_path: Path) -> None:
    run = run_of(tiny_data, tmp_path)
    epochs = [torch.cat([batch_rows(run, 3 * epoch + place) for place in range(3)]).tolist() for epoch in range(3)]
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
    losses = [float(train_step(run, run.network, 0)) for run in (full, half)]
    assert losses[0] == pytest.approx(losses[1], rel=0.02)
    assert seen == [{"bf16": torch.bfloat16, "fp16": torch.float16}[precision]]
    assert all(parameter.dtype == torch.float32 for parameter in half.network.parameters())
    assert all(parameter.isfinite().all() for parameter in half.network.parameters())


def test_sizes_share_the_epochs_and_validation_keeps_the_last_word(tiny_data: TrainingData, tmp_path: Path) -> None:
    run, seen = run_of(tiny_data, tmp_path / "run", "train.sizes=32,40,48"), []
    run.network.register_forward_pre_hook(lambda module, inputs: seen.append((module.training, inputs[0].shape[-1])))
    fit(run, False)
    assert [side for training, side in seen if training] == [32] * 3 + [40] * 3 + [48] * 3
    assert {side for training, side in seen if not training} == {48}
    assert [line["size"] for line in log(tmp_path / "run")] == [32, 40, 48]


def test_saves_as_often_as_asked_and_at_every_epochs_end(
    tiny_data: TrainingData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_of(tiny_data, tmp_path / "run", "train.save_every=2")
    saved: list[int] = []
    monkeypatch.setattr(run, "save", lambda: saved.append(run.progress.step))
    fit(run, False)
    assert saved == [0, 2, 3, 4, 6, 8, 9]


def test_the_rate_follows_the_schedule(tiny_data: TrainingData, tmp_path: Path) -> None:
    finished(tiny_data, tmp_path / "run", "train.lr=0.01", "train.warmup=0")
    rates = [line["lr"] for line in log(tmp_path / "run")]
    assert rates == sorted(rates, reverse=True)
    assert rates[0] < 0.01


# Predictions of the averaged weights


def test_predictions_are_the_averages_and_leave_the_network_alone(tiny_data: TrainingData, tmp_path: Path) -> None:
    run = stepped(tiny_data, tmp_path, "train.ema=0.99")
    before = {name: tensor.clone() for name, tensor in run.network.state_dict().items()}
    months = predict(run, tiny_data.validation.pixels, tiny_data.validation.sex)
    assert same(before, run.network.state_dict())
    assert months.shape == (6,)
    assert months.dtype == np.float64
    run.average.shadow["head.last.bias"] += 1
    moved = predict(run, tiny_data.validation.pixels, tiny_data.validation.sex) - months
    np.testing.assert_allclose(moved, run.scale, rtol=1e-4)


def test_predictions_do_not_depend_on_the_company(tiny_data: TrainingData, tmp_path: Path) -> None:
    run = stepped(tiny_data, tmp_path)
    many = torch.cat(
        [tiny_data.train.pixels, tiny_data.validation.pixels, tiny_data.train.pixels]
    )  # more than one portion
    sexes = torch.cat([tiny_data.train.sex, tiny_data.validation.sex, tiny_data.train.sex])
    together = predict(run, many, sexes)
    alone = np.concatenate([predict(run, many[i : i + 1], sexes[i : i + 1]) for i in (0, 55, 107)])
    np.testing.assert_allclose(together[[0, 55, 107]], alone, atol=1e-3)


def test_a_fresh_run_predicts_the_best_constant(tiny_data: TrainingData, tmp_path: Path) -> None:
    run = run_of(tiny_data, tmp_path, "train.loss=huber")
    run.average.shadow["head.last.weight"].zero_()
    months = predict(run, tiny_data.train.pixels, tiny_data.train.sex)
    np.testing.assert_allclose(months, float(tiny_data.train.months.median()), atol=1e-3)
