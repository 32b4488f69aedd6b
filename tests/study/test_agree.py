"""The whole report on agreement."""

from __future__ import annotations

import csv
import io
import json
import os

import numpy as np
import pytest
from command import boneage, done, refused
from PIL import Image

from boneage.errors import CannotWrite
from boneage.study import agree_plots
from boneage.study.agree import FILES, agree, measure, members, reliability
from boneage.study.agree_page import page, sentences
from boneage.study.agree_table import measures_csv
from boneage.study.consensus import rsna
from boneage.study.ratings import read_ratings

GENERATOR = np.random.default_rng(0)
AGES = GENERATOR.uniform(24, 210, 40)
READERS = AGES[:, None] + GENERATOR.normal(0, 6, (40, 3)) + [0, 3, -2]
PROGRAM = AGES + GENERATOR.normal(0, 5, 40)


@pytest.fixture
def table(tmp_path):
    """40 films: three readers, of whom the first rated each film twice, and a program that lacks two of them."""
    rows = ["film,reader,rating,sex,site"]
    for film in range(40):
        about = f"{'FM'[film % 2]},{('north', 'south', '')[film % 3]}"
        rows += [f"f{film},{name},{READERS[film, at]:.1f},{about}" for at, name in enumerate(("anna", "bert", "carl"))]
        rows += [f"f{film},anna,{READERS[film, 0] + (-1) ** film * 3:.1f},{about}"]
        rows += [f"f{film},program,{PROGRAM[film]:.1f},{about}"] if film > 1 else []
    path = tmp_path / "ratings.csv"
    path.write_text("\n".join(rows))
    return path


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr("boneage.evaluation.drawing.DPI", 50)


@pytest.mark.usefixtures("small")
def test_the_folder_of_a_report(table, tmp_path):
    out = tmp_path / "out"
    found = agree(table, out, programs=["program"], by=["site"], resamples=200)
    assert sorted(os.listdir(out)) == sorted(FILES)
    assert json.loads((out / "agreement.json").read_text()) == found
    assert (found["n"], found["readers"], found["programs"]) == (40, ["anna", "bert", "carl"], ["program"])
    assert found["ratings"]["program"] == 38
    assert set(found["groups"]) == {"sex", "site", "age"}
    assert set(found["groups"]["site"]) == {"north", "south", "not known"}
    assert sum(of["n"] for of in found["groups"]["age"].values()) == 40
    assert len(found["pairs"]) == 6
    assert "Research use only" in found["disclaimer"]
    for name in agree_plots.NAMES:
        with Image.open(out / name) as picture:
            assert picture.width > 100
    text = (out / "report.html").read_text()
    for words in ("Research use only", "ICC(2,1)", "Figure 3.", "Rated more than once", found["table_sha256"]):
        assert words in text


def test_numbers_are_those_of_their_modules(table):
    ratings = read_ratings(table, programs=["program"])
    agreed = rsna(np.column_stack([ratings.column(name) for name in ratings.people]))
    found = measure(ratings, agreed, resamples=200)
    own = ratings.column("bert")
    assert found["against_consensus"]["bert"]["bias"]["value"] == pytest.approx(float((own - agreed.months).mean()))
    others = (ratings.column("anna") + ratings.column("carl")) / 2
    assert found["against_others"]["bert"]["mad"]["value"] == pytest.approx(float(np.abs(own - others).mean()))
    assert found["against_others"]["program"]["n"] == 38
    assert found["consensus"]["anna"]["weight"] == pytest.approx(float(agreed.weights[0]))
    assert found["within"]["anna"]["sd"] == pytest.approx(3 / np.sqrt(2))
    assert found["within"]["bert"] is None
    assert {(of["a"], of["b"]) for of in found["repeated"]} == {("anna", name) for name in ("bert", "carl", "program")}
    assert found["interchangeability"]["program"]["n"] == 38


def test_programs_alone_are_judged_by_each_other(table):
    ratings = read_ratings(table, programs=["anna", "bert", "carl", "program"])
    found = measure(ratings, rsna(ratings.first), resamples=200)
    assert found["interchangeability"] == {}
    assert found["judges"] == ["anna", "bert", "carl", "program"]


def test_reliability_takes_the_exact_way_only_without_gaps():
    assert reliability(READERS, 200)["method"].startswith("two-way analysis of variance")
    gaps = READERS.copy()
    gaps[3, 1] = np.nan
    found = reliability(gaps, 200)
    assert found["method"].startswith("variance components")
    assert found["films"] == 40
    unrated = reliability(np.vstack([READERS, [np.nan] * 3]), 200)
    assert (unrated["films"], unrated["method"][:7]) == (40, "two-way")


def test_every_film_is_in_one_group_of_each_kind(table):
    ratings = read_ratings(table, by=["site"])
    kinds: dict[str, np.ndarray] = {}
    for kind, _, rows in members(ratings, AGES):
        kinds[kind] = kinds.get(kind, 0) + rows.astype(int)
    assert all((times == 1).all() for times in kinds.values())


def test_the_tables_hold_every_number(table):
    ratings = read_ratings(table, programs=["program"])
    found = measure(ratings, rsna(ratings.first[:, :3]), resamples=200)
    rows = list(csv.DictReader(io.StringIO(measures_csv(found))))
    biases = [row for row in rows if (row["what"], row["b"], row["measure"]) == ("against_others", "bert", "bias")]
    assert [float(row["value"]) for row in biases] == [found["against_others"]["bert"]["bias"]["value"]]
    assert {row["group"] for row in rows} == {"all", "sex", "age"}
    assert {row["measure"] for row in rows} >= {"ICC(A,1)", "Krippendorff's alpha", "rmse", "upper limit", "gamma"}


def test_sentences_claim_no_more_than_the_intervals(table):
    ratings = read_ratings(table, programs=["program"])
    found = measure(ratings, rsna(ratings.first[:, :3]), resamples=200) | {"remarks": ["ratings.csv: not used: x"]}
    said = sentences(found)
    assert said[0].startswith("A single reader's ratings have an ICC(A,1) of 0.9")
    assert "program is interchangeable with a reader" in said[1]
    assert "anna rated 40 films more than once: standard deviation 2.12 months" in said[2]
    assert said[-1] == "ratings.csv: not used: x"
    for verdict, words in (("farther", "no substitute"), ("undecided", "cannot show")):
        found["interchangeability"]["program"]["verdict"] = verdict
        assert words in sentences(found)[1]


@pytest.mark.usefixtures("small")
def test_hostile_names_are_escaped(tmp_path):
    path = tmp_path / "x.csv"
    rows = [f"{film},<script>{reader},{READERS[film, reader]:.1f}" for film in range(12) for reader in (0, 1)]
    path.write_text("\n".join(["film,reader,rating", *rows]))
    found = agree(path, tmp_path / "out", resamples=200)
    text = (tmp_path / "out" / "report.html").read_text()
    assert "<script" not in text
    assert "&lt;script&gt;0" in text
    assert text == page(found, {name: (tmp_path / "out" / name).read_bytes() for name in agree_plots.NAMES})


@pytest.mark.usefixtures("small")
def test_the_command(table, tmp_path):
    ended = done("agree", table, "--out", tmp_path / "out", "--program", "program", "--by", "site", "--resamples", 100)
    assert "program is interchangeable with a reader" in ended.out
    assert "Research use only" in ended.out
    refused("agree", tmp_path / "none.csv", "--out", tmp_path / "o", naming="none.csv", because="cannot be read")
    refused("agree", table, "--out", tmp_path, naming=tmp_path, because="holds other things")
    assert boneage("agree", table).code == 2


def test_a_foreign_folder_is_left_alone(table, tmp_path):
    with pytest.raises(CannotWrite, match=r"ratings\.csv"):
        agree(table, tmp_path)
