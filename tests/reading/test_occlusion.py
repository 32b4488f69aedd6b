"""The heat lies where the age comes from, and the regions lie on the joints they are named after."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from boneage import Predictor, Radiograph, Sex
from boneage.caption import LINE, MARGIN
from boneage.config import PrepareConfig
from boneage.data.phantom import draw
from boneage.hand.joints import TILES
from boneage.hand.landmarks import LANDMARKS, apply
from boneage.reading.occlusion import ROUNDS, Explanation, Veiled, explain, occlusion, over_film
from boneage.reading.regions import ELSEWHERE, REGIONS

SIDE = 96


def textured(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (SIDE, SIDE)).astype(np.uint8)


@pytest.mark.parametrize(("x", "y"), [(20, 24), (70, 30), (48, 80)])
def test_the_heat_is_where_the_answer_comes_from(x: int, y: int) -> None:
    """A reader that looks at one spot only: how rough it is there."""

    def months(squares: np.ndarray) -> np.ndarray:
        spots = squares[:, y - 4 : y + 4, x - 4 : x + 4].astype(np.float64)
        return spots.std(axis=(1, 2))

    heat = occlusion(months, Veiled(textured()))
    row, column = np.unravel_index(heat.argmax(), heat.shape)
    assert np.hypot(row - y, column - x) < SIDE / 6
    assert heat[y, x] > 5 * np.median(heat)


def test_what_tells_the_same_twice_is_marked_twice() -> None:
    """Either of two spots is enough for this reader: hiding one alone moves nothing, hiding both does."""
    spots = [(slice(10, 26), slice(10, 26)), (slice(70, 86), slice(70, 86))]

    def months(squares: np.ndarray) -> np.ndarray:
        rough = np.stack([squares[:, rows, columns].astype(float).std(axis=(1, 2)) for rows, columns in spots])
        return 0.1 * rough.sum(axis=0) + 10 * rough.max(axis=0)

    film = np.zeros((SIDE, SIDE), np.uint8)
    film[:] = textured()
    heat = occlusion(months, Veiled(film))
    marked = heat > 0.5
    assert all(marked[where].mean() > 0.5 for where in spots)
    assert marked.mean() < 0.4


def test_a_reader_that_looks_nowhere_leaves_no_heat() -> None:
    heat = occlusion(lambda squares: np.full(len(squares), 100.0), Veiled(textured()))
    assert (heat.shape, float(heat.max())) == ((SIDE, SIDE), 0.0)


def test_the_patches_that_move_least_are_not_asked_again() -> None:
    """36 patches, of which 2, 2 and 3 are hidden: the best 26 less 2 are asked again, then the best 17 less 2."""
    asked = 0

    def months(squares: np.ndarray) -> np.ndarray:
        nonlocal asked
        asked += len(squares)
        return squares.astype(float).std(axis=(1, 2))

    occlusion(months, Veiled(textured()))
    assert asked == (1 + 36) + (1 + 24) + (1 + 15)


def test_empty_parts_are_not_asked_about() -> None:
    asked = []

    def months(squares: np.ndarray) -> np.ndarray:
        asked.append(len(squares))
        return np.zeros(len(squares))

    film = np.zeros((SIDE, SIDE), np.uint8)
    occlusion(months, Veiled(film))
    assert sum(asked) <= 2 * len(ROUNDS)
    film[:24, :24] = textured()[:24, :24]
    asked.clear()
    occlusion(months, Veiled(film))
    assert 2 * len(ROUNDS) < sum(asked) < 50


def test_a_film_is_explained_and_drawn(tiny_model: Path) -> None:
    pixels = draw(np.random.default_rng(4), months=110, size=200).pixels / np.float32(255)
    film, predictor = Radiograph(pixels, "hand.png", "0" * 64, "PNG"), Predictor.load(tiny_model)
    found = explain(predictor, film, Sex.MALE)
    assert found.shares is not None
    assert found.heat.max() > 0
    drawn = cv2.imdecode(np.frombuffer(found.overlay("Model x. Research use only.", 160), np.uint8), cv2.IMREAD_COLOR)
    assert drawn is not None
    assert drawn.shape == (160 + 2 * LINE + MARGIN, 160, 3)
    assert drawn[160 : 160 + LINE].max() > 150 < drawn[160 + LINE :].max()
    empty = explain(predictor, Radiograph(np.zeros((90, 90), np.float32), "", "", ""), Sex.MALE)
    assert empty.shares is None
    assert not empty.heat.any()
    assert empty.overlay("")


@pytest.mark.parametrize("how", ["squash", "pad", "crop", "hand"])
def test_the_layer_lies_over_the_film_where_the_square_came_from(how: str) -> None:
    """The heat of a square that holds only one bright spot, read by its brightness, is over the spot of the film."""

    class Bright:
        spec = PrepareConfig(size=64, fit="squash" if how == "hand" else how, hand=how == "hand")

        def quick_prediction(self, squares, sexes):
            return squares[:, :, 44:].mean((1, 2)).astype(float)

    pixels = np.rot90(draw(np.random.default_rng(4), months=110, size=200).pixels / np.float32(255), -1)
    film = Radiograph(np.ascontiguousarray(pixels[:, 20:180]), "hand.png", "0" * 64, "PNG")
    found = over_film(Bright(), film, Sex.MALE)
    layer = cv2.imdecode(np.frombuffer(found.heat, np.uint8), cv2.IMREAD_UNCHANGED)
    assert layer is not None
    assert layer.shape == (200, 160, 4)
    rows, columns = (layer[..., 3].sum(axis=axis) for axis in (1, 0))
    down = (rows * np.arange(200)).sum() / rows.sum() / 200
    right = (columns * np.arange(160)).sum() / columns.sum() / 160
    assert (down if how == "hand" else right) > 0.55  # a hand on its side was brought upright to be read


@pytest.mark.parametrize("name", ["forefinger1", "pinky_finger2", "thumb3"])
def test_of_a_montage_the_heat_is_on_the_hand_where_the_joint_is(name: str) -> None:
    """A reader of one tile, by how rough it is there."""
    rows, columns = next(tile for tile in TILES if tile.middle == name).part(32)

    class OfOneJoint:
        spec = PrepareConfig(size=128, hand=True, joints=True)

        def quick_prediction(self, pictures, sexes):
            return pictures[:, rows, columns].astype(float).std((1, 2))

    pixels = draw(np.random.default_rng(4), months=110, size=300).pixels / np.float32(255)
    found = explain(OfOneJoint(), Radiograph(pixels, "hand.png", "0" * 64, "PNG"), Sex.MALE)
    assert found.points is not None
    x, y = (found.points[LANDMARKS.index(name)] * 128).astype(int)
    away = np.hypot(*(np.mgrid[:128, :128] - np.array([y, x])[:, None, None]))
    assert found.heat[y, x] > 0.7 * found.heat.max()
    assert found.heat[away > 50].mean() < 0.1 * found.heat.max()
    assert (found.film.square != found.film.picture).any()


@pytest.mark.parametrize("turns", [0, 1])
def test_the_outlines_lie_round_the_joints_they_are_named_after(tiny_model: Path, turns: int) -> None:
    """On a film upright or on its side, in fractions of the film; each joint is inside its own outline alone."""
    pixels = np.rot90(draw(np.random.default_rng(4), months=110, size=300).pixels / np.float32(255), turns)[:, 20:]
    film = Radiograph(np.ascontiguousarray(pixels), "hand.png", "0" * 64, "PNG")
    found = explain(Predictor.load(tiny_model), film, Sex.MALE)
    assert found.points is not None
    on_film = dict(zip(LANDMARKS, apply(found.place, found.points).astype(np.float32), strict=True))
    outlines = {region.name: [line.astype(np.float32) for line in region.outlines] for region in found.regions}
    assert outlines.pop(ELSEWHERE) == []
    fingers = ("forefinger", "middle_finger", "ring_finger", "pinky_finger")
    expected = {f"{finger}{row}": REGIONS[row + 1] for finger in fingers for row in (1, 2, 3)} | {"thumb1": "carpals"}
    for landmark, region in expected.items():
        x, y = map(float, on_film[landmark])
        inside = {
            name for name, some in outlines.items() for one in some if cv2.pointPolygonTest(one, (x, y), False) > 0
        }
        assert inside == {region}, landmark


def test_a_layer_follows_its_place() -> None:
    heat = np.zeros((64, 64), np.float32)
    heat[30:34, 46:50] = 3.0  # right of the middle
    quarter = np.array([[0.0, -1, 1], [1, 0, 0]])  # the square lies on its side on the film
    layer = Explanation(Veiled(np.zeros((64, 64), np.uint8)), heat, None, quarter).layer(128, 64)
    alpha = cv2.imdecode(np.frombuffer(layer, np.uint8), cv2.IMREAD_UNCHANGED)[..., 3]
    row, column = np.unravel_index(alpha.argmax(), alpha.shape)
    assert (row / 64, column / 128) == (pytest.approx(0.75, abs=0.05), pytest.approx(0.5, abs=0.05))


@pytest.mark.parametrize("side", [48, 96, 256, 384])
def test_hidden_parts_are_filled_with_an_ordinary_blur(side: int) -> None:
    square = np.random.default_rng(side).integers(0, 256, (side, side)).astype(np.uint8)
    everywhere = Veiled(square).hiding(np.ones((side, side), np.float32))
    np.testing.assert_array_equal(everywhere, cv2.GaussianBlur(square, (0, 0), side / 14))
