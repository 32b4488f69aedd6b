"""A model file computes what torch computes, and says how it came about."""

from __future__ import annotations

import dataclasses
import logging
import warnings
from pathlib import Path

import numpy as np
import pytest
from command import contents
from tiny import tiny_config

torch = pytest.importorskip("torch")

from untrained import SEXES, films, untrained

from boneage import model_file
from boneage.config import Config, PrepareConfig
from boneage.errors import BadConfig, BadModel
from boneage.hand.prepare import parts
from boneage.hand.views import views
from boneage.models.ensemble import Outputs
from boneage.models.head import encode, resized
from boneage.reading.predictor import Predictor
from boneage.run_folder import load_run
from boneage.training import checkpoint
from boneage.training.export import combined, export, load


def by_torch(run: Path, pixels: np.ndarray) -> Outputs:
    """What a run's network gives in torch: an export of it is compared with that, and so is an ensemble."""
    with torch.no_grad():
        outputs = load(run)[0](torch.from_numpy(pixels), encode(SEXES))
    return Outputs(*(None if each is None else each.double().numpy() for each in outputs))


def test_onnx_says_what_torch_says(tiny_run: Path, tiny_model: Path) -> None:
    predictor = Predictor.load(tiny_model)
    pixels = films(predictor.spec)
    months = predictor.months(pixels, SEXES)
    assert np.ptp(months) > 1
    np.testing.assert_allclose(months, by_torch(tiny_run, pixels).months, atol=0.02)


def test_the_file_does_not_say_where_it_was_made(tiny_model: Path) -> None:
    assert str(Path(model_file.__file__).parent).encode() not in tiny_model.read_bytes()


def test_the_expected_error_is_exported_with_the_age(tiny_run: Path, tiny_model: Path) -> None:
    predictor = Predictor.load(tiny_model)
    pixels = films(predictor.spec)
    months, expected_errors = predictor.predict_batch(pixels, SEXES)
    np.testing.assert_array_equal(months, predictor.months(pixels, SEXES))
    np.testing.assert_allclose(expected_errors, by_torch(tiny_run, pixels).expected_error, atol=0.02)
    assert (expected_errors > 0).all()


def test_the_file_says_its_preparation_and_where_it_comes_from(tiny_run: Path, tiny_model: Path) -> None:
    about, summary = Predictor.load(tiny_model).about, load_run(tiny_run)
    assert Config.from_dict(about["config"]).prepare == tiny_config().prepare
    for key in ("config", "data", "weights_sha256", "validation_mae", "epoch", "versions"):
        assert about[key] == summary[key]
    assert about["name"] == tiny_run.name
    assert about["format"] == model_file.FORMAT
    assert "not a medical device" in about["disclaimer"]


def test_three_channels_no_sex_and_another_loss(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """What `tiny_run` has not: months from another output, three channels, no sex, no expected error.

    Exporting is quiet, and leaves logging and warnings as they were.
    """
    settings = (logging.getLogger("torch.onnx").level, list(warnings.filters))
    words = ("model.sex=false", "model.expected_error_loss=0", "prepare.channels=3", "train.loss=msle")
    run = untrained(tmp_path / "run", tiny_config(*words, "prepare.size=32"))
    predictor = Predictor.load(export(run, tmp_path / "named.onnx", name="twice"))
    assert capfd.readouterr() == ("", "")
    assert settings == (logging.getLogger("torch.onnx").level, list(warnings.filters))
    assert (predictor.name, predictor.uses_sex) == ("twice", False)
    pixels = films(predictor.spec)
    months, expected_errors = predictor.predict_batch(pixels, SEXES)
    assert np.isnan(expected_errors).all()
    np.testing.assert_array_equal(months, predictor.months(pixels, SEXES[::-1]))
    np.testing.assert_allclose(months, by_torch(run, pixels).months, atol=0.02)


def test_views_that_disagree_widen_the_expected_error(tiny_model: Path) -> None:
    predictor, one = (Predictor.load(tiny_model) for _ in range(2))
    predictor.views = 2
    pixels = films(predictor.spec)
    each = [one.predict_batch(view, SEXES) for view in views(pixels, 2)]
    months, expected_errors = predictor.predict_batch(pixels, SEXES)
    np.testing.assert_array_equal(predictor.quick_prediction(pixels, SEXES), each[0][0])
    np.testing.assert_allclose(months, (each[0][0] + each[1][0]) / 2)
    between = ((each[0][0] - each[1][0]) / 2) ** 2
    assert between.max() > 0
    np.testing.assert_allclose(expected_errors, np.sqrt((each[0][1] ** 2 + each[1][1] ** 2) / 2 + between))


@pytest.fixture(scope="module")
def members(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two untrained runs, the second on smaller films and without an expected error."""
    folder = tmp_path_factory.mktemp("members")
    words = ((), ("prepare.size=32", "model.expected_error_loss=0"))
    return [untrained(folder / str(index), tiny_config(*each)) for index, each in enumerate(words)]


def test_a_smaller_member_reads_the_larger_ones_films(members: list[Path]) -> None:
    """In torch: that a file says the same is tested with the pair below."""
    ensemble, run = combined(members[::-1])
    assert run["config"]["prepare"]["size"] == 48
    assert "expected_error" not in ensemble.outputs  # the first member has none
    small, large = (PrepareConfig(size=size, channels=1) for size in (32, 48))
    pair = (by_torch(members[1], films(small)), by_torch(members[0], films(large)))
    expected = np.mean([each.months for each in pair], axis=0)
    with torch.no_grad():
        months = ensemble(torch.from_numpy(films(large)), encode(SEXES)).months.double().numpy()
    assert np.abs(months - expected).mean() < 0.1 * expected.std()


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two untrained runs: the first sees a hand's joints, the second the hand, smaller, and tells a distribution."""
    folder = tmp_path_factory.mktemp("pair")
    words = {
        "joints": ("prepare.joints=true",),
        "hand": ("prepare.joints=false", "prepare.size=32", "train.loss=distribution", "model.hidden=24"),
    }
    return [untrained(folder / name, tiny_config("prepare.hand=true", *each)) for name, each in words.items()]


@pytest.fixture(scope="module")
def both(pair: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of the two as one, read from two views."""
    return export(pair, tmp_path_factory.mktemp("both") / "both.onnx", name="both", views=2)


def shown(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What the members of `both` see of films side by side: joints float32 [N, 48, 48] and the hand [N, 32, 32]."""
    halves = (torch.from_numpy(pixels[:, None, :, half]).float() / 255 for half in (slice(48, None), slice(48)))
    joints, hand = (resized(half, size)[:, 0].numpy() for half, size in zip(halves, (48, 32), strict=True))
    return joints, hand


def by_torch_of_shown(run: Path, x: np.ndarray) -> Outputs:
    """What a run's network gives in torch for films float32 [N, S, S] in [0, 1]."""
    with torch.no_grad():
        outputs = load(run)[0].predict(torch.from_numpy(x[:, None]), encode(SEXES))
    return Outputs(*(None if each is None else each.double().numpy() for each in outputs))


def test_several_runs_are_read_as_one(pair: list[Path], both: Path) -> None:
    predictor = Predictor.load(both)
    assert (predictor.name, predictor.views) == ("both", 2)
    predictor.views = 1
    pixels = films(predictor.spec)
    first, second = (by_torch_of_shown(run, x) for run, x in zip(pair, shown(pixels), strict=True))
    months, expected_errors = predictor.predict_batch(pixels, SEXES)
    np.testing.assert_allclose(months, (first.months + second.months) / 2, atol=0.02)
    between = ((first.months - second.months) / 2) ** 2
    np.testing.assert_allclose(expected_errors, np.sqrt(first.expected_error**2 + between), atol=0.02)
    features = np.concatenate([first.features, second.features], axis=1)
    np.testing.assert_allclose(predictor.features(pixels), features, atol=1e-3)
    hashes = [load_run(run)["weights_sha256"] for run in pair]
    assert [member["weights_sha256"] for member in predictor.about["members"]] == hashes
    assert predictor.weights_sha256 not in hashes


def test_one_sees_the_hand_and_the_other_its_joints(pair: list[Path], both: Path) -> None:
    predictor = Predictor.load(both)
    assert predictor.spec.shape == (48, 96)
    pixels = films(predictor.spec)
    joints, hand = (Config.from_dict(load_run(run)["config"]).prepare for run in pair)
    assert (pixels == np.concatenate([films(dataclasses.replace(hand, size=48)), films(joints)], axis=2)).all()
    assert (pixels[:, :, :48] != pixels[:, :, 48:]).any(axis=(1, 2)).mean() > 0.9
    seen = [shown(view) for view in views(pixels, 2, parts(predictor.spec))]
    members = [by_torch_of_shown(run, x).months for each in seen for run, x in zip(pair, each, strict=True)]
    np.testing.assert_allclose(predictor.months(pixels, SEXES), np.mean(members, axis=0), atol=0.02)


def test_a_quick_prediction_asks_the_first_of_several_alone_on_smaller_pictures(pair: list[Path], both: Path) -> None:
    predictor = Predictor.load(both)
    pixels = films(predictor.spec)
    x = resized(torch.from_numpy(pixels[:, None, :, 48:]).float() / 255, 36)[:, 0].numpy()
    quick = predictor.quick_prediction(pixels, SEXES)
    np.testing.assert_allclose(quick, by_torch_of_shown(pair[0], x).months, atol=0.02)
    assert np.abs(quick - predictor.months(pixels, SEXES)).max() > 0.05


def test_runs_that_do_not_go_together_are_refused(members: list[Path], tmp_path: Path) -> None:
    other = untrained(tmp_path / "cropped", tiny_config("prepare.fit=crop"))
    with pytest.raises(BadConfig, match="cropped prepares films otherwise than the other runs"):
        export([members[0], other], tmp_path / "model.onnx")
    weights, summary = checkpoint.load_weights(untrained(tmp_path / "split", tiny_config()))
    summary = {key: value for key, value in summary.items() if not key.endswith("sha256")}
    checkpoint.save_weights(tmp_path / "split", weights, summary | {"data": {"sha256": "other"}})
    with pytest.raises(BadConfig, match="split was trained on another split than the other runs"):
        export([members[0], tmp_path / "split"], tmp_path / "model.onnx")


def test_only_onnx_is_exported(tiny_run: Path, tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match=r"model\.pt should end in \.onnx"):
        export(tiny_run, tmp_path / "model.pt")


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadModel, match=r"is not a run folder: it has no run\.json"):
        export(tmp_path, tmp_path / "model.onnx")
    assert not contents(tmp_path)


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    wide = tiny_config("model.hidden=24")
    run = untrained(tmp_path / "run", tiny_config())
    weights, summary = checkpoint.load_weights(run)
    summary = {key: value for key, value in summary.items() if not key.endswith("sha256")}
    checkpoint.save_weights(run, weights, summary | {"config": wide.to_dict()})
    with pytest.raises(BadModel, match="does not fit this program: its weights are of another network"):
        export(run, tmp_path / "model.onnx")


def test_a_run_with_settings_this_version_does_not_know_is_refused_by_name(tmp_path: Path) -> None:
    run = untrained(tmp_path / "run", tiny_config())
    weights, summary = checkpoint.load_weights(run)
    summary = {key: value for key, value in summary.items() if not key.endswith("sha256")}
    later = dataclasses.asdict(tiny_config()) | {"later": 1}
    checkpoint.save_weights(run, weights, summary | {"config": later})
    with pytest.raises(BadModel, match=r"run was made by another version of boneage: unknown setting later"):
        export(run, tmp_path / "model.onnx")
