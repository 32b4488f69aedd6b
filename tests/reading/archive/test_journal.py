"""What the journals of a shard say, whatever was cut off."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from boneage.errors import CannotWrite
from boneage.reading.archive.journal import Journal, journals, known

ROW = {"id": "a", "file": "a.png", "error": "it is gone"}


def test_journals_of_several_runs_are_read_together(tmp_path: Path) -> None:
    one, other = Journal(tmp_path, 7, 0, "one"), Journal(tmp_path, 7, 0, "other")
    one.begun(1)
    one.done(1, [ROW])
    one.begun(2)
    other.begun(2)
    other.died(2, own=True)
    other.begun(3)
    other.left(3)
    found = known(tmp_path, 7, 0)
    assert found.rows == {1: [ROW]}
    assert (dict(found.own), dict(found.lost)) == ({2: 1}, {2: 1})
    assert not known(tmp_path, 7, 99).rows
    assert not known(tmp_path, 8, 0).rows
    assert len(journals(tmp_path, 7)) == 2


def test_a_line_that_was_cut_off_is_none_and_the_next_run_begins_a_new_one(tmp_path: Path) -> None:
    first = Journal(tmp_path, 7, 0, "run")
    first.done(1, [ROW])
    with first.path.open("ab") as file:
        file.write(b'{"done": 2, "rows": [{"id"')
    Journal(tmp_path, 7, 0, "run").done(3, [ROW])
    with first.path.open("ab") as file:
        file.write(b"[1]\n")
    assert set(known(tmp_path, 7, 0).rows) == {1, 3}


def test_the_first_rows_of_a_film_count_and_a_journal_is_made_with_its_first_event(tmp_path: Path) -> None:
    journal = Journal(tmp_path, 7, 0, "run")
    assert not journals(tmp_path, 7)
    journal.close()
    journal.done(1, [ROW])
    journal.done(1, [ROW | {"error": "other"}])
    journal.close()
    assert known(tmp_path, 7, 0).rows == {1: [ROW]}
    assert [json.loads(line)["done"] for line in journal.path.read_text().split("\n") if line] == [1, 1]


def test_a_journal_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "nowhere", 7, 0, "run")
    with pytest.raises(CannotWrite, match=r"00000007\.0\.run\.jsonl cannot be written: No such file"):
        journal.begun(1)


def test_events_of_several_threads_are_whole_lines(tmp_path: Path) -> None:
    journal = Journal(tmp_path, 7, 0, "run")
    rows = [ROW | {"error": "x" * 5000}]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda film: journal.done(film, rows), range(64)))
    assert known(tmp_path, 7, 0).rows == dict.fromkeys(range(64), rows)
