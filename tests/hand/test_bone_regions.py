"""Regions as sets of pieces of the montage, and where they lie on it and on the film."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from boneage.config import CELLS
from boneage.hand.bone_regions import (
    KINDS,
    PIECES,
    REGIONS,
    TILE_PIECES,
    WHOLE,
    WRIST_PIECES,
    first_row,
    masks,
    outlines,
    question,
    questions,
    single_cells,
)
from boneage.hand.joints import TILES, montage
from boneage.hand.landmarks import FINGERS, LANDMARKS, apply, fitted
from boneage.hand.locate import WHOLE as WHOLE_FILM
from boneage.hand.locate import Hand, locator

OF = {region.key: region for region in REGIONS}


def hand(turned: np.ndarray = WHOLE_FILM) -> Hand:
    points = apply(turned, locator().template)
    return Hand(points, np.ones(len(points)), 0.0, fitted(locator().template, points))


def test_every_tile_but_the_wrists_is_a_piece_of_its_kind() -> None:
    assert [piece.name for piece in TILE_PIECES] == [tile.middle for tile in TILES[1:]]
    kinds = {piece.name: piece.kind for piece in TILE_PIECES}
    assert {kinds[f"{finger}1"] for finger in FINGERS[1:]} == {"MCP"}
    assert (kinds["thumb2"], kinds["thumb3"]) == ("MCP", "PIP")
    assert (kinds["middle_finger2"], kinds["middle_finger3"]) == ("PIP", "DIP")
    assert KINDS == ("carpals", "radius and ulna", "metacarpal bases", "MCP", "PIP", "DIP")


def test_the_single_cells_are_those_of_the_tiles() -> None:
    numbers = np.arange(CELLS**2).reshape(CELLS, CELLS)
    assert single_cells() == [int(numbers[tile.part(1)].item()) for tile in TILES[1:]]


def test_the_regions_are_what_they_are_called() -> None:
    assert OF["carpals"].pieces == ("carpals",)
    assert OF["ray_i"].pieces == ("thumb2", "thumb3")
    assert set(OF["ray_iii"].pieces) == {f"middle_finger{number}" for number in (1, 2, 3)}
    rays = sum(OF[f"ray_{number}"].shown.astype(int) for number in ("i", "ii", "iii", "iv", "v"))
    bases = np.array([piece.name == "metacarpal bases" for piece in PIECES])
    assert (rays + bases == OF["short_bones"].shown).all()
    assert (OF["radius_ulna_short"].shown == ~OF["carpals"].shown).all()
    assert (OF["radius_ulna_short"].shown == OF["short_bones"].shown | OF["radius_ulna"].shown).all()


def test_each_set_that_a_reading_needs_is_asked_for_once() -> None:
    asked = questions()
    assert len({tuple(row) for row in asked.tolist()}) == len(asked) == 17
    assert question(WHOLE) == 0
    for region in REGIONS:
        assert (asked[question(region.shown)] == region.shown).all()
        assert (asked[question(~region.shown)] == ~region.shown).all()
    with pytest.raises(IndexError):
        question(np.zeros(len(PIECES), bool))


@pytest.mark.parametrize("cell", [16, 80, 96])
def test_the_pieces_of_the_wrist_do_not_overlap_and_leave_little_out(cell: int) -> None:
    shown = np.zeros((2 * cell, 2 * cell), int)
    for piece, mask in zip(WRIST_PIECES, masks(cell), strict=True):
        top = first_row(piece, cell)
        assert 0 <= top <= cell
        shown[top : top + cell] += mask.astype(int)
        assert 0.3 < mask.mean() < 1, "a piece is a good part of its rectangle, and not all of it"
    rim = cv2.erode((shown > 1).astype(np.uint8), np.ones((3, 3), np.uint8))
    assert not rim.any(), "pieces share no more than the pixels of a line"
    assert (shown > 0).mean() > 0.85


def test_the_carpals_lie_between_the_metacarpals_and_the_radius() -> None:
    carpals, forearm, bases = (np.array(piece.outline) for piece in WRIST_PIECES)
    assert bases[:, 1].max() < forearm[:, 1].min()
    assert carpals[:, 1].min() > bases[:, 1].min()
    assert carpals[:, 1].max() < forearm[:, 1].max()
    shared = {tuple(corner) for corner in carpals.tolist()} & {tuple(corner) for corner in forearm.tolist()}
    assert len(shared) == 3, "the joint is one line"


@pytest.mark.parametrize("film", [WHOLE_FILM, np.array([[0.1, -0.8, 0.9], [0.7, 0.2, 0.1]])])
def test_outlines_lie_about_their_joints_on_the_film(film: np.ndarray) -> None:
    found = outlines(hand(film))
    assert set(found) == {"carpals", "radius_ulna", "ray_i", "ray_ii", "ray_iii", "ray_iv", "ray_v"}
    points = dict(zip(LANDMARKS, hand(film).points, strict=True))
    inside = {"ray_i": "thumb2", "ray_ii": "forefinger2", "ray_iii": "middle_finger3", "ray_v": "pinky_finger1"}
    for key, joint in inside.items():
        line = found[key].astype(np.float32)
        assert cv2.pointPolygonTest(line, points[joint].tolist(), False) > 0
        assert cv2.pointPolygonTest(line, points["wrist"].tolist(), False) < 0
    middle = found["carpals"].mean(axis=0)
    towards = (points["middle_finger1"] - points["wrist"]) @ (middle - found["radius_ulna"].mean(axis=0))
    assert towards > 0, "the carpals lie nearer to the fingers than the radius"


def test_outlines_follow_the_tiles_as_the_montage_is_cut() -> None:
    """A film that is black but for one spot: the spot is in the piece whose outline it lies in."""
    turned = np.array([[0.1, -0.8, 0.9], [0.7, 0.2, 0.1]])
    here, size = hand(turned), 256
    for key in ("carpals", "radius_ulna", "ray_iii"):
        x, y = outlines(here)[key].mean(axis=0)
        film = np.zeros((size, size), np.float32)
        cv2.circle(film, (round(x * size), round(y * size)), 5, 1.0, -1)
        cut = montage(film, here, 128, 0.0, 0)
        cell = 128 // CELLS
        wrist = {
            p.name: cut[first_row(p, cell) :][:cell, : 2 * cell] * m
            for p, m in zip(WRIST_PIECES, masks(cell), strict=True)
        }
        tiles = {p.name: cut[TILES[n + 1].part(cell)] for n, p in enumerate(TILE_PIECES)}
        brightest = max(wrist | tiles, key=lambda name: float((wrist | tiles)[name].sum()))
        assert brightest in OF[key].pieces
