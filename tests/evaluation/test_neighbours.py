"""Films that look alike to the network: from the own folder, the film itself left out, synthetic ones stamped."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from command import boneage, contents, done, refused

from boneage import Predictor, Radiograph, read
from boneage.data.dataset import Sample
from boneage.errors import BadConfig, BadModel, BadTable
from boneage.evaluation.neighbours import TILE, Gallery, Neighbour, check_place, neighbours, open_gallery, sheet
from boneage.reading import weights


@pytest.fixture(scope="module")
def tiny(tiny_model: Path) -> Predictor:
    return Predictor.load(tiny_model)


@pytest.fixture
def few(films: Path, tmp_path: Path) -> Path:
    """A gallery of nine films of the user's own, one of them broken, one of unknown age, one not there."""
    folder = tmp_path / "mine"
    folder.mkdir()
    for number in range(1, 9):
        shutil.copy(films / "images" / f"{number}.png", folder)
    (folder / "3.png").write_bytes(b"no picture")
    rows = [f"{number},{'' if number == 5 else 60 + number},{'M' if number % 2 else 'F'}" for number in range(1, 10)]
    (folder / "table.csv").write_text("\n".join(["id,bone_age_months,sex", *rows]) + "\n")
    return folder


def test_features_are_the_films_own_and_know_no_sex(tiny: Predictor, films: Path) -> None:
    from boneage.hand.prepare import prepare

    squares = np.stack([prepare(read(films / "images" / f"{number}.png"), tiny.spec) for number in range(1, 6)])
    features = tiny.features(squares)
    assert features.shape == (5, 128)
    np.testing.assert_allclose(features[2], tiny.features(squares[2:3])[0], atol=1e-4)
    assert np.linalg.matrix_rank(features) == 5


def test_the_likest_come_first_and_the_film_itself_is_none_of_them(tiny: Predictor, few: Path) -> None:
    gallery = open_gallery(tiny, few)
    assert [sample.id for sample in gallery.samples] == ["1", "2", "4", "6", "7", "8"]
    assert (gallery.unreadable, gallery.is_synthetic) == (1, False)
    found = neighbours(tiny, read(few / "4.png"), gallery, k=3)
    assert len(found) == 3
    assert "4" not in {one.sample.id for one in found}
    likeness = [one.likeness for one in found]
    assert likeness == sorted(likeness, reverse=True)
    assert all(-1.001 <= value <= 1.001 for value in likeness)


def test_a_film_changed_a_little_finds_itself(tiny: Predictor, few: Path) -> None:
    film = read(few / "6.png")
    grain = np.random.default_rng(0).normal(0, 0.004, film.pixels.shape)
    changed = Radiograph((film.pixels + grain).clip(0, 1).astype(np.float32), "changed.png", "0" * 64, "PNG")
    best, *_ = neighbours(tiny, changed, open_gallery(tiny, few))
    assert best.sample.id == "6"
    assert best.likeness > 0.9
    assert best.words == ("6", "66 months, female")


def test_features_are_kept_until_a_film_changes(tiny: Predictor, few: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, asked = open_gallery(tiny, few), []
    features = Predictor.features
    monkeypatch.setattr(Predictor, "features", lambda self, pixels: asked.append(len(pixels)) or features(self, pixels))
    again = open_gallery(tiny, few)
    assert asked == []
    np.testing.assert_array_equal(first.features, again.features)
    shutil.copy(few / "1.png", few / "2.png")
    assert not np.array_equal(open_gallery(tiny, few).features, first.features)
    assert asked


def test_synthetic_films_are_known_and_stamped(tiny: Predictor, films: Path) -> None:
    gallery = open_gallery(tiny, films)
    assert gallery.is_synthetic
    film = read(films / "images" / "1.png")
    found = neighbours(tiny, film, gallery, k=2)
    own = [Neighbour(one.sample, one.likeness, False) for one in found]
    stamped, plain = (cv2.imdecode(np.frombuffer(sheet(film, f, tiny), np.uint8), 0) for f in (found, own))
    assert stamped is not None
    assert plain is not None
    assert stamped.shape[1] == 3 * TILE
    differs = np.abs(stamped.astype(int) - plain).sum(axis=0)
    assert not differs[:TILE].any(), "the film itself is not stamped"
    assert differs[TILE : 2 * TILE].any()
    assert differs[2 * TILE :].any()


def test_a_model_without_features_says_what_to_do(films: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = Predictor.load()
    monkeypatch.setattr(Predictor, "_has", lambda _, output: output != "features")
    with pytest.raises(BadModel, match="has no features: export its run folder again"):
        open_gallery(old, films)


def test_a_gallery_without_a_film_is_refused(tiny: Predictor, tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("id,bone_age_months\n1,100\n")
    with pytest.raises(BadTable, match="holds no film of known bone age"):
        open_gallery(tiny, tmp_path)


def test_other_endings_are_refused() -> None:
    with pytest.raises(BadConfig, match=r"alike\.pdf should end in \.png or \.html"):
        check_place(Path("alike.pdf"), Path("film.png"), Path("films"))


def test_a_gallery_of_one_film_has_no_neighbour_of_itself(tiny: Predictor, films: Path) -> None:
    gallery = open_gallery(tiny, films)
    alone = Gallery(gallery.samples[:1], gallery.features[:1], 0, True)
    assert neighbours(tiny, read(gallery.samples[0].path or ""), alone) == []
    assert isinstance(gallery.samples[0], Sample)


def test_the_command_lists_and_shows(films: Path, few: Path, tiny_model: Path, tmp_path: Path) -> None:
    words = ("neighbours", films / "images" / "20.png", "--gallery", few, "--model", tiny_model)
    ended = done(*words, "--k", 2, "--out", tmp_path / "out" / "alike.html")
    assert "most like these of 6 films" in ended.out
    assert ended.out.count("likeness") == 2
    assert "1 films of the gallery could not be read" in ended.out
    page = (tmp_path / "out" / "alike.html").read_text()
    assert "Research use only" in page
    assert "data:image/png" in page
    done(*words, "--out", tmp_path / "out" / "alike.png")
    assert contents(tmp_path / "out").keys() == {"alike.html", "alike.png"}
    refused(*words, "--out", tmp_path / "alike.pdf", naming="alike.pdf", because="should end in")


def test_the_command_draws_where_it_looked(films: Path, tiny_model: Path, tmp_path: Path) -> None:
    film, place = films / "images" / "1.png", tmp_path / "folder"
    words = ("--model", tiny_model, "--sex", "male")
    out = done("predict", film, *words, "--heatmap", tmp_path / "one.png").out
    assert "is the heat map, carpals" in out
    place.mkdir()
    for number in (1, 2):
        shutil.copy(films / "images" / f"{number}.png", place)
    cv2.imwrite(str(place / "3.png"), np.zeros((90, 90), np.uint8))
    assert boneage("predict", place, *words, "--heatmap", tmp_path / "maps").code == 3
    assert contents(tmp_path / "maps").keys() == {"1.png", "2.png"}, "a refused film has no map"
    refused("predict", film, *words, "--heatmap", tmp_path / "one.jpg", naming="one.jpg", because="should end in .png")
    assert weights.shipped()
