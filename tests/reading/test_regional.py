"""Ages by region of a film: by their own network, with ranges, or the reason why there are none."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from hands import hand, pair, predictor
from regional import SIZE, SLIM, tables

from boneage import Reading, Sex, read
from boneage.config import PrepareConfig
from boneage.errors import BadModel
from boneage.hand.bone_regions import REGIONS, WHOLE, question, questions
from boneage.hand.prepare import prepare
from boneage.reading.batch import items, read_and_explain
from boneage.reading.examination import Examination, examine
from boneage.reading.predictor import Predictor
from boneage.reading.regional import MEANING, NO_HAND, Regional, ages
from boneage.training.export import with_facts

Q = len(questions())


@pytest.fixture(scope="module")
def regional(regions_model: Path) -> Regional:
    return Regional.load(regions_model, threads=1)


@pytest.fixture(scope="module")
def seen() -> Examination:
    return predictor().examine(read(hand()))


def flat(value: float = 120.0) -> np.ndarray:
    return np.full(Q, value)


def test_a_reading_has_ages_by_region_where_they_are_asked_for(regional: Regional, seen: Examination) -> None:
    plain, found = predictor().read(seen, Sex.FEMALE), predictor().read(seen, Sex.FEMALE, regional=regional)
    assert plain.regional_ages is None
    assert found.regional_ages is not None
    assert replace(found, regional_ages=None) == plain
    assert [age.region for age in found.regional_ages.ages] == [region.key for region in REGIONS]
    assert (found.regional_ages.model, found.regional_ages.reason) == ("regions", None)
    assert found.regional_ages.weights_sha256 == regional.weights_sha256
    assert Reading.from_dict(json.loads(json.dumps(found.to_dict()))) == found
    assert regional.weights_sha256[:12] in regional.meaning
    assert regional.summary["name"] == "regions"
    assert "usual" not in json.dumps(regional.summary["regions"])
    assert regional.meaning.startswith(MEANING)


def test_they_are_those_that_the_network_gives_for_the_montage(regional: Regional, seen: Examination) -> None:
    montage = prepare(seen.radiograph, regional.spec)
    months, expected = regional.predict(np.stack([montage, montage]), [Sex.FEMALE, Sex.MALE])
    assert months.shape == expected.shape == (2, Q)
    assert (months[0] != months[1]).any()
    assert (expected > 0).all()
    found = regional.read(seen, Sex.FEMALE)
    told = ages(tables(), months[0], expected[0], Sex.FEMALE)
    assert [one.region for one in found.ages] == [one.region for one in told]
    own = regional.montage(seen)
    assert own is not None
    assert np.abs(own.astype(int) - montage).max() <= 1


@pytest.mark.parametrize("spec", [PrepareConfig(size=SIZE), PrepareConfig(size=SIZE, hand=True)])
def test_the_montage_does_not_depend_on_how_another_model_sees_the_film(
    regional: Regional, seen: Examination, spec: PrepareConfig
) -> None:
    found = regional.montage(examine(seen.radiograph, spec))
    assert found is not None
    assert np.abs(found.astype(int) - prepare(seen.radiograph, regional.spec)).max() <= 2


def test_of_a_model_with_equal_montages_they_are_taken_as_they_are(regional: Regional, seen: Examination) -> None:
    beside = examine(seen.radiograph, replace(regional.spec, beside=True))
    found = regional.montage(beside)
    assert found is not None
    assert (found == beside.pixels[:, SIZE:]).all()


def test_without_a_certain_hand_there_is_a_reason(regional: Regional) -> None:
    noise = np.random.default_rng(1).random((120, 120)).astype(np.float32)
    film = replace(read(hand()), pixels=noise)
    for spec in (regional.spec, PrepareConfig(size=SIZE)):
        found = regional.read(examine(film, spec), Sex.MALE)
        assert (found.ages, found.reason) == ((), NO_HAND)
        assert regional.outlines(examine(film, spec)) == {}
    assert predictor().read(film, Sex.MALE, regional=regional).regional_ages is None, "a refused film has no age"


def test_the_outlines_lie_on_the_film(regional: Regional, seen: Examination) -> None:
    found = regional.outlines(seen)
    assert {"carpals", "radius_ulna", "ray_i"} <= set(found)
    for line in found.values():
        assert ((line > -0.1) & (line < 1.1)).all()
    assert found["carpals"][:, 1].mean() < found["radius_ulna"][:, 1].mean()
    assert found["ray_iii"][:, 1].mean() < found["carpals"][:, 1].mean()


def test_each_of_two_hands_has_its_own(regional: Regional) -> None:
    both = predictor().read_each(read(pair()), Sex.FEMALE, regional=regional)
    told = [one.regional_ages for one in both]
    assert len(told) == 2
    assert told[0] is not None
    assert told[0] != told[1]


def test_an_age_has_an_interval_and_a_difference_with_its_usual_range() -> None:
    months = flat()
    months[question(REGIONS[0].shown)] = 150.0
    carpals, *others = ages(tables(mean=1.0, spread=1 / np.sqrt(2), limit=2.5), months, flat(4.0), Sex.MALE)
    assert (carpals.bone_age_months, carpals.difference_months) == (150, 30)
    assert carpals.interval is not None
    assert (carpals.interval.low, carpals.interval.high) == (150 - 2 * SLIM, 150 + 2 * SLIM)
    assert (carpals.usual, carpals.difference_sd) == ((-9, 11), 4)
    assert carpals.is_unusual
    assert others[-1].is_unusual, "the rest is as far from the carpals"
    assert others[-1].difference_months == -30
    assert not any(one.is_unusual for one in others[:-1])


def test_a_region_whose_interval_is_much_wider_than_the_whole_hands_says_nothing() -> None:
    expected = flat(4.0)
    expected[question(REGIONS[0].shown)] = 200.0
    found = ages(tables(), flat(), expected, Sex.MALE)
    assert (found[0].bone_age_months, found[0].interval, found[0].is_unusual) == (None, None, False)
    assert found[-1].bone_age_months is not None
    assert found[-1].difference_months is None, "there is nothing to hold it against"
    assert all(one.difference_months is not None for one in found[1:-1])
    for errors, is_told in ((expected[1] * 1.6**2, True), (expected[1] * 1.8**2, False)):
        expected[question(REGIONS[0].shown)] = errors
        assert (ages(tables(), flat(), expected, Sex.UNKNOWN)[0].bone_age_months is not None) is is_told
    assert all(one.bone_age_months is not None for one in ages(tables(40.0), flat(), flat(40.0), Sex.UNKNOWN))


def test_no_age_and_no_interval_is_below_zero() -> None:
    for whole in (2.0, -3.0):
        found = ages(tables(), flat(whole), flat(4.0), Sex.FEMALE)
        assert all(one.interval is not None and one.interval.low == 0 for one in found)
        assert {one.bone_age_months for one in found} == {max(whole, 0.0)}


def test_the_whole_asks_for_the_whole() -> None:
    assert question(WHOLE) == 0


def test_a_folder_is_read_with_ages_by_region(regional: Regional, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(hand())
    (tmp_path / "b.png").write_bytes(b"no film")
    found = list(read_and_explain(predictor(), items(tmp_path), heatmaps=False, regional=regional))
    assert isinstance(found[0][1], Reading)
    assert found[0][1].regional_ages is not None
    assert len(found) == 2


def test_what_is_no_model_of_regions_is_refused(
    tiny_model: Path, bare_regions: Path, seen: Examination, tmp_path: Path
) -> None:
    with pytest.raises(BadModel, match="is no model of ages by region"):
        Regional.load(tiny_model)
    with pytest.raises(BadModel, match="was not calibrated"):
        Regional.load(bare_regions).read(seen, Sex.MALE)
    other = tmp_path / "other.onnx"
    other.write_bytes(with_facts(bare_regions.read_bytes(), regions={"mean": {}}))
    with pytest.raises(BadModel, match="that this version of boneage can read"):
        Regional.load(other)
    with pytest.raises(BadModel, match="tells no age of a whole hand"):
        Predictor.load(bare_regions)
