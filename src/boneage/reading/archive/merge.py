"""All shards of a job as one dataset, after every film was found in it exactly once."""

from __future__ import annotations

import os
import shutil
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from ...errors import BadTable, CannotWrite, shown
from ...files import refuse_unwritable, sync_folder, write_json
from ...progress import Advance
from ...types import DISCLAIMER
from . import manifest, rows
from .job import SHARDS_IN_PART, Job

NAMED = 5  # films or shards that a message names
ABOUT = "_about.json"  # an underscore first: readers of datasets pass it over
_READERS = 2  # threads that read the shards to come
_ROWS = 2**16  # of a row group, at the most


@dataclass(frozen=True)
class Merged:
    """What was written: films, their rows (a picture of two hands has two), those that failed, and files."""

    films: int
    rows: int
    failed: int
    files: int


def merge(job: Job, out: str | os.PathLike[str], advance: Advance | None = None) -> Merged:
    """Write all readings of a job as a folder of Parquet files, in the order of the plan.

    A few shards are in memory at a time. The folder is there when it is whole.

    Raises:
        BadTable: if a shard or a film is missing, or a film is there twice or is none of the plan's; it names some.
        CannotWrite: if ``out`` is there.
    """
    folder = Path(os.path.abspath(out))
    if folder.exists():
        raise CannotWrite(f"{out} is there already, and is not replaced")
    refuse_unwritable(folder.parent, folder)
    _refuse_missing(job)
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        merged = _written(job, partial, advance)
        about = {"model": job.plan.model_name, "weights_sha256": job.plan.weights_sha256, "source": job.plan.source}
        counts = {"films": merged.films, "rows": merged.rows, "failed": merged.failed}
        write_json(partial / ABOUT, {**counts, **about, "disclaimer": DISCLAIMER})
        os.rename(partial, folder)
        sync_folder(folder.parent)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return merged


def _refuse_missing(job: Job) -> None:
    left = sorted(set(range(job.plan.shards)) - set(job.finished()))
    if left:
        films = sum(map(job.size, left))
        names = ", ".join(map(str, left[:NAMED])) + (", …" if left[NAMED:] else "")
        raise BadTable(
            f"{films:,} films in {len(left):,} of {job.plan.shards:,} shards are not read yet (shards {names}): "
            f"boneage archive run {job.folder} goes on"
        )


def _written(job: Job, folder: Path, advance: Advance | None) -> Merged:
    """Write one file for each of the manifest's."""
    found = failed = 0
    parts = -(-job.plan.shards // SHARDS_IN_PART)
    for part in range(parts):
        with ExitStack() as stack:
            place = folder / f"part-{part:05d}.parquet"
            writer = stack.enter_context(rows.writer(place, rows.schema()))
            for table in _full(_checked(job, part)):
                writer.write_table(table, row_group_size=_ROWS)
                found, failed = found + table.num_rows, failed + _failures(table)
                if advance:
                    advance(table.num_rows)
    return Merged(job.plan.films, found, failed, parts)


def _checked(job: Job, part: int) -> Iterator[pa.Table]:
    """The shards of one file of the manifest, each with every film of it exactly once."""
    with ThreadPoolExecutor(_READERS) as readers:
        waiting: deque[tuple[Path, pa.Array, Future[pa.Table]]] = deque()
        for number, ids in enumerate(manifest.ids_of(job, part), start=part * SHARDS_IN_PART):
            path = job.readings(number)
            waiting.append((path, ids, readers.submit(rows.table, path)))
            if len(waiting) > 2 * _READERS:
                yield _as_planned(*waiting.popleft())
        while waiting:
            yield _as_planned(*waiting.popleft())


def _as_planned(path: Path, ids: pa.Array, coming: Future[pa.Table]) -> pa.Table:
    found = coming.result()
    _refuse_other(path, ids, found.column("id").combine_chunks(), found)
    return found.replace_schema_metadata(rows.schema().metadata)


def _full(tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """The same rows in tables as long as a row group is."""
    kept: list[pa.Table] = []
    for table in tables:
        kept.append(table)
        if sum(one.num_rows for one in kept) + table.num_rows > _ROWS:
            yield pa.concat_tables(kept)
            kept = []
    if kept:
        yield pa.concat_tables(kept)


def _refuse_other(path: Path, planned: pa.Array, found: pa.Array, table: pa.Table) -> None:
    """BadTable unless the ids are those of the plan, in its order; both hands of a picture follow each other."""
    if found.equals(planned):
        return
    parts = table.column("part").to_pylist()
    have, expected = found.to_pylist(), planned.to_pylist()
    pairs = list(zip(have, parts, strict=True))
    times = Counter(pairs)
    names = [name for at, (name, part) in enumerate(pairs) if times[name, part] > 1 or not _is_other_hand(pairs, at)]
    if names == expected:
        return
    doubled, known = {name for name in set(names) if names.count(name) > 1}, set(expected)
    complaints = {
        "missing": [name for name in expected if name not in set(have)],
        "there twice": sorted(doubled),
        "not of the plan": [name for name in dict.fromkeys(names) if name not in known],
    }
    words = [f"{_named(names)} {what}" for what, names in complaints.items() if names]
    raise BadTable(f"{path}: {'; '.join(words) or 'its films are not in the order of the plan'}")


def _is_other_hand(pairs: list[tuple[str, str | None]], place: int) -> bool:
    """Whether a row is of the second hand of the picture of which the row before is the first."""
    (name, part), (before, first) = pairs[place], pairs[place - 1]
    return place > 0 and name == before and None not in (part, first) and part != first


def _named(names: list[str]) -> str:
    first = ", ".join(map(shown, names[:NAMED])) + (", …" if names[NAMED:] else "")
    return f"{len(names):,} {'film is' if len(names) == 1 else 'films are'} ({first})"


def _failures(table: pa.Table) -> int:
    return int(pc.sum(pc.is_valid(table.column("error"))).as_py() or 0)
