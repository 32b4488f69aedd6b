"""Weights by name: the package's own, those of another package, and none."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from boneage import Predictor
from boneage.errors import BadModel
from boneage.reading import weights
from boneage.reading.weights import ELSEWHERE, find, shipped


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation with an empty folder of weights and no other package of any."""
    monkeypatch.setattr(weights, "OWN", tmp_path / "own")
    monkeypatch.setattr(weights, "entry_points", lambda group: ())
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own").mkdir()
    return tmp_path / "own"


@pytest.mark.parametrize("model", ["default", "nosuch", "gone.onnx"])
def test_without_weights_nothing_is_loaded(own: Path, model: str) -> None:
    with pytest.raises(BadModel, match=r"^no trained weights: .* is no run folder, .* \(known: \)$"):
        Predictor.load(model)


@pytest.mark.parametrize("model", sorted(ELSEWHERE))
def test_what_another_package_has_is_named_with_the_line_that_installs_it(own: Path, model: str) -> None:
    with pytest.raises(BadModel, match=rf"the weights {model} are in .* pip install \./packages/boneage-weights"):
        Predictor.load(model)


def test_weights_go_by_name_and_a_name_before_a_file(own: Path, tiny_model: Path) -> None:
    shutil.copy(tiny_model, own / "default.onnx")
    shutil.copy(tiny_model, own / "other.onnx")
    Path("other").write_bytes(b"no model")
    assert sorted(shipped()) == ["default", "other"]
    assert Predictor.load().weights_sha256 == Predictor.load("other").weights_sha256
    assert find("./other") == Path("other")
    with pytest.raises(BadModel, match="known: default, other"):
        Predictor.load("third")


def test_a_package_offers_weights_by_its_entry_point(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As pip leaves it: a module, and the facts of its distribution beside it."""
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "__init__.py").touch()
    shutil.copy(tiny_model, tmp_path / "more" / "mine.onnx")
    facts = tmp_path / "more-1.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: more\nVersion: 1\n")
    (facts / "entry_points.txt").write_text("[boneage.weights]\nmore = more\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert find("mine") == tmp_path / "more" / "mine.onnx"
    assert "more" not in sys.modules
    assert Predictor.load("mine").name == Predictor.load(tiny_model).name


def test_the_second_distribution_of_this_repository_is_found() -> None:
    pytest.importorskip("boneage_weights")
    assert {"default", *ELSEWHERE} <= shipped().keys()
