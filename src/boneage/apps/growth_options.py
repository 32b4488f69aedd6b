"""Options that tell of a child, for the commands that need them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from ..growth import units
from ..growth.units import Age, parent

T = TypeVar("T")


def parsed(read: Callable[[str], T]) -> Callable[[str], T]:
    """A parser of an option: what it cannot read is a mistake of the command line."""

    def parse(text: str) -> T:
        try:
            return read(text)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None

    return parse


def exact_age(text: str) -> Age:
    """An age in which whole years are no range. Raises ValueError as `units.age`."""
    return units.age(text, exact=True)


def sds_table(text: str) -> str:
    """The name of a table of bone ages. Raises ValueError for another."""
    from ..growth.reference import NAMES

    if text not in NAMES:
        raise ValueError(f"{text!r} is none of {', '.join(NAMES)}")
    return text


ChildsAge = Annotated[
    Age | None,
    typer.Option(
        "--age",
        parser=parsed(units.age),
        metavar="AGE",
        help="chronological age, as 10y4m, 10.5y or 124mo; 10y: a whole number of years, of which the middle is taken",
    ),
]
ChildsHeight = Annotated[
    float | None,
    typer.Option("--height", parser=parsed(units.height), metavar="HEIGHT", help="as 140.2, 55in or 4ft7in"),
]
ChildsWeight = Annotated[
    float | None, typer.Option("--weight", parser=parsed(units.weight), metavar="WEIGHT", help="as 35 or 77lb")
]
MothersHeight = Annotated[
    float | None, typer.Option("--mother", parser=parsed(parent), metavar="HEIGHT", help="the mother's height")
]
FathersHeight = Annotated[
    float | None, typer.Option("--father", parser=parsed(parent), metavar="HEIGHT", help="the father's height")
]
IsLying = Annotated[
    bool | None,
    typer.Option("--lying/--standing", help="how the height was measured; default: lying below two years of age"),
]
OwnChart = Annotated[
    Path | None,
    typer.Option(
        "--chart", metavar="TABLE", help="heights to compare with: columns sex, age_months, L, M, S; default: CDC 2000"
    ),
]
SdsTable = Annotated[
    str,
    typer.Option(
        "--sds-table", parser=parsed(sds_table), metavar="NAME", help="of bone ages: brush or greulich_pyle_1959"
    ),
]
