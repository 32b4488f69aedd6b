"""Copies of a film are found however they were exported; different films are not taken for copies."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from boneage.data.dataset import Sample
from boneage.data.duplicates import SAME, SPEC, Joined, exact, groups, pairs, thumbnails
from boneage.data.phantom import draw
from boneage.hand.prepare import prepare
from boneage.types import Radiograph, Sex

FILMS = 60


def sample(name: str, path: Path | None) -> Sample:
    return Sample(name, path, 100.0, Sex.MALE, name, None)


def thumbnail(film: np.ndarray) -> np.ndarray:
    return prepare(Radiograph(film.astype(np.float32) / 255, "film", "0" * 64, "PNG"), SPEC)


@pytest.fixture(scope="module")
def hands() -> dict[str, np.ndarray]:
    """Different hands, half of them of one age and sex."""
    hands = {str(n): draw(np.random.default_rng([7, n])) for n in range(FILMS // 2)}
    alike = {f"alike{n}": draw(np.random.default_rng(n), months=120, sex=Sex.MALE) for n in range(FILMS // 2)}
    return {name: hand.pixels for name, hand in (hands | alike).items()}


@pytest.fixture(scope="module")
def seen(hands: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: thumbnail(film) for name, film in hands.items()}


def warped(film: np.ndarray, degrees: float = 0, zoom: float = 1) -> np.ndarray:
    centre = (film.shape[1] / 2, film.shape[0] / 2)
    turn = cv2.getRotationMatrix2D(centre, degrees, zoom)
    return cv2.warpAffine(film, turn, film.shape[::-1], borderMode=cv2.BORDER_REPLICATE)


def jpeg(film: np.ndarray) -> np.ndarray:
    _, data = cv2.imencode(".jpg", film, [cv2.IMWRITE_JPEG_QUALITY, 70])
    return cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)


def framed(film: np.ndarray) -> np.ndarray:
    return cv2.copyMakeBorder(film, 20, 20, 30, 10, cv2.BORDER_CONSTANT, value=255)


COPIES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "the same": lambda film: film,
    "compressed": jpeg,
    "other contrast": lambda film: (40 + 0.8 * film * (film / 255.0) ** 0.4).astype(np.uint8),
    "inverted": lambda film: 255 - film,
    "smaller": lambda film: cv2.resize(film, None, fx=0.6, fy=0.7, interpolation=cv2.INTER_AREA),
    "cropped": lambda film: film[6:-4, 3:-9],
    "turned": lambda film: warped(film, 2),
    "larger": lambda film: warped(film, 0, 1.04),
    "framed": framed,
    "mirrored": lambda film: film[:, ::-1].copy(),
    "all at once": lambda film: 255 - jpeg(warped(film[:, ::-1], 1.5)[5:, :-5]),
}


@pytest.mark.parametrize("how", COPIES)
def test_copies_are_found(hands: dict[str, np.ndarray], seen: dict[str, np.ndarray], how: str) -> None:
    chosen = [*map(str, range(0, FILMS // 2, 8)), "alike0"]
    copies = {f"copy of {name}": thumbnail(COPIES[how](hands[name])) for name in chosen}
    found = pairs(seen | copies)
    assert {(pair.second, pair.first) for pair in found} == {(f"copy of {name}", name) for name in chosen}
    assert {pair.mirrored for pair in found} == {how in ("mirrored", "all at once")}
    assert all(SAME <= pair.score <= 1 for pair in found)
    assert found == sorted(found, key=lambda pair: -pair.score)


def test_different_hands_are_no_copies(seen: dict[str, np.ndarray]) -> None:
    assert pairs(seen) == []


def test_few_or_empty_films() -> None:
    blank = np.zeros((SPEC.size, SPEC.size), np.uint8)
    assert pairs({}) == pairs({"1": blank}) == pairs({"1": blank, "2": blank}) == []


def test_equal_files(tmp_path: Path) -> None:
    contents = {"a": b"one", "b": b"two", "c": b"one", "d": b"four", "e": b"two", "f": b"six"}
    for name, data in contents.items():
        (tmp_path / name).write_bytes(data)
    samples = [sample(name, tmp_path / name) for name in contents]
    samples += [sample("missing", None), sample("gone", tmp_path / "gone"), sample("a folder", tmp_path)]
    assert exact(samples) == {"a": 0, "c": 0, "b": 1, "e": 1}


def test_only_files_of_equal_length_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "bb", "ccc"):
        (tmp_path / name).write_text(name)
    monkeypatch.setattr("builtins.open", lambda *_: pytest.fail("a file was read"))
    assert exact([sample(name, tmp_path / name) for name in ("a", "bb", "ccc")]) == {}


def test_groups_join_copies_by_bytes_and_by_sight(hands: dict[str, np.ndarray], tmp_path: Path) -> None:
    files = {"1": hands["1"], "2": hands["2"], "same as 1": hands["1"], "like 1": warped(hands["1"], 1)}
    for name, film in files.items():
        cv2.imwrite(str(tmp_path / f"{name}.png"), film)
    (tmp_path / "broken.png").write_text("no film")
    samples = [sample(name, tmp_path / f"{name}.png") for name in (*files, "broken")] + [sample("missing", None)]
    small = thumbnails(samples)
    assert small.keys() == files.keys()
    assert {(film.shape, film.dtype.name) for film in small.values()} == {((SPEC.size, SPEC.size), "uint8")}
    assert groups(samples, small) == {"1": 0, "same as 1": 0, "like 1": 0}


@given(links=st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11))))
def test_joined_ids_are_the_connected_ones(links: list[tuple[int, int]]) -> None:
    joined = Joined(f"{n:02}" for n in range(12))
    reach = np.eye(12, dtype=bool)
    for a, b in links:
        joined.join(f"{a:02}", f"{b:02}")
        reach[a, b] = reach[b, a] = True
    for _ in range(4):
        reach = reach @ reach
    for n in range(12):
        assert joined.root(f"{n:02}") == f"{int(np.flatnonzero(reach[n])[0]):02}"
    assert sorted(name for group in joined.groups() for name in group) == [f"{n:02}" for n in range(12)]


def test_equal_keys_join() -> None:
    joined = Joined("abcd")
    joined.join_equal({"a": 1, "c": 1, "d": 2, "elsewhere": 2})
    assert joined.groups() == [["a", "c"], ["b"], ["d"]]
