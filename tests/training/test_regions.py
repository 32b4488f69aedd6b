"""The training of ages by region: it begins as the shipped network, learns, and resumes as if it had not stopped."""

from __future__ import annotations

import json
import signal
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from command import check_sentence
from regional_training import FILMS, SIZE, TorchTrunk, films

from boneage.config import PrepareConfig
from boneage.errors import BadConfig, BadModel, Preempted
from boneage.hand.bone_regions import PIECES, WHOLE, question, questions
from boneage.models.head import Network, encode
from boneage.run_folder import load_run
from boneage.training import checkpoint, regions
from boneage.training.augment import plain
from boneage.training.distributed import interruptible
from boneage.training.losses import output
from boneage.training.regions import (
    DRAWN,
    HARD,
    HARDS,
    WHOLES,
    Schedule,
    Training,
    configuration,
    finish,
    first_network,
    fit,
    lessons,
    predict,
    targets,
)
from boneage.training.tensors import TrainingData
from boneage.types import Sex

CONFIG = configuration()
MEANING = output(CONFIG.train, 0.0, 1.0)
SCHEDULE = Schedule(epochs=2, size=SIZE, batch=2, carpals=1, lr=1e-3)


@pytest.fixture
def training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Training:
    return begun(tmp_path / "run", monkeypatch)


def begun(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Training:
    monkeypatch.setattr(regions, "Trunk", TorchTrunk)
    monkeypatch.setattr(regions, "SAVED", 2)
    return Training(films(), films().months, SCHEDULE, folder)


def test_a_network_of_the_whole_montage_is_taken_over() -> None:
    """Where all pieces have the same features, both answer alike: the head is that of the other network."""
    torch.manual_seed(0)
    spec = PrepareConfig(size=SIZE, hand=True, joints=True)
    other = Network(CONFIG.model, spec, MEANING.outputs).eval()
    network = first_network(replace(CONFIG, prepare=spec), MEANING, other.state_dict(), SIZE).eval()
    features, sex = torch.randn(3, 1280), encode([Sex.FEMALE, Sex.MALE, Sex.UNKNOWN])
    asked = torch.from_numpy(questions()).float()
    with torch.no_grad():
        found = network.head(features[:, None].expand(-1, len(PIECES), -1), sex, network.shares(asked))
        age, male = other.head(features, sex)
        error = other.expected_error(features, sex)
    for number in range(len(asked)):
        torch.testing.assert_close(found.age[:, number], age, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(found.male[:, number], male, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(found.expected_error[:, number], error, atol=1e-4, rtol=1e-4)


def test_each_step_has_the_whole_hand_those_of_a_reading_and_others() -> None:
    asked = lessons(torch.Generator().manual_seed(3))
    assert asked.shape == (len(questions()) + WHOLES - 1 + len(HARD) * (HARDS - 1) + DRAWN, len(PIECES))
    assert all((asked.numpy() == hard).all(1).sum() >= HARDS for hard in HARD)
    assert ((asked == 0) | (asked == 1)).all()
    assert (asked.sum(1) > 0).all()
    assert (asked == 1).all(1).sum() >= WHOLES
    rows = {tuple(row) for row in asked.bool().tolist()}
    assert {tuple(row) for row in questions().tolist()} <= rows
    assert (lessons(torch.Generator().manual_seed(4)) != asked).any()


def test_the_loss_falls_and_the_first_blocks_stay_as_they_are(training: Training) -> None:
    before = {name: value.clone() for name, value in training.network.state_dict().items()}
    batch = training.batch(0)
    losses = [training.train_step(batch) for _ in range(6)]
    assert losses[-1] < losses[0]
    after = training.network.state_dict()
    changed = {name for name, value in before.items() if not torch.equal(value, after[name])}
    assert any(name.startswith("backbone.blocks.15") for name in changed)
    assert any(name.startswith("head.kinds") for name in changed)
    frozen = [f"backbone.blocks.{number}." for number in range(SCHEDULE.frozen)]
    assert not [name for name in changed if name.startswith(("backbone.stem", *frozen))]
    assert not [name for name in changed if "running" in name], "the statistics stay as they are"


@pytest.mark.parametrize(("precision", "near"), [("fp32", 1e-4), ("bf16", 0.05)])
def test_a_step_learns_from_the_features_that_the_network_has(training: Training, precision: str, near: float) -> None:
    pixels, batch = plain(films().pixels[:2], SIZE), training.batch(0)
    training.precision = precision
    with torch.no_grad():
        own = training.network.features(pixels)
        maps = training.trunk([x.flatten(0, 1) for x in training.network.pieces(pixels)])
        found = training.features(replace(batch, maps=maps))
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, own, atol=near * float(own.abs().max()), rtol=0)


def test_a_batch_depends_on_its_number_alone(training: Training) -> None:
    for step in (3, 4):
        one, again, other = training.batch(step), training.batch(step), training.batch(step + 2)
        for first, second in zip(one.maps, again.maps, strict=True):
            assert torch.equal(first, second)
        assert torch.equal(one.asked, again.asked)
        assert (one.maps[0] != other.maps[0]).any()
    for kind in (0, 1):
        seen = torch.cat([training.batch(step).label for step in range(kind, FILMS, 2)])
        assert sorted(seen.tolist()) == films().months.tolist(), "an epoch has each film once"


def test_every_second_step_sees_the_carpals_alone_of_more_films(training: Training) -> None:
    training.schedule = replace(SCHEDULE, carpals=3)
    whole, alone = training.batch(0), training.batch(1)
    assert (len(whole.label), len(alone.label)) == (2, 6)
    assert (len(whole.maps), len(alone.maps)) == (3, 1)
    assert alone.asked.bool().tolist() == [HARD[0].tolist()]
    features = training.features(alone)
    assert features.shape[:2] == (6, len(PIECES))
    assert features[:, 0].any(1).all()
    assert not features[:, 1:].any()
    losses = [training.train_step(alone) for _ in range(6)]
    assert losses[-1] < losses[0]


@pytest.mark.usefixtures("one_thread")
def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = begun(tmp_path / "whole", monkeypatch)
    fit(whole, False)
    stopped = begun(tmp_path / "stopped", monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        fit(stopped, True)
    assert stopped.step == 1
    resumed = begun(tmp_path / "stopped", monkeypatch)
    resumed.restore()
    fit(resumed, False)
    assert resumed.step == whole.step == whole.steps == 12
    for name, value in whole.average.shadow.items():
        torch.testing.assert_close(resumed.average.shadow[name], value, atol=1e-5, rtol=1e-4)
    assert [line["step"] for line in checkpoint.read_log(tmp_path / "whole")] == [2, 4, 6, 8, 10, 12]
    capsys.readouterr()


def test_a_scheduler_stops_a_run_that_goes_on_by_its_own_schedule_and_lessons_alone(
    training: Training, capsys: pytest.CaptureFixture[str]
) -> None:
    with interruptible() as interrupt:
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(Preempted):
            fit(training, interrupt)
    assert checkpoint.load_state(training.folder)[1]["step"] == 1
    training.schedule = replace(SCHEDULE, epochs=3)
    with pytest.raises(BadConfig, match=r"run was started with another schedule .epochs."):
        training.restore()
    training.schedule, training.targets = SCHEDULE, training.targets + 1
    with pytest.raises(BadConfig, match=r"run was started with another data .targets."):
        training.restore()
    capsys.readouterr()


def test_the_command_writes_over_no_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / checkpoint.STATE).write_text("a run")
    words = ["regions", "--data", "nowhere", "--out-of-fold", "oof.csv", "--out", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as end:
        regions.main()
    check_sentence(
        end.value.code, capsys.readouterr().err, tmp_path, "exists already: choose another --out, or continue"
    )


def test_the_end_is_a_run_folder_that_says_what_it_is(training: Training) -> None:
    origin = {"folder": "films", "train": FILMS, "validation": FILMS, "sha256": "0" * 64}
    training.folder.mkdir()
    finish(training, TrainingData(films(), films(), origin))
    run = load_run(training.folder)
    assert (run["config"]["recipe"], run["data"], run["start"]) == (
        "regions",
        origin,
        {"model": regions.START, "member": 0},
    )
    assert run["schedule"]["frozen"] == SCHEDULE.frozen
    months, errors = predict(training.network, MEANING, films().pixels, films().sex)
    assert months.shape == errors.shape == (FILMS, len(questions()))
    mae = np.abs(months[:, question(WHOLE)] - films().months.numpy()).mean()
    assert run["validation_mae"] == pytest.approx(mae)
    assert json.dumps(run)
    with pytest.raises(BadModel):
        checkpoint.load_state(training.folder)
    further = Training(films(), films().months, SCHEDULE, training.folder.with_name("further"), training.folder)
    assert further.start["weights_sha256"] == run["weights_sha256"]
    assert further.start["start"] == run["start"]
    for name, value in training.network.state_dict().items():
        assert torch.equal(further.network.state_dict()[name], value)


def test_the_target_is_half_way_to_what_was_read_out_of_fold(tmp_path: Path) -> None:
    table = tmp_path / "oof.csv"
    table.write_text("id,sex,label,prediction\nfilm 0,female,40,60\nfilm 5,male,200,180\n")
    assert targets(films(), table).tolist() == [50.0, *films().months[1:5].tolist(), 190.0]


def test_at_the_end_a_share_of_the_start_is_kept(training: Training) -> None:
    origin = {"folder": "films", "train": FILMS, "validation": FILMS, "sha256": "0" * 64}
    name = "head.last.bias"
    began, last = training.network.state_dict()[name].clone(), training.average.shadow[name].add(1.0)
    training.average.shadow[name].copy_(last)
    for keep, expected in ((0.0, last), (0.25, last + 0.25 * (began - last)), (1.0, began)):
        folder = training.folder / str(keep)
        checkpoint.create(folder)
        training.folder = folder
        assert finish(training, TrainingData(films(), films(), origin), keep)["keep"] == keep
        torch.testing.assert_close(checkpoint.load_weights(folder)[0][name], expected)


def test_what_is_no_share_is_refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["regions", "--data", "films", "--out-of-fold", "oof.csv", "--out", "run", "--keep"]
    for word in ("1.5", "nan", "half"):
        monkeypatch.setattr("sys.argv", [*words, word])
        with pytest.raises(SystemExit, match="2"):
            regions.main()
        assert f"{word} is no share from 0 to 1" in capsys.readouterr().err
