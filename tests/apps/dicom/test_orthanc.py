"""With a real PACS: film in by storescu, Orthanc routes it, and the documents are found in its study by QIDO-RS."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from clinical_films import HEADER, STUDY, film
from orthanc import DIMSE, HTTP, NODE, orthanc

pytestmark = pytest.mark.slow
SETTINGS = """
[node]
spool = "spool"
port = {port}
[[callers]]
address = "127.0.0.1"
ae_title = "ORTHANC"
[limits]
reading = 1
retry_seconds = 1
free = 0
[[destinations]]
name = "orthanc"
{destination}
"""
WAYS = {
    "C-STORE": f'host = "127.0.0.1"\nport = {DIMSE}\nae_title = "ORTHANC"',
    "STOW-RS": f'url = "http://127.0.0.1:{HTTP}/dicom-web"',
}


@pytest.mark.parametrize("way", WAYS)
def test_documents_come_back_into_the_films_study(way: str, tmp_path: Path) -> None:
    (tmp_path / "node.toml").write_text(SETTINGS.format(port=NODE, destination=WAYS[way]))
    (tmp_path / "film.dcm").write_bytes(film())
    code = "from boneage.apps.cli import main; main()"
    with orthanc(tmp_path) as pacs:
        pacs.start(sys.executable, "-c", code, "node", "start", str(tmp_path / "node.toml"))
        pacs.wait(
            lambda: (
                pacs.run("/usr/bin/echoscu", "-aet", "ORTHANC", "-aec", "BONEAGE", "127.0.0.1", str(NODE)).returncode
                == 0
            )
        )
        pacs.store(tmp_path / "film.dcm")
        pacs.wait(lambda: len(pacs.qido(STUDY)) == 4)
        found = pacs.qido(STUDY)
        shown = pacs.run(sys.executable, "-c", code, "node", "status", str(tmp_path / "node.toml")).stdout
    assert sorted(one["00080060"]["Value"][0] for one in found) == ["CR", "DOC", "OT", "SR"]
    assert {one["00100020"]["Value"][0] for one in found} == {HEADER["PatientID"]}
    assert {one["0020000D"]["Value"][0] for one in found} == {STUDY}
    assert "orthanc: 0 documents wait, 3 sent" in shown
