from __future__ import annotations

from dataclasses import fields, replace

import cv2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from torch import Tensor

from boneage.config import PROBABILITIES, AugmentConfig
from boneage.models.head import resized
from boneage.training import augment as augmentation
from boneage.training.augment import ACROSS, NONE, augment, degraded, jpeg, plain

STRENGTHS = {  # each setting at a strength that must show
    "rotation": 20.0,
    "shift": 0.2,
    "zoom": 0.2,
    "aspect": 0.2,
    "shear": 0.2,
    "flip": 1.0,
    "gamma": 0.5,
    "contrast": 0.5,
    "brightness": 0.2,
    "noise": 0.1,
    "blur": 1.0,
    "coarse": 1.0,
    "grain": 1.0,
    "blocks": 1.0,
    "erase": 1.0,
    "marker": 1.0,
}
WARPS = ("rotation", "shift", "zoom", "aspect", "shear", "flip")
ONLY = {name: replace(NONE, **{name: strength}) for name, strength in STRENGTHS.items()}

AUGMENTED = AugmentConfig(
    **{"rotation": 20, "shift": 0.1, "zoom": 0.15, "aspect": 0.15, "shear": 0.05, "flip": 0.5, "gamma": 0.3},
    **{"contrast": 0.2, "brightness": 0.1, "noise": 0.03, "blur": 0.15, "erase": 0.2, "marker": 0.1},
)


def films(n: int = 8, side: int = 32) -> Tensor:
    return torch.randint(0, 256, (n, side, side), generator=torch.Generator().manual_seed(5), dtype=torch.uint8)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def flat(n: int, brightness: int, side: int = 32) -> Tensor:
    return torch.full((n, side, side), brightness, dtype=torch.uint8)


def as_bytes(x: Tensor) -> Tensor:
    return (x[:, 0] * 255).round().to(torch.uint8)


def changed(before: Tensor, after: Tensor) -> Tensor:
    """Which films differ."""
    return (before != after).flatten(1).any(1)


def test_every_setting_is_tried_here() -> None:
    assert list(STRENGTHS) == [field.name for field in fields(AugmentConfig)]


def test_no_strength_is_the_film_itself() -> None:
    x = augment(films(), NONE, seeded(), 32)
    assert torch.equal(x, films().unsqueeze(1).float() / 255)
    assert torch.equal(x, plain(films(), 32))


@pytest.mark.parametrize("name", STRENGTHS)
def test_each_strength_alone_changes_films_and_keeps_the_contract(name: str) -> None:
    original = films()
    x = augment(original, ONLY[name], seeded(), 32)
    assert x.shape == (8, 1, 32, 32)
    assert x.dtype == torch.float32
    assert 0 <= x.min() <= x.max() <= 1
    assert changed(plain(original, 32), x).sum() >= 7
    assert torch.equal(original, films())  # the cached bytes stay


@pytest.mark.parametrize("name", STRENGTHS)
def test_is_decided_by_its_generator_alone(name: str) -> None:
    torch.manual_seed(1)
    first = augment(films(), ONLY[name], seeded(3), 32)
    torch.manual_seed(2)
    assert torch.equal(first, augment(films(), ONLY[name], seeded(3), 32))
    if name not in ("flip", "blur"):  # at a probability of one these have nothing to draw
        assert not torch.equal(first, augment(films(), ONLY[name], seeded(4), 32))


@settings(max_examples=20)
@given(st.integers(0, 2**32), st.floats(0, 3))
def test_any_strength_stays_in_range(seed: int, factor: float) -> None:
    scaled = {f.name: getattr(AUGMENTED, f.name) * factor for f in fields(AUGMENTED)}
    for name in PROBABILITIES:
        scaled[name] = min(1.0, scaled[name])
    x = augment(films(4, 16), AugmentConfig(**scaled), seeded(seed), 16)
    assert 0 <= x.min() <= x.max() <= 1


@pytest.mark.parametrize("config", [NONE, AUGMENTED], ids=["plain", "augmented"])
@pytest.mark.parametrize("size", [16, 24, 48])
def test_another_size_keeps_the_picture(config: AugmentConfig, size: int) -> None:
    half = flat(2, 0, 32)
    half[:, :, 16:] = 200
    config = replace(config, flip=0.0, rotation=0.0, marker=0.0, erase=0.0)
    x = augment(half, config, seeded(), size)
    assert x.shape == (2, 1, size, size)
    assert x[..., size // 2 + 4 :].mean() > x[..., : size // 2 - 4].mean() + 0.3


def test_smaller_films_are_means_not_samples() -> None:
    stripes = flat(1, 0)
    stripes[:, :, ::2] = 255
    assert plain(stripes, 16)[..., 2:-2].std() < 0.01


def test_flip_mirrors_exactly() -> None:
    assert torch.equal(as_bytes(augment(films(), ONLY["flip"], seeded(), 32)), films().flip(-1))


def test_flip_falls_on_its_share() -> None:
    x = as_bytes(augment(films(200), replace(NONE, flip=0.25), seeded(), 32))
    mirrored = ~changed(x, films(200).flip(-1))
    assert (mirrored | ~changed(x, films(200))).all()
    assert 30 < mirrored.sum() < 70


@pytest.mark.parametrize("name", ["shift", "rotation", "shear"])
def test_what_comes_in_from_outside_is_black(name: str) -> None:
    x = augment(flat(20, 255), ONLY[name], seeded(), 32)
    assert (x.amin((1, 2, 3)) == 0).sum() >= 12
    assert (x.amax((1, 2, 3)) == 1).all()


@pytest.mark.parametrize("name", ["rotation", "zoom", "aspect", "shear"])
def test_a_warp_without_shift_keeps_the_middle(name: str) -> None:
    dot = flat(20, 0, 33)
    dot[:, 15:18, 15:18] = 255
    x = augment(dot, ONLY[name], seeded(), 33)
    assert (x[:, 0, 16, 16] > 0.99).all()


@pytest.mark.parametrize(("name", "reach"), [("shift", 0.2), ("zoom", 0.2)])
def test_a_warp_reaches_as_far_as_configured_and_no_further(name: str, reach: float) -> None:
    """A bright column at a quarter of the side, followed across: by shifts, and by zooms about the middle."""
    side = 100
    column = flat(200, 0, side)
    column[:, :, 24:26] = 255
    profile = augment(column, ONLY[name], seeded(), side).mean((1, 2))
    places = (profile * (torch.arange(side) + 0.5)).sum(1) / profile.sum(1) / side
    moved = (places - 0.25) if name == "shift" else ((0.5 - places) / 0.25).log()
    assert moved.abs().max() == pytest.approx(reach, rel=0.05)
    assert abs(moved.mean()) < 0.15 * reach


def test_rotation_turns_without_stretching() -> None:
    side = 61
    dot = flat(100, 0, side)
    dot[:, 29:32, 49:52] = 255  # 20 pixels to the right of the middle
    x = augment(dot, ONLY["rotation"], seeded(), side)[:, 0]
    at = torch.arange(side) - 30.0
    down, right = (x.sum(2) * at).sum(1) / x.sum((1, 2)), (x.sum(1) * at).sum(1) / x.sum((1, 2))
    torch.testing.assert_close(torch.hypot(down, right), torch.full((100,), 20.0), atol=0.3, rtol=0)
    angles = torch.atan2(down, right).rad2deg()
    assert angles.abs().max() == pytest.approx(20, abs=1)
    assert angles.min() < -15
    assert angles.max() > 15


def test_gamma_keeps_black_and_white() -> None:
    ends = torch.cat([flat(4, 0), flat(4, 255)])
    x = augment(ends, ONLY["gamma"], seeded(), 32)
    torch.testing.assert_close(x, plain(ends, 32), atol=1e-3, rtol=0)


def test_contrast_keeps_mid_grey_and_brightness_moves_it_as_far_as_configured() -> None:
    grey = flat(200, 128)
    torch.testing.assert_close(augment(grey, ONLY["contrast"], seeded(), 32), plain(grey, 32), atol=2e-3, rtol=0)
    moved = (augment(grey, ONLY["brightness"], seeded(), 32) - plain(grey, 32)).mean((1, 2, 3))
    assert moved.abs().max() == pytest.approx(0.2, abs=0.01)


def test_noise_has_at_most_the_configured_deviation() -> None:
    deviations = augment(flat(100, 128), ONLY["noise"], seeded(), 32).std((1, 2, 3))
    assert 0.08 < deviations.max() < 0.11
    assert deviations.min() < 0.02


def test_fewer_pixels_lose_the_detail_and_keep_the_rest() -> None:
    board = (torch.arange(64)[:, None] + torch.arange(64)) % 2 * 255
    halves = torch.cat([torch.full((64, 32), 40), torch.full((64, 32), 200)], 1)
    x = augment(torch.stack([board, halves]).to(torch.uint8), ONLY["coarse"], seeded(), 64)[:, 0]
    assert x[0, 8:-8, 8:-8].std() < 0.25
    torch.testing.assert_close(x[1, :, 4:24], torch.full((64, 20), 40 / 255), atol=0.01, rtol=0)
    torch.testing.assert_close(x[1, :, 40:60], torch.full((64, 20), 200 / 255), atol=0.01, rtol=0)


def test_blur_is_a_mean_over_neighbours() -> None:
    dot = flat(1, 0)
    dot[:, 10, 10] = 255
    x = augment(dot, ONLY["blur"], seeded(), 32)[0, 0]
    torch.testing.assert_close(x[9:12, 9:12], torch.full((3, 3), 1 / 9))
    assert x.sum() == pytest.approx(1, abs=1e-5)


def test_the_grain_of_dim_films_is_as_strong_as_it_gets_there() -> None:
    deviations = augment(flat(200, 128), ONLY["grain"], seeded(), 32).std((1, 2, 3))
    assert 0.028 < deviations.min() < 0.04
    assert 0.2 < deviations.max() < 0.3


@pytest.mark.parametrize("quality", [25, 50])
def test_blocks_are_those_of_a_jpeg(quality: int) -> None:
    film = resized(films(1, 8).unsqueeze(1).float(), 64).clamp_(0, 255).round()
    file = cv2.imencode(".jpg", film[0, 0].byte().numpy(), [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    expected = torch.from_numpy(cv2.imdecode(file, cv2.IMREAD_GRAYSCALE)).float()
    made = jpeg(film / 255, torch.full((1, 1, 1, 1), 50 / quality))[0, 0] * 255
    assert (made.clamp(0, 255) - expected).abs().mean() < 1  # rounded to bytes, the steps too
    assert (film[0, 0] - expected).abs().mean() > 1.5


def test_blocks_may_lie_off_the_corner() -> None:
    film = flat(1, 0).unsqueeze(1).float()
    film[..., 3:] = 1
    coarser = torch.full((1, 1, 1, 1), 4.0)
    on_the_edge, across_it = jpeg(film, coarser, corner=5)[0, 0, 0], jpeg(film, coarser)[0, 0, 0]
    assert on_the_edge[:3].std() < 1e-5
    assert on_the_edge[3:].std() < 1e-5
    assert across_it[:3].std() > 0.01


@pytest.mark.parametrize("name", ["marker", "erase", "blur", "coarse", "grain", "blocks"])
def test_changes_where_the_dice_fall_and_nowhere_else(name: str) -> None:
    many = films(200)
    moved = changed(plain(many, 32), augment(many, replace(NONE, **{name: 0.25}), seeded(), 32))
    assert 30 < moved.sum() < 70
    assert not changed(plain(many, 32), augment(many, replace(NONE, **{name: 1e-12}), seeded(), 32)).any()
    assert changed(plain(many, 32), augment(many, replace(NONE, **{name: 1.0}), seeded(), 32)).all()


def test_no_film_is_asked_to_change_where_the_dice_fall_on_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Resizing no film at all is an error on a GPU."""
    monkeypatch.setattr("boneage.training.augment.coarse", lambda *_: pytest.fail("asked to change no film"))
    augment(films(), replace(NONE, coarse=1e-12), seeded(), 32)


@pytest.mark.parametrize(("name", "largest"), [("erase", 0.24), ("marker", 0.14)])
def test_rectangles_stay_small_and_leave_the_rest(name: str, largest: float) -> None:
    before = flat(50, 128, 64)
    moved = (augment(before, ONLY[name], seeded(), 64) != plain(before, 64))[:, 0]
    for film in moved:
        rows, columns = film.any(1).nonzero().flatten(), film.any(0).nonzero().flatten()
        height, width = len(rows) / 64, len(columns) / 64
        assert 0 < height <= largest + 1 / 64
        assert 0 < width <= largest + 1 / 64
        assert film[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()  # one whole rectangle


def test_an_erased_rectangle_has_one_grey() -> None:
    x = augment(films(20), ONLY["erase"], seeded(), 32)
    for film, original in zip(x, plain(films(20), 32), strict=True):
        assert len(film[film != original].unique()) == 1


def test_a_marker_is_bright_on_a_dark_plate() -> None:
    x = augment(flat(50, 128, 64), ONLY["marker"], seeded(), 64)
    for film in x:
        values = film.unique().tolist()
        assert values == pytest.approx([0.35 * 128 / 255 + 0.12, 128 / 255, 1.0], abs=1e-5)


def montages(n: int) -> Tensor:
    """Each cell of one grey, the wrist's four of another."""
    greys = torch.arange(40, 200, 10, dtype=torch.uint8).view(4, 4).clone()
    greys[:2, :2] = 250
    return greys.repeat_interleave(8, 0).repeat_interleave(8, 1).expand(n, -1, -1).contiguous()


@pytest.mark.parametrize("name", [name for name in WARPS if name != "flip"])
def test_of_a_montage_no_joint_comes_into_the_tile_of_another(name):
    assert torch.equal(as_bytes(augment(montages(6), ONLY[name], seeded(), 32, montages=True)), montages(6))


def test_the_joints_of_a_montage_are_warped_each_on_its_own():
    film = torch.randint(0, 256, (8, 8), generator=seeded(), dtype=torch.uint8).repeat(
        1, 4, 4
    )  # sixteen times the same
    x = augment(film, ONLY["shift"], seeded(), 32, montages=True)[0, 0]
    joints = [x[row : row + 8, column : column + 8] for row, column in ((0, 16), (8, 24), (16, 0), (24, 24))]
    assert all(not torch.equal(joints[0], other) for other in joints[1:])
    assert augment(film, ONLY["shift"], seeded(), 16, montages=True).shape == (1, 1, 16, 16)


def test_worse_films_are_these_with_less_to_see() -> None:
    """A smooth film stays as it is but for noise; of a fine pattern less is left, the finer it is."""
    assert degraded(torch.zeros(0, 1, 32, 32), seeded()).shape == (0, 1, 32, 32)
    at = torch.arange(384)
    waves = {length: 0.5 + 0.3 * torch.sin(2 * torch.pi * at / length) for length in (3, 128)}
    left = {}
    for length, wave in waves.items():
        x = wave.expand(80, 1, 384, 384)
        worse = degraded(x, seeded(3), montages=True)
        assert worse.shape == x.shape
        assert 0 <= worse.min() < worse.max() <= 1
        phase = (wave - 0.5) / (wave - 0.5).square().sum() ** 0.5
        left[length] = ((worse - 0.5) @ phase).mean((1, 2)) / ((x - 0.5) @ phase).mean((1, 2))
    assert (left[128] > 0.9).all()
    assert (left[3] < 0.9).all()
    assert left[3].median() < 0.4


def test_worse_films_are_decided_by_their_generator_and_all_of_them_are_worse() -> None:
    x = torch.rand(80, 1, 384, 384, generator=seeded(1))
    worse = degraded(x, seeded(5))
    assert torch.equal(worse, degraded(x, seeded(5)))
    assert not torch.equal(worse, degraded(x, seeded(6)))
    assert changed(x, worse).all()


@pytest.mark.parametrize("montages", [False, True])
def test_worse_films_have_no_more_pixels_than_the_film(montages: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither do coarse ones have fewer than two fifths of those of the film."""
    sides: list[int] = []
    monkeypatch.setattr("boneage.training.augment.resized", lambda x, side: sides.append(side) or resized(x, side))
    degraded(torch.rand(200, 1, 384, 384, generator=seeded(1)), seeded(2), montages=montages)
    assert 0.4 * ACROSS[montages] < min(sides) < 0.55 * ACROSS[montages]
    assert 1.2 * ACROSS[montages] < max(sides) <= min(384, 1.5 * ACROSS[montages])
    assert all(side % 4 == 0 for side in sides)


@pytest.mark.parametrize("montages", [False, True])
def test_nothing_is_asked_of_the_device(montages: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a GPU each question waits for all that it has to do. The device "meta" has no answers, only shapes."""
    monkeypatch.setattr(augmentation, "_noise", lambda x, generator: torch.empty_like(x))
    seen = augment(films(8, 64).to("meta"), AugmentConfig(**STRENGTHS), seeded(), 32, montages=montages)
    assert (seen.device.type, seen.shape) == ("meta", (8, 1, 32, 32))
    assert degraded(seen, seeded(), montages=montages).shape == seen.shape
