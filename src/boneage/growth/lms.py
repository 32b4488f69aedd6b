"""Heights against a reference by age and sex: the LMS method (Cole and Green, Stat Med 1992;11:1305-1319).

The charts of the package are those of the CDC of 2000. Another chart, such as the WHO's, comes
from a file of one's own with the columns ``sex``, ``age_months`` (or ``age_years``), ``L``, ``M`` and ``S``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from statistics import NormalDist

import numpy as np

from ..errors import BadTable, OutsideReference
from ..table import number, records_of
from ..types import Flag, Sex
from . import tables
from .child import Child
from .distribution import ages, ranged
from .figure import Figure
from .prediction import known_of, missing_of
from .units import age_text

CENTILES = (3, 5, 10, 25, 50, 75, 90, 95, 97)
_Z = {one: NormalDist().inv_cdf(one / 100) for one in CENTILES}
_AGES = {"age_months": 1.0, "agemos": 1.0, "months": 1.0, "month": 1.0, "age_years": 12.0, "years": 12.0, "year": 12.0}
_SEXES = {"1": Sex.MALE, "2": Sex.FEMALE}  # as the CDC's own files have them


@dataclass(frozen=True)
class Chart:
    """Heights of children by age and sex.

    Attributes:
        name: for people.
        source: where the numbers come from.
        sha256: of the file.
        lms: by sex the ages in months, and L, M and S at them: float64 [4, rows].
    """

    name: str
    source: str
    sha256: str
    lms: Mapping[Sex, np.ndarray]

    def range_of(self, sex: Sex) -> tuple[float, float]:
        """The first and the last age in months. Raises OutsideReference for a sex that it lacks."""
        if sex not in self.lms:
            raise OutsideReference(f"{self.name} has no rows of this sex")
        return float(self.lms[sex][0, 0]), float(self.lms[sex][0, -1])

    def parameters(self, months: np.ndarray, sex: Sex) -> np.ndarray:
        """L, M and S at ages [n] in months, each linearly interpolated between rows: float64 [3, n].

        Raises:
            OutsideReference: for an age that the chart does not cover, or a sex that it lacks.
        """
        low, high = self.range_of(sex)
        if not (np.isfinite(months).all() and low <= months.min() and months.max() <= high):
            wrong = months[~((months >= low) & (months <= high))][0]
            raise OutsideReference(f"{self.name} covers {low:g} to {high:g} months of age, not {wrong:.1f}")
        rows = self.lms[sex]
        return np.stack([np.interp(months, rows[0], values) for values in rows[1:]])

    def sds(self, height_cm: float, months: np.ndarray, sex: Sex) -> np.ndarray:
        """Standard deviation scores [n] of a height at ages [n] in months. Raises OutsideReference as `parameters`."""
        power, median, variation = self.parameters(months, sex)
        ratio = height_cm / median
        flat = np.abs(power) < 1e-9
        bent = np.where(flat, 1.0, power)
        return np.where(flat, np.log(ratio), (ratio**bent - 1) / bent) / variation

    def heights(self, z: float, months: np.ndarray, sex: Sex) -> np.ndarray:
        """Heights [n] in cm at a standard deviation score, the inverse of `sds`. Raises OutsideReference as it."""
        power, median, variation = self.parameters(months, sex)
        flat = np.abs(power) < 1e-9
        bent = np.where(flat, 1.0, power)
        base = np.maximum(1 + bent * variation * z, 0.0)
        return median * np.where(flat, np.exp(variation * z), base ** (1 / bent))


@cache
def cdc(lying: bool) -> Chart:
    """The chart of recumbent length (to 35.5 months) or of stature (2 to 20 years) of the CDC of 2000."""
    name = "cdc_2000_length_for_age" if lying else "cdc_2000_stature_for_age"
    table = tables.TABLES[name]
    columns = ("age_months", "L", "M", "S")
    by_sex = {sex: np.stack([tables.column(name, sex, one) for one in columns]) for sex in (Sex.MALE, Sex.FEMALE)}
    return Chart(f"CDC 2000 {'length' if lying else 'stature'} for age", table.source, table.sha256, by_sex)


def read(path: Path) -> Chart:
    """A chart from a table of one's own, in any format that this program's tables have.

    Raises:
        BadTable: for a table without those columns, or with a number that is none or cannot be.
    """
    header, records = records_of(path)
    age = next((name for name in _AGES if name in header), None)
    if missing := [name for name in ("sex", "l", "m", "s") if name not in header] + ([] if age else ["age_months"]):
        raise BadTable(f"{path} is no LMS table: it has no column {', '.join(missing)}")
    by_sex: dict[Sex, list[list[float]]] = {}
    for line, row in records:
        values = [_number(path, line, row[name]) for name in (age or "", "l", "m", "s")]
        values[0] *= _AGES[age or ""]
        if min(values[0], values[2] - 1e-9, values[3] - 1e-9) < 0:
            raise BadTable(f"{path}, line {line}: an age below 0, or an M or S that is not above 0")
        by_sex.setdefault(_sex(path, line, row["sex"]), []).append(values)
    lms = {sex: _ascending(path, sex, np.array(values).T) for sex, values in by_sex.items()}
    return Chart(path.name, f"the file {path.name}", hashlib.sha256(path.read_bytes()).hexdigest(), lms)


def figure(child: Child, against: Chart) -> Figure:
    """The height of a child in standard deviations against a chart, or why it cannot be said."""
    about = (
        "height_sds",
        "height SDS",
        "SD",
        f"((height / M)^L – 1) / (L S), by {against.name}",
        against.source,
        _domain(against, child.sex),
    )
    needs = ("height_cm", "age_months")
    known = known_of(child, needs)
    missing = missing_of(child, needs)
    if missing:
        return Figure(*about, computed_from=known, flags=(missing,))
    height, age = child.known("height_cm"), child.known("age_months")
    try:
        found = against.sds(height, np.array([age]), child.sex)
        around = against.sds(height, ages(age, child.age_half_width_months), child.sex)
    except OutsideReference as error:
        return Figure(*about, computed_from=known, flags=(Flag.refuse("outside_table", str(error)),))
    reach = ranged(around, "the chronological age's width; height is taken for exact")
    return Figure(*about, value=round(float(found[0]), 2), computed_from=known, **reach)


def centiles(chart: Chart, sex: Sex, months: np.ndarray) -> dict[int, list[float]]:
    """Curves of a chart: heights in cm at ages [n], by centile. Raises OutsideReference as `Chart.parameters`."""
    return {one: [round(float(x), 2) for x in chart.heights(_Z[one], months, sex)] for one in CENTILES}


def _domain(chart: Chart, sex: Sex) -> str:
    if sex not in chart.lms:
        return "boys and girls"
    low, high = chart.range_of(sex)
    return f"ages of {age_text(low)} to {age_text(high)}"


def _number(path: Path, line: int, text: str) -> float:
    try:
        return number(text)
    except ValueError as error:
        raise BadTable(f"{path}, line {line}: {error}") from None


def _sex(path: Path, line: int, text: str) -> Sex:
    try:
        found = _SEXES.get(text) or Sex.parse(text)
    except ValueError:
        found = Sex.UNKNOWN
    if found is Sex.UNKNOWN:
        raise BadTable(f"{path}, line {line}: {text!r} is neither female nor male")
    return found


def _ascending(path: Path, sex: Sex, values: np.ndarray) -> np.ndarray:
    if len(values[0]) < 2 or not all(a < b for a, b in pairwise(values[0])):
        raise BadTable(f"{path}: the ages of {sex.value} rows do not rise from row to row")
    return values
