"""The command line: its commands in the order in which the help lists them."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable

import typer

from ..types import DISCLAIMER
from .commands import archive as archives
from .commands.clinic import serve
from .commands.data import check, demo, phantom, sheet
from .commands.dicom import container, decide, held, report, start, status
from .commands.evaluation import card, compare, evaluate, neighbours, robustness
from .commands.growth import growth
from .commands.reading import info, predict
from .commands.study import agree, calibrate_site, ratings
from .commands.training import calibrate, export, quantise, train
from .mistakes import mistakes_told
from .options import Version

app = typer.Typer(
    help=f"Bone age in months from hand radiographs. {DISCLAIMER}",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
data = typer.Typer(help="Check and show a data folder.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(data, name="data")
node = typer.Typer(help="A DICOM node for a hospital's systems.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(node, name="node")
archive = typer.Typer(
    help="Read an archive of any size, on one machine or many.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(archive, name="archive")

COMMANDS: tuple[Callable[..., None], ...] = (
    *(demo, phantom, train, evaluate, compare, robustness, card, agree, calibrate_site, predict, growth, neighbours),
    *(serve, ratings, report, container, export, quantise, calibrate, info),
)
for command in COMMANDS:
    app.command()(command)
for command in (check, sheet):
    data.command()(command)
for command in (start, status, held, decide):
    node.command()(command)
for command in (archives.plan, archives.run, archives.status, archives.merge):
    archive.command()(command)


@app.callback()
def program(version: Version = False) -> None:
    """What the program is asked before its commands."""


def main() -> None:
    """Run the program. A user's mistake gives one sentence on standard error and exit code 2."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # names of files may be in any encoding
    with mistakes_told():
        app(prog_name="boneage")


if __name__ == "__main__":
    main()
