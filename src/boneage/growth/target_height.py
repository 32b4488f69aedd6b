"""Target height: what the parents' heights alone let one expect (Tanner, Goldstein and Whitehouse 1970)."""

from __future__ import annotations

from ..types import Sex
from .child import Child
from .figure import Figure
from .prediction import known_of, missing_of

SEXES_APART = 13.0  # centimetres between men and women
REACH = 8.5  # centimetres to either side

_NEEDS = ("mother_cm", "father_cm")
_SOURCE = "Tanner JM, Goldstein H, Whitehouse RH. Arch Dis Child 1970;45:755-762"


def target_height(mother_cm: float, father_cm: float, sex: Sex) -> float:
    """The target height in cm: the mean of the parents after the one of the other sex is moved by 13 cm.

    Raises:
        ValueError: for an unknown sex.
    """
    if sex is Sex.UNKNOWN:
        raise ValueError("the target height needs the sex")
    return (mother_cm + father_cm + (SEXES_APART if sex is Sex.MALE else -SEXES_APART)) / 2


def figure(child: Child) -> Figure:
    """The target height of a child and its range, or why there is none."""
    about = (
        "target_height",
        "target height",
        "cm",
        "(mother + father + 13 cm for boys, – 13 cm for girls) / 2",
        _SOURCE,
        "children of both parents; it knows nothing of the child",
    )
    needs = known_of(child, _NEEDS)
    missing = missing_of(child, ("midparent_cm",))
    if missing:
        return Figure(*about, computed_from=needs, flags=(missing,))
    found = target_height(child.known("mother_cm"), child.known("father_cm"), child.sex)
    return Figure(
        *about,
        computed_from=needs,
        value=round(found, 2),
        low=round(found - REACH, 2),
        high=round(found + REACH, 2),
        range_of="the customary 8.5 cm to either side, about two standard deviations",
    )
