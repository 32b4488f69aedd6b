"""Growth as text, as cells of a table and as JSON, and the growth of the films that a command reads."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..files import refuse_overwriting, replacing
from ..growth.figure import Figure
from ..growth.result import Growth
from ..growth.units import age_text
from ..growth.velocity import Step
from ..table import harmless
from ..types import DISCLAIMER, Severity
from .options import tell

_FLAG = {Severity.NOTE: "note", Severity.WARN: "warning", Severity.REFUSE: "not given"}
_RANGED = (
    *("difference_months", "bone_age_sds", "height_sds", "target_height_cm"),
    *("bayley_pinneau_cm", "roche_wainer_thissen_cm", "khamis_guo_cm"),
)
_GIVEN = ("chronological_age_months", "age_half_width_months", "height_cm", "weight_kg", "mother_cm", "father_cm")
_MOVED = ("bone_age_velocity", "sds_change", "height_velocity_cm_a_year")
COLUMNS = (
    *_GIVEN,
    *(f"{name}{end}" for name in (*_RANGED, *_MOVED) for end in ("", "_low", "_high")),
    *("change", "growth_warnings", "not_given", "growth_tables"),
)


def growth_text(growth: Growth) -> str:
    """The growth of a child as indented lines, each figure with its range, and a line for each warning or refusal."""
    child = growth.child
    age = "not known" if child.age_months is None else age_text(child.age_months)
    width = f" ± {child.age_half_width_months:g} months" if child.age_half_width_months else ""
    lines = [f"  chronological age: {age}{width}"]
    for figure in growth.figures:
        lines.append(f"  {_title(figure)}: {_value(figure)}")
        lines += [f"    {name}: {part:.1f} cm with {share:.0%}" for name, part, share in _parts(figure)]
        said = [flag for flag in figure.flags if flag.severity is Severity.WARN]
        lines += [f"    {_FLAG[flag.severity]}: {flag.sentence}" for flag in said]
    return "\n".join([*lines, *map(step_text, growth.follow_up), f"  tables: {_tables(growth, ' ', ', ')}"])


def step_text(step: Step) -> str:
    """What has changed between two films, as indented lines."""
    apart = "" if step.months is None else f", {step.months:.1f} months"
    lines = [f"  from {step.first} to {step.second}{apart}:"]
    lines += [
        f"    {one.title}: {_value(one)}" for one in (step.bone_age_velocity, step.sds_change, step.height_velocity)
    ]
    if step.together:
        low, high = step.together
        lines.append(f"    velocity if both errors move together: {low:.2f} to {high:.2f}")
    if step.verdict:
        lines.append(f"    {step.verdict.sentence}")
    return "\n".join(lines)


def _title(figure: Figure) -> str:
    adult = figure.name in ("bayley_pinneau", "roche_wainer_thissen", "khamis_guo")
    return f"adult height by {figure.title}" if adult else figure.title


def _value(figure: Figure) -> str:
    if figure.value is None:
        return figure.refusal
    digits = 2 if figure.unit in ("SD", "years a year") else 1
    level = "" if figure.level is None else f"{figure.level:.0%} "
    ranged = "" if figure.low is None else f" ({level}{figure.low:.{digits}f} to {figure.high:.{digits}f})"
    return f"{figure.value:.{digits}f} {figure.unit}{ranged}"


def _parts(figure: Figure) -> list[tuple[str, float, float]]:
    return [(part.name, part.value, part.share) for part in figure.parts if part.value is not None]


def cells(growth: Growth) -> dict[str, object]:
    """The growth of a child as the cells of `COLUMNS`, empty where there is no number."""
    child, step = growth.child, growth.velocity
    row: dict[str, object] = {name: getattr(child, name, None) for name in _GIVEN} | {
        "chronological_age_months": child.age_months
    }
    moved = (step.bone_age_velocity, step.sds_change, step.height_velocity) if step else ()
    for name, figure in zip((*_RANGED, *_MOVED), (*growth.figures, *moved), strict=False):
        row |= {name: figure.value, f"{name}_low": figure.low, f"{name}_high": figure.high}
    every = (*growth.figures, *moved)
    row["change"] = step.verdict.code if step and step.verdict else None
    row["growth_warnings"] = " ".join(f"{one.name}:{flag.code}" for one in every for flag in _warnings(one))
    row["not_given"] = "; ".join(f"{one.name}: {one.refusal}" for one in every if one.refusal)
    row["growth_tables"] = _tables(growth, "=", " ")
    return {name: "" if value is None else value for name, value in row.items()}


def _tables(growth: Growth, equals: str, between: str) -> str:
    """The tables in use, each with the first digits of its SHA-256."""
    known = growth.tables.items()
    return between.join(f"{name.replace(' ', '_')}{equals}{sha256[:12]}" for name, sha256 in known)


def _warnings(figure: Figure) -> list[Any]:
    return [flag for flag in figure.flags if flag.severity is Severity.WARN]


def follow_up_line(number: int, steps: Sequence[Step]) -> str:
    """The follow-up of one patient as a line of JSON; the patient is a number, for an id is of no output."""
    return json.dumps({"patient": number, "follow_up": [step.to_dict() for step in steps]}, allow_nan=False)


def follow_up_text(number: int, steps: Sequence[Step]) -> str:
    """The follow-up of one patient as lines of text."""
    return "\n".join([f"patient {number}:", *map(step_text, steps)])


def print_growths(found: Sequence[tuple[str, Growth]], *, as_json: bool) -> None:
    """Print the growth of each child: a line of JSON with its name, or lines of text."""
    for name, growth in found:
        if as_json:
            print(json.dumps({"id": name} | growth.to_dict(), allow_nan=False))
        else:
            tell("\n".join([f"{name}: {_bone_age_text(growth)}", growth_text(growth)]))
    if not as_json:
        tell(DISCLAIMER)


def write_growths(path: Path, table: Path | None, found: Sequence[tuple[str, Growth]]) -> None:
    """Write the growth of each child as a row of a CSV. Raises CannotWrite for a path that cannot be written."""
    refuse_overwriting([path], [table] if table else [])
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ("id", "sex", "bone_age_months", *COLUMNS, "disclaimer"), lineterminator="\n")
        writer.writeheader()
        for name, growth in found:
            about = {"id": name, "sex": growth.child.sex.value, "bone_age_months": growth.child.bone_age_months}
            row = about | cells(growth) | {"disclaimer": growth.disclaimer}
            writer.writerow({key: harmless(value) for key, value in row.items()})


def _bone_age_text(growth: Growth) -> str:
    months = growth.child.bone_age_months
    return "no bone age" if months is None else f"bone age {months:.1f} months ({age_text(months)})"
