"""What reaches a terminal or a pipe: names that cannot be printed, and rows as soon as they are there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from command import done
from hands import hand

from boneage.apps.options import tell

ODD = "a\x1b[31m\nb.png"


def test_what_cannot_be_printed_is_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    tell("12\N{NO-BREAK SPACE}months\na\x1b[31m \udcfc")
    assert capsys.readouterr().out == "12 months\na\\x1b[31m \\udcfc\n"


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such names")
def test_names_are_escaped_for_people_and_kept_for_programs(tmp_path: Path) -> None:
    film = tmp_path / ODD
    film.write_bytes(hand())
    shown = "a\\x1b[31m\\nb.png"
    assert shown in done("predict", film).out.splitlines()[0]
    assert "\x1b" not in done("predict", film).out
    assert ODD.encode("unicode_escape").decode().replace("\\x1b", "\\u001b") in done("predict", film, "--json").out
    done("predict", film, "--csv", tmp_path / "out.csv")
    assert ODD in (tmp_path / "out.csv").read_text()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with names are POSIX")
def test_a_pipe_gets_each_row_at_once(tmp_path: Path) -> None:
    """The second film is a pipe that the test opens only after it has got the first row."""
    pipe = tmp_path / "rows"
    os.mkfifo(pipe)
    code = """
import sys
from pathlib import Path
from boneage.apps.render import writing
from boneage.reading.batch import Item
from boneage.types import Failure
with writing(Path(sys.argv[1]), [], []) as write:
    write(Item("a", None, None), Failure("a", "a.png", "gone"), None)
    sys.stdin.read()
    write(Item("b", None, None), Failure("b", "b.png", "gone"), None)
"""
    with (
        subprocess.Popen([sys.executable, "-c", code, str(pipe)], stdin=subprocess.PIPE) as writer,
        pipe.open() as rows,
    ):
        assert rows.readline().startswith("id,file,")
        assert rows.readline().startswith("a,a.png,")
        assert writer.stdin
        writer.stdin.close()
        assert rows.readline().startswith("b,b.png,")
        assert rows.readline() == ""
    assert writer.returncode == 0
