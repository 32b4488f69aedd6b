"""The node: films in, documents out; nothing lost and nothing twice."""

from __future__ import annotations

import urllib.request
from pathlib import Path
from typing import Any

import pydicom
import pytest
from clinical_films import HEADER, SC, film, hand_pixels, noise_pixels, opened
from dicom_files import compressed, written
from nodes import node
from pacs import echo, pacs, send

from boneage.apps.dicom.classes import SENT

KINDS = 3  # documents of a film that a destination gets unless it asks for others


def test_a_film_comes_in_and_its_documents_go_out_to_the_same_study(tmp_path: Path) -> None:
    with pacs() as archive, node(tmp_path, archive) as running:
        assert echo(running.port) == 0
        assert send(running.port, film()) == [0]
        archive.wait(KINDS)
        state = running.spool.state()
    found = archive.datasets()
    assert {one.SOPClassUID for one in found} == SENT.keys() - {"1.2.840.10008.5.1.4.1.1.88.33"}
    assert {one.StudyInstanceUID for one in found} == {HEADER["StudyInstanceUID"]}
    assert {str(one.PatientName) for one in found} == {HEADER["PatientName"]}
    assert state["destinations"][0]["waiting"] <= 1  # the last one's note may be on its way
