"""Options that tell of a child."""

from __future__ import annotations

import pytest
import typer

from boneage.apps.growth_options import exact_age, parsed, sds_table
from boneage.growth import units
from boneage.growth.units import Age


def test_what_cannot_be_read_is_a_mistake_of_the_command_line() -> None:
    assert parsed(units.age)("10y4m") == Age(124)
    with pytest.raises(typer.BadParameter, match="is no age: write it with its unit"):
        parsed(units.age)("ten")


def test_a_bone_age_in_whole_years_is_exact() -> None:
    assert (exact_age("9y"), exact_age("9y7m")) == (Age(108), Age(115))


def test_a_table_of_bone_ages_has_one_of_two_names() -> None:
    assert sds_table("brush") == "brush"
    with pytest.raises(ValueError, match="none of brush, greulich_pyle_1959"):
        sds_table("tanner")
