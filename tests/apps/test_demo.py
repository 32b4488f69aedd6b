"""The whole way on synthetic hands, as a newcomer takes it: one command, under three minutes, and it works."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from command import Ended, boneage, done

pytest.importorskip("torch")

from boneage.evaluation.predictions import read_predictions

MINUTES = 3.0  # on two idle cores


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ended, float]:
    """The demo's folder, what it said, and the minutes of processor time it took."""
    out = tmp_path_factory.mktemp("demo") / "out"
    before = os.times()
    said = done("demo", "--out", out)
    after = os.times()
    return out, said, (after.user + after.system - before.user - before.system) / 60


pytestmark = pytest.mark.slow


def test_the_small_network_reads_fresh_hands(demo: tuple[Path, Ended, float]) -> None:
    found = json.loads((demo[0] / "tiny_evaluated" / "metrics.json").read_text())
    assert found["n"] == 200
    assert found["failures"] == []
    assert found["r2"]["value"] >= 0.9


def test_the_hands_it_is_measured_on_are_not_those_it_learnt_from(demo: tuple[Path, Ended, float]) -> None:
    learnt, fresh = (
        {path.read_bytes() for path in (demo[0] / name / "images").iterdir()} for name in ("films", "fresh_films")
    )
    assert len(learnt) == 1000
    assert len(fresh) == 200
    assert not learnt & fresh


def test_both_networks_are_compared_on_one_page(demo: tuple[Path, Ended, float]) -> None:
    out, said, _ = demo
    page = out / "comparison" / "report.html"
    assert said.out == f"Open {page} in a browser. Research use only, not a medical device.\n"
    text = page.read_text()
    assert "tiny_without_sex" in text
    assert "<img" in text
    assert "://" not in text.replace("http://www.w3.org", "")
    with_sex, without = (read_predictions(out / f"{name}_evaluated") for name in ("tiny", "tiny_without_sex"))
    assert with_sex.ids == without.ids


def test_it_takes_less_than_three_minutes_of_two_cores(demo: tuple[Path, Ended, float]) -> None:
    assert demo[2] < 1.5 * MINUTES  # of processor time: no two threads are busy all the time


def test_it_leaves_nothing_half_written(demo: tuple[Path, Ended, float]) -> None:
    assert not [path for path in demo[0].rglob("*") if path.name.startswith(".")]
    began = time.monotonic()
    ended = boneage("demo", "--out", demo[0])
    assert ended.code == 2
    assert "exists already" in ended.err
    assert time.monotonic() - began < 30
