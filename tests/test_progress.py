from __future__ import annotations

import io
import sys
from itertools import count

import pytest

from boneage import progress as module
from boneage.progress import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every look at the clock finds it ten seconds on."""
    seconds = count(0.0, 10.0)
    monkeypatch.setattr(module.time, "monotonic", lambda: next(seconds))


@pytest.mark.usefixtures("clock")
def test_lines_come_every_half_minute_and_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("reading", 7, "films") as advance:
        for _ in range(7):
            advance()
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "reading 3/7, 0.1 films/s, 0.7 min left",
        "reading 6/7, 0.1 films/s, 0.2 min left",
        "reading 7/7, 0.1 films/s, 0.0 min left",
    ]


@pytest.mark.usefixtures("clock")
def test_a_resumed_work_counts_from_its_start_and_keeps_its_note(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("training", 100, "steps", 90) as advance:
        advance(5, "loss 0.5")
        advance(5)
    assert capsys.readouterr().err == "training 100/100, 0.5 steps/s, 0.0 min left, loss 0.5\n"


@pytest.mark.usefixtures("clock")
def test_an_unknown_total_shows_no_end(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("checking", 0, "films") as advance:
        for _ in range(4):
            advance()
    assert capsys.readouterr().err.splitlines() == ["checking 3, 0.1 films/s"]


@pytest.mark.usefixtures("clock")
def test_more_work_than_was_said(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("reading", 1, "films") as advance:
        advance(3)
        advance(3)
        advance(3)
    assert capsys.readouterr().err.splitlines() == ["reading 9/1, 0.3 films/s, 0.0 min left"]


def test_quiet_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("reading", 1, "films", quiet=True) as advance:
        advance()
        advance(2, "note")
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("total", [4, 0])
def test_a_terminal_gets_a_bar(monkeypatch: pytest.MonkeyPatch, total: int) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERM", "xterm")
    with progress("reading", total, "films") as advance:
        advance(3, "film 3")
        advance()
    shown = terminal.getvalue()
    assert "reading" in shown
    assert f"4/{total or '?'}" in shown
    assert "film 3" in shown


def test_an_error_passes_through() -> None:
    with pytest.raises(ValueError, match="inside"), progress("reading", 1, "films"):
        raise ValueError("inside")
