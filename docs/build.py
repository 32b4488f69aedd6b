"""Write what must not be written by hand: docs/cli.md, docs/results.md, docs/curves.md, docs/conformance.md and the
README's table.

python docs/build.py           writes them
python docs/build.py --check   exits with 1 if they are not up to date
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import typer
from conformance import conformance
from region_tables import regions
from tables import TABLES, curves, models_table
from typer.testing import CliRunner

from boneage.apps.cli import app

DOCS = Path(__file__).parent
README = DOCS.parent / "README.md"
BEGIN, END = "<!-- results -->", "<!-- /results -->"


def command_line() -> str:
    """Every command's own help."""
    parts = ["# The command line\n\nWritten by `docs/build.py` from the program itself.\n"]
    for words in [[], *_commands(app, [])]:
        got = CliRunner().invoke(app, [*words, "--help"], prog_name="boneage", env={"COLUMNS": "100", "TERM": "dumb"})
        lines = [line.rstrip() for line in got.output.strip().splitlines()]
        parts.append(f"## {' '.join(['boneage', *words])}\n\n```\n" + "\n".join(lines) + "\n```\n")
    return "\n".join(parts)


def _commands(group: typer.Typer, path: list[str]) -> list[list[str]]:
    names = [command.name or command.callback.__name__ for command in group.registered_commands if command.callback]
    found = [[*path, name] for name in names]
    for child in group.registered_groups:
        below = [*path, str(child.name)]
        found += [below, *_commands(child.typer_instance, below)] if child.typer_instance else []
    return found


def results() -> str:
    """docs/results.md: the template with every {{name}} replaced by what was measured."""
    text = (DOCS / "results.template.md").read_text()
    worded = TABLES | {"regions": regions}
    return re.sub(r"\{\{(\w+)\}\}", lambda name: worded[name[1]](), text)


def epochs() -> str:
    """docs/curves.md: what every committed training run wrote after each epoch."""
    head = (
        "# Training curves\n\nWritten by `docs/build.py` from `docs/results/curve_NAME.jsonl`, the `log.jsonl` of one "
        "run of each recipe. The validation error is of 1,000 validation films, which were read after some of the "
        "epochs. Which machine trained what: [results](results.md)."
    )
    return f"{head}\n\n{curves()}\n"


def readme() -> str:
    """The README with its table of the shipped weights' results renewed."""
    text = README.read_text()
    before, after = text[: text.index(BEGIN) + len(BEGIN)], text[text.index(END) :]
    return f"{before}\n{models_table()}\n{after}"


def main() -> None:
    written = {DOCS / "cli.md": command_line(), DOCS / "results.md": results(), DOCS / "curves.md": epochs()}
    written[DOCS / "conformance.md"] = conformance()
    written[README] = readme()
    if "--check" in sys.argv:
        stale = [path.name for path, text in written.items() if not path.exists() or path.read_text() != text]
        sys.exit(f"not up to date: {', '.join(stale)}; run python docs/build.py" if stale else 0)
    for path, text in written.items():
        path.write_text(text)


if __name__ == "__main__":
    main()
