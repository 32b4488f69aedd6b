"""The manifest of a job: its films in Parquet, a row group for each shard, written and read without holding it all."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from ...errors import BadConfig, BadTable, shown
from ...files import replacing
from ...types import Sex
from .job import SHARDS_IN_PART, Job
from .planned import Planned

SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("file", pa.binary()),  # as the system has it: names of files may be in any encoding
        ("size", pa.int64()),
        ("modified", pa.int64()),
        ("sex", pa.string()),
        ("sex_source", pa.string()),
        ("reason", pa.string()),
    ]
)
_PREFIXED = ("id", "file")  # names that share their beginnings with the ones before
_HASHES = 2**22  # that are sorted at once


def write(parts: Path, films: Iterable[Planned], shard_size: int) -> Iterator[int]:
    """Write the films into files ``part-00000.parquet``, …; gives the films of each shard when it is written.

    Raises:
        BadTable: at the end, if two films have the same id.
    """
    films, part, ids = iter(films), 0, _Ids()
    with ids:
        while first := list(islice(films, shard_size)):
            with ExitStack() as stack:
                path = parts / f"part-{part:05d}.parquet"
                writer = _writer(stack.enter_context(replacing(path)))
                stack.callback(writer.close)
                for rows in _shards(first, films, shard_size):
                    writer.write_table(_table(rows), row_group_size=shard_size)
                    ids.add([row.id for row in rows])
                    yield len(rows)
            part += 1
        if suspects := ids.doubled():
            _refuse_doubled(parts, part, suspects)


def films_of(job: Job, shard: int) -> list[Planned]:
    """The films of a shard, in order. BadConfig if the manifest is not as it was planned."""
    with _opened(job, shard // SHARDS_IN_PART) as file:
        table = file.read_row_group(shard % SHARDS_IN_PART)
    if table.num_rows != job.size(shard):
        path = job.part(shard // SHARDS_IN_PART)
        raise BadConfig(f"{path} does not belong to this plan: shard {shard} has {table.num_rows} films")
    return [_planned(row) for row in zip(*(column.to_pylist() for column in table.columns), strict=True)]


def ids_of(job: Job, part: int) -> Iterator[pa.Array]:
    """The ids of the shards of one file of the manifest, shard by shard. BadConfig if it is not as it was planned."""
    with _opened(job, part) as file:
        for group in range(min(SHARDS_IN_PART, job.plan.shards - part * SHARDS_IN_PART)):
            yield file.read_row_group(group, columns=["id"]).column("id").combine_chunks()


@contextmanager
def _opened(job: Job, part: int) -> Iterator[parquet.ParquetFile]:
    """A file of the manifest. BadConfig if it is damaged, or lacks what is read of it in the block."""
    path = job.part(part)
    try:
        with parquet.ParquetFile(path) as file:
            yield file
    except (OSError, IndexError, pa.ArrowException):
        raise BadConfig(f"{path} is missing, cut short or damaged: plan the job again") from None


def _shards(first: list[Planned], films: Iterator[Planned], size: int) -> Iterator[list[Planned]]:
    """The shards of one file: the first, and those that follow."""
    yield first
    for _ in range(SHARDS_IN_PART - 1):
        if not (rows := list(islice(films, size))):
            return
        yield rows


def _writer(path: Path) -> parquet.ParquetWriter:
    others = [name for name in SCHEMA.names if name not in _PREFIXED]
    encodings: Any = dict.fromkeys(_PREFIXED, "DELTA_BYTE_ARRAY")
    return parquet.ParquetWriter(
        path, SCHEMA, compression="zstd", use_dictionary=others, column_encoding=encodings, write_statistics=False
    )


def _table(rows: Sequence[Planned]) -> pa.Table:
    ids, files, sizes, times, sexes, sources, reasons = zip(*rows, strict=True)
    columns = [ids, [os.fsencode(name) for name in files], sizes, times, [sex and sex.value for sex in sexes]]
    columns += [sources, [reason or None for reason in reasons]]
    return pa.Table.from_arrays(
        [pa.array(values, kind) for values, kind in zip(columns, SCHEMA.types, strict=True)], schema=SCHEMA
    )


def _planned(row: tuple[Any, ...]) -> Planned:
    name, file, size, modified, sex, source, reason = row
    return Planned(name, os.fsdecode(file), size, modified, sex and Sex(sex), source, reason or "")


class _Ids:
    """Whether an id comes twice, of any number of ids: their hashes lie in a file, 8 bytes each."""

    def __enter__(self) -> _Ids:
        self._file: IO[bytes] = TemporaryFile(prefix="boneage-ids-")
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, ids: Iterable[str]) -> None:
        """Take in more."""
        self._file.write(b"".join(map(_hash, ids)))

    def doubled(self) -> set[bytes]:
        """The hashes that are there more than once."""
        self._file.flush()
        count = os.fstat(self._file.fileno()).st_size // 8
        if not count:
            return set()
        hashes = np.memmap(self._file, np.uint64, "r", shape=(count,))
        turns = -(-count // _HASHES)
        found: set[bytes] = set()
        for turn in range(turns):
            values = np.sort(_those(hashes, turns, turn))
            found |= {value.tobytes() for value in values[1:][values[1:] == values[:-1]]}
        return found


def _those(hashes: np.ndarray, turns: int, turn: int) -> np.ndarray:
    """The hashes that have their turn."""
    pieces = (hashes[start : start + _HASHES] for start in range(0, len(hashes), _HASHES))
    return np.concatenate([piece[piece % turns == turn] for piece in pieces])


def _hash(name: str) -> bytes:
    return blake2b(name.encode(), digest_size=8).digest()


def _refuse_doubled(parts: Path, count: int, suspects: set[bytes]) -> None:
    """BadTable if an id is there twice; nothing where only the hashes are equal."""
    seen: set[str] = set()
    for part in range(count):
        with parquet.ParquetFile(parts / f"part-{part:05d}.parquet") as file:
            for batch in file.iter_batches(columns=["id"]):
                for name in batch.column("id").to_pylist():
                    if _hash(name) in suspects:
                        if name in seen:
                            raise BadTable(f"the id {shown(name)!r} is there twice in the source")
                        seen.add(name)
