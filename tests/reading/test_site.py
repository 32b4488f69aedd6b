"""A site's calibration as readings use it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from boneage import Predictor, Sex, read
from boneage.errors import BadModel
from boneage.files import sha256
from boneage.reading.site import KIND, Correction, Site
from boneage.types import Reading

FACTORS = {sex.value: {"0.5": 0.7, "0.8": 1.5, "0.9": 2.0} for sex in Sex}
CORRECTIONS = {
    "female": {"offset": -4.0, "slope": 0.05},
    "male": {"offset": 6.0, "slope": 0.0},
    "unknown": {"offset": 1.0, "slope": 0.025},
}


@pytest.fixture
def site_file(tmp_path: Path, tiny_model: Path):
    def write(**changes) -> Path:
        known = Predictor.load(tiny_model)
        values = {"kind": KIND, "weights_sha256": known.weights_sha256, "films": 121}
        values |= {"corrections": CORRECTIONS, "factors": FACTORS} | changes
        path = tmp_path / "site.json"
        path.write_text(json.dumps(values))
        return path

    return write


@pytest.mark.parametrize("sex", list(Sex))
def test_a_reading_is_corrected_by_sex_and_names_the_file(site_file, tiny_model: Path, films: Path, sex: Sex) -> None:
    path, film = site_file(), read(films / "images" / "7.png")
    plain, local = Predictor.load(tiny_model), Predictor.load(tiny_model, site=path)
    before, after = plain.read(film, sex), local.read(film, sex)
    assert before.bone_age_months is not None
    line = Correction(**CORRECTIONS[sex.value])
    wanted = max(before.bone_age_months + line.of(before.bone_age_months), 0)
    assert after.bone_age_months == pytest.approx(wanted, abs=0.011)
    digest = sha256(path.read_bytes())
    assert after.site_sha256 == after.to_dict()["site_sha256"] == digest
    (flag,) = [flag for flag in after.flags if flag.code == "site_calibration"]
    assert flag.sentence == f"read with the site calibration {digest[:12]} (121 films, corrected)"
    assert f"site calibration {digest[:12]}" in local.signature
    assert Reading.from_dict(after.to_dict()) == after


def test_without_a_site_a_reading_is_as_it_was(tiny_model: Path, films: Path) -> None:
    reading = Predictor.load(tiny_model).read(read(films / "images" / "7.png"), Sex.MALE)
    assert "site_sha256" not in reading.to_dict()
    assert "site_calibration" not in reading.codes
    assert Reading.from_dict(reading.to_dict()) == reading


def test_intervals_have_the_sites_factors(site_file, calibrated_model: Path, films: Path) -> None:
    film, known = read(films / "images" / "7.png"), Predictor.load(calibrated_model)
    factors = {name: {level: 2 * of for level, of in known.factors["known"].items()} for name in map(str, Sex)}
    path = site_file(corrections=None, factors=factors, weights_sha256=known.weights_sha256)
    before, after = known.read(film, Sex.MALE), Predictor.load(calibrated_model, site=path).read(film, Sex.MALE)
    assert after.bone_age_months == before.bone_age_months
    assert before.intervals
    assert after.intervals
    for narrow, wide in zip(before.intervals, after.intervals, strict=True):
        assert wide.high - after.bone_age_months == pytest.approx(2 * (narrow.high - after.bone_age_months), abs=0.03)


def test_without_a_correction_the_age_stays_and_the_site_says_so(site_file, tiny_model: Path) -> None:
    site = Site.load(site_file(corrections=None, factors=None), Predictor.load(tiny_model).weights_sha256)
    assert site.corrected(100.0, Sex.FEMALE) == 100.0
    assert "no correction" in site.signature


def test_no_age_falls_below_birth(site_file, tiny_model: Path) -> None:
    site = Site.load(site_file(), Predictor.load(tiny_model).weights_sha256)
    assert site.corrected(2.0, Sex.FEMALE) == 0.0


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"kind": "something else"}, "is no site calibration"),
        ({"weights_sha256": "ab" * 32}, "is for weights abababababab, not for"),
        ({"corrections": {"female": {"offset": 1, "slope": 0}}}, "a value is missing"),
        ({"corrections": {**CORRECTIONS, "male": {"offset": 900, "slope": 0}}}, "out of range"),
        ({"factors": {**FACTORS, "male": {"0.5": 1, "0.8": 2, "0.9": -3}}}, "a factor is not above 0"),
        ({"films": None}, "a value is no number"),
        ({"films": float("inf")}, "a value is no number, or far too large"),
        ({"films": 10**400}, "a value is no number, or far too large"),
        ({"films": float("nan")}, "a value is no number, or far too large"),
    ],
)
def test_a_wrong_file_is_refused_with_the_reason(site_file, tiny_model: Path, changes: dict, reason: str) -> None:
    with pytest.raises(BadModel, match=reason):
        Predictor.load(tiny_model, site=site_file(**changes))


@pytest.mark.parametrize(("text", "reason"), [("{", "it is no JSON"), ("[]", "is no site calibration")])
def test_what_is_no_site_file_is_refused(tmp_path: Path, tiny_model: Path, text: str, reason: str) -> None:
    (tmp_path / "site.json").write_text(text)
    with pytest.raises(BadModel, match=reason):
        Predictor.load(tiny_model, site=tmp_path / "site.json")
    with pytest.raises(BadModel, match="cannot be read"):
        Predictor.load(tiny_model, site=tmp_path / "none.json")
