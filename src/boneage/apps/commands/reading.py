"""Commands that read films: predict, info."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from ...files import is_standard_output
from ..growth_options import (
    ChildsAge,
    ChildsHeight,
    ChildsWeight,
    FathersHeight,
    IsLying,
    MothersHeight,
    OwnChart,
)
from ..options import (
    AskedByRegion,
    HandAskedFor,
    Images,
    Model,
    SexOfAll,
    SiteFile,
    Sources,
    announced,
    asked_for,
    report_outcomes,
    tell,
)


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
    regions: AskedByRegion = False,
    site: SiteFile = None,
    age: ChildsAge = None,
    height: ChildsHeight = None,
    lying: IsLying = None,
    weight: ChildsWeight = None,
    mother: MothersHeight = None,
    father: FathersHeight = None,
    chart: OwnChart = None,
    growth: Annotated[
        bool, typer.Option("--growth", help="say what each age means for the child, also from the file alone")
    ] = False,
    follow_up: Annotated[
        bool, typer.Option("--follow-up", help="say what has changed between the films of one patient")
    ] = False,
) -> None:
    """Read the bone age of films. A quality check refuses films that do not show a whole hand.

    Of a picture of two hands each is read. With the child's age, height, weight and parents, here or as columns of a
    table, it says what the bone age means: deviation, height, and adult height by three methods.

    It exits with 0 if every film has an age, with 3 if a film was refused, and with 2 if one could not be read.
    """
    from ...progress import progress
    from ...reading.batch import read_and_explain
    from ...reading.predictor import Predictor
    from ...reading.regional import Regional
    from ..growth_asked import growths
    from ..render import closing, output, show_follow_ups

    films, notes = asked_for(sources, sex, images, (age, height, lying, weight, mother, father))
    predictor, grown, outcomes = Predictor.load(model, site=site), growths(films, chart, growth or follow_up), []
    regional = Regional.load() if regions else None
    work = partial(read_and_explain, hand=hand and hand.code, force=force, heatmaps=bool(heatmap), regional=regional)
    shown = output(predictor, films, sources, grown, csv=csv, heatmap=heatmap, as_json=as_json, regions=regions)
    with shown as take, progress("reading", len(films), "films", quiet=len(films) == 1 or not csv) as advance:
        for outcome in announced(notes, work(predictor, films, progress=advance)):
            take(*outcome)
            outcomes.append(outcome[1])
    show_follow_ups(grown if follow_up else None, as_json=as_json)
    if not as_json and not (csv and is_standard_output(csv)):
        tell(closing(predictor, regional))
    report_outcomes(outcomes, len(films), notes.after)


def info(model: Annotated[str | None, typer.Argument(help="a model; default: list what is installed")] = None) -> None:
    """Describe a model, or list weights, recipes and settings."""
    from ...reading.predictor import Predictor
    from ...reading.regional import NAME, Regional
    from ..render import installation

    about = model and (Regional.load().summary if model == NAME else Predictor.load(model).about)
    print(json.dumps(about, indent=2) if about else "\n".join(installation()))
