"""Calibrating a model for a site."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from command import done, refused
from honest import sample
from scipy import stats

from boneage import Predictor
from boneage.data.dataset import Sample, open_folder
from boneage.errors import BadTable
from boneage.evaluation.predictions import Predictions
from boneage.reading.site import Correction, Site
from boneage.study import site
from boneage.study.ratings import Ratings
from boneage.types import Sex

SEXES = (Sex.FEMALE, Sex.MALE)


def local(n: int, seed: int, girls: float = 0.0, boys: float = 0.0, slope: float = 0.0) -> tuple:
    """Readings, errors (label minus reading) and sexes of a site that reads otherwise."""
    generator = np.random.default_rng(seed)
    months, sexes = generator.uniform(30, 200, n), [SEXES[film % 2] for film in range(n)]
    bias = np.where(np.arange(n) % 2, boys, girls) + slope * (months - 120)
    return months, bias + generator.normal(0, 8, n), sexes


@pytest.mark.parametrize("shape", [{"girls": -6.0, "boys": 6.0}, {"slope": -0.1}, {"girls": 5.0, "boys": 5.0}])
def test_a_bias_is_found_and_taken_off(shape: dict[str, float]) -> None:
    fit = site.fitted(*local(150, 1, **shape))
    assert fit.is_better
    months, errors, sexes = local(5000, 2, **shape)
    lines = {name: Correction(**of) for name, of in site.corrections(fit.coefficients).items()}
    added = np.array([lines[sex.value].of(at) for sex, at in zip(sexes, months, strict=True)])
    assert np.abs(errors - added).mean() < np.abs(errors).mean() - 0.5
    assert lines["unknown"].offset == pytest.approx((lines["female"].offset + lines["male"].offset) / 2, abs=1e-3)


def test_without_a_bias_there_is_rarely_a_correction(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site, "FLIPS", 400)
    corrected = [site.fitted(*local(100, seed)).is_better for seed in range(80)]
    assert sum(corrected) <= 9  # 5 % of 80 and 2.5 standard errors; seeds are fixed


def test_chance_is_a_share_of_flips_and_the_same_each_time() -> None:
    shifted, plain = local(120, 7, girls=4, boys=4), local(120, 7)
    assert site.fitted(*shifted).gain == site.fitted(*shifted).gain
    assert site.fitted(*shifted).gain["chance"] == pytest.approx(1 / (1 + site.FLIPS), abs=0.01)
    assert 0.05 < site.fitted(*plain).gain["chance"] <= 1


def test_opposite_shifts_of_the_sexes_are_found_like_one_of_both() -> None:
    together = np.mean([site.fitted(*local(100, seed, girls=3.5, boys=3.5)).is_better for seed in range(12)])
    opposite = np.mean([site.fitted(*local(100, seed, girls=-3.5, boys=3.5)).is_better for seed in range(12)])
    assert min(together, opposite) >= 0.75


def test_films_that_are_hard_to_read_say_less_of_a_bias() -> None:
    """Half of the films have four times the noise: where that is known, a bias is found and told better."""
    found: dict[bool, list[site.Fit]] = {True: [], False: []}
    for seed in range(12):
        months, errors, sexes = local(100, seed, girls=3.0, boys=3.0)
        expected = np.where(np.arange(100) % 4 < 2, 16.0, 4.0)
        errors = 3.0 + (errors - 3.0) * expected / 8
        for is_known, fits in found.items():
            fits.append(site.fitted(months, errors, sexes, expected if is_known else None))
    assert sum(fit.is_better for fit in found[True]) > sum(fit.is_better for fit in found[False])
    off = {known: np.mean([abs(fit.coefficients[0] - 3.0) for fit in fits]) for known, fits in found.items()}
    assert off[True] < off[False]
    same = site.fitted(*local(100, 3), np.full(100, 7.0))
    np.testing.assert_allclose(same.coefficients, site.fitted(*local(100, 3)).coefficients)


@pytest.mark.parametrize(("n", "is_better"), [(120, True), (400, False)])
def test_many_films_have_to_show_a_bias_more_clearly(n: int, is_better: bool) -> None:
    fit = site.Fit(np.zeros(4), np.zeros(n), {"value": 0.2, "chance": 0.04})
    assert fit.is_better is is_better


def test_a_clear_bias_whose_gain_is_smaller_than_the_noise_is_said_so(calibrated_model: Path) -> None:
    found = site.site_of(readings(121, 8.0), Predictor.load(calibrated_model))
    told = found | {"raters_per_film": 1.0, "failures": 0, "remarks": [], "gain": {"value": -0.1, "chance": 0.001}}
    assert any("cannot show the gain" in sentence for sentence in site.sentences(told))


def test_the_cross_fitted_correction_of_a_film_does_not_know_the_film() -> None:
    months, errors, sexes = local(100, 3)
    other = errors.copy()
    other[7] += 0.5
    before, after = site.fitted(months, errors, sexes), site.fitted(months, other, sexes)
    moved = np.abs(after.cross_fitted - before.cross_fitted)
    assert moved[7] < 1e-3 < moved.max()  # the variance, which shrinks, is of all films


def test_a_gross_error_hardly_moves_the_correction() -> None:
    months, errors, sexes = local(100, 4, girls=5, boys=5)
    wrong = errors.copy()
    wrong[0] = 150.0
    moved = site.fitted(months, wrong, sexes).coefficients - site.fitted(months, errors, sexes).coefficients
    assert abs(moved[0]) < 0.5


def test_few_films_shrink_the_correction_towards_none() -> None:
    offsets = []
    for n in (20, 2000):
        months = np.linspace(30, 200, n)
        errors = 4.0 + np.tile([9.0, -9.0], n // 2)
        offsets.append(site.fitted(months, errors, [Sex.UNKNOWN] * n).coefficients[0])
    assert offsets == pytest.approx([4 / (1 + (81 + 16) / 20 / 36), 4.0], abs=0.1)


def test_the_promised_range_is_what_conformal_sites_show() -> None:
    n, covered = 100, []
    for seed in range(400):
        labels, months, expected = sample(n + 1500, seed)
        factor = site.site_factors((labels - months)[:n], expected[:n], [Sex.UNKNOWN] * n)["unknown"]["0.9"]
        covered.append(float(np.mean(np.abs(labels - months)[n:] <= factor * expected[n:])))
    promised = site.promised(n)["0.9"]
    assert np.mean([promised["low"] <= one <= promised["high"] for one in covered]) >= 0.97
    assert promised["low"] == pytest.approx(stats.beta.ppf(0.005, 91, 10))


def test_from_300_films_on_each_sex_has_its_own_factors() -> None:
    labels, months, expected = sample(320, 1)
    sexes = [SEXES[film % 2] for film in range(320)]
    residuals = (labels - months) * np.where(np.arange(320) % 2, 2.0, 1.0)
    found = site.site_factors(residuals, expected, sexes)
    assert found["male"]["0.9"] > 1.5 * found["female"]["0.9"]
    fewer = site.site_factors(residuals[:299], expected[:299], sexes[:299])
    assert fewer["male"] == fewer["female"] == fewer["unknown"]


def readings(n: int, shift: float) -> Predictions:
    months, errors, sexes = local(n, 5, girls=shift, boys=shift)
    labels, ids = months + errors, tuple(map(str, range(n)))
    return Predictions("x", ids, tuple(sexes), labels, months, np.full(n, 8.0))


def test_what_a_file_says(calibrated_model: Path, tmp_path: Path) -> None:
    predictor = Predictor.load(calibrated_model)
    found = site.site_of(readings(121, 8.0), predictor)
    assert found["verdict"] == site.BETTER
    assert found["before"]["bias"]["value"] == pytest.approx(-8, abs=1.6)
    assert abs(found["after"]["bias"]["value"]) < 1
    assert found["after"]["mad"]["value"] < found["before"]["mad"]["value"]
    assert found["by_sex"] == {"female": 61, "male": 60, "unknown": 0}
    assert set(found["coverage"]) == set(found["promised"]) == {"0.5", "0.8", "0.9"}
    path = tmp_path / "site.json"
    path.write_text(json.dumps(found))
    assert Site.load(path, predictor.weights_sha256).corrected(120, Sex.MALE) == pytest.approx(128, abs=2.5)


def test_no_better_than_none_writes_no_correction(calibrated_model: Path) -> None:
    found = site.site_of(readings(100, 0.0), Predictor.load(calibrated_model))
    assert (found["verdict"], found["corrections"]) == ("no better than none", None)
    assert found["after"] == found["before"]
    said = " ".join(site.sentences(found | {"raters_per_film": 1.0, "failures": 0, "remarks": []}))
    assert "A correction is no better than none: cross-fitted gain" in said


def test_fewer_than_60_films_are_refused_and_fewer_than_100_warned_of(calibrated_model: Path) -> None:
    predictor = Predictor.load(calibrated_model)
    with pytest.raises(BadTable, match="59 films that can be read are too few"):
        site.site_of(readings(59, 8.0), predictor)
    few = site.site_of(readings(60, 8.0), predictor) | {"raters_per_film": 2.5, "failures": 3, "remarks": []}
    said = site.sentences(few)
    assert said[0] == "60 films, 2.5 ratings each, 3 not read."
    assert "Fewer than 100 films" in said[1]


def test_ratings_of_several_readers_become_the_label() -> None:
    films = [Sample(str(number), None, None, Sex.MALE, str(number), None) for number in range(4)]
    values = np.array([[100.0, 102], [90, 92], [np.nan, 80]])
    labelled, raters, remarks = site.labelled_by(films, Ratings(("0", "1", "9"), ("a", "b"), values[:, :, None]))
    assert [one.id for one in labelled] == ["0", "1"]
    assert labelled[0].months == pytest.approx(101.0)
    assert raters == 2
    assert remarks == [
        "2 films without a rating were not used ('2' first).",
        "1 films of the table of ratings are not in the data ('9' first).",
    ]


def test_the_command(films: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site, "FEWEST", 20)
    out = tmp_path / "site.json"
    ended = done("calibrate-site", tiny_model, "--data", films, "--out", out)
    assert "Fewer than 100 films" in ended.out
    assert "Research use only" in ended.out
    written = json.loads(out.read_text())
    assert written["films"] == len(open_folder(films).samples)
    film = films / "images" / "7.png"
    shown = json.loads(done("predict", film, "--model", tiny_model, "--site", out, "--json", "--sex", "f").out)
    assert len(shown["site_sha256"]) == 64
    monkeypatch.setattr(site, "FEWEST", 500)
    refused("calibrate-site", tiny_model, "--data", films, "--out", out, because="too few to calibrate a site")
    refused("predict", film, "--model", tiny_model, "--site", film, naming=film, because="no site calibration")
