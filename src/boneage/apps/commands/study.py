"""Commands of a study: agree."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ...types import DISCLAIMER
from ..options import need, tell

Groups = Annotated[list[str] | None, typer.Option("--by", metavar="COLUMN", help="a column of groups; may be repeated")]


def agree(
    table: Annotated[Path, typer.Argument(help="a row a film and a column a reader; or columns reader and rating")],
    out: Annotated[Path, typer.Option(help="the folder for agreement.json, tables, plots and report.html")],
    program: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="a reader that is a program; may be repeated")
    ] = None,
    reader: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="use these readers only; may be repeated; default: all")
    ] = None,
    by: Groups = None,
    margin: Annotated[float, typer.Option(min=0, help="months by which a program may differ more than a reader")] = 1.0,
    resamples: Annotated[int, typer.Option(min=100, help="of the films, for intervals without a formula")] = 2000,
) -> None:
    """Measure how far readers and programs agree on the same films."""
    need("scipy")
    need("matplotlib")
    from ...study.agree import agree
    from ...study.agree_page import sentences

    groups = {"programs": program or (), "readers": reader or (), "by": by or ()}
    found = agree(table, out, **groups, margin=margin, resamples=resamples)
    tell("\n".join(sentences(found)))
    tell(f"{out / 'report.html'}. {DISCLAIMER}")
