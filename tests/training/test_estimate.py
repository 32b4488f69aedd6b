"""How long a run takes: counted by a clock that the steps move."""

from __future__ import annotations

from itertools import count

import pytest

torch = pytest.importorskip("torch")

from tiny import tiny_config

from boneage.training import estimate
from boneage.training.estimate import TIMED, fastest, threads, training_seconds


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A step takes one second for every thread of torch, and two for the first two."""
    now, steps = [0.0], count()

    def step(run: object, wrapped: object, number: int) -> float:
        now[0] += torch.get_num_threads() * (2 if number < estimate.WARM else 1)
        return float(next(steps))

    monkeypatch.setattr(estimate, "train_step", step)
    monkeypatch.setattr(estimate.time, "perf_counter", lambda: now[0])


def test_a_run_takes_the_time_of_its_steps_without_the_first_ones() -> None:
    with threads(1):
        assert training_seconds(tiny_config(), 60) == 3 * 3  # of 51 films in batches of 16, three epochs
    with threads(2):
        assert training_seconds(tiny_config("train.epochs=5"), 60) == 2 * 15


def test_the_number_of_threads_is_the_faster_one_of_one_and_all() -> None:
    with threads(3):
        assert fastest([tiny_config(), tiny_config("train.epochs=5")], 60) == (9 + 15, 1)
        assert torch.get_num_threads() == 3
    assert TIMED > estimate.WARM
