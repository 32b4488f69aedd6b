"""Commands of a study: agree, ratings, calibrate-site."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from ...types import DISCLAIMER
from ..options import Data, Groups, Images, need, say, tell


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


def ratings(
    session: Annotated[Path, typer.Argument(metavar="STUDY.toml|GALLERY", help="a reading session or a quiz")],
    record: Annotated[str, typer.Option(metavar="FILE|URL", help="where serve kept the answers")],
    out: Annotated[Path, typer.Option(help="the table, CSV, as agree takes it")],
    record_key: Annotated[Path | None, typer.Option(help="key of the record; default: FILE.key")] = None,
) -> None:
    """Write what readers said in a reading session or a quiz as a table of ratings."""
    from ...clinic.record import Record
    from ...clinic.session_export import exported
    from ...clinic.sessions import open_quiz, open_study
    from ...files import text_bytes, write_bytes
    from ...study.ratings import to_csv

    with closing(Record.open(record, record_key, is_new=False)) as opened:
        found = exported((open_quiz if session.is_dir() else open_study)(session, opened))
    write_bytes(out, text_bytes(to_csv(found)))
    tell("\n".join(found.remarks))
    tell(f"{out}. {DISCLAIMER}")


def calibrate_site(
    model: Annotated[str, typer.Argument(help="a run folder, a model file or the name of installed weights")],
    folder: Data,
    out: Annotated[Path, typer.Option(help="the site file, JSON")],
    ratings: Annotated[
        Path | None, typer.Option(help="the films' ratings by several readers, a table as agree takes it")
    ] = None,
    images: Images = None,
) -> None:
    """Calibrate a model for one site on 100 and more of its films with its own ratings."""
    need("scipy")
    from ...data.dataset import open_folder
    from ...progress import progress
    from ...reading.predictor import Predictor
    from ...study.ratings import read_ratings
    from ...study.site import calibrate_site, sentences

    predictor, dataset = Predictor.load(model), open_folder(folder, images)
    rated = read_ratings(ratings) if ratings else None
    say(dataset.doubts)
    context = {"data": dataset.root.name, "table": dataset.table.name, "ratings": ratings.name if ratings else None}
    with progress("reading local films", len(dataset.samples), "films") as tick:
        found = calibrate_site(predictor, dataset.samples, out, ratings=rated, progress=tick, context=context)
    tell("\n".join(sentences(found)))
    tell(f"{out}. {DISCLAIMER}")
