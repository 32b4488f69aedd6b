"""Commands that work with a hospital's systems: report, container, and node start, status, held and decide."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from ..options import REFUSED, AskedByRegion, Hand, HandAskedFor, Model, SexOfAll, need, say, tell


def report(
    film: Annotated[Path, typer.Argument(metavar="FILE", help="a film, as a rule DICOM")],
    to: Annotated[Path, typer.Option("--to", help="the folder for the documents")],
    model: Model = "default",
    sex: SexOfAll = None,
    hand: HandAskedFor = None,
    age: Annotated[
        float | None, typer.Option(min=0, max=1440, help="chronological age in months; default: as the file says")
    ] = None,
    regions: AskedByRegion = False,
) -> None:
    """Read a film and write the documents that go back to its study: reports, picture and page, DICOM and FHIR.

    Of a picture of two hands each has documents of its own. It exits with 3 if a film or a hand was refused; the
    documents then say why.
    """
    need("highdicom")
    from ...clinic.answering import cases_of
    from ...clinic.answers import ReadingRequest
    from ...clinic.documents.bundle import write
    from ...images.guarded import read
    from ...reading.predictor import Predictor
    from ...reading.regional import Regional

    predictor, regional = Predictor.load(model), Regional.load() if regions else None
    told = {"sex": sex, "chronological_age_months": age, "hand": hand}
    request = ReadingRequest.model_validate({name: value for name, value in told.items() if value is not None})
    cases = cases_of(predictor, read(film), request, regional)
    paths, missing = write(cases, to)
    tell("\n".join(map(str, paths)))
    tell(predictor.signature)
    say([missing] if missing else [])
    if any(case.months is None for case in cases):
        raise typer.Exit(REFUSED)


def container() -> None:
    """Read the films of a folder, as mercure, MONAI Deploy, Holoscan, XNAT and Kaapana start it, by their variables.

    It exits with 0 if every film has its documents, a refused one too, and with 2 if one could not be read.
    """
    need("highdicom")
    from ..container import contract, run

    outcome = run(contract(os.environ))
    tell(outcome.text)
    if outcome.failures:
        raise typer.Exit(2)


def start(
    settings: Annotated[Path, typer.Argument(metavar="FILE", help="the node's settings, TOML")],
    review: Annotated[
        bool, typer.Option("--review", help="hold results for a person to decide on, as hold = true does")
    ] = False,
) -> None:
    """Run a DICOM node: films in by C-STORE, documents out by C-STORE or STOW-RS."""
    need("pynetdicom")
    need("highdicom")
    from ...reading.predictor import Predictor
    from ..dicom.node import run
    from ..dicom.settings import load

    loaded = load(settings)
    loaded = replace(loaded, hold=loaded.hold or review)
    run(Predictor.load(loaded.model, threads=1), loaded)


def status(
    settings: Annotated[Path, typer.Argument(metavar="FILE", help="the node's settings, TOML")],
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Show what waits in a node's spool, and the last errors, whether or not the node runs."""
    need("highdicom")
    from ...clinic.spool_database import look
    from ..dicom.settings import load
    from ..dicom.status import text

    state = look(load(settings).spool)
    tell(json.dumps(state) if as_json else text(state))


def held(settings: Annotated[Path, typer.Argument(metavar="FILE", help="the node's settings, TOML")]) -> None:
    """List the films whose results a node holds for a person to decide on: key, reading, and where the film lies."""
    need("highdicom")
    from ...clinic.decisions import held
    from ...clinic.spool import FILMS
    from ..dicom.settings import load

    folder = load(settings).spool
    for one in held(folder):
        tell(f"{one.key[:12]}  {one.reading}  {folder / FILMS / one.key}.dcm")


def decide(
    settings: Annotated[Path, typer.Argument(metavar="FILE", help="the node's settings, TOML")],
    key: Annotated[str, typer.Argument(help="of the film, as boneage node held lists it")],
    verdict: Annotated[str, typer.Argument(help="accept, correct or reject")],
    observer: Annotated[str, typer.Option(help="the reviewer's name as DICOM writes it: Family^Given")],
    organisation: Annotated[str, typer.Option(help="the reviewer's")],
    bone_age: Annotated[float | None, typer.Option(min=0, max=300, help="to correct the age, in months")] = None,
    side: Annotated[Hand | None, typer.Option("--side", help="to correct the side of the body")] = None,
    part: Annotated[str | None, typer.Option(help="of a picture of two hands the one that is corrected")] = None,
    reason: Annotated[str, typer.Option(help="of a rejection")] = "",
) -> None:
    """Decide on a film that a node holds: its documents go out as verified or corrected, or not at all."""
    need("highdicom")
    from ...clinic.decisions import Decision, Verdict, decide
    from ...clinic.documents.case import Review
    from ..dicom.settings import load

    if verdict not in list(Verdict):
        raise typer.BadParameter(f"{verdict!r} is none of {', '.join(Verdict)}")
    at = datetime.now().replace(microsecond=0)
    review = Review(observer, organisation, at, bone_age, side and side.code, part)
    found = decide(load(settings).spool, key, Decision(Verdict(verdict), review, reason))
    tell(f"{found[:12]}: {verdict}, by {observer}")
