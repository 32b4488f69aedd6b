"""The montage: every joint in the middle of its own tile, upright, whatever the film and the fingers do."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from boneage import Radiograph, Sex
from boneage.config import CELLS, PrepareConfig
from boneage.data.phantom import draw
from boneage.errors import BadConfig
from boneage.hand.joints import TALLER, TILES, places
from boneage.hand.landmarks import LANDMARKS, apply, fitted, invert
from boneage.hand.locate import WHOLE, Hand, locator
from boneage.hand.prepare import analyse, origins, parts, prepare, render

SPEC = PrepareConfig(size=128, hand=True, joints=True)
TURNED = np.array([[0.1, -0.8, 0.9], [0.7, 0.2, 0.1]])  # a film on its side, squashed


def hand(points: np.ndarray, film: np.ndarray = WHOLE) -> Hand:
    on_film = apply(film, points)
    return Hand(on_film, np.ones(len(points)), 0.0, fitted(locator().template, on_film))


def picture(months: float = 110) -> Radiograph:
    pixels = draw(np.random.default_rng(4), months=months, sex=Sex.FEMALE, size=300).pixels / np.float32(255)
    return Radiograph(pixels, "hand.png", "0" * 64, "PNG")


def test_the_tiles_cover_the_montage_once() -> None:
    covered = np.zeros((CELLS, CELLS), int)
    for tile in TILES:
        covered[tile.part(1)] += 1
    assert (covered == 1).all()
    assert [part.mirrored for part in parts(SPEC)] == [True] * len(TILES)
    assert [(part.rows, part.columns) for part in parts(SPEC)] == [tile.part(128 // CELLS) for tile in TILES]
    assert len(parts(SPEC.in_one)) == 1


def test_each_joint_is_in_the_middle_of_its_tile_and_points_upwards() -> None:
    points = locator().template
    for tile, place in zip(TILES, places(hand(points)), strict=True):
        middle, beyond = (points[LANDMARKS.index(name)] for name in (tile.middle, tile.beyond))
        x, y = apply(invert(place), np.stack([middle, beyond])).T
        assert (x[0], y[0]) == (pytest.approx(0.5, abs=1e-6), pytest.approx(0.5 + tile.above / tile.side, abs=1e-6))
        assert y[1] < 0.5
        assert abs(x[1] - 0.5) < 0.35 * (0.5 - y[1])  # fingers bend a little from joint to joint


def test_the_tiles_do_not_depend_on_how_the_hand_lies_on_the_film() -> None:
    points = locator().template
    straight, turned = places(hand(points)), places(hand(points, TURNED))
    np.testing.assert_allclose(turned, straight, atol=1e-9)


def test_a_spread_finger_keeps_its_tiles() -> None:
    """The little finger turned about its knuckle: its tiles turn with it and show the same of it."""
    points, spread = locator().template, locator().template.copy()
    of_finger = [LANDMARKS.index(f"pinky_finger{number}") for number in (1, 2, 3, 4)]
    cos, sin = np.cos(0.2), np.sin(0.2)
    squeeze = np.array([1 / TALLER, 1.0])
    from_knuckle = (points[of_finger] - points[of_finger[0]]) * squeeze
    spread[of_finger] = points[of_finger[0]] + from_knuckle @ np.array([[cos, sin], [-sin, cos]]) / squeeze
    number = next(n for n, tile in enumerate(TILES) if tile.middle == "pinky_finger2")
    # the frame follows the fingers a little; in that same frame the tile shows the joint as before
    for one in (points, spread):
        place = places(Hand(one, np.ones(len(one)), 0.0, WHOLE))[number]
        inside = apply(invert(place), one[of_finger[:3]])
        np.testing.assert_allclose(inside[1], [0.5, 0.5], atol=1e-6)
        if one is points:
            before = inside
    np.testing.assert_allclose(inside, before, atol=1e-6)


def test_joints_are_about_twice_as_large_as_on_the_whole_hand() -> None:
    scales = [1 / CELLS / np.sqrt(np.linalg.det(place[:, :2])) for place in places(hand(locator().template))[1:]]
    assert 1.5 < min(scales) <= max(scales) < 2.2


def test_the_montage_is_the_same_of_a_turned_and_mirrored_film() -> None:
    film = picture()
    montage = prepare(film, SPEC)
    assert montage.shape == (128, 128)
    assert montage.dtype == np.uint8
    other = Radiograph(np.ascontiguousarray(np.rot90(film.pixels)[:, ::-1]), "hand.png", "0" * 64, "PNG")
    assert np.abs(montage.astype(int) - prepare(other, SPEC)).mean() < 10
    assert np.abs(montage.astype(int) - prepare(picture(months=30), SPEC)).mean() > 15


def test_a_large_film_shows_the_same_joints() -> None:
    film = picture()
    large = replace(film, pixels=cv2.resize(film.pixels, (1500, 1500), interpolation=cv2.INTER_LINEAR))
    assert np.abs(prepare(film, SPEC).astype(int) - prepare(large, SPEC)).mean() < 4


def test_joints_show_no_detail_that_the_networks_have_never_seen() -> None:
    """A checkerboard finer than a film of 300 pixels can hold, over a film of 1500, is grey on the joints."""
    pixels = cv2.resize(picture().pixels, (1500, 1500), interpolation=cv2.INTER_CUBIC).clip(0, 1)
    board = np.kron(np.indices((500, 500)).sum(0) % 2, np.ones((3, 3), np.float32))
    spec = PrepareConfig(size=512, hand=True, joints=True)
    found = analyse(pixels, spec)
    plain, fine = (
        render(replace(picture(), pixels=np.ascontiguousarray(film, np.float32)), found, spec).astype(float)
        for film in (pixels, pixels + 0.2 * (board - 0.5))
    )
    assert np.abs(fine - plain).mean() < 3  # more than 10 grey levels without


def test_every_pixel_says_where_it_is_on_the_whole_hand() -> None:
    film = picture()
    found = analyse(film.pixels, SPEC)
    where = origins(found, SPEC)
    assert where is not None
    hand = render(film, found, SPEC.in_one)
    again = cv2.remap(hand, where[..., 0], where[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    inside = ((where > 2) & (where < 125)).all(axis=-1)
    assert np.abs(again.astype(int) - render(film, found, SPEC))[inside].mean() < 8  # a little blurred
    assert origins(found, SPEC.in_one) is None


def test_without_a_hand_the_film_is_shown_whole() -> None:
    empty = Radiograph(np.random.default_rng(0).random((90, 120), np.float32), "noise.png", "0" * 64, "PNG")
    found = analyse(empty.pixels, SPEC)
    assert found.frame is None
    assert (render(empty, found, SPEC) == render(empty, found, SPEC.in_one)).all()
    where = origins(found, SPEC)
    assert where is not None
    assert (where[5, 9] == [9, 5]).all()


@pytest.mark.parametrize("wrong", [{"hand": False}, {"size": 126}])
def test_joints_need_a_hand_and_whole_cells(wrong: dict[str, int | bool]) -> None:
    with pytest.raises(BadConfig, match="joints needs"):
        PrepareConfig(**{"size": 128, "hand": True, "joints": True} | wrong)


def test_no_network_alone_sees_the_joints_beside_the_hand() -> None:
    with pytest.raises(BadConfig, match="beside needs"):
        PrepareConfig(size=128, hand=True, beside=True)
    with pytest.raises(BadConfig, match="each of their networks is trained without it"):
        replace(SPEC, beside=True).refuse_beside()
    SPEC.refuse_beside()


def test_beside_the_hand_are_its_joints() -> None:
    film, both = picture(), replace(SPEC, beside=True)
    assert (prepare(film, both) == np.hstack([prepare(film, SPEC.in_one), prepare(film, SPEC)])).all()
    hand, *joints = parts(both)
    assert (hand.rows, hand.columns, hand.mirrored) == (slice(0, 128), slice(0, 128), False)
    assert [part.columns.start - 128 for part in joints] == [part.columns.start for part in parts(SPEC)]
    found = analyse(film.pixels, both)
    where, of_joints = origins(found, both), origins(found, SPEC)
    assert where is not None
    assert of_joints is not None
    assert (where[:, 128:] == of_joints).all()
    assert (where[5, 9] == [9, 5]).all()


def test_from_the_film_as_it_is_a_cell_holds_more_than_from_its_thumbnail() -> None:
    """What bends from pixel to pixel, on a hand of 1,500 pixels: fineness counts only where the settings let it."""
    pixels = draw(np.random.default_rng(4), months=110, sex=Sex.FEMALE, size=1500).pixels / np.float32(255)
    native = PrepareConfig(size=768, hand=True, joints=True, finest=0)

    def bend(pixels: np.ndarray, spec: PrepareConfig) -> float:
        seen = prepare(Radiograph(pixels, "hand.png", "0" * 64, "PNG"), spec).astype(float)
        return float(np.abs(seen[1:-1] - (seen[2:] + seen[:-2]) / 2).mean())

    thumbnail = cv2.resize(pixels, (300, 300), interpolation=cv2.INTER_AREA)
    held = bend(pixels, native)
    assert held > 1.8 * bend(pixels, replace(native, finest=365))
    assert held > 1.8 * bend(thumbnail, native)
