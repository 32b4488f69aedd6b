"""Groups of films: numbers, differences, and what so many films can show."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from command import done, refused
from scipy import stats

from boneage import Predictor
from boneage.data.dataset import open_folder
from boneage.errors import BadTable
from boneage.evaluation.predictions import Predictions
from boneage.study import fairness
from boneage.types import Sex

N = 300
GENERATOR = np.random.default_rng(0)
LABELS = GENERATOR.uniform(30, 200, N)
IDS = tuple(map(str, range(N)))
SITES = {film: ("north", "south", "")[int(film) % 3] or "not known" for film in IDS}


def table(shift: float = 0.0, spread: float = 0.0) -> Predictions:
    """Readings that are off by ``shift`` months more, and spread more, in the south."""
    south = np.array([SITES[film] == "south" for film in IDS])
    errors = np.random.default_rng(2).normal(0, 6, N) * (1 + spread * south) + shift * south
    return Predictions("x", IDS, (Sex.MALE,) * N, LABELS, LABELS + errors, np.full(N, 6.0))


NONE_REFUSED = dict.fromkeys(IDS, False)


def test_each_group_has_its_numbers_and_its_difference_from_the_rest() -> None:
    found = fairness.by_group(table(8.0), {"site": SITES}, np.ones(N, bool), NONE_REFUSED)
    south = found["columns"]["site"]["south"]
    assert south["n"] == 100
    assert south["bias"]["value"] == pytest.approx(8, abs=1.5)
    assert south["coverage"] == {"value": 100.0, "low": pytest.approx(96.3, abs=0.1), "high": 100.0}
    assert south["difference"]["bias"]["low"] > 5
    north = found["columns"]["site"]["north"]["difference"]["bias"]
    assert north["high"] < 0
    assert found["comparisons"] == 12
    said = fairness.sentences(found)
    assert "south differs in bias by +7.76 (+" in said[0]
    assert said[-1] == "Intervals of differences are corrected for the 12 that are looked at."


def test_groups_that_are_alike_are_called_alike_with_what_could_not_be_seen() -> None:
    found = fairness.by_group(table(), {"site": SITES}, None, NONE_REFUSED)
    said = fairness.sentences(found)
    assert said[0] == "site: no difference that these films can show."
    assert "differences in MAD below" in said[1]
    assert "coverage" not in found["columns"]["site"]["north"]
    assert found["comparisons"] == 9
    assert "overage" not in fairness.page(found)


def test_groups_of_films_that_were_not_asked_for_do_not_count() -> None:
    found = fairness.by_group(table(), {"site": SITES | {"elsewhere": "east"}}, None, NONE_REFUSED)
    assert set(found["columns"]["site"]) == {"north", "south", "not known"}
    assert found["comparisons"] == 9


def test_the_correction_keeps_chance_findings_rare() -> None:
    false = 0
    for seed in range(150):
        errors = np.random.default_rng(seed).normal(0, 6, N)
        read = Predictions("x", IDS, (Sex.MALE,) * N, LABELS, LABELS + errors)
        columns = {"site": SITES, "device": {film: "abcd"[int(film) % 4] for film in IDS}}
        said = fairness.sentences(fairness.by_group(read, columns, None, NONE_REFUSED))
        false += any("differs" in sentence for sentence in said)
    assert false <= 15  # 5 % of 150 and three standard errors


def test_welchs_interval_is_scipys() -> None:
    first, second = GENERATOR.normal(3, 2, 20), GENERATOR.normal(0, 7, 50)
    found = fairness.mean_difference(first, second, 0.95)
    known = stats.ttest_ind(first, second, equal_var=False).confidence_interval(0.95)
    assert (found["low"], found["high"]) == pytest.approx((known.low, known.high))


def test_newcombes_interval_is_the_papers() -> None:
    """Table II (a): 56/70 - 48/80, method 10: 0.0524 to 0.3339."""
    first, second = np.repeat([1.0, 0], [56, 14]), np.repeat([1.0, 0], [48, 32])
    found = fairness.share_difference(first, second, 0.95)
    assert [round(found[end] / 100, 4) for end in ("value", "low", "high")] == [0.2, 0.0524, 0.3339]


@pytest.mark.parametrize("difference", [fairness.mean_difference, fairness.share_difference])
def test_nothing_to_compare_with_is_no_difference(difference) -> None:
    assert difference(np.ones(3), np.empty(0), 0.95) == {"value": None, "low": None, "high": None}


def test_one_film_has_a_difference_and_no_interval() -> None:
    assert fairness.mean_difference(np.array([4.0]), np.ones(5), 0.95) == {"value": 3.0, "low": None, "high": None}
    assert fairness.mean_difference(np.full(3, 4.0), np.ones(5), 0.95) == {"value": 3.0, "low": 3.0, "high": 3.0}


def test_small_groups_are_named_and_one_group_is_nothing_to_compare() -> None:
    devices = {film: "old" if int(film) < 5 else "new" for film in IDS}
    said = fairness.sentences(fairness.by_group(table(), {"device": devices}, None, NONE_REFUSED))
    assert any("little can be said of old (5): fewer than 20 films" in sentence for sentence in said)
    alone = fairness.sentences(fairness.by_group(table(), {"device": dict.fromkeys(IDS, "new")}, None, NONE_REFUSED))
    assert alone[0] == "device: one group only, nothing to compare."


def test_films_that_were_refused_count_though_they_were_not_read() -> None:
    refused_films = NONE_REFUSED | {"600": True, "601": True}
    sites = SITES | {"600": "south", "601": "south"}
    south = fairness.by_group(table(), {"site": sites}, None, refused_films)["columns"]["site"]["south"]
    assert south["n"] == 100
    assert south["refused"]["value"] == pytest.approx(100 * 2 / 102)


@pytest.fixture
def sited(own_films: Path) -> Path:
    """The synthetic films with a column of sites in their table."""
    path = own_films / "boneage-training-dataset.csv"
    header, *rows = path.read_text().splitlines()
    sites = [f"{row},{('north', 'south')[number % 2]}" for number, row in enumerate(rows)]
    path.write_text("\n".join([f"{header},Site", *sites]))
    return own_films


def test_columns_are_found_by_their_names(sited: Path) -> None:
    path = sited / "boneage-training-dataset.csv"
    films = {one.id for one in open_folder(sited).samples}
    found = fairness.cells(path, ["SITE"], films)
    assert set(found["site"].values()) == {"north", "south"}
    assert set(found["site"]) == films
    assert set(fairness.cells(path, ["site"], {"7"})["site"]) == {"7"}
    with pytest.raises(BadTable, match="no column 'scanner'; found id, boneage, male, site"):
        fairness.cells(path, ["scanner"], films)
    with pytest.raises(BadTable, match="the column 'id' has 60 groups; at most 50"):
        fairness.cells(path, ["id"], films)


def test_whether_a_film_is_refused_is_asked_of_each(sited: Path, tiny_model: Path) -> None:
    (sited / "images" / "7.png").write_bytes((sited / "images" / "8.png").read_bytes())
    spec = Predictor.load(tiny_model).spec
    assert {fairness.is_refused(one, spec) for one in open_folder(sited).samples[:5]} == {False}


def test_the_command(sited: Path, calibrated_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("boneage.evaluation.drawing.DPI", 50)
    words = ("evaluate", calibrated_model, "--data", sited, "--split", "all", "--out", tmp_path / "out")
    done(*words, "--by", "site")
    groups = json.loads((tmp_path / "out" / "metrics.json").read_text())["groups"]
    assert set(groups["columns"]["site"]) == {"north", "south"}
    assert 0 < groups["columns"]["site"]["north"]["coverage"]["value"] <= 100
    page = (tmp_path / "out" / "report.html").read_text()
    assert "Groups of films" in page
    assert "Difference from all other films" in page
    refused(*words, "--by", "scanner", because="no column 'scanner'")
