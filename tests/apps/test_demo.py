"""The whole way on synthetic hands, as a newcomer takes it: one command, and it works."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from command import Ended, boneage, contents, done

pytest.importorskip("torch")

from boneage.apps.demo import RUNS, SMALL, _rounded
from boneage.evaluation.predictions import read_predictions

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ended]:
    """The demo's folder, and what it said. Nobody judges here how well the second network reads: one epoch does."""
    out = tmp_path_factory.mktemp("demo") / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(RUNS, "tiny_without_sex", [*SMALL, "model.sex=false", "train.epochs=1"])
        return out, done("demo", "--out", out)


def test_the_small_network_reads_fresh_hands(demo: tuple[Path, Ended]) -> None:
    found = json.loads((demo[0] / "tiny_evaluated" / "metrics.json").read_text())
    assert found["n"] == 200
    assert found["failures"] == []
    assert found["r2"]["value"] >= 0.9


def test_the_hands_it_is_measured_on_are_not_those_it_learnt_from(demo: tuple[Path, Ended]) -> None:
    learnt, fresh = (
        {path.read_bytes() for path in (demo[0] / name / "images").iterdir()} for name in ("films", "fresh_films")
    )
    assert len(learnt) == 600
    assert len(fresh) == 200
    assert not learnt & fresh


def test_both_networks_are_compared_on_one_page(demo: tuple[Path, Ended]) -> None:
    out, said = demo
    page = out / "comparison" / "report.html"
    assert said.out == f"Open {page} in a browser. Research use only, not a medical device.\n"
    text = page.read_text()
    assert "tiny_without_sex" in text
    assert "<img" in text
    assert "://" not in text.replace("http://www.w3.org", "")
    with_sex, without = (read_predictions(out / f"{name}_evaluated") for name in ("tiny", "tiny_without_sex"))
    assert with_sex.ids == without.ids


def test_its_first_line_says_how_long_it_takes(demo: tuple[Path, Ended]) -> None:
    first = demo[1].err.splitlines()[0]
    assert re.fullmatch(r"boneage: all of this takes about \d+(\.5)? (s|min) here and now", first)


@pytest.mark.parametrize(
    ("seconds", "said"), [(3.0, "10 s"), (44.0, "40 s"), (119.0, "120 s"), (130.0, "2 min"), (290.0, "5 min")]
)
def test_a_time_is_told_as_roughly_as_it_is_known(seconds: float, said: str) -> None:
    assert _rounded(seconds) == said


def test_it_leaves_nothing_half_written(demo: tuple[Path, Ended]) -> None:
    assert not [path for path in demo[0].rglob("*") if path.name.startswith(".")]
    before = contents(demo[0])
    ended = boneage("demo", "--out", demo[0])
    assert ended.code == 2
    assert "exists already" in ended.err
    assert ended.err.count("\n") == 1  # before any work
    assert contents(demo[0]) == before
