"""Films in an object store: listed prefix by prefix, fetched, read; and what a store may refuse."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest
from command import done, refused
from jobs import rows_of
from object_store import WRITTEN, ObjectStore, object_store
from pyarrow import fs

from boneage import Predictor, read
from boneage.errors import BadConfig, BadTable, MissingPackage, UnreadableImage
from boneage.reading.archive import stores
from boneage.reading.archive.job import Job
from boneage.reading.archive.run import read_shard
from boneage.reading.batch import Notes
from boneage.types import Sex


@pytest.fixture
def store(films: Path) -> Iterator[ObjectStore]:
    """Five films below ``films/rsna``, and what is none."""
    names = ("1.png", "IM0001", "a/2.png", "a/b/3.PNG", "z ä.png")
    found = {f"rsna/{name}": (films / f"images/{number}.png").read_bytes() for number, name in enumerate(names, 1)}
    others = {"rsna/a/note.txt": b"note", "rsna/list.csv": b"id", "elsewhere/9.png": b"9"}
    with object_store(films=found | others) as running:
        yield running


def listed(store: ObjectStore, place: str, notes: Notes | None = None) -> list[str]:
    return [film.id for film in stores.films(store.address(place), None, notes or Notes())]


def test_a_store_is_listed_prefix_by_prefix_and_no_object_is_asked_for(store: ObjectStore) -> None:
    notes = Notes()
    assert listed(store, "films/rsna", notes) == ["1.png", "IM0001", "z ä.png", "a/2.png", "a/b/3.PNG"]
    assert {one.split()[0] for one in store.asked} == {"GET"}
    assert {one.split()[1] for one in store.asked} == {"films/"}
    store.buckets["films"]["rsna/b/4.HEIC"] = b"a photograph fails by name, as in a folder"
    assert listed(store, "films/rsna")[-1] == "b/4.HEIC"
    del store.buckets["films"]["rsna/b/4.HEIC"]
    assert notes.after[0].endswith("2 objects were passed over by their names")
    assert listed(store, "films/rsna/") == listed(store, "films/rsna")


def test_an_object_of_a_store_is_planned_with_its_size_and_time(store: ObjectStore, films: Path) -> None:
    film = next(iter(stores.films(store.address("films/rsna"), Sex.MALE, Notes())))
    assert film.size == (films / "images/1.png").stat().st_size
    assert (film.modified, film.sex, film.sex_source) == (WRITTEN * 10**9, Sex.MALE, "given")
    assert film.file == store.address("films/rsna/1.png")


def test_an_object_is_fetched_with_two_requests(store: ObjectStore, films: Path) -> None:
    found = stores.fetched(store.address("films/rsna/z ä.png"))
    assert found == ((films / "images/5.png").read_bytes(), WRITTEN * 10**9)
    assert store.asked == ["HEAD films/rsna/z ä.png", "GET films/rsna/z ä.png"]


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("films/rsna/none.png", "there is no such object"),
        ("nowhere/a.png", "there is no such object"),
        ("films/rsna/IM0001", "ACCESS_DENIED"),
    ],
)
def test_an_object_that_cannot_be_had_is_one_sentence(store: ObjectStore, place: str, words: str) -> None:
    store.failing.add("rsna/IM0001")
    with pytest.raises(UnreadableImage, match=rf"^cannot read s3://{place}.*{words}") as caught:
        stores.fetched(store.address(place))
    assert "\n" not in str(caught.value)


def test_an_object_that_is_too_large_is_not_kept(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "MAX_BYTES", 100)
    with pytest.raises(UnreadableImage, match="more than the limit of 100 bytes"):
        stores.fetched(store.address("films/rsna/1.png"))


def test_a_store_that_cannot_be_listed_is_one_sentence(store: ObjectStore) -> None:
    with pytest.raises(BadTable, match=r"s3://nowhere/x cannot be listed: .*NO_SUCH_BUCKET"):
        listed(store, "nowhere/x")
    store.buckets["empty"] = {}
    with pytest.raises(UnreadableImage, match="holds no object that is named like a film, of 0"):
        listed(store, "empty")
    with pytest.raises(BadConfig, match="is no address of a store: Protocol not known: nothing"):
        list(stores.films("nothing://x/y", None, Notes()))


def test_credentials_are_no_part_of_an_address_that_stands_in_every_row() -> None:
    with pytest.raises(BadConfig, match=r"secret_key is none of region, .*credentials are the environment's"):
        list(stores.films("s3://films/rsna?secret_key=b", None, Notes()))


def test_a_job_of_a_store_is_read_as_its_files_are(
    store: ObjectStore, films: Path, tiny_model: Path, tmp_path: Path
) -> None:
    address = store.address("films/rsna")
    done("archive", "plan", address, "--out", tmp_path / "job", "--model", tiny_model, "--sex", "F")
    job = Job.open(tmp_path / "job")
    store.failing.add("rsna/a/2.png")
    store.buckets["films"]["rsna/1.png"] = (films / "images/20.png").read_bytes()
    assert read_shard(job.folder, 0, "engine").failed == 1
    found = rows_of(job)
    reading = Predictor.load(tiny_model, threads=1).read(read(films / "images/3.png"), Sex.FEMALE)
    same = Predictor.load(tiny_model, threads=1).read(read(films / "images/4.png"), Sex.FEMALE).bone_age_months
    assert found["a/b/3.PNG"]["bone_age_months"] == same
    assert found["z ä.png"]["file"] == store.address("films/rsna/z ä.png")
    assert found["a/2.png"]["error"].startswith(f"cannot read {store.address('films/rsna/a/2.png')}: ")
    assert "changed_since_plan" in [flag["code"] for flag in found["1.png"]["flags"]]
    assert reading.sex is Sex.FEMALE


def test_a_store_that_pyarrow_has_no_client_for_is_fsspecs(films: Path) -> None:
    memory = fsspec.filesystem("memory")
    memory.pipe("/archive/x/1.png", (films / "images/1.png").read_bytes())
    try:
        (film,) = stores.films("memory://archive", None, Notes())
        assert film.id == "x/1.png"
        assert stores.fetched(film.file) == ((films / "images/1.png").read_bytes(), None)
    finally:
        memory.rm("/archive", recursive=True)


def test_a_protocol_whose_package_is_missing_is_named(tmp_path: Path, tiny_model: Path) -> None:
    words = ("archive", "plan", "adl://store/films", "--out", tmp_path / "job", "--model", tiny_model)
    refused(*words, naming="adl://store/films", because="is not installed")
    with pytest.raises(MissingPackage, match="is not installed"):
        stores.fetched("adl://store/films/1.png")


def test_a_container_of_azure_is_opened_by_its_account() -> None:
    system, path = stores._opened("abfs://films/rsna/?account_name=hospital")
    assert (system.type_name, path) == ("abfs", "films/rsna")
    assert system == fs.AzureFileSystem(account_name="hospital")
    with pytest.raises(BadConfig, match=r"its account is missing: abfs://CONTAINER/PREFIX\?account_name=NAME"):
        list(stores.films("abfs://films/rsna", None, Notes()))
    with pytest.raises(BadConfig, match=r"account_key is none of account_name, .*credentials are the environment's"):
        list(stores.films("abfs://films/rsna?account_name=a&account_key=b", None, Notes()))


def test_a_protocol_that_an_address_does_not_open_is_one_sentence() -> None:
    with pytest.raises(BadConfig, match=r"the client of ftp:// needs its host, which an address does not give$"):
        list(stores.films("ftp://host/films", None, Notes()))


@pytest.mark.parametrize(
    ("words", "seconds"),
    [("2023-11-14T22:13:20Z", WRITTEN), ("Tue, 14 Nov 2023 22:13:20 GMT", WRITTEN), ("", None), ("soon", None)],
)
def test_the_time_of_an_object_is_read_in_the_spellings_of_stores(words: str, seconds: int | None) -> None:
    assert stores._written(words) == (None if seconds is None else seconds * 10**9)


@pytest.mark.parametrize(
    ("name", "is_one"),
    [("s3://a/b", True), ("GS://a", True), ("/a/b", False), ("c:/films", False), ("a b://c", False), ("films", False)],
)
def test_an_address_is_told_from_a_path(name: str, is_one: bool) -> None:
    assert stores.is_address(name) == is_one
