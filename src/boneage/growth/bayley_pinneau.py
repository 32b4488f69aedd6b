"""Adult height by Bayley and Pinneau (1952): today's height over the share of adult height at this bone age.

The share stands in a table by sex, bone age and group: average where bone age and chronological age are less than a
year apart, else accelerated or retarded. The paper lists bone ages three months apart; between two of them the share is
interpolated linearly, for the nearest column alone would make the prediction jump by up to 2.8 cm. There is no table of
retarded boys beyond a bone age of 13 years, and no child is predicted outside the tables.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..types import Flag, Sex
from .child import Child
from .figure import Figure, Part
from .prediction import Ages, Method, predict
from .tables import TABLES, column
from .units import INCH, age_text

SHARES, ERRORS = "bayley_pinneau_1952", "bayley_pinneau_1952_errors"
GROUPS = ("retarded", "average", "accelerated")
YEAR = 12.0  # months between bone age and chronological age from which a child is not average


def group_of(bone_ages: Ages, ages: Ages) -> np.ndarray:
    """The place in `GROUPS` of each pair of bone age and chronological age, in months: int [n]."""
    apart = bone_ages - ages
    return 1 + (apart >= YEAR).astype(int) - (apart <= -YEAR).astype(int)


def shares(sex: Sex, groups: np.ndarray, bone_ages: Ages) -> np.ndarray:
    """Percent of the adult height that is reached at bone ages [n], by their groups [n]; NaN outside the tables."""
    found = np.full(bone_ages.shape, np.nan)
    for place, group in enumerate(GROUPS):
        rows = groups == place
        known, percent = _table(sex, group)
        found[rows] = np.interp(bone_ages[rows], known, percent, left=np.nan, right=np.nan)
    return found


def heights(child: Child, bone_ages: Ages, ages: Ages) -> np.ndarray:
    """Predicted adult heights [n] in cm for bone ages and chronological ages [n] in months; NaN outside the tables."""
    return child.known("stature_cm") * 100 / shares(child.sex, group_of(bone_ages, ages), bone_ages)


def errors(child: Child, ages: Ages) -> np.ndarray:
    """Standard deviations [n] in cm of the error at chronological ages [n]; NaN where none is published.

    The paper gives one of the children it was made from and one of those it was tried on: the larger is taken, and
    between its half years it is interpolated.
    """
    both = [column(ERRORS, child.sex, f"{sample}_sd_in") for sample in ("made_from", "tried_on")]
    known = column(ERRORS, child.sex, "age_months")
    return np.interp(ages, known, np.fmax(*both) * INCH, left=np.nan, right=np.nan)


def outside(child: Child) -> str:
    """Why the tables hold no value for a child."""
    bone_age, age = child.known("bone_age_months"), child.known("age_months")
    group = GROUPS[int(group_of(np.array([bone_age]), np.array([age]))[0])]
    known, _ = _table(child.sex, group)
    children = "boys" if child.sex is Sex.MALE else "girls"
    return (
        f"the table of {group} {children} covers bone ages of {age_text(known[0])} to {age_text(known[-1])},"
        f" not {age_text(bone_age)}"
    )


def remarks(child: Child, ages: Ages, open_to: Sequence[Part]) -> list[Flag]:
    """The flag of a reading that leaves more than one group open."""
    found = sorted(open_to, key=lambda part: -part.share)
    if not found:
        return []
    cases = [(f"{part.name} {part.share:.0%}", part.value) for part in found]
    said = ", ".join(f"{name}: {'no table' if value is None else f'{value:.1f} cm'}" for name, value in cases)
    return [Flag.warn("group_open", f"the reading leaves the group open ({said})")]


def parts(child: Child, bone_ages: Ages, ages: Ages) -> tuple[Part, ...]:
    """Each group that the reading leaves open, with its share and the height its table gives at the reading itself."""
    groups, found = group_of(bone_ages, ages), []
    bone_age, height = np.array([child.known("bone_age_months")]), child.known("stature_cm")
    for place in np.unique(groups):
        percent = float(shares(child.sex, np.array([place]), bone_age)[0])
        adult = None if np.isnan(percent) else round(max(height * 100 / percent, height), 2)
        found.append(Part(GROUPS[place], round(float((groups == place).mean()), 3), adult))
    return tuple(found) if len(found) > 1 else ()


def _table(sex: Sex, group: str) -> tuple[np.ndarray, np.ndarray]:
    return column(SHARES, sex, "skeletal_age_months", group), column(SHARES, sex, "percent", group)


METHOD = Method(
    "bayley_pinneau",
    "Bayley–Pinneau",
    "height today over the percentage of adult height that its table gives for the bone age and the group",
    TABLES[SHARES].source,
    "bone ages of boys: average 7 y 0 mo to 18 y 6 mo, accelerated 7 y 0 mo to 17 y 0 mo, retarded 6 y 0 mo to 13 y"
    " 0 mo; of girls: average 6 y 0 mo to 18 y 0 mo, accelerated 7 y 0 mo to 17 y 6 mo, retarded 6 y 0 mo to 17 y 0 mo",
    ("bone_age_months", "age_months", "height_cm"),
    heights,
    errors,
    "the method's error (tables IV and V, the larger of the two standard deviations)",
    outside,
    remarks,
    parts,
)


def figure(child: Child) -> Figure:
    """The adult height of a child by this method, or why there is none."""
    return predict(METHOD, child)
