"""Readings in Parquet: what a row holds, and that equal rows are equal bytes."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from boneage.errors import BadTable
from boneage.reading.archive import rows
from boneage.types import OPTIONAL, Flag, Interval, Reading, Sex

READING = Reading(
    file="/films/a.png",
    bone_age_months=120.25,
    sex=Sex.FEMALE,
    sex_source="table",
    flags=(Flag.note("inverted", "Bone is dark."), Flag.warn("blurred", "It is blurred.")),
    model="default",
    weights_sha256="a" * 64,
    image_sha256="b" * 64,
    version="0.2.0",
    versions={"numpy": "2.4.6", "onnxruntime": "1.32.0"},
    intervals=(Interval(0.5, 115.0, 125.5), Interval(0.9, 108.0, 133.0)),
)
ROW: dict[str, Any] = {"id": "a"} | READING.to_dict()
FAILED = {"id": "b", "file": "/films/b.png", "error": "cannot read /films/b.png: the file is empty"}
REFUSED: dict[str, Any] = {
    "id": "c",
    **Reading(
        file="/films/c.png",
        bone_age_months=None,
        sex=Sex.UNKNOWN,
        sex_source="absent",
        flags=(Flag.refuse("no_hand", "It shows no hand."),),
        model="default",
        weights_sha256="a" * 64,
        image_sha256="c" * 64,
        version="0.2.0",
    ).to_dict(),
}


@pytest.mark.parametrize("row", [ROW, FAILED, REFUSED], ids=["read", "failed", "refused"])
def test_a_row_is_read_as_it_was_written(tmp_path: Path, row: dict[str, Any]) -> None:
    rows.write(tmp_path / "a.parquet", [row])
    assert rows.read(tmp_path / "a.parquet") == [row]


def test_a_row_of_a_site_calibration_names_it(tmp_path: Path) -> None:
    row = ROW | {"site_sha256": "d" * 64}
    rows.write(tmp_path / "a.parquet", [row, ROW])
    assert rows.read(tmp_path / "a.parquet") == [row, ROW]


def test_the_columns_are_the_fields_of_a_reading_in_their_order() -> None:
    asked = [field.name for field in fields(Reading) if field.name != "regional_ages"]
    assert rows.schema().names == ["id", *asked, "error"]
    assert set(asked) - set(ROW) <= OPTIONAL
    kinds = {field.name: field.type for field in rows.schema()}
    assert kinds["bone_age_months"] == pa.float64()
    assert kinds["forced"] == pa.bool_()
    assert kinds["flags"].value_type.names == ["code", "severity", "sentence"]
    assert kinds["intervals"].value_type.names == ["level", "low", "high"]


def test_equal_rows_are_equal_bytes_and_a_file_says_what_it_holds(tmp_path: Path) -> None:
    one, other = tmp_path / "one.parquet", tmp_path / "other.parquet"
    rows.write(one, [ROW, FAILED, REFUSED], shard=7, films=3)
    rows.write(other, [dict(reversed(list(row.items()))) for row in (ROW, FAILED, REFUSED)], films=3, shard=7)
    assert one.read_bytes() == other.read_bytes()
    told = rows.about(one)
    assert (told["failed"], told["shard"], told["films"], rows.table(one).num_rows) == (1, 7, 3, 3)
    assert "not a medical device" in told["disclaimer"]
    assert rows.errors(one) == [("b", "/films/b.png", FAILED["error"])]


def test_an_empty_shard_can_be_written_and_read(tmp_path: Path) -> None:
    rows.write(tmp_path / "a.parquet", [])
    assert rows.read(tmp_path / "a.parquet") == rows.errors(tmp_path / "a.parquet") == []


@pytest.mark.parametrize("cut", [0, 4, 200, -1])
def test_a_file_that_was_cut_short_is_one_sentence(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "a.parquet"
    rows.write(path, [ROW])
    path.write_bytes(path.read_bytes()[:cut])
    for look in (rows.read, rows.about):
        with pytest.raises(BadTable, match="cut short or damaged") as caught:
            look(path)
        assert str(path) in str(caught.value)


def test_what_films_share_is_written_once(tmp_path: Path) -> None:
    for count in (1, 1001):
        many = [ROW | {"id": f"{number}", "file": f"/films/{number}.png"} for number in range(count)]
        rows.write(tmp_path / f"{count}.parquet", many)
    sizes = [(tmp_path / f"{count}.parquet").stat().st_size for count in (1, 1001)]
    assert sizes[1] - sizes[0] < 20 * 1000
