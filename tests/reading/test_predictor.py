"""The one object that predicts: what it takes, what it flags, what it refuses; it never invents an age."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from command import child
from odd_films import HAND, film, text
from odd_films import hand as another

from boneage import DISCLAIMER, Predictor, Radiograph, Sex, model_file, read
from boneage.errors import BadModel
from boneage.hand import several
from boneage.hand.prepare import prepare
from boneage.types import Severity

onnx = pytest.importorskip("onnx")

ALL = (Sex.FEMALE, Sex.MALE, Sex.UNKNOWN)


@pytest.fixture(scope="module")
def tiny(tiny_model: Path) -> Predictor:
    return Predictor.load(tiny_model)


@pytest.fixture
def hand(films: Path) -> Radiograph:
    return read(films / "images" / "7.png")


def rewritten(model: Path, out: Path, change: Callable[[dict], None]) -> Path:
    """A model file that says something else of itself, sealed again."""
    graph = onnx.load_model(model)
    properties = {entry.key: entry.value for entry in graph.metadata_props}
    about = json.loads(properties[model_file.METADATA])
    change(about)
    del graph.metadata_props[:]
    onnx.helper.set_model_props(graph, {model_file.METADATA: json.dumps(about)})
    out.write_bytes(model_file.seal(graph))
    return out


def test_a_batch_reads_as_its_films_do_one_by_one(tiny: Predictor, films: Path) -> None:
    pixels = np.stack([prepare(read(films / "images" / f"{i}.png"), tiny.spec) for i in range(1, 8)])
    sexes = [ALL[i % 3] for i in range(7)]
    months = tiny.months(pixels, sexes)
    assert months.shape == (7,)
    assert months.dtype == np.float64
    single = [tiny.months(pixels[i : i + 1], sexes[i : i + 1])[0] for i in range(7)]
    np.testing.assert_allclose(months, single, atol=1e-3)
    assert np.ptp(months) > 0.5


def test_no_films_are_no_months(tiny: Predictor) -> None:
    assert tiny.months(np.zeros((0, 48, 48), np.uint8), []).shape == (0,)


@pytest.mark.parametrize(
    ("pixels", "sexes", "reason"),
    [
        (np.zeros((1, 48, 48), np.float32), [Sex.MALE], r"expected uint8 \[N, 48, 48\], got float32"),
        (np.zeros((48, 48), np.uint8), [Sex.MALE], r"got uint8 \(48, 48\)"),
        (np.zeros((1, 48, 47), np.uint8), [Sex.MALE], r"got uint8 \(1, 48, 47\)"),
        (np.zeros((2, 48, 48), np.uint8), [Sex.MALE], "2 films but 1 sexes"),
    ],
)
def test_pixels_that_were_not_prepared_are_refused(
    tiny: Predictor, pixels: np.ndarray, sexes: list[Sex], reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        tiny.months(pixels, sexes)


def test_a_reading_says_where_it_comes_from(tiny: Predictor, hand: Radiograph) -> None:
    reading = tiny.read(hand, Sex.FEMALE)
    months = tiny.months(prepare(hand, tiny.spec)[None], [Sex.FEMALE])[0]
    assert reading.bone_age_months == pytest.approx(months, abs=0.006)
    assert (reading.sex, reading.sex_source, reading.codes) == (Sex.FEMALE, "given", ())
    assert (reading.file, reading.image_sha256) == (hand.source, hand.sha256)
    assert (reading.model, reading.weights_sha256) == (tiny.name, tiny.weights_sha256)
    assert reading.disclaimer == DISCLAIMER


def test_what_was_noted_of_the_file_is_a_flag(tiny: Predictor, hand: Radiograph) -> None:
    noted = replace(hand, notes=("3 frames: only the first is read",))
    flag = next(flag for flag in tiny.read(noted, Sex.MALE).flags if flag.code == "as_read")
    assert (flag.severity, flag.sentence) == (Severity.NOTE, "3 frames: only the first is read")


def test_the_sex_changes_the_reading(tiny: Predictor, hand: Radiograph) -> None:
    assert len({tiny.read(hand, sex).bone_age_months for sex in ALL}) == 3


@pytest.mark.parametrize(
    ("of_file", "given", "sex", "source", "flags"),
    [
        (Sex.UNKNOWN, None, Sex.UNKNOWN, "absent", ("sex_unknown",)),
        (Sex.UNKNOWN, Sex.UNKNOWN, Sex.UNKNOWN, "given", ("sex_unknown",)),
        (Sex.UNKNOWN, Sex.MALE, Sex.MALE, "given", ()),
        (Sex.FEMALE, None, Sex.FEMALE, "dicom", ()),
        (Sex.FEMALE, Sex.FEMALE, Sex.FEMALE, "given", ()),
        (Sex.FEMALE, Sex.MALE, Sex.MALE, "given", ("sex_contradicts_file",)),
        (Sex.FEMALE, Sex.UNKNOWN, Sex.UNKNOWN, "given", ("sex_unknown",)),
    ],
)
def test_the_sex_never_defaults_in_silence(
    tiny: Predictor,
    hand: Radiograph,
    of_file: Sex,
    given: Sex | None,
    sex: Sex,
    source: str,
    flags: tuple[str, ...],
) -> None:
    reading = tiny.read(replace(hand, sex=of_file), given)
    said = tuple(code for code in reading.codes if code.startswith("sex"))
    assert (reading.sex, reading.sex_source, said) == (sex, source, flags)


def test_an_inverted_film_is_read_alike_and_flagged(tiny: Predictor, films: Path) -> None:
    hand = read(films / "images" / "7.png")
    turned = tiny.read(replace(hand, pixels=1 - hand.pixels), Sex.FEMALE)
    straight = tiny.read(hand, Sex.FEMALE)
    assert ("inverted" in turned.codes) != ("inverted" in straight.codes)
    assert turned.bone_age_months == pytest.approx(straight.bone_age_months, abs=0.5)


def test_a_model_without_sex_says_so(tiny_model: Path, hand: Radiograph, tmp_path: Path) -> None:
    path = rewritten(tiny_model, tmp_path / "m.onnx", lambda about: about["config"]["model"].update(sex=False))
    model = Predictor.load(path)
    assert not model.uses_sex
    assert model.read(hand).codes == ("sex_not_used",)


def test_no_child_is_younger_than_born(tiny: Predictor, hand: Radiograph, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Predictor, "predict_batch", lambda *_: (np.array([-7.6]), np.array([5.0])))
    reading = tiny.read(hand, Sex.FEMALE)
    assert reading.bone_age_months == 0
    assert "end_of_scale" in reading.codes


def test_an_answer_that_is_no_number_is_no_reading(
    tiny: Predictor, hand: Radiograph, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Predictor, "predict_batch", lambda *_: (np.array([np.nan]),) * 2)
    with pytest.raises(BadModel, match=r"7\.png: the answer of model tiny is not a finite number"):
        tiny.read(hand)


def test_a_file_of_a_later_version_is_refused_by_name(tiny_model: Path, tmp_path: Path) -> None:
    later = rewritten(tiny_model, tmp_path / "later.onnx", lambda about: about["config"]["prepare"].update(new=1))
    with pytest.raises(BadModel, match=r"later\.onnx was made by another version of boneage: unknown setting"):
        Predictor.load(later)


def test_a_sealed_file_that_the_runtime_does_not_know_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "empty.onnx"
    path.write_bytes(model_file.seal(onnx.ModelProto()))
    with pytest.raises(BadModel, match=r"empty\.onnx cannot be run: ") as caught:
        Predictor.load(path)
    assert "\n" not in str(caught.value)


def test_a_run_folder_is_read_by_the_exported_network_of_its_weights_alone(
    tiny_run: Path, tiny_model: Path, tmp_path: Path
) -> None:
    run = Path(shutil.copytree(tiny_run, tmp_path / "run"))
    assert Predictor.load(run).weights_sha256 == json.loads((run / "run.json").read_text())["weights_sha256"]
    how = re.escape(f"{run} has no model.onnx of its weights: boneage export {run} --out {run}/model.onnx writes it")
    rewritten(tiny_model, run / "model.onnx", lambda about: about.update(weights_sha256="0" * 64))
    with pytest.raises(BadModel, match=how):
        Predictor.load(run)
    (run / "model.onnx").unlink()
    with pytest.raises(BadModel, match=how):
        Predictor.load(run)


def test_a_run_folder_without_its_record_is_refused(tiny_run: Path, tiny_model: Path, tmp_path: Path) -> None:
    with pytest.raises(BadModel, match=r"is not a run folder: it has no run\.json"):
        Predictor.load(tmp_path)
    for record in ('{"weights_sha256": ', "[]", "{}"):
        (tmp_path / "run.json").write_text(record)
        with pytest.raises(BadModel, match=r"run\.json is cut short or altered"):
            Predictor.load(tmp_path)


@pytest.mark.parametrize("name", ["run.json", "weights.safetensors"])
def test_a_byte_altered_in_a_run_folder_is_refused_also_beside_its_export(
    tiny_run: Path, tiny_model: Path, tmp_path: Path, name: str
) -> None:
    run = tmp_path / "run"
    shutil.copytree(tiny_run, run)
    shutil.copy(tiny_model, run / "model.onnx")
    assert Predictor.load(run).name
    data = bytearray((run / name).read_bytes())
    data[-30] ^= 1
    (run / name).write_bytes(data)
    with pytest.raises(BadModel, match=rf"{re.escape(name)} is cut short or altered"):
        Predictor.load(run)


def test_the_runtimes_threads_do_not_spin(tiny: Predictor) -> None:
    options = tiny._session.get_session_options()
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"


def test_the_runtime_tells_its_maker_nothing(tiny_model: Path, films: Path, tmp_path: Path) -> None:
    """ONNX Runtime from 1.32 on reports every session over the network, and notes its own in a file ``.ses``."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    environment = {**os.environ, "TMPDIR": str(temporary)}
    environment.pop("ORT_DISABLE_TELEMETRY", None)
    ended = child("predict", films / "images" / "1.png", "--model", tiny_model, env=environment)
    assert ended.returncode == 0, ended.stderr
    assert list(temporary.iterdir()) == []


def test_a_refused_film_has_no_age_unless_forced() -> None:
    predictor, junk = Predictor.load(), film(text(np.random.default_rng(0)))
    refused, forced = predictor.read(junk, Sex.MALE), predictor.read(junk, Sex.MALE, force=True)
    assert (refused.bone_age_months, refused.forced, refused.is_refused) == (None, False, True)
    assert forced.bone_age_months is not None
    assert (forced.forced, forced.is_refused) == (True, True)
    whole = predictor.read(film(HAND), Sex.MALE, force=True)
    assert (whole.forced, whole.is_refused) == (False, False)


def both_hands() -> Radiograph:
    """A left hand, and to the right of it a right hand of another child."""
    return film(np.ascontiguousarray(np.hstack([HAND, another(2, 80)[:, ::-1]])))


def test_of_two_hands_each_is_read_as_if_it_were_alone(tiny: Predictor) -> None:
    picture = both_hands()
    readings = tiny.read_each(picture, Sex.MALE)
    assert [reading.part for reading in readings] == ["left", "right"]
    where = several.seam(picture.pixels)
    assert where is not None
    alone = [tiny.read(part, Sex.MALE) for part in several.parts(picture, where)]
    assert [reading.bone_age_months for reading in readings] == [reading.bone_age_months for reading in alone]
    for reading in readings:
        (flag,) = [flag for flag in reading.flags if flag.code == "several_hands"]
        assert flag.severity is Severity.WARN
        assert reading.part in flag.sentence


def test_two_hands_are_never_read_as_one(tiny: Predictor) -> None:
    assert tiny.read(both_hands(), Sex.MALE).bone_age_months is None


@pytest.mark.parametrize(("wanted", "part"), [("L", "left"), ("R", "right")])
def test_of_two_hands_the_wanted_one_is_read_alone(tiny: Predictor, wanted: str, part: str) -> None:
    (reading,) = tiny.read_each(replace(both_hands(), laterality="R"), Sex.MALE, hand=wanted)
    assert reading.part == part


@pytest.mark.parametrize(("named", "part"), [("L", "left"), ("R", "right")])
def test_of_two_hands_the_one_that_the_file_names_is_read(tiny: Predictor, named: str, part: str) -> None:
    (reading,) = tiny.read_each(replace(both_hands(), laterality=named), Sex.MALE)
    assert reading.part == part


def test_of_two_left_hands_both_are_read_whichever_is_wanted(tiny: Predictor) -> None:
    picture = film(np.ascontiguousarray(np.hstack([HAND, another(2, 80)])))
    assert [reading.part for reading in tiny.read_each(picture, Sex.MALE, hand="L")] == ["left", "right"]


def test_two_left_hands_are_told_apart_by_their_place(tiny: Predictor) -> None:
    picture = film(np.hstack([HAND, another(2, 80)]))
    for part in ("left", "right"):
        (seen,) = tiny.examine_each(picture, "L", part)
        assert seen.radiograph.part == part
    (seen,) = tiny.examine_each(film(HAND), part="right")
    assert seen.radiograph.part is None


def test_one_hand_is_one_reading(tiny: Predictor) -> None:
    (reading,) = tiny.read_each(film(HAND), Sex.MALE, hand="R")
    assert reading.part is None
    assert reading == tiny.read(film(HAND), Sex.MALE)
