"""What the commands of an archive say."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from boneage.apps.archives import merged_text, ran_text, status_text, stopped_by_sigterm
from boneage.reading.archive.merge import Merged
from boneage.reading.archive.run import Ran
from boneage.reading.archive.status import Status

JOB = Path("/shared/job")


def test_a_run_says_what_it_did_and_what_comes_next() -> None:
    assert ran_text(Ran(1234), JOB).split("\n") == [
        "1,234 films read",
        "boneage archive status /shared/job; boneage archive merge /shared/job --out READINGS",
    ]
    assert ran_text(Ran(10, 2, 3), JOB).split("\n") == [
        "10 films read, of its shards 2 have no reading",
        "3 shards are being read by other runs",
    ]


def test_a_status_says_how_far_how_fast_and_what_failed() -> None:
    found = Status(
        films=10_000,
        shards=10,
        films_read=2_500,
        shards_done=2,
        failed=3,
        reasons={"cannot read FILE: the file is empty": 2, "cannot read FILE: it is gone": 1},
        examples={"a/1.png": "cannot read /films/a/1.png: the file is empty"},
        being_read=2,
        abandoned=1,
        damaged=["/shared/job/readings/00000/00000007.parquet"],
        films_per_second=2.0,
        changed={"a/2.png": "it was written again"},
    )
    assert status_text(found).split("\n") == [
        "2,500 of 10,000 films (25.0%), 2 of 10 shards done",
        "2 shards are being read, 1 were left by a run that ended",
        "2.0 films/s, 1.0 hours left at that rate",
        "/shared/job/readings/00000/00000007.parquet is damaged: remove it, and a run reads it again",
        "3 films have no reading:",
        "  2 × cannot read FILE: the file is empty",
        "  1 × cannot read FILE: it is gone",
        "  a/1.png: cannot read /films/a/1.png: the file is empty",
        "1 files have changed since the plan",
        "  a/2.png: it was written again",
    ]
    assert not found.is_complete


def test_an_empty_job_is_complete() -> None:
    assert status_text(Status(0, 0)) == "0 of 0 films (100.0%), 0 of 0 shards done"
    assert Status(0, 0).to_dict()["complete"]
    assert "not a medical device" in Status(0, 0).to_dict()["disclaimer"]


def test_a_merge_says_how_many_rows_there_are() -> None:
    assert merged_text(Merged(5, 6, 0, 1), Path("out")) == "5 films, 6 rows, in 1 files in out"
    assert merged_text(Merged(5, 6, 2, 1), Path("out")).startswith("5 films, 6 rows, 2 of them without a reading")


def test_sigterm_is_as_ctrl_c_and_only_within_the_block() -> None:
    def terminated() -> None:
        with stopped_by_sigterm():
            os.kill(os.getpid(), signal.SIGTERM)
            signal.pause()

    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt):
        terminated()
    assert signal.getsignal(signal.SIGTERM) is before
