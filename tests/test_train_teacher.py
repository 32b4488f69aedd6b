"""A teacher: networks that have not seen a film say what they read on it, and the run learns from that too."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from conftest import tiny_config  # noqa: E402
from runs import run_of  # noqa: E402

from boneage.errors import BadConfig, BadTable  # noqa: E402
from boneage.films import Data, load  # noqa: E402
from boneage.models.head import Answer  # noqa: E402
from boneage.train import Run, train  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")


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
    config = tiny_config(f"train.teacher={one}", "train.trust=0.5", "train.epochs=1")
    record = train(config, films, tmp_path / "run")
    assert len(record["data"]["teacher_sha256"]) == 64
    table(one, dict.fromkeys(ids, 81.0))
    with pytest.raises(BadConfig, match=r"another data \(teacher_sha256\)"):
        train(config, films, tmp_path / "run", resume=True)


def test_a_teacher_that_misses_a_film_or_is_missing_is_refused(films: Path, tmp_path: Path) -> None:
    ids = load(tiny_config(), films, torch.device("cpu")).train.ids
    short = table(tmp_path / "short.csv", dict.fromkeys(ids[1:], 80.0))
    with pytest.raises(BadTable, match=f"short says nothing of 1 training films; the first is {ids[0]}"):
        load(tiny_config(f"train.teacher={short}"), films, torch.device("cpu"))
    with pytest.raises(BadTable, match=r"gone\.csv"):
        load(tiny_config(f"train.teacher={tmp_path / 'gone.csv'}"), films, torch.device("cpu"))


def test_trust_needs_a_teacher() -> None:
    with pytest.raises(BadConfig, match=r"train\.trust is 0\.5 without a train\.teacher"):
        tiny_config("train.trust=0.5")
