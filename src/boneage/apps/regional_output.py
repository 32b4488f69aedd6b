"""Ages by region as text and as cells of a table."""

from __future__ import annotations

from ..growth.units import age_text
from ..hand.bone_regions import REGIONS
from ..types import RegionalAge, RegionalAges

_VALUES = ("months", "low", "high", "difference", "difference_sd", "usual_low", "usual_high", "unusual")
COLUMNS = (
    *(f"{region.key}_{name}" for region in REGIONS for name in _VALUES),
    *("regions_model", "regions_weights_sha256", "regions_reason"),
)
_NAMES = {region.key: region.name for region in REGIONS}


def regions_text(found: RegionalAges) -> str:
    """The ages of a hand by region as indented lines, the unusual ones marked."""
    lines = [f"  {_NAMES[age.region]}: {_told(age)}" for age in found.ages]
    model = f"  by region: model {found.model}, weights {found.weights_sha256[:12]}"
    return "\n".join([*(lines or [f"  no ages by region: {found.reason}"]), model])


def _told(age: RegionalAge) -> str:
    if age.bone_age_months is None or age.interval is None:
        return "not informative at this age"
    one = age.interval
    told = f"{age.bone_age_months:.1f} months ({age_text(age.bone_age_months)}, {one.level:.0%} "
    told += f"{one.low:.0f} to {one.high:.0f})"
    if age.difference_months is None or age.usual is None:
        return f"{told}; the rest of the hand is not informative"
    low, high = age.usual
    unusual = ", UNUSUAL: beyond what 1 in 100 films show" if age.is_unusual else ""
    return f"{told}; {age.difference_months:+.1f} against the rest, usually {low:+.0f} to {high:+.0f}{unusual}"


def cells(found: RegionalAges) -> dict[str, object]:
    """The ages by region as the cells of `COLUMNS`, empty where there is no number."""
    row: dict[str, object] = {"regions_model": found.model, "regions_weights_sha256": found.weights_sha256}
    row["regions_reason"] = found.reason or " ".join(
        f"{age.region}:not_informative" for age in found.ages if age.bone_age_months is None
    )
    for age in found.ages:
        low, high = (age.interval.low, age.interval.high) if age.interval else (None, None)
        ends = age.usual or (None, None)
        unusual = None if age.difference_months is None else str(age.is_unusual).lower()
        values = (age.bone_age_months, low, high, age.difference_months, age.difference_sd, *ends, unusual)
        row |= {f"{age.region}_{name}": value for name, value in zip(_VALUES, values, strict=True)}
    return {name: "" if value is None else value for name, value in row.items()}
