"""The doorkeeper: who comes in, and who makes room."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import cast

import pytest

pytest.importorskip("pydantic", reason="the node needs boneage[dicom]")
pytest.importorskip("highdicom", reason="the node needs boneage[dicom]")

from boneage.apps.dicom.doorkeeper import NOT_LISTED, PUSHED_OUT, TOO_MANY, Doorkeeper, Visit
from boneage.apps.dicom.settings import Caller, NodeLimits

LIMITS = NodeLimits(per_peer=2, connections=3)


@dataclass
class Line:
    """A connection that says whether it was ended."""

    is_over: bool = False

    def shutdown(self, how: int) -> None:
        assert how == socket.SHUT_RDWR
        self.is_over = True


@dataclass
class Talk:
    """An association."""

    is_established: bool = True


def admitted(keeper: Doorkeeper, address: str) -> Visit | None:
    return keeper.admit(cast(socket.socket, Line()), address)


def test_only_listed_addresses_come_in() -> None:
    keeper = Doorkeeper([Caller("10.1.0.0/16"), Caller("::1", "A")], LIMITS)
    assert admitted(keeper, "10.1.2.3")
    assert admitted(keeper, "::1")
    assert admitted(keeper, "::ffff:10.1.9.9")
    assert admitted(keeper, "10.2.0.1") is None
    assert keeper.turned_away == {NOT_LISTED: 1}


def test_titles_belong_to_addresses() -> None:
    keeper = Doorkeeper([Caller("10.1.0.0/16", "CT"), Caller("10.1.2.3", "DX"), Caller("10.3.0.1")], LIMITS)
    assert [keeper.knows("10.1.2.3", title) for title in ("CT", "DX ", "MR")] == [True, True, False]
    assert not keeper.knows("10.1.2.4", "DX")
    assert keeper.knows("10.3.0.1", "WHATEVER")
    assert Doorkeeper([], LIMITS).knows("192.0.2.1", "X")


def test_the_oldest_that_is_no_association_makes_room() -> None:
    keeper = Doorkeeper([], LIMITS)
    talking, idle = admitted(keeper, "a"), admitted(keeper, "a")
    assert talking
    assert idle
    talking.association = Talk()
    new = admitted(keeper, "a")
    assert new
    assert (cast(Line, idle.connection).is_over, cast(Line, talking.connection).is_over) == (True, False)
    new.association = Talk()
    assert admitted(keeper, "a") is None
    assert keeper.turned_away == {PUSHED_OUT: 1, TOO_MANY: 1}
    keeper.leave(new)
    keeper.leave(new)
    assert admitted(keeper, "a")
    assert keeper.inside == 2


def test_all_together_are_no_more_than_the_limit() -> None:
    keeper = Doorkeeper([], LIMITS)
    for address in ("a", "b", "c"):
        visit = admitted(keeper, address)
        assert visit
        visit.association = Talk()
    assert admitted(keeper, "d") is None
