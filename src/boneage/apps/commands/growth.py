"""The command that needs no film: growth, of a bone age that is known already."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ...growth.units import Age
from ..growth_options import (
    ChildsAge,
    ChildsHeight,
    ChildsWeight,
    FathersHeight,
    IsLying,
    MothersHeight,
    OwnChart,
    SdsTable,
    exact_age,
    parsed,
)
from ..options import SexOfAll


def growth(
    table: Annotated[
        Path | None,
        typer.Argument(metavar="TABLE", help="children with bone ages; rows of one patient are a follow-up"),
    ] = None,
    sex: SexOfAll = None,
    age: ChildsAge = None,
    bone_age: Annotated[
        Age | None,
        typer.Option("--bone-age", parser=parsed(exact_age), metavar="AGE", help="by any program or reader, as 9y6m"),
    ] = None,
    bone_age_sd: Annotated[
        Age | None,
        typer.Option("--bone-age-sd", parser=parsed(exact_age), metavar="AGE", help="its standard error, as 7mo"),
    ] = None,
    height: ChildsHeight = None,
    lying: IsLying = None,
    weight: ChildsWeight = None,
    mother: MothersHeight = None,
    father: FathersHeight = None,
    chart: OwnChart = None,
    sds_table: SdsTable = "brush",
    as_json: Annotated[bool, typer.Option("--json", help="print a line of JSON for each child")] = False,
    csv: Annotated[Path | None, typer.Option(metavar="OUT", help="write a table")] = None,
) -> None:
    """Say what a known bone age means: deviation, height, adult height by three methods, and what has changed.

    Of one child by options, or of a table with the columns bone_age_months, sex, age_months, height_cm, weight_kg,
    mother_cm, father_cm, and for a follow-up patient and date; the table of boneage predict --csv is one.
    """
    from ..growth_asked import asked_of
    from ..growth_output import print_growths, write_growths

    told = (age, height, lying, weight, mother, father)
    found = asked_of(table, sex, told, (bone_age, bone_age_sd), chart, sds_table)
    if csv:
        write_growths(csv, table, found)
    if as_json or not csv:
        print_growths(found, as_json=as_json)
