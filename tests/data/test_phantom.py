"""The synthetic hands: the same seed is the same film, the label shows in the anatomy, the folder is RSNA's layout."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from places import RSNA

from boneage.data import phantom
from boneage.data.dataset import open_folder
from boneage.data.phantom import OLDEST, YOUNGEST, Phantom, draw, write_folder
from boneage.data.phantom_anatomy import BONES, CARPALS, Anatomy, grow
from boneage.errors import BadConfig, CannotWrite
from boneage.hand.landmarks import LANDMARKS
from boneage.types import Sex

SEXES = (Sex.FEMALE, Sex.MALE)


def film(seed: int = 0, **wanted: object) -> Phantom:
    return draw(np.random.default_rng(seed), **wanted)  # type: ignore[arg-type]


def mean(of: Callable[[Anatomy], float], months: float, sex: Sex, n: int = 12) -> float:
    return float(np.mean([of(grow(np.random.default_rng(seed), months, sex)) for seed in range(n)]))


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folder(tmp_path_factory.mktemp("phantoms") / "hands", 12, seed=5, size=64)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    months=st.floats(YOUNGEST, OLDEST),
    sex=st.sampled_from(SEXES),
    size=st.sampled_from((32, 97, 256)),
    plain=st.booleans(),
)
def test_every_film_is_whole(seed: int, months: float, sex: Sex, size: int, plain: bool) -> None:
    hand = film(seed, months=months, sex=sex, size=size, plain=plain)
    assert hand.pixels.shape == (size, size)
    assert hand.pixels.dtype == np.uint8
    assert (hand.months, hand.sex) == (months, sex)
    assert np.ptp(hand.pixels.astype(int)) >= 15
    assert hand.landmarks.shape == (len(LANDMARKS), 2) == (21, 2)
    assert (hand.landmarks >= 0).all()
    assert (hand.landmarks < size).all()


def test_a_seed_is_a_film() -> None:
    first, again, other = film(1), film(1), film(2)
    assert all(np.array_equal(getattr(first, f.name), getattr(again, f.name)) for f in fields(Phantom))
    assert not np.array_equal(first.pixels, other.pixels)


def test_exposure_pose_and_polarity_vary() -> None:
    films = [film(seed, size=64) for seed in range(100)]
    spans = [float(np.ptp(np.percentile(one.pixels, [2, 98]))) for one in films]
    assert min(spans) < 40
    assert max(spans) > 180
    assert {one.handedness for one in films} == {"left", "right"}
    assert {one.sex for one in films} == set(SEXES)
    ages = [one.months for one in films]
    assert min(ages) < 25
    assert max(ages) > 205


@pytest.mark.parametrize("handedness", ["left", "right"])
def test_the_thumb_is_on_its_side_and_the_fingers_point_up(handedness: str) -> None:
    hand = next(one for one in map(film, range(200)) if one.handedness == handedness)
    x, y = hand.landmarks.T
    assert (x[LANDMARKS.index("thumb4")] > x[LANDMARKS.index("pinky_finger4")]) == (handedness == "left")
    for base in range(5, 21, 4):
        assert (np.diff(y[base : base + 4]) < 0).all()


def test_the_joints_lie_on_bone_or_between_bones() -> None:
    hand = film(3, months=200.0, size=256, plain=True)
    x, y = hand.landmarks.round().astype(int).T
    tissue = hand.pixels[y, x]
    assert tissue.min() > 40, "a joint beside the hand"


def test_plain_films_differ_only_by_the_hand() -> None:
    one, two = film(1, months=100, sex=Sex.MALE, plain=True), film(2, months=100, sex=Sex.MALE, plain=True)
    assert one.handedness == two.handedness == "left"
    assert one.pixels[:5].max() == two.pixels[:5].max() == 0
    assert not np.array_equal(one.pixels, two.pixels)


@pytest.mark.parametrize("sex", SEXES)
def test_maturity_only_grows(sex: Sex) -> None:
    ages = (6, 15, 30, 48, 66, 90, 126)
    carpals = [mean(lambda hand: len(hand.carpals), age, sex) for age in ages]
    epiphyses = [mean(lambda hand: hand.epiphyses, age, sex) for age in ages]
    fused = [mean(lambda hand: hand.fused, age, sex) for age in (126, 160, 175, 190, 205, 228)]
    assert carpals == sorted(carpals)
    assert epiphyses == sorted(epiphyses)
    assert fused == sorted(fused)
    assert (carpals[0], round(carpals[-1])) == (2, len(CARPALS))
    assert epiphyses[-1] == len(BONES)
    assert (fused[0], round(fused[-1])) == (0, len(BONES))


@pytest.mark.parametrize(("age", "cue"), [(24, "epiphyses"), (56, "carpals"), (175, "fused")])
def test_girls_are_ahead_of_boys(age: float, cue: str) -> None:
    def count(hand: Anatomy) -> float:
        return len(hand.carpals) if cue == "carpals" else float(getattr(hand, cue))

    assert mean(count, age, Sex.FEMALE) > mean(count, age, Sex.MALE) + 1


def test_no_single_centre_tells_the_age() -> None:
    hands = [grow(np.random.default_rng(seed), 52, Sex.FEMALE) for seed in range(60)]
    assert len({hand.carpals for hand in hands}) >= 4


def test_hand_size_on_the_film_tells_little() -> None:
    hands = [film(seed, size=32) for seed in range(150)]
    height = [float(np.ptp(hand.landmarks[:, 1])) for hand in hands]
    assert abs(np.corrcoef(height, [hand.months for hand in hands])[0, 1]) < 0.6


def test_growing_bone_brightens_the_film() -> None:
    share = [
        np.mean([(film(s, months=m, sex=Sex.MALE, plain=True).pixels > 110).mean() for s in range(5)]) for m in (12, 60)
    ]
    assert share[1] > share[0]


@pytest.mark.parametrize("wanted", [{"sex": Sex.UNKNOWN}, {"months": 0}, {"months": float("nan")}, {"size": 31}])
def test_what_cannot_be_drawn_is_refused(wanted: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="no synthetic hand"):
        film(0, **wanted)


def test_the_folder_is_the_layout_of_the_real_one(folder: Path) -> None:
    rows = list(csv.reader((folder / "boneage-training-dataset.csv").read_text().splitlines()))
    assert rows[0] == ["id", "boneage", "male"]
    assert [row[0] for row in rows[1:]] == [str(number) for number in range(1, 13)]
    assert all(YOUNGEST <= int(row[1]) <= OLDEST and row[2] in ("True", "False") for row in rows[1:])
    images = sorted(int(path.stem) for path in (folder / "images").iterdir())
    assert images == list(range(1, 13))
    pixels = cv2.imread(str(folder / "images" / "7.png"), cv2.IMREAD_UNCHANGED)
    assert pixels.shape == (64, 64)
    about = json.loads((folder / "phantom.json").read_text())
    assert "SYNTHETIC" in about["about"]
    assert (about["n"], about["seed"], about["size"], about["version"]) == (12, 5, 64, phantom.VERSION)


def test_the_folder_opens_as_a_dataset(folder: Path) -> None:
    samples = open_folder(folder).samples
    assert [sample.id for sample in samples] == [str(number) for number in range(1, 13)]
    assert all(sample.path is not None and sample.path.is_file() for sample in samples)
    assert {sample.sex for sample in samples} <= set(SEXES)


def test_keypoints_lie_in_their_box(folder: Path) -> None:
    for row in csv.DictReader((folder / "hand_keypoints.csv").read_text().splitlines()):
        points = np.array([[float(row[f"{name}_{axis}"]) for axis in "xy"] for name in LANDMARKS])
        low, sides = np.array([[int(row["x"]), int(row["y"])], [int(row["w"]), int(row["h"])]])
        assert (points >= low).all()
        assert (points <= low + sides).all()
        assert (low + sides <= 64).all()


@pytest.mark.real
@pytest.mark.skipif(not RSNA.is_dir(), reason="no real radiographs beside the repository")
def test_keypoints_have_the_real_header(folder: Path) -> None:
    ours, real = ((place / "hand_keypoints.csv").read_text().splitlines()[0] for place in (folder, RSNA))
    assert ours == real


def test_a_seed_is_a_folder_and_more_films_change_none(folder: Path, tmp_path: Path) -> None:
    same = write_folder(tmp_path / "same", 12, seed=5, size=64)
    assert files(same) == files(folder)
    more = files(write_folder(tmp_path / "more", 14, seed=5, size=64))
    assert all(more[name] == data for name, data in files(folder).items() if name.endswith(".png"))
    other = files(write_folder(tmp_path / "other", 2, seed=6, size=64))
    assert other["images/1.png"] != more["images/1.png"]


def test_progress_is_told_film_by_film(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    write_folder(tmp_path / "hands", 3, seed=0, size=32, on_progress=lambda done, n: told.append((done, n)))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_an_empty_folder_is_taken_and_a_full_one_refused(tmp_path: Path) -> None:
    taken, full = tmp_path / "taken", tmp_path / "full"
    taken.mkdir()
    write_folder(taken, 1, seed=0, size=32)
    full.mkdir()
    (full / "mine.txt").write_text("keep")
    with pytest.raises(CannotWrite, match=r"full exists and is not an empty folder"):
        write_folder(full, 1, seed=0, size=32)
    assert files(full) == {"mine.txt": b"keep"}
    with pytest.raises(CannotWrite, match=r"mine\.txt exists"):
        write_folder(full / "mine.txt", 1, seed=0, size=32)
    with pytest.raises(CannotWrite, match="cannot be written"):
        write_folder(full / "mine.txt" / "inside", 1, seed=0, size=32)


def test_nothing_is_left_of_a_broken_run(tmp_path: Path) -> None:
    def interrupt(done: int, n: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_folder(tmp_path / "hands", 3, seed=0, size=32, on_progress=interrupt)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("n", "seed", "size"), [(0, 0, 64), (1, -1, 64), (1, 0, 16)])
def test_numbers_that_make_no_sense_are_refused(tmp_path: Path, n: int, seed: int, size: int) -> None:
    with pytest.raises(BadConfig, match="at least"):
        write_folder(tmp_path / "hands", n, seed, size=size)
    assert list(tmp_path.iterdir()) == []


def test_a_link_to_an_empty_folder_or_to_none_stays_and_is_written_through(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for link, target in (("link", "empty"), ("dangling", "new")):
        (tmp_path / link).symlink_to(target)
        write_folder(tmp_path / link, 1, 1, size=64)
        assert (tmp_path / link).is_symlink()
        assert (tmp_path / target / "images" / "1.png").is_file()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dangling", "empty", "link", "new"]
