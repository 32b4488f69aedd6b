from __future__ import annotations

import json
import os
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from boneage.config import PrepareConfig
from boneage.data import pipeline
from boneage.data.dataset import Sample
from boneage.errors import BadTable, CannotWrite
from boneage.evaluation import evaluate as module
from boneage.evaluation.evaluate import BATCH, FILES, evaluate, measure, predict_all
from boneage.evaluation.predictions import read_predictions
from boneage.hand.prepare import prepare
from boneage.images.read import read
from boneage.types import Failure, Sex

SPEC = PrepareConfig(size=32)


@dataclass(frozen=True)
class Stand:
    """In place of a predictor: the age is the pixels' mean, and 10 months more for boys; ``lost`` gives no number."""

    name: str = "stand-in"
    weights_sha256: str = "ab" * 32
    uses_sex: bool = True
    spec: PrepareConfig = SPEC
    lost: bool = False
    expected_error: float = np.nan
    factors: dict[str, dict[str, float]] = field(default_factory=dict)
    batches: list[int] = field(default_factory=list)

    def predict_batch(self, pixels, sexes):
        assert pixels.dtype == np.uint8
        assert pixels.shape == (len(sexes), 32, 32)
        self.batches.append(len(sexes))
        ages = 60 + pixels.mean((1, 2)) + [10.0 * (sex is Sex.MALE) for sex in sexes]
        return np.full(len(sexes), np.nan) if self.lost else ages, np.full(len(sexes), self.expected_error)


BLANK = bytes.fromhex("89504e470d0a1a0a0000000d494844520000000100000001")


@pytest.fixture
def blank(monkeypatch):
    """Pictures cost a second: drawn only where a test looks at them."""
    monkeypatch.setattr(module, "_draw", lambda table, cases: (BLANK,) * 5)


@pytest.fixture
def films(tmp_path):
    """Samples whose films are noise of their own seed."""

    def write(count: int, prefix: str = "film") -> list[Sample]:
        samples = []
        for number in range(count):
            path = tmp_path / "films" / f"{prefix}{number}.png"
            path.parent.mkdir(exist_ok=True)
            noise = np.random.default_rng(number).integers(0, 256, (40, 40), dtype=np.uint8)
            Image.fromarray((noise ** (0.5 + number % 7 / 10)).astype(np.uint8)).save(path)
            sex = (Sex.FEMALE, Sex.MALE)[number % 2]
            samples.append(Sample(f"{prefix}{number}", path, 40.0 + 9 * number, sex, f"p{number}", "validation"))
        return samples

    return write


def run(samples, out, predictor=None, **options):
    return evaluate(predictor or Stand(), samples, out, split="validation", context={"commit": "abc"}, **options)


def test_writes_a_whole_folder(films, tmp_path):
    found = run(films(12), tmp_path / "out")
    assert sorted(os.listdir(tmp_path / "out")) == sorted(
        set(FILES) - {"expected_errors.csv", "intervals.png"}
    )  # this model tells none
    assert json.loads((tmp_path / "out" / "metrics.json").read_text()) == found
    assert (found["n"], found["model"], found["split"]) == (12, "stand-in", "validation")
    assert found["weights_sha256"] == "ab" * 32
    assert found["disclaimer"] == "Research use only, not a medical device."
    assert found["definitions"]["mae"]["name"] == "MAE"
    assert set(found["mae"]) == {"value", "low", "high"}
    assert found["by_sex"]["male"]["n"] == 6
    assert found["context"] == {"commit": "abc"}
    assert sorted(os.listdir(tmp_path)) == ["films", "out"]


@pytest.mark.usefixtures("blank")
def test_each_film_gets_its_own_prediction(films, tmp_path):
    samples = films(BATCH + 5)
    run(samples, tmp_path / "out")
    table = read_predictions(tmp_path / "out")
    expected = [60 + prepare(read(s.path), SPEC).mean() + 10 * (s.sex is Sex.MALE) for s in samples]
    assert table.ids == tuple(sample.id for sample in samples)
    assert table.predictions == pytest.approx(expected, abs=1e-4)
    assert table.labels.tolist() == [sample.months for sample in samples]


@pytest.mark.usefixtures("blank")
def test_the_numbers_follow_from_the_predictions_file(films, tmp_path):
    found = run(films(9), tmp_path / "out")
    again = measure(read_predictions(tmp_path / "out"))
    assert {key: found[key] for key in again} == again


def test_films_come_in_batches_and_progress_adds_up(films):
    stand, steps = Stand(), []
    table, failures = predict_all(stand, films(2 * BATCH + 3), lambda done=1, note="": steps.append(done))
    assert stand.batches == steps == [BATCH, BATCH, 3]
    assert (len(table), failures) == (2 * BATCH + 3, [])


@pytest.mark.usefixtures("blank")
def test_failures_are_listed_and_the_rest_is_done(films, tmp_path):
    good = films(6)
    lying = tmp_path / "films" / "lying.png"
    lying.write_text("no image")
    bad = [
        Sample("gone", tmp_path / "gone.png", 50, Sex.MALE, "x", None),
        Sample("lying", lying, 50, Sex.MALE, "x", None),
        Sample("nowhere", None, 50, Sex.MALE, "x", None),
        Sample("unlabelled", good[0].path, None, Sex.MALE, "x", None),
    ]
    found = run([*good[:3], *bad, *good[3:]], tmp_path / "out")
    assert found["n"] == 6
    reasons = {failure["id"]: failure["reason"] for failure in found["failures"]}
    assert list(reasons) == ["gone", "lying", "nowhere", "unlabelled"]
    assert "gone.png" in reasons["gone"]
    assert "lying.png" in reasons["lying"]
    assert reasons["nowhere"] == "no image with this id was found"
    page = (tmp_path / "out" / "report.html").read_text()
    assert "4 more failed, listed below" in page
    assert "Films that failed" in page


def test_an_answer_that_is_no_number_is_a_failure(films):
    table, failures = predict_all(Stand(lost=True), films(2))
    assert len(table) == 0
    assert failures[0] == Failure("film0", failures[0].file, "the network's answer is not a finite number")


def test_if_every_film_fails_nothing_is_written(tmp_path):
    with pytest.raises(BadTable, match=r"not one of 1 films of split 'validation' .* gone: no image"):
        run([Sample("gone", None, 50, Sex.MALE, "x", None)], tmp_path / "out")
    with pytest.raises(BadTable, match="not one of 0 films"):
        run([], tmp_path / "out")
    assert os.listdir(tmp_path) == []


def test_one_film_is_enough(films, tmp_path):
    found = run(films(1), tmp_path / "out")
    assert found["mae"]["low"] is None
    assert "no interval" in (tmp_path / "out" / "report.html").read_text()


def test_sex_comes_from_the_file_where_the_table_has_none(films, monkeypatch):
    unknown = replace(films(1)[0], sex=Sex.UNKNOWN)
    assert predict_all(Stand(), [unknown])[0].sexes == (Sex.UNKNOWN,)
    male = replace(read(unknown.path), sex=Sex.MALE)
    monkeypatch.setattr(pipeline, "read", lambda path: male)
    assert predict_all(Stand(), [unknown])[0].sexes == (Sex.MALE,)


@pytest.mark.usefixtures("blank")
def test_an_earlier_evaluation_is_replaced(films, tmp_path):
    samples = films(5)
    run(samples, tmp_path / "out")
    assert run(samples[:4], tmp_path / "out")["n"] == 4
    assert len(read_predictions(tmp_path / "out")) == 4


def test_a_foreign_folder_is_refused_before_any_film_is_read(films, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "weights.safetensors").write_text("precious")
    (tmp_path / "out" / "metrics.json").write_text("{}")
    stand = Stand()
    with pytest.raises(CannotWrite, match=r"weights\.safetensors"):
        run(films(2), tmp_path / "out", stand)
    assert stand.batches == []
    assert (tmp_path / "out" / "weights.safetensors").read_text() == "precious"


def test_hostile_names_are_escaped(films, tmp_path):
    hostile = "<img src=x onerror=alert(1)>$x$"
    samples = [Sample(f"{hostile}{s.id}", s.path, s.months, s.sex, s.patient, s.split) for s in films(3)]
    broken = Sample(f"broken{hostile}", None, 5, Sex.MALE, "x", None)
    run([*samples, broken], tmp_path / "out", Stand(name=hostile))
    page = (tmp_path / "out" / "report.html").read_text()
    assert "<img src=x" not in page
    assert "&lt;img src=x onerror=alert(1)&gt;$x$film2" in page
    assert "broken&lt;img" in page
    assert read_predictions(tmp_path / "out").ids == tuple(sample.id for sample in samples)


def test_the_page_stands_alone_and_says_what_it_is_of(films, tmp_path):
    run(films(12), tmp_path / "out")
    page = (tmp_path / "out" / "report.html").read_text()
    assert page.count("data:image/png;base64,") == page.count("<img ") == 5
    for words in (
        "Research use only",
        "stand-in",
        "ab" * 32,
        "validation",
        "n = 12",
        "Figure 5.",
        "MAE",
        "Bland-Altman",
    ):
        assert words in page
    assert "http" not in page.replace("http-equiv", "")


@pytest.mark.usefixtures("blank")
def test_the_worst_case_leads_its_table(films, tmp_path):
    samples = films(20)
    run(samples, tmp_path / "out")
    table = read_predictions(tmp_path / "out")
    worst = table.ids[np.abs(table.errors).argmax()]
    page = (tmp_path / "out" / "report.html").read_text()
    first = page.split("The same films")[1].split("<tbody>")[1].split("</tr>")[0]
    assert f">{worst}<" in first


def test_intervals_are_assessed_where_the_model_gives_them(blank, films, tmp_path):
    predict_batch = {"known": {"0.5": 1.0, "0.9": 1000.0}, "unknown": {"0.5": 0.0, "0.9": 0.0}}
    stand = Stand(expected_error=2.5, factors=predict_batch)
    found = evaluate(stand, films(6), tmp_path / "out", split="all")["intervals"]
    assert found["levels"]["0.9"]["coverage"]["all"]["value"] == 1
    assert found["n"] == 6
    page = (tmp_path / "out" / "report.html").read_text()
    assert "How sure it is" in page
    assert (tmp_path / "out" / "intervals.png").stat().st_size > 10_000
    assert "one reader&#x27;s rating" in page
    assert f"{found['levels']['0.9']['width']:.1f} (90%)" in page
    assert (tmp_path / "out" / "expected_errors.csv").read_text().count(",2.5000\n") == 6
    sex_dropout = evaluate(stand, films(6), tmp_path / "other", split="all", sex_not_given=True)["intervals"]
    assert sex_dropout["levels"]["0.9"]["coverage"]["all"]["value"] == 0
    some = [replace(one, sex=Sex.UNKNOWN) if number < 2 else one for number, one in enumerate(films(6))]
    mixed = evaluate(stand, some, tmp_path / "mixed", split="all")["intervals"]
    assert mixed["levels"]["0.9"]["coverage"]["all"]["value"] == pytest.approx(4 / 6)
    assert "intervals" not in evaluate(Stand(), films(6), tmp_path / "out", split="all")
    assert not (tmp_path / "out" / "expected_errors.csv").exists()
    assert "How sure it is" not in (tmp_path / "out" / "report.html").read_text()


def test_a_mount_point_takes_a_report_and_keeps_no_older_file(blank, films, tmp_path, monkeypatch):
    out = tmp_path / "out"
    evaluate(Stand(), films(6), out, split="all")
    (out / "expected_errors.csv").write_text("of an earlier model")
    monkeypatch.setattr(os.path, "ismount", lambda path: str(path) == str(out))
    monkeypatch.setattr(os, "rename", None)
    evaluate(Stand(), films(3), out, split="all")
    assert json.loads((out / "metrics.json").read_text())["n"] == 3
    assert not (out / "expected_errors.csv").exists()
    assert not list(tmp_path.rglob(".*"))


def test_a_name_in_another_encoding_is_written_as_an_escape(blank, films, tmp_path):
    gone = Sample("gone", Path(os.fsdecode(b"caf\xe9.png")), 100.0, Sex.MALE, None, None)
    found = evaluate(Stand(), [*films(3), gone], tmp_path / "out", split="all", context={"data": os.fsdecode(b"\xe9")})
    assert json.loads((tmp_path / "out" / "metrics.json").read_text())["context"] == found["context"]
