"""Readings in Parquet: a row for each, with the fields of its JSON, and ``id`` and ``error`` as in the table of CSV."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from ...errors import BadTable
from ...files import replacing
from ...types import DISCLAIMER, OPTIONAL, Reading
from .film import Row, is_failure

_FLAG = pa.struct([("code", pa.string()), ("severity", pa.string()), ("sentence", pa.string())])
_INTERVAL = pa.struct([("level", pa.float64()), ("low", pa.float64()), ("high", pa.float64())])
_KINDS = {  # the others are text
    "bone_age_months": pa.float64(),
    "flags": pa.list_(_FLAG),
    "versions": pa.map_(pa.string(), pa.string()),
    "forced": pa.bool_(),
    "intervals": pa.list_(_INTERVAL),
}
_OF_ONE = ("id", "file", "image_sha256")  # columns in which no two films say the same
_NOT_ASKED = {"regional_ages"}  # by a plan
NAMES = ("id", *(field.name for field in fields(Reading) if field.name not in _NOT_ASKED), "error")
_ABOUT = b"boneage"


def schema(**about: Any) -> pa.Schema:
    """The columns of readings, with what the file says of itself."""
    words = json.dumps({"disclaimer": DISCLAIMER, **about}, sort_keys=True)
    columns = [(name, _KINDS.get(name, pa.string())) for name in NAMES]
    return pa.schema(columns, metadata={_ABOUT: words.encode()})


def write(path: Path, rows: Sequence[Row], **about: Any) -> None:
    """Write readings as one file, whole or not at all; equal rows give equal bytes.

    The file says of itself how many rows failed, and ``about``.
    """
    found = schema(failed=sum(map(is_failure, rows)), **about)
    with replacing(path) as temporary, writer(temporary, found) as file:
        file.write_table(_table(rows, found))


def writer(path: Path, columns: pa.Schema) -> parquet.ParquetWriter:
    """A file of readings to be written: what films share is written once for many of them."""
    repeated = [name for name in _leaves(columns) if name not in _OF_ONE]
    encodings: Any = {"id": "DELTA_BYTE_ARRAY", "file": "DELTA_BYTE_ARRAY"}
    options: dict[str, Any] = {"compression": "zstd", "write_statistics": False, "column_encoding": encodings}
    return parquet.ParquetWriter(path, columns, use_dictionary=repeated, **options)


def _leaves(columns: pa.Schema) -> list[str]:
    """The paths of the columns as Parquet has them, those within lists and structures too."""
    sink = pa.BufferOutputStream()
    with parquet.ParquetWriter(sink, columns):
        pass
    found = parquet.ParquetFile(sink.getvalue()).schema
    return [found.column(number).path for number in range(len(found.names))]


def read(path: Path) -> list[Row]:
    """The rows of a file as they were written. BadTable if it is damaged."""
    rows = table(path).to_pylist(maps_as_pydicts="strict")
    return [_plain(row) for row in rows]


def table(path: Path) -> pa.Table:
    """A file of readings. BadTable if it is missing, damaged or none."""
    try:
        with parquet.ParquetFile(path, pre_buffer=False) as file:
            found = file.read(use_threads=False)  # it is small
    except (OSError, pa.ArrowException):
        raise BadTable(f"{path} is missing, cut short or damaged") from None
    if not found.schema.equals(schema()):
        raise BadTable(f"{path} has not the columns of the readings of this version")
    return found


def about(path: Path) -> dict[str, Any]:
    """What a file of readings says of itself. BadTable if it is damaged or none."""
    try:
        with parquet.ParquetFile(path) as file:
            metadata = file.schema_arrow.metadata or {}
        return json.loads(metadata[_ABOUT])
    except (OSError, pa.ArrowException, KeyError, ValueError):
        raise BadTable(f"{path} is cut short or damaged: remove it, and boneage archive run reads it again") from None


def errors(path: Path) -> list[tuple[str, str, str]]:
    """Id, file and reason of each film of a file that failed."""
    with parquet.ParquetFile(path) as file:
        found = file.read(columns=["id", "file", "error"])
    columns = (found.column(name).to_pylist() for name in ("id", "file", "error"))
    return [(name, place, reason) for name, place, reason in zip(*columns, strict=True) if reason is not None]


def _table(rows: Sequence[Row], found: pa.Schema) -> pa.Table:
    arrays = []
    for field in found:
        values = [row.get(field.name) for row in rows]
        if pa.types.is_map(field.type):
            values = [None if value is None else list(value.items()) for value in values]
        arrays.append(pa.array(values, field.type))
    return pa.Table.from_arrays(arrays, schema=found)


def _plain(row: Row) -> Row:
    """A row as a reading's JSON has it: of a failure only what there is to say."""
    if is_failure(row):
        return {name: row[name] for name in ("id", "file", "error")}
    return {name: value for name, value in row.items() if name not in {"error", *OPTIONAL} or value is not None}
