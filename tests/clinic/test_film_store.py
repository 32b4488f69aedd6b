"""The film store: pixels only, and only if asked for."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from hands import hand, predictor
from in_process import opened

from boneage import Sex, read
from boneage.clinic.answers import ReadingRequest
from boneage.clinic.film_store import FilmStore
from boneage.clinic.record import Record
from boneage.hand.prepare import prepare


def test_films_are_kept_only_where_asked_and_only_their_pixels(tmp_path: Path) -> None:
    files = pytest.importorskip("dicom_files")
    pixels = (np.asarray(read(hand()).pixels) * 4095).astype(np.uint16)
    film = files.written(files.dicom(pixels, PatientID="MRN-4711", PatientName="DOE^JANE"))
    folder, record = tmp_path / "films", Record.open(str(tmp_path / "readings.db"))
    with opened(record=record, films=FilmStore.open(folder, recorded=True)) as service:
        asyncio.run(service.read(film, "DOE.dcm", ReadingRequest(keep=False)))
        asyncio.run(service.read_film(film, "DOE.dcm", ReadingRequest()))
        asyncio.run(service.show(film))
        assert list(folder.iterdir()) == []
        answers = [asyncio.run(service.read(film, "DOE.dcm", ReadingRequest())) for _ in range(2)]
    record.close()
    (kept,) = folder.iterdir()
    assert kept.name == f"{answers[0].image_sha256}.png"
    assert stat.S_IMODE(kept.stat().st_mode) & 0o077 == 0
    held = kept.read_bytes()
    assert {kind for kind, _ in chunks(held)} == {b"IHDR", b"IDAT", b"IEND"}
    shown = cv2.imdecode(np.frombuffer(held, np.uint8), cv2.IMREAD_UNCHANGED)
    np.testing.assert_allclose(shown / 65535, read(film).pixels, atol=1e-5)
    prepared = [prepare(one, predictor().spec).astype(int) for one in (read(film), read(held))]
    assert np.abs(prepared[1] - prepared[0]).max() <= 2  # grey levels, of 255
    again = predictor().read(read(held), Sex.FEMALE).bone_age_months
    assert again == pytest.approx(answers[0].bone_age_months, abs=0.5)


def chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The parts of a PNG: kind and data."""
    at = 8
    while at < len(png):
        length = int.from_bytes(png[at : at + 4])
        yield png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        at += length + 12


def test_a_film_that_cannot_be_kept_takes_nothing_from_its_reading(tmp_path: Path) -> None:
    folder, record = tmp_path / "films", Record.open(str(tmp_path / "readings.db"))
    with opened(record=record, films=FilmStore.open(folder, recorded=True)) as service:
        folder.rmdir()
        folder.write_text("no folder any more")
        answer = asyncio.run(service.read(hand(), "hand.png", ReadingRequest(sex=Sex.FEMALE)))
    record.close()
    assert (answer.record, answer.bone_age_months) == (1, pytest.approx(120, abs=60))
    assert answer.not_kept
    assert answer.not_kept.startswith("the film could not be kept: ")
