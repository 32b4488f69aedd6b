"""Self-distillation: a network learns to read degraded films as it reads undegraded ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from runs import CERTAIN, UNCHANGED, finished, run_of, same
from tiny import tiny_config
from torch import Tensor

from boneage.errors import BadConfig
from boneage.models.head import RawOutputs
from boneage.run_folder import load_run
from boneage.training import augment, checkpoint
from boneage.training import fit as fit_module
from boneage.training.augment import degraded, plain
from boneage.training.distil import halves
from boneage.training.fit import augmented_batch, fit, train_step
from boneage.training.run import Run
from boneage.training.tensors import TrainingData
from boneage.training.train import train

pytestmark = pytest.mark.usefixtures("one_thread")
DISTIL = ("train.start=elsewhere", "train.distil=true", "train.freeze_batchnorm=true", "model.dropout=0")


def distilled(data: TrainingData, start: Path, folder: Path, *settings: str) -> Run:
    """A run at the beginning of its distillation."""
    run = run_of(data, folder, *DISTIL, *settings)
    run.begin(start)
    return run


def drawn(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def months(run: Run, films: Tensor, sex: Tensor) -> Tensor:
    """As read by the averaged weights."""
    run.network.load_state_dict(run.average.shadow)
    run.network.eval()
    with torch.no_grad():
        return run.output.months(run.network(films, sex).age)


def test_degraded_films_are_read_nearer_to_the_undegraded_ones(
    tiny_data: TrainingData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(augment.ACROSS, False, 24)  # as if the films of 48 pixels had been enlarged
    start = finished(tiny_data, tmp_path / "start", *UNCHANGED, "train.epochs=40")
    run = distilled(tiny_data, start, tmp_path / "run", "train.epochs=15", "train.lr=1e-3")
    films, sex = plain(tiny_data.train.pixels, 48), tiny_data.train.sex
    worse = degraded(films, drawn(7))
    good, before = months(run, films, sex), months(run, worse, sex)
    fit(run, False)
    shift = (before - good).abs().mean()
    assert (months(run, worse, sex) - good).abs().mean() < 0.7 * shift
    assert (months(run, films, sex) - good).abs().mean() < 0.5 * shift


def test_labels_have_no_influence(tiny_data: TrainingData, tiny_run: Path, tmp_path: Path) -> None:
    other = replace(tiny_data, train=replace(tiny_data.train, months=tiny_data.train.months.flip(0)))
    runs = [distilled(data, tiny_run, tmp_path / name, *CERTAIN) for data, name in ((tiny_data, "a"), (other, "b"))]
    for run in runs:
        train_step(run, run.network, 0)
    assert same(runs[0].network.state_dict(), runs[1].network.state_dict())
    assert not same(runs[0].network.state_dict(), checkpoint.load_weights(tiny_run)[0])


def test_the_loss_is_least_where_both_halves_are_read_as_the_teacher_reads(
    tiny_data: TrainingData, tiny_run: Path, tmp_path: Path
) -> None:
    """But for the expected error, whose loss is least at the teacher's, widened by how far the reading moved."""
    run = distilled(tiny_data, tiny_run, tmp_path, "model.sex_loss=0", "model.expected_error_loss=1")
    assert run.teacher is not None
    films = plain(tiny_data.train.pixels[:4], 48)
    both, sex = halves(films, films * 0), tiny_data.train.sex[:4]
    with torch.no_grad():
        target = run.teacher.network(films, sex)

    def loss(months: float, widened: float) -> float:
        age = torch.cat([target.age, target.age + months / run.scale])
        expected_error = torch.cat(
            [target.expected_error, (target.expected_error.exp().square() + widened**2).sqrt().log()]
        )
        outputs = RawOutputs(age, None, expected_error, target.features.repeat(2, 1))
        return run.teacher.loss(outputs, both, sex.repeat(2, 1), run.autocast()).item()

    widths = (0.0, 2.0, 6.0, 12.0, 24.0)
    for moved in (0.0, 6.0, 12.0):
        assert min(widths, key=lambda width: loss(moved, width)) == moved
    assert loss(0, 0) < loss(6, 6) < loss(12, 12)


def test_the_sex_is_given_or_hidden_for_both_halves(tiny_data: TrainingData, tiny_run: Path, tmp_path: Path) -> None:
    run = distilled(tiny_data, tiny_run, tmp_path, "model.sex_dropout=0.5")
    films, sex = augmented_batch(run, 0, 0, torch.arange(16))
    assert len(films) == len(sex) == 32
    assert run.network.sex_dropout == 0
    assert torch.equal(sex[:16], sex[16:])
    assert 0 < (sex[:16].sum(1) == 0).sum() < 16
    assert not torch.equal(films[:16], films[16:])


def test_a_distillation_that_was_stopped_goes_on_with_the_same_teacher(
    films: Path, tiny_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny_config(f"train.start={tiny_run}", *DISTIL[1:], "train.epochs=2")
    whole = train(config, films, tmp_path / "whole", export=False)

    def stopped(run: Run, wrapped: torch.nn.Module, at: int) -> float:
        if at == 4:
            raise KeyboardInterrupt
        return train_step(run, wrapped, at)

    monkeypatch.setattr(fit_module, "train_step", stopped)
    with pytest.raises(KeyboardInterrupt):
        train(config, films, tmp_path / "halves")
    monkeypatch.undo()
    again = train(config, films, tmp_path / "halves", resume=True, export=False)
    assert again["weights_sha256"] == whole["weights_sha256"]
    values = checkpoint.load_state(tmp_path / "halves")[1]
    assert values["start"]["weights_sha256"] == load_run(tiny_run)["weights_sha256"]


def test_a_teacher_that_was_trained_again_is_refused(tiny_data: TrainingData, tiny_run: Path, tmp_path: Path) -> None:
    run = distilled(tiny_data, tiny_run, tmp_path)
    run.save()
    run.start = {"recipe": "tiny", "weights_sha256": "0" * 64}
    with pytest.raises(BadConfig, match=r"started with another start \(weights_sha256\): resume it with the same"):
        run.restore()


def test_what_distillation_needs(tiny_data: TrainingData, tiny_run: Path, tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match=r"train\.distil needs a train\.start to learn from"):
        tiny_config("train.distil=true")
    with pytest.raises(BadConfig, match=r"has other outputs: with train\.distil a network has those of"):
        distilled(tiny_data, tiny_run, tmp_path, "train.loss=distribution")
