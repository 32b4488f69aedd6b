"""A plan: what it fixes, what it refuses, and what a stopped one leaves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from command import done, refused

from boneage.errors import BadConfig, BadModel
from boneage.reading.archive import job as jobs
from boneage.reading.archive import manifest
from boneage.reading.archive.job import Job
from boneage.reading.archive.plan import plan
from boneage.reading.archive.planned import Planned
from boneage.reading.archive.sources import Source
from boneage.reading.batch import Notes


@pytest.fixture(scope="module")
def planned(films: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("plan") / "job"
    table = films / "boneage-training-dataset.csv"
    done("archive", "plan", table, "--out", out, "--model", tiny_model, "--shard-size", 25)
    return out


def test_a_plan_says_what_is_read_and_by_what(planned: Path, films: Path, tiny_model: Path) -> None:
    plan = Job.open(planned).plan
    assert (plan.films, plan.shards, plan.shard_size) == (60, 3, 25)
    assert plan.source == str(films / "boneage-training-dataset.csv")
    assert plan.model == str(tiny_model)
    assert [Job.open(planned).size(shard) for shard in range(3)] == [25, 25, 10]
    assert "not a medical device" in json.loads((planned / "plan.json").read_text())["disclaimer"]
    assert Job.open(planned).predictor().weights_sha256 == plan.weights_sha256
    first = manifest.films_of(Job.open(planned), 0)[0]
    assert (Path(first.file).parent, first.sex_source) == (films / "images", "table")


def test_a_job_is_not_planned_twice(planned: Path, films: Path) -> None:
    before = (planned / "plan.json").read_bytes()
    refused("archive", "plan", films, "--out", planned, naming=planned, because="holds a job already")
    assert (planned / "plan.json").read_bytes() == before


def test_a_plan_that_was_stopped_is_no_job_and_is_planned_again(
    tmp_path: Path, films: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("archive", "plan", films / "images", "--out", tmp_path / "job", "--model", tiny_model)
    refused(*words, "--shard-size", 0, because="needs at least 1")
    with monkeypatch.context() as patch:
        patch.setattr(jobs.Job, "write", lambda self: (_ for _ in ()).throw(BadConfig("stopped")))
        refused(*words, "--shard-size", 5, because="stopped")
    with pytest.raises(BadConfig, match=r"is no job: it holds no plan\.json"):
        Job.open(tmp_path / "job")
    done(*words)
    assert Job.open(tmp_path / "job").plan.films == 60


@pytest.mark.parametrize("name", ["readings", "work"])
def test_what_an_earlier_job_has_read_is_not_taken_for_this_ones(
    tmp_path: Path, films: Path, tiny_model: Path, name: str
) -> None:
    old = tmp_path / "job" / name
    old.mkdir(parents=True)
    words = ("archive", "plan", films / "images", "--out", old.parent, "--model", tiny_model)
    refused(*words, naming=old, because="is of an earlier job: remove it first")
    old.rmdir()
    done(*words)


def test_a_model_file_is_planned_by_its_whole_path(
    tmp_path: Path, films: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "fast.onnx").symlink_to(tiny_model)
    monkeypatch.chdir(tmp_path)
    done("archive", "plan", films / "images/1.png", "--out", "job", "--model", "fast.onnx")
    monkeypatch.chdir("/")
    assert Job.open(tmp_path / "job").plan.model == str(tmp_path / "fast.onnx")
    assert Job.open(tmp_path / "job").predictor().name


def test_other_weights_than_planned_are_refused(planned: Path, tmp_path: Path) -> None:
    values = json.loads((planned / "plan.json").read_text())
    (tmp_path / "plan.json").write_text(json.dumps(values | {"weights_sha256": "f" * 64}))
    with pytest.raises(BadModel, match="weights ffffffffffff were planned"):
        Job.open(tmp_path).predictor()


@pytest.mark.parametrize("text", ["", "[1]", "{}", '{"format": 9}', '{"format": 1}'])
def test_a_plan_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "plan.json").write_text(text)
    with pytest.raises(BadConfig, match=r"is no plan of a job|has format 9"):
        Job.open(tmp_path)


@pytest.mark.parametrize("films_in_it", [0, 1])
def test_memory_does_not_grow_with_the_films(tmp_path: Path, tiny_model: Path, films_in_it: int) -> None:
    """A source is asked for no more than a shard before that shard is written."""
    given, written = list[int](), list[int]()

    def endless() -> Iterator[Planned]:
        for number in range(films_in_it * 1000):
            given.append(number)
            yield Planned(str(number), f"/films/{number}.png")

    def advance(done: int = 1, note: str = "") -> None:
        written.append(done)
        assert len(given) - sum(written) == 0

    source = Source("endless", endless, Notes())
    job = plan(source, tmp_path / "job", model=str(tiny_model), shard_size=100, advance=advance)
    assert sum(written) == job.plan.films == films_in_it * 1000
    assert list(job.finished()) == []
