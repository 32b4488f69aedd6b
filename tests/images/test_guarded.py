"""Files that may cost much are decoded by a process with limits, and this changes no film."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from dicom_files import TWELVE, dicom, written
from hands import hand

import boneage
from boneage.errors import UnreadableImage
from boneage.images import guarded
from boneage.images.decoder_pool import DecoderPool


def test_a_cheap_film_is_read_here_and_a_dear_one_elsewhere_both_alike(tmp_path: Path) -> None:
    plain, packed = tmp_path / "hand.png", tmp_path / "hand.png.gz"
    plain.write_bytes(hand())
    packed.write_bytes(gzip.compress(hand()))
    for path in (plain, packed):
        film, expected = guarded.read(path), boneage.read(path)
        np.testing.assert_array_equal(film.pixels, expected.pixels)
        nothing = np.zeros((1, 1), np.float32)
        assert replace(film, pixels=nothing) == replace(expected, pixels=nothing)


@pytest.mark.parametrize("name", ["gone.png", "", "a\0b.png"])
def test_what_cannot_be_opened_is_said_as_ever(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnreadableImage, match="cannot read"):
        guarded.read(f"{tmp_path}/{name}")


def test_a_film_decoded_elsewhere_still_knows_whose_it_is() -> None:
    file = written(dicom(TWELVE, PatientID="MRN-4711", StudyInstanceUID="1.2.3"))
    film = guarded.read(gzip.compress(file), name="a.dcm.gz")
    assert film.source == "a.dcm.gz"
    assert film.identity == boneage.read(file).identity
    assert film.identity
    assert film.identity.patient_id == "MRN-4711"


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Decoders that never answer."""
    monkeypatch.setattr("boneage.images.decoder_pool.CODE", "import time; time.sleep(600)")
    pool = DecoderPool(replace(guarded.LIMITS, seconds=0.2))
    monkeypatch.setattr(guarded, "_decoders", lambda: pool)
    yield
    pool.close()


@pytest.mark.usefixtures("slow")
def test_a_file_that_takes_too_long_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "hand.png.gz"
    path.write_bytes(gzip.compress(hand()))
    with pytest.raises(UnreadableImage, match=r"cannot read .*hand\.png\.gz: it did not decode within 0\.2 s"):
        guarded.read(path)
    (tmp_path / "hand.png").write_bytes(hand())
    assert guarded.read(tmp_path / "hand.png").format == "PNG"
