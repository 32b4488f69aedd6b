from __future__ import annotations

import json
import os

import numpy as np
import pytest

from boneage.errors import BadTable, CannotWrite
from boneage.evaluation import plots
from boneage.evaluation.compare import (
    FILES,
    MOST_NAMED,
    MOST_PAIRS,
    compare,
    left_out,
    read_inputs,
    same_films,
    verdict,
    verdicts,
)
from boneage.evaluation.predictions import Predictions, to_csv
from boneage.types import Sex

PICTURES = ("scatter", "bland_altman", "residuals_overlaid", "errors_against")
LABELS = np.random.default_rng(0).uniform(10, 220, 80).round()
IDS = tuple(f"f{number}" for number in range(80))
SEXES = tuple((Sex.FEMALE, Sex.MALE)[number % 2] for number in range(80))


def errors(expected_error: float, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, expected_error, 80)


@pytest.fixture
def blank(monkeypatch):
    """Pictures cost a second: drawn only where a test looks at them. Keeps what each was to show."""
    shown = {}
    for name in PICTURES:
        monkeypatch.setattr(plots, name, lambda what, name=name: shown.update({name: what}) or b"\0" * 24)
    return shown


@pytest.fixture
def given(tmp_path):
    """Writes one table as ``name.csv``, or as an evaluation folder where it says something about itself."""

    def write(name, predictions, ids=IDS, labels=LABELS, sexes=SEXES, about=None):
        text = to_csv(Predictions(name, tuple(ids), tuple(sexes), np.asarray(labels), np.asarray(predictions)))
        if about is None:
            path = tmp_path / f"{name}.csv"
            path.write_text(text)
            return path
        (tmp_path / name).mkdir()
        (tmp_path / name / "predictions.csv").write_text(text)
        (tmp_path / name / "metrics.json").write_text(json.dumps(about))
        return tmp_path / name

    return write


def test_compares_a_folder_with_a_table_of_another_program(given, tmp_path):
    about = {"model": "quick", "weights_sha256": "cd" * 32, "split": "validation"}
    first = given("ours", LABELS + errors(7, 1), about=about)
    second = given("theirs", LABELS + errors(14, 2))
    found = compare([first, second], tmp_path / "out")
    assert sorted(os.listdir(tmp_path / "out")) == sorted(FILES)
    assert json.loads((tmp_path / "out" / "comparison.json").read_text()) == found
    assert [model["name"] for model in found["models"]] == ["A: quick", "B: theirs"]
    assert found["models"][0]["weights_sha256"] == "cd" * 32
    assert found["n"] == found["models"][1]["n"] == 80
    (pair,) = found["pairs"]
    difference = found["models"][1]["mae"]["value"] - found["models"][0]["mae"]["value"]
    assert pair["mae"]["value"] == pytest.approx(difference)
    assert pair["mae"]["low"] > 0
    assert pair["win"] + pair["lose"] + pair["tie"] == 80
    assert verdicts(found) == [pair["verdict"]]
    assert pair["verdict"].startswith("A: quick has a lower MAE than B: theirs: B minus A is +")


def test_an_evaluation_may_be_named_by_its_table(given):
    ours = given("ours", LABELS, about={"model": "quick"})
    other = given("others", LABELS, about={})
    named = read_inputs([ours / "predictions.csv", other / "predictions.csv"])
    assert [each.table.name for each in named] == ["A: quick", "B: others"]


@pytest.mark.usefixtures("blank")
def test_only_shared_films_count_in_any_order(given, tmp_path):
    shuffled = np.random.default_rng(3).permutation(80)[:60]
    first = given("one", LABELS + 1)
    second = given(
        "two", LABELS[shuffled] + 3, [IDS[i] for i in shuffled], LABELS[shuffled], [SEXES[i] for i in shuffled]
    )
    third = given("three", LABELS[10:] - 2, IDS[10:], LABELS[10:], SEXES[10:])
    found = compare([first, second, third], tmp_path / "out")
    shared = len(set(shuffled.tolist()) & set(range(10, 80)))
    assert found["n"] == shared
    assert [model["left_out"] for model in found["models"]] == [80 - shared, 60 - shared, 70 - shared]
    assert [model["bias"]["value"] for model in found["models"]] == pytest.approx([1, 3, -2])
    page = (tmp_path / "out" / "report.html").read_text()
    for number, of in zip((80, 60, 70), "ABC", strict=True):
        assert f"{number - shared} of {of} (" in page
    first = [film for film in IDS if film not in IDS[10:] or film not in {IDS[i] for i in shuffled}]
    assert found["models"][0]["films_left_out"] == first
    assert f"of A ({', '.join(first[:MOST_NAMED])}, …)" in page


@pytest.fixture
def other_program(tmp_path):
    """A table of ``id,prediction`` alone, of films f10 to f84; f80 and later are in no other table."""
    path = tmp_path / "program.csv"
    rows = (f"f{number},{LABELS[number % 80] + 2:.1f}" for number in range(10, 85))
    path.write_text("\n".join(["id,prediction", *rows]))
    return path


@pytest.mark.usefixtures("blank")
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_table_without_labels_or_sex_takes_them_from_another(given, other_program, tmp_path, order):
    sources = (given("ours", LABELS + 1), other_program)
    found = compare([sources[place] for place in order], tmp_path / "out")
    assert found["n"] == 70
    ours, theirs = (found["models"][place] for place in order)
    assert theirs["bias"]["value"] == pytest.approx(2)
    assert set(theirs["by_sex"]) == {"female", "male"}
    assert theirs["films_left_out"] == [f"f{number}" for number in range(80, 85)]
    assert ours["films_left_out"] == [f"f{number}" for number in range(10)]
    letter = theirs["key"]
    assert f"left out: 5 of {letter} (f80, f81, f82, f83, f84)" in left_out(found)


def test_without_labels_anywhere_there_is_nothing_to_compare(other_program, given):
    with pytest.raises(BadTable, match=r"program\.csv has no column label, nor has any other"):
        read_inputs([other_program, other_program])
    elsewhere = given("ours", LABELS[:3], ["x", "y", "z"], LABELS[:3], SEXES[:3])
    with pytest.raises(BadTable, match=r"program\.csv: has no labels, and no other table has one of its films"):
        read_inputs([elsewhere, other_program])


def test_films_without_anything_in_common(given):
    first, second = given("one", LABELS), given("two", LABELS, [f"{name}.png" for name in IDS])
    with pytest.raises(BadTable, match=r"no film in common .* 'f0' in .*one\.csv, 'f0\.png' in .*two\.csv"):
        same_films(read_inputs([first, second]))


def test_labels_must_agree(given, tmp_path):
    other = LABELS.copy()
    other[[4, 9]] += 1
    first, second = given("one", LABELS), given("two", LABELS, labels=other)
    with pytest.raises(
        BadTable, match=r"two\.csv: film 'f4' is labelled 182 months but 181 in .*one\.csv \(2 of 80 labels differ\)"
    ):
        compare([first, second], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_labels_rounded_differently_are_the_same(given):
    tables = same_films(read_inputs([given("one", LABELS), given("two", LABELS, labels=LABELS + 0.04)]))
    assert tables[1].labels.tolist() == LABELS.tolist()


def test_sex_comes_from_the_first_table_that_knows_it(given):
    unknown = (Sex.UNKNOWN,) * 80
    tables = same_films(read_inputs([given("one", LABELS, sexes=unknown), given("two", LABELS)]))
    assert tables[0].sexes == tables[1].sexes == SEXES


@pytest.mark.parametrize("count", [0, 1, 27])
def test_a_comparison_takes_two_or_more(given, tmp_path, count):
    with pytest.raises(BadTable, match=f"2 to 26 evaluations, found {count}"):
        compare([given("one", LABELS)] * count, tmp_path / "out")


def test_a_damaged_evaluation_is_refused(given):
    ours = given("ours", LABELS, about={"model": "x"})
    (ours / "metrics.json").write_text("{")
    with pytest.raises(BadTable, match=r"metrics\.json cannot be read"):
        read_inputs([ours, ours])
    (ours / "metrics.json").write_text("[]")
    with pytest.raises(BadTable, match=r"metrics\.json holds no evaluation"):
        read_inputs([ours, ours])


def test_a_foreign_folder_is_refused(given, tmp_path):
    first = given("one", LABELS)
    with pytest.raises(CannotWrite, match=r"one\.csv"):
        compare([first, first], tmp_path)


@pytest.mark.usefixtures("blank")
def test_an_earlier_comparison_is_replaced(given, tmp_path):
    first, second = given("one", LABELS + 2), given("two", LABELS + 5)
    compare([first, second], tmp_path / "out")
    assert compare([second, first], tmp_path / "out")["models"][0]["name"] == "A: two"


def pair(low, value, high, n=1000):
    return {"a": "A: x", "b": "B: y", "n": n, "mae": {"low": low, "value": value, "high": high}}


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (pair(-2, -1, -0.5), "B: y has a lower MAE than A: x: B minus A is -1.00 months (95 % interval -2.00 to -0.50"),
        (pair(0.5, 1, 2), "A: x has a lower MAE than B: y: B minus A is +1.00 months"),
        (pair(-1, 0.1, 2), "Between A: x and B: y there is no difference in MAE that 1,000 films can show: B minus A"),
        (pair(0, 0, 0), "no difference in MAE"),
        (pair(None, 1, None, 1), "One film cannot tell A: x from B: y."),
    ],
)
def test_the_verdict_claims_no_more_than_the_interval(found, words):
    said = verdict(found).replace("\N{MINUS SIGN}", "-").replace("\N{NO-BREAK SPACE}", " ")
    assert words in said


@pytest.mark.usefixtures("blank")
def test_the_same_model_twice_is_no_difference(given, tmp_path):
    first = given("one", LABELS + errors(7, 1))
    (pair,) = compare([first, first], tmp_path / "out")["pairs"]
    assert pair["tie"] == 80
    assert pair["error_correlation"] == pytest.approx(1)
    assert "no difference in MAE that 80 films can show" in pair["verdict"]


def test_a_single_shared_film(given, tmp_path):
    first, second = given("one", LABELS[:1], IDS[:1], LABELS[:1], SEXES[:1]), given("two", LABELS + 3)
    found = compare([first, second], tmp_path / "out")
    assert found["n"] == 1
    assert found["pairs"][0]["error_correlation"] is None
    assert "One film cannot tell" in (tmp_path / "out" / "report.html").read_text()


def test_many_models_have_all_pairs_in_the_table_but_not_in_the_picture(given, tmp_path, blank):
    found = compare([given(f"m{seed}", LABELS + errors(8, seed)) for seed in range(5)], tmp_path / "out")
    assert len(found["pairs"]) == 10 > MOST_PAIRS
    assert [(first.name, second.name[0]) for first, second in blank["errors_against"]] == [
        ("A: m0", letter) for letter in "BCDE"
    ]


def test_hostile_names_are_escaped_and_the_page_stands_alone(given, tmp_path):
    about = {"model": "<script>alert(1)</script>$x^{$", "weights_sha256": None, "split": 5}
    first = given("one", LABELS + errors(7, 1), [f"<b>{film}" for film in IDS], about=about)
    compare([first, first], tmp_path / "out")
    page = (tmp_path / "out" / "report.html").read_text()
    assert "<script" not in page
    assert "A: &lt;script&gt;alert(1)&lt;/script&gt;$x^{$" in page
    assert page.count("data:image/png;base64,") == page.count("<img ") == 4
    for words in ("Research use only", "n = 80", "Figure 4.", "does not prove"):
        assert words in page
