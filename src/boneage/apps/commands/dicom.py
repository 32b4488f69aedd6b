"""Commands that work with a hospital's systems: report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..options import REFUSED, Model, SexOfAll, need, say


def report(
    film: Annotated[Path, typer.Argument(metavar="FILE", help="a film, as a rule DICOM")],
    to: Annotated[Path, typer.Option("--to", help="the folder for the documents")],
    model: Model = "default",
    sex: SexOfAll = None,
    age: Annotated[
        float | None, typer.Option(min=0, max=1440, help="chronological age in months; default: as the file says")
    ] = None,
) -> None:
    """Read a film and write the documents that go back to its study: reports, picture and page, DICOM and FHIR.

    It exits with 3 if the film was refused; the documents then say why.
    """
    need("highdicom")
    from ...clinic.answering import case_of
    from ...clinic.answers import ReadingRequest
    from ...clinic.documents.bundle import write
    from ...images.guarded import read
    from ...reading.predictor import Predictor

    predictor = Predictor.load(model)
    case = case_of(predictor, read(film), ReadingRequest(sex=sex, chronological_age_months=age))
    paths, missing = write(case, to)
    print("\n".join(map(str, paths)))
    print(predictor.signature)
    say([missing] if missing else [])
    if case.months is None:
        raise typer.Exit(REFUSED)
