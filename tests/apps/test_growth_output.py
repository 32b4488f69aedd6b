"""Growth as text, as cells and as JSON."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from children import child, read

from boneage.apps.growth_output import (
    COLUMNS,
    cells,
    follow_up_line,
    follow_up_text,
    growth_text,
    print_growths,
    write_growths,
)
from boneage.errors import CannotWrite
from boneage.growth.result import assess
from boneage.growth.velocity import Visit

BEFORE = Visit(read(100.0, age_months=108.0, height_cm=131.0), name="before")
GROWN = assess(Visit(read(114.0), name="now"), [BEFORE])


def test_as_text_each_number_has_its_range_and_each_warning_a_line() -> None:
    text = growth_text(GROWN)
    assert "bone age SDS: -1.76 SD (90% " in text
    assert "adult height by Bayley–Pinneau: " in text
    assert "    retarded: " in text
    assert "warning: the reading leaves the group open" in text
    assert "from before to now, 18.0 months:" in text
    assert "velocity if both errors move together: 0.78 to 0.78" in text
    assert "tables: bayley_pinneau_1952 " in text


def test_what_cannot_be_given_says_why_in_its_line() -> None:
    text = growth_text(assess(child(weight_kg=None, age_half_width_months=6.0)))
    assert "adult height by Khamis–Guo: the child's weight is not given" in text
    assert "chronological age: 10 y 6 mo ± 6 months" in text
    assert "chronological age: not known" in growth_text(assess(child(age_months=None)))


def test_as_cells_it_fills_its_columns() -> None:
    row = cells(GROWN)
    assert set(row) <= set(COLUMNS)
    assert row["difference_months"] == -12
    assert row["bayley_pinneau_cm"] == GROWN.adult_heights[0].value
    assert row["khamis_guo_cm_high"] == GROWN.adult_heights[2].high
    assert row["bone_age_velocity"] == pytest.approx(14 / 18, abs=0.001)
    assert row["change"] == "error_explains"
    assert "bayley_pinneau:group_open" in str(row["growth_warnings"])
    bare = cells(assess(child(father_cm=None)))
    assert bare["target_height_cm"] == ""
    assert "target_height: the heights of both parents are not given" in str(bare["not_given"])


def test_as_a_table_and_as_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.csv"
    write_growths(out, None, [("now", GROWN)])
    [row] = csv.DictReader(out.read_text(encoding="utf-8").splitlines())
    assert (row["id"], row["sex"], float(row["bone_age_months"])) == ("now", "male", 114)
    assert row["disclaimer"] == "Research use only, not a medical device."
    print_growths([("now", GROWN)], as_json=True)
    assert json.loads(capsys.readouterr().out) == {"id": "now"} | GROWN.to_dict()
    print_growths([("now", GROWN), ("none", assess(child(bone_age_months=None)))], as_json=False)
    said = capsys.readouterr().out
    assert "now: bone age 114.0 months (9 y 6 mo)" in said
    assert "none: no bone age" in said
    with pytest.raises(CannotWrite):
        write_growths(out, out, [("now", GROWN)])


def test_a_follow_up_names_no_patient() -> None:
    steps = GROWN.follow_up
    assert json.loads(follow_up_line(1, steps)) == {"patient": 1, "follow_up": [one.to_dict() for one in steps]}
    assert follow_up_text(1, steps).startswith("patient 1:\n  from before to now")
