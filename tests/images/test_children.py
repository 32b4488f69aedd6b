"""Children that are asked for something: watched, and ended with what they started."""

from __future__ import annotations

import io
import os
import subprocess
import sys

import pytest

from boneage.images.children import end, exactly, kill, watched


def child(code: str, **options: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, **options)


ECHO = "import sys; sys.stdout.buffer.write(sys.stdin.buffer.read())"


def test_what_a_child_answers() -> None:
    asked = child(ECHO)
    with watched(asked, 60) as (questions, answers):
        questions.write(b"film")
        questions.close()
        assert exactly(answers, 4) == b"film"
    end(asked)
    assert asked.returncode is not None


def test_one_that_is_late_is_killed() -> None:
    asked = child("import time; time.sleep(600)")
    with pytest.raises(TimeoutError), watched(asked, 0.2) as (_, answers):
        exactly(answers, 1)
    end(asked)


def test_one_that_ends_before_its_answer_is_no_late_one() -> None:
    asked = child("pass")
    with pytest.raises(EOFError), watched(asked, 60) as (_, answers):
        exactly(answers, 1)
    end(asked)


@pytest.mark.parametrize("count", [0, 1, 5])
def test_exactly_so_many_bytes(count: int) -> None:
    assert exactly(io.BytesIO(b"films"), count) == b"films"[:count]  # type: ignore[arg-type]
    with pytest.raises(EOFError):
        exactly(io.BytesIO(b"films"), 6)  # type: ignore[arg-type]


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="Windows has no groups")
@pytest.mark.parametrize("leads", [True, False])
def test_a_child_is_killed_whether_it_leads_a_group_or_not(leads: bool) -> None:
    asked = child("import time; time.sleep(600)", start_new_session=leads)
    kill(asked)
    assert asked.wait(timeout=60) < 0
    kill(asked)  # again: it is gone
    end(asked)
