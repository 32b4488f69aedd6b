"""Commands that read films: predict, info."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ...files import is_standard_output
from ..options import HandAskedFor, Images, Model, SexOfAll, Sources, announced, asked_for, report_outcomes


def predict(
    sources: Sources,
    model: Model = "default",
    sex: SexOfAll = None,
    as_json: Annotated[bool, typer.Option("--json", help="print a line of JSON for each film")] = False,
    csv: Annotated[Path | None, typer.Option(metavar="OUT", help="write a table of readings")] = None,
    images: Images = None,
    hand: HandAskedFor = None,
    force: Annotated[bool, typer.Option("--force", help="give an age to refused films too, marked as forced")] = False,
    heatmap: Annotated[
        Path | None, typer.Option(help="draw occlusion maps: a PNG, or a folder for several films")
    ] = None,
) -> None:
    """Read the bone age of films. A quality check refuses films that do not show a whole hand.

    Of a picture of two hands each is read.

    It exits with 0 if every film has an age, with 3 if a film was refused, and with 2 if one could not be read.
    """
    from ...progress import progress
    from ...reading.batch import read_and_explain
    from ...reading.predictor import Predictor
    from ..render import closing, drawing, show, writing

    films, notes = asked_for(sources, sex, images)
    predictor = Predictor.load(model)
    draw, outcomes = drawing(heatmap, predictor, films, as_text=not as_json), []
    quiet = len(films) == 1 or not csv
    with writing(csv, sources, films) as write, progress("reading", len(films), "films", quiet=quiet) as advance:
        side = hand and hand.code
        found = read_and_explain(predictor, films, hand=side, force=force, heatmaps=bool(heatmap), progress=advance)
        for film, result, explanation in announced(notes, found):
            write(film, result)
            show(result, as_json=as_json, as_text=not csv)
            draw(film, result, explanation)
            outcomes.append(result)
    if not as_json and not (csv and is_standard_output(csv)):
        print(closing(predictor))
    report_outcomes(outcomes, len(films), notes.after)


def info(model: Annotated[str | None, typer.Argument(help="a model; default: list what is installed")] = None) -> None:
    """Describe a model, or list weights, recipes and settings."""
    from ...reading.predictor import Predictor
    from ..render import installation

    print(json.dumps(Predictor.load(model).about, indent=2) if model else "\n".join(installation()))
