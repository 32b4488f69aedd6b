"""The command line from a test: in this process where it can be, in a child where only a child proves it."""

from __future__ import annotations

import contextlib
import io
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from boneage.apps import cli

_PROGRESS = re.compile(r"^[a-z0-9_ ]+ \d+/\d+, \d.* min left")


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it wrote."""

    code: int
    out: str
    err: str


def boneage(*words: object) -> Ended:
    """``boneage WORDS`` as a shell would run it, but in this process."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with (
        mock.patch.object(sys, "argv", ["boneage", *map(str, words)]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            cli.main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
    return Ended(code, out.getvalue(), err.getvalue())


def done(*words: object) -> Ended:
    """The same, and it must succeed."""
    ended = boneage(*words)
    assert ended.code == 0, ended.err
    return ended


def refused(*words: object, naming: object = "", because: str = "") -> str:
    """The same, and it must end with code 2 and one sentence that names the file and the reason; returns that."""
    ended = boneage(*words)
    check_sentence(ended.code, ended.err, naming, because)
    return ended.err.strip()


def check_sentence(code: int, err: str, naming: object = "", because: str = "") -> None:
    """Code 2 and, besides the progress of work done before, one line on standard error."""
    assert code == 2, err
    lines = [line for line in err.splitlines() if not _PROGRESS.search(line)]
    assert len(lines) == 1, err
    assert lines[0].startswith("boneage: "), err
    assert str(naming) in lines[0], err
    assert because in lines[0], err


def child(*words: object, code: str = "from boneage.apps.cli import main; main()", **options: Any) -> Any:
    """``boneage WORDS`` in a process of its own; ``code`` may put something before it."""
    command = [sys.executable, "-c", code, *map(str, words)]
    return subprocess.run(command, **{"capture_output": True, "text": True, "timeout": 300} | options)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, hidden and temporary ones too."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
