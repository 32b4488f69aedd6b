"""Films of a DICOMweb service: a real Orthanc is asked, and the films are read."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("dicomweb_client", reason="DICOMweb needs boneage[dicom]")
from clinical_films import film, hand_pixels
from jobs import rows_of
from orthanc import HTTP, Orthanc, orthanc

from boneage import Predictor, read
from boneage.errors import BadConfig, BadTable, MissingPackage, UnreadableImage
from boneage.reading.archive import dicomweb, manifest
from boneage.reading.archive.job import Job

ROOT = f"dicomweb+http://127.0.0.1:{HTTP}/dicom-web"


@pytest.fixture(scope="module")
def pacs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Orthanc, list[bytes]]]:
    """An Orthanc with three films, one of them of a chest."""
    folder = tmp_path_factory.mktemp("orthanc")
    parts = ("HAND", "HAND", "CHEST")
    films = [
        film(
            hand_pixels(seed=number),
            SOPInstanceUID=f"1.2.3.{number}",
            SeriesInstanceUID=f"1.2.4.{part}".replace("HAND", "1").replace("CHEST", "2"),
            BodyPartExamined=part,
        )
        for number, part in enumerate(parts, start=1)
    ]
    with orthanc(folder) as running:
        for number, data in enumerate(films):
            (folder / f"{number}.dcm").write_bytes(data)
        running.store(*sorted(folder.glob("*.dcm")))
        yield running, films


def boneage(running: Orthanc, *words: object) -> str:
    """The command where the service can be reached; it must succeed."""
    ended = running.run(sys.executable, "-m", "boneage", *map(str, words))
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_the_films_of_a_query_are_planned_and_read(
    pacs: tuple[Orthanc, list[bytes]], tiny_model: Path, tmp_path: Path
) -> None:
    running, films = pacs
    query = f"{ROOT}?BodyPartExamined=HAND"
    boneage(running, "archive", "plan", query, "--out", tmp_path / "job", "--model", tiny_model)
    job = Job.open(tmp_path / "job")
    planned = manifest.films_of(job, 0)
    assert sorted(film.id for film in planned) == ["1.2.3.1", "1.2.3.2"]
    assert all(film.file.endswith(f"/instances/{film.id}") and film.file.startswith(ROOT) for film in planned)
    boneage(running, "archive", "run", job.folder, "--workers", 1)
    found = rows_of(job)
    for number in (1, 2):
        row = found[f"1.2.3.{number}"]
        reading = Predictor.load(tiny_model, threads=1).read(read(films[number - 1]))
        assert row["bone_age_months"] == reading.bone_age_months
        assert (row["sex"], row["sex_source"]) == ("female", "dicom")


def test_a_query_that_finds_nothing_and_a_film_that_is_gone(
    pacs: tuple[Orthanc, list[bytes]], tiny_model: Path, tmp_path: Path
) -> None:
    running, _ = pacs
    words = ("archive", "plan", f"{ROOT}?BodyPartExamined=SKULL", "--out", str(tmp_path / "job"))
    ended = running.run(sys.executable, "-m", "boneage", *words, "--model", str(tiny_model))
    assert ended.returncode == 2
    assert ended.stderr.endswith(f"boneage: {ROOT}?BodyPartExamined=SKULL finds no film\n")


class Service:
    """What a client of a service answers, page by page."""

    def __init__(self, *pages: list[dict[str, Any]]) -> None:
        self.pages, self.asked = list(pages), list[tuple[int, int]]()

    def search_for_instances(self, search_filters: dict[str, str], limit: int, offset: int) -> list[dict[str, Any]]:
        self.asked.append((limit, offset))
        return self.pages.pop(0)

    def retrieve_instance(self, *uids: str, **options: Any) -> Any:
        raise ConnectionError(f"no route to {uids}")


def instance(number: int) -> dict[str, Any]:
    """A film as QIDO-RS describes it."""
    uids = {"0020000D": "1.1", "0020000E": "1.2", "00080018": f"1.3.{number}"}
    return {tag: {"vr": "UI", "Value": [uid]} for tag, uid in uids.items()}


def test_a_service_is_asked_page_by_page_until_there_are_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    service = Service([instance(1), instance(2)], [instance(3)], [])
    monkeypatch.setattr(dicomweb, "_client", lambda root: service)
    found = list(dicomweb.films("dicomweb+https://pacs/web/?Modality=DX", None))
    assert [one.id for one in found] == ["1.3.1", "1.3.2", "1.3.3"]
    assert found[0].file == "dicomweb+https://pacs/web/studies/1.1/series/1.2/instances/1.3.1"
    assert service.asked == [(dicomweb.PAGE, 0), (dicomweb.PAGE, 2), (dicomweb.PAGE, 3)]


def test_a_service_that_gives_the_same_page_for_ever_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dicomweb, "_client", lambda root: Service([instance(1)], [instance(1)]))
    with pytest.raises(BadTable, match="it does not know the parameter offset"):
        list(dicomweb.films(ROOT, None))


def test_what_a_service_does_wrong_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    service = Service([{"00080018": {"Value": ["1"]}}])
    monkeypatch.setattr(dicomweb, "_client", lambda root: service)
    with pytest.raises(BadTable, match="names a film without its 0020,000D"):
        list(dicomweb.films(ROOT, None))
    with pytest.raises(BadTable, match="does not answer the query: IndexError"):
        list(dicomweb.films(ROOT, None))
    with pytest.raises(BadConfig, match="is no query: 'Modality' should be"):
        list(dicomweb.films(f"{ROOT}?Modality", None))
    with pytest.raises(BadConfig, match="a token belongs into BONEAGE_DICOMWEB_TOKEN"):
        list(dicomweb.films("dicomweb+https://me:secret@pacs/web", None))
    with pytest.raises(UnreadableImage, match=r"instances/3: ConnectionError$"):
        dicomweb.fetched(f"{ROOT}/studies/1/series/2/instances/3")


def test_a_package_that_is_missing_is_not_taken_for_a_service_that_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dicomweb, "_client", dicomweb._client.__wrapped__)
    monkeypatch.setitem(sys.modules, "dicomweb_client.api", None)
    for look in (
        lambda: list(dicomweb.films(ROOT, None)),
        lambda: dicomweb.fetched(f"{ROOT}/studies/1/series/2/instances/3"),
    ):
        with pytest.raises(MissingPackage, match=r"this needs boneage\[dicom\]: dicomweb_client.api is not installed"):
            look()


def test_a_token_of_the_environment_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(dicomweb.TOKEN, "secret")
    client = dicomweb._client.__wrapped__("dicomweb+https://pacs/web")
    assert client._session.headers["Authorization"] == "Bearer secret"
    assert client.base_url == "https://pacs/web"
