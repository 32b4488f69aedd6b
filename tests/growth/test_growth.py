"""The public names of the room, loaded when they are first used."""

from __future__ import annotations

import sys

import pytest
from command import child

from boneage import growth


def test_every_public_name_is_there() -> None:
    assert all(callable(getattr(growth, name)) for name in growth.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'adult'"):
        growth.adult  # noqa: B018


def test_the_command_line_loads_units_alone() -> None:
    code = "import sys, boneage.apps.cli; print(*sorted(m for m in sys.modules if m.startswith('boneage.growth')))"
    assert child(code=code).stdout.split() == ["boneage.growth", "boneage.growth.units"]
    assert sys.modules["boneage.growth"].__doc__
