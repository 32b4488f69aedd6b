"""All documents of a film: the same bytes each time, and what a picture gets that is not DICOM."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from clinical_films import SC, STUDY, case, film, hand_pixels, opened, pair_cases, pair_film, plain_case, refused_case
from command import boneage, contents, refused
from dicom_files import compressed, dicom, written
from hands import hand
from pydicom.uid import (
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)
from refusals import full_disk
from validators import dciodvfy, dsrdump, pixelmed

from boneage.clinic.documents import bundle
from boneage.errors import CannotWrite


def test_the_same_film_gives_the_same_documents_byte_for_byte() -> None:
    data = film()
    first, second = ([*bundle.dicom(one), *bundle.plain(one)] for one in (case(data) for _ in range(2)))
    assert first == second
    assert {one.name for one in first} == {*bundle.DICOM, *bundle.PLAIN}
    assert set(bundle.KINDS.values()) == set(bundle.DICOM)


def test_the_command_writes_all_of_them(tmp_path: Path) -> None:
    path = tmp_path / "film.dcm"
    path.write_bytes(film())
    ended = boneage("report", path, "--to", tmp_path / "out")
    assert (ended.code, ended.err) == (0, "")
    assert contents(tmp_path / "out").keys() == {*bundle.DICOM, *bundle.PLAIN}
    assert all(str(tmp_path / "out" / name) in ended.out for name in bundle.DICOM)
    assert "Research use only" in ended.out


def test_the_command_writes_those_of_the_hand_that_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "pair.dcm"
    path.write_bytes(pair_film())
    assert boneage("report", path, "--to", tmp_path / "out", "--hand", "right").code == 0
    assert contents(tmp_path / "out").keys() == {f"right-part.{name}" for name in (*bundle.DICOM, *bundle.PLAIN)}


def test_a_refused_film_gets_documents_and_the_exit_code_says_so(tmp_path: Path) -> None:
    path = tmp_path / "film.dcm"
    path.write_bytes(film(refused_case().film.pixels.astype("u2")))
    assert boneage("report", path, "--to", tmp_path / "out").code == 3
    assert contents(tmp_path / "out").keys() == {*bundle.DICOM, *bundle.PLAIN}


def test_a_picture_gets_what_is_possible_and_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "hand.png"
    path.write_bytes(hand())
    ended = boneage("report", path, "--to", tmp_path / "out", "--sex", "female", "--age", 118)
    assert ended.code == 0
    assert ended.err.count("\n") == 1
    assert f"{path} is not DICOM" in ended.err
    assert contents(tmp_path / "out").keys() == bundle.PLAIN.keys()


def test_what_is_no_film_and_a_folder_that_takes_nothing_are_told(tmp_path: Path) -> None:
    path = tmp_path / "text.dcm"
    path.write_text("no film")
    refused("report", path, "--to", tmp_path / "out", naming=path, because="looks like text")
    with full_disk(1000), pytest.raises(CannotWrite):
        bundle.write([plain_case()], tmp_path / "full")
    assert contents(tmp_path / "full") == {}


def test_a_film_without_a_study_gets_what_is_possible(tmp_path: Path) -> None:
    made, missing = bundle.write([case(written(dicom(hand_pixels())))], tmp_path)
    assert [one.name for one in made] == [*bundle.PLAIN]
    assert missing is not None
    assert "no valid study UID" in missing


def test_each_of_two_hands_has_documents_of_its_own_in_series_of_its_own(tmp_path: Path) -> None:
    paths, missing = bundle.write(pair_cases(), tmp_path)
    assert missing is None
    assert {path.name for path in paths} == {
        f"{part}-part.{name}" for part in ("left", "right") for name in (*bundle.DICOM, *bundle.PLAIN)
    }
    objects = {path.name: opened(path.read_bytes()) for path in paths if path.suffix == ".dcm"}
    assert len({one.SOPInstanceUID for one in objects.values()}) == 2 * len(bundle.DICOM)
    assert len({one.SeriesInstanceUID for one in objects.values()}) == 2 * 3
    assert {one.StudyInstanceUID for one in objects.values()} == {STUDY}
    sides = {"left": ("Left", "L"), "right": ("Right", "R")}
    for case_, (part, (word, letter)) in zip(pair_cases(), sides.items(), strict=True):
        report = objects[f"{part}-part.bone-age-3d.sr.dcm"]
        assert f"{part} hand in the picture" in report.SeriesDescription
        text = (tmp_path / f"{part}-part.bone-age-3d.sr.dcm").read_bytes()
        for words in (f"bone age, {part} hand in the picture", word, str(round(case_.months or 0, 2))):
            assert words.encode() in text
        assert objects[f"{part}-part.bone-age.capture.dcm"].Laterality == letter
        assert dciodvfy(tmp_path / f"{part}-part.bone-age-3d.sr.dcm") == []
    pictures = [objects[f"{part}-part.bone-age.capture.dcm"].pixel_array for part in sides]
    assert (pictures[0][:, :620] != pictures[1][:, :620]).any()


# PixelMed takes some ten seconds of a core for a report: two films, or all that are named here.
BY_PIXELMED = range(20) if os.environ.get("BONEAGE_PIXELMED") == "all" else (0, 7)
SYNTAXES = [ImplicitVRLittleEndian, RLELossless, JPEG2000Lossless, JPEGLSLossless]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_of_twenty_films_programs_of_others_find_no_error(seed: int, tmp_path: Path) -> None:
    """Of both sexes, with and without side and age, in several transfer syntaxes, of three SOP classes."""
    elements = {
        "PatientSex": "FMO"[seed % 3],
        "ImageLaterality": ("L", "R", None)[seed % 3],
        "PatientBirthDate": (None, "20140115")[seed % 2],
        "SOPClassUID": ("1.2.840.10008.5.1.4.1.1.1", "1.2.840.10008.5.1.4.1.1.1.1", SC)[seed % 3],
    }
    pixels = hand_pixels(256, seed, 40 + 8 * seed)
    data = film(pixels, **elements)
    if seed % 5:
        syntax = SYNTAXES[seed % 5 - 1]
        dataset = opened(data)
        data = compressed(dataset, syntax) if syntax.is_encapsulated else written(dataset, syntax)
    paths, missing = bundle.write([case(data)], tmp_path)
    assert missing is None
    for path in paths:
        if path.suffix == ".dcm":
            assert dciodvfy(path) == []
        if path.name.endswith(".sr.dcm"):
            assert "Imaging Measurement" in dsrdump(path)
            assert seed not in BY_PIXELMED or pixelmed(path) == []
