"""The tables in the package: the files whose hashes are known, cell by cell those that were checked."""

from __future__ import annotations

import csv
import dataclasses
import hashlib
from pathlib import Path

import numpy as np
import pytest
from places import ROOT

from boneage import Sex
from boneage.errors import BadTable
from boneage.growth import tables
from boneage.growth.tables import FOLDER, TABLES, column, rows

CHECKED = ROOT.parent / "shared" / "growth"  # the tables that were checked against the papers
SEXES = {"boys": "male", "girls": "female"}
COLUMNS = {  # of the package, by those of the checked tables
    "maturity": "group",
    "percent_of_mature_height": "percent",
    "recumbent_length_cm": "height_cm",
    "stature_cm": "height_cm",
    "midparent_stature_cm": "midparent_cm",
    "halfwidth90_cm": "half_width_90_cm",
    "standardization_n": "made_from_n",
    "standardization_sd_in": "made_from_sd_in",
    "validating_n": "tried_on_n",
    "validating_sd_in": "tried_on_sd_in",
}
LEFT_OUT = {"note", "standardization_mean_in", "validating_mean_in"}  # the sign of the means is not defined


def months(row: dict[str, str]) -> float:
    if "age_y_m" in row:
        years, rest = row["age_y_m"].split("-")
        return 12 * int(years) + int(rest)
    return 12 * float(row["age_years"]) if "age_years" in row else float(row["age_months"])


def cells(row: dict[str, str]) -> dict[str, object]:
    """A checked row as the package has it."""
    found: dict[str, object] = {"sex": SEXES.get(row["sex"], row["sex"])}
    found |= {} if "skeletal_age_months" in row else {"age_months": months(row)}
    for name, value in row.items():
        if name not in LEFT_OUT | {"sex", "age_y_m", "age_years", "age_months"}:
            name = COLUMNS.get(name, name)
            found[name] = value if name == "group" else float(value) if value else ""
    return found


def ours(row: dict[str, str], names: set[str]) -> dict[str, object]:
    words = {"sex", "group"}
    return {name: row[name] if name in words or not row[name] else float(row[name]) for name in names}


@pytest.mark.parametrize("name", TABLES)
def test_each_file_is_the_one_whose_hash_is_known(name: str) -> None:
    table = TABLES[name]
    assert hashlib.sha256(table.path.read_bytes()).hexdigest() == table.sha256
    assert len(table.source) > 40
    assert table.licence
    assert len(rows(name)) > 20


def test_no_file_lies_there_that_is_no_table() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == set(TABLES)


@pytest.mark.skipif(not CHECKED.is_dir(), reason="the checked tables are not beside the repository")
@pytest.mark.parametrize("name", TABLES)
def test_every_cell_is_that_of_the_checked_table(name: str) -> None:
    with (CHECKED / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        checked = [cells(row) for row in csv.DictReader(file)]
    found = [ours(dict(row), set(checked[0])) for row in rows(name)]
    different = [(a, b) for a, b in zip(checked, found, strict=True) if a != b]
    if name == "roche_wainer_thissen_1975":  # the one misprint that is mended
        [(before, after)] = different
        assert (before.pop("intercept"), after.pop("intercept")) == (84.136, 64.136)
        assert before == after
        assert (before["sex"], before["age_months"]) == ("female", 135)
    else:
        assert different == []


def test_the_sizes_are_those_of_the_papers() -> None:
    sizes = {name: len(rows(name)) for name in TABLES}
    assert sizes == {
        "bayley_pinneau_1952": 251,
        "bayley_pinneau_1952_errors": 42,
        "roche_wainer_thissen_1975": 114,
        "roche_wainer_thissen_1975_error90": 30,
        "khamis_guo_1993": 60,
        "cdc_2000_stature_for_age": 436,
        "cdc_2000_length_for_age": 74,
        "greulich_pyle_1959_sd": 42,
    }


def test_a_column_is_of_one_sex_and_one_group_and_cannot_be_changed() -> None:
    known = column("bayley_pinneau_1952", Sex.MALE, "skeletal_age_months", "retarded")
    assert (known[0], known[-1]) == (72, 156)
    assert np.isnan(column("bayley_pinneau_1952_errors", Sex.MALE, "tried_on_sd_in")[1])
    with pytest.raises(ValueError, match="read-only"):
        known[0] = 0


def test_an_altered_or_missing_table_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "FOLDER", tmp_path)
    rows.cache_clear()
    with pytest.raises(BadTable, match=r"khamis_guo_1993\.csv cannot be read"):
        rows("khamis_guo_1993")
    (tmp_path / "khamis_guo_1993.csv").write_text("sex,age_months\nmale,3\n")
    with pytest.raises(BadTable, match="install the package again"):
        rows("khamis_guo_1993")


@pytest.mark.parametrize("name", ["roche_wainer_thissen_1975", "khamis_guo_1993"])
def test_every_coefficient_that_its_neighbours_refute_is_marked(name: str) -> None:
    """A cubic through two rows on each side: where the printed value is far off, the row says so."""
    limits = {
        "intercept": 0.6,
        "height_cm": 0.006,
        "weight_kg": 0.006,
        "midparent_cm": 0.003,
        "skeletal_age_years": 0.03,
    }
    for sex in (Sex.MALE, Sex.FEMALE):
        chosen = [row for row in rows(name) if row["sex"] == sex.value]
        for term, limit in limits.items():
            values = column(name, sex, term)
            smooth = (-values[:-4] + 4 * values[1:-3] + 4 * values[3:-1] - values[4:]) / 6
            for row, value, expected in zip(chosen[2:-2], values[2:-2], smooth, strict=True):
                near = [one["doubt"] for one in chosen if abs(float(one["age_months"]) - float(row["age_months"])) < 13]
                assert abs(value - expected) < limit or any(near), (sex, row["age_months"], term)


def test_a_table_says_itself_what_it_is() -> None:
    table = TABLES["cdc_2000_length_for_age"]
    assert "public domain" in table.licence
    with pytest.raises(dataclasses.FrozenInstanceError):
        table.sha256 = "0"  # type: ignore[misc]
