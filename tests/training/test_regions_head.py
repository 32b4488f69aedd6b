"""Training of the head alone: the backbone stays, features are seen once, a stopped run goes on as if it had not."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from regional_training import FILMS, SIZE, TorchTrunk, films

from boneage.errors import BadConfig
from boneage.hand.bone_regions import PIECES
from boneage.reading import weights
from boneage.training import regions, regions_head
from boneage.training.distributed import interruptible
from boneage.training.regions import fit
from boneage.training.regions_head import VIEWS, HeadSchedule, HeadTraining

START = weights.find("regions")
SCHEDULE = HeadSchedule(epochs=2, size=SIZE, batch=2)


@pytest.fixture
def training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> HeadTraining:
    monkeypatch.setattr(regions, "Trunk", TorchTrunk)
    monkeypatch.setattr(regions, "SAVED", 2)
    monkeypatch.setattr(regions_head, "IN_FILE", 4)
    return begun(tmp_path / "run")


def begun(folder: Path) -> HeadTraining:
    return HeadTraining(films(), films().months, SCHEDULE, folder, START)


def test_the_features_are_those_of_the_network_as_it_is_and_augmented(training: HeadTraining) -> None:
    assert training.views.shape == (VIEWS, FILMS, len(PIECES), 1280)
    with torch.no_grad():
        plain = training.network.features(regions.plain(films().pixels, SIZE))
    torch.testing.assert_close(training.views[0].float(), plain, atol=2e-3, rtol=2e-3)
    assert (training.views[1] != training.views[0]).any((1, 2)).all()


def test_only_the_head_learns(training: HeadTraining) -> None:
    before = {name: value.clone() for name, value in training.network.state_dict().items()}
    with interruptible() as interrupt:
        fit(training, interrupt)
    changed = {name for name, value in training.network.state_dict().items() if (value != before[name]).any()}
    assert changed
    assert all(name.startswith("head.") for name in changed)


def test_a_run_goes_on_as_if_it_had_not_stopped(training: HeadTraining, monkeypatch: pytest.MonkeyPatch) -> None:
    with interruptible() as interrupt:
        fit(training, interrupt)
    monkeypatch.setattr(regions, "Trunk", None)  # nothing is seen again
    again = begun(training.folder)
    assert (again.views == training.views).all()
    again.restore()
    assert again.step == training.step
    for name, value in training.average.shadow.items():
        assert (again.average.shadow[name] == value).all()


def test_features_of_other_films_are_not_taken(training: HeadTraining) -> None:
    fewer = films(FILMS - 2)
    other = HeadTraining(fewer, fewer.months, SCHEDULE, training.folder, START)
    assert other.views.shape[1] == FILMS - 2
    with pytest.raises(BadConfig):
        other.restore()
