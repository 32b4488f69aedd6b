"""The spool: what is in it survives, what is done leaves it, and no name of a sender's becomes a path."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from command import contents
from refusals import full_disk

pytest.importorskip("highdicom", reason="the spool needs boneage[dicom]")

from boneage.clinic import spool as module
from boneage.clinic.documents.bundle import Document
from boneage.clinic.spool import Parcel, Spool, SpoolFull, is_in_use, wait
from boneage.clinic.spool_database import DATABASE, DONE, FAILED, HELD, READY, WAITING, look
from boneage.errors import BadConfig, CannotWrite

DOCUMENTS = [Document("a.dcm", b"first"), Document("b.dcm", b"second")]
GOES_TO = {"one": ["a.dcm", "b.dcm"], "two": ["b.dcm"]}


def opened(folder: Path, most_bytes: int = 10_000, least_free: int = 0) -> Spool:
    return Spool(folder, most_bytes=most_bytes, least_free=least_free)


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    found = opened(tmp_path / "spool")
    yield found
    found.close()


def count(spool: Spool, state: str) -> int:
    return int(spool.state()["films"][state])


def test_a_film_is_on_disk_and_lent_once(spool: Spool) -> None:
    key = spool.add([b"fi", memoryview(b"lm")])
    assert spool.film(key).read_bytes() == b"film"
    assert (spool.take(), spool.take()) == (key, None)
    assert count(spool, WAITING) == 1


def test_the_same_film_is_put_once_also_from_several_threads(spool: Spool) -> None:
    keys = list[str]()
    threads = [threading.Thread(target=lambda: keys.append(spool.add([b"film"]))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(keys)) == 1
    assert count(spool, WAITING) == 1
    assert len(list((spool.folder / "films").iterdir())) == 1


def test_a_film_leaves_the_disk_when_its_last_document_is_sent(spool: Spool) -> None:
    key = spool.add([b"film"])
    spool.put(key, DOCUMENTS, GOES_TO)
    assert count(spool, READY) == 1
    parcels = spool.parcels("one", 10) + spool.parcels("two", 10)
    assert [(one.document, one.destination) for one in parcels] == [
        ("a.dcm", "one"),
        ("b.dcm", "one"),
        ("b.dcm", "two"),
    ]
    assert spool.document(parcels[0]).read_bytes() == b"first"
    for parcel in parcels[:-1]:
        spool.sent(parcel)
    assert spool.film(key).exists()
    spool.sent(parcels[-1])
    assert count(spool, DONE) == 1
    assert not [*(spool.folder / "films").iterdir(), *(spool.folder / "documents").iterdir()]
    assert spool.add([b"film"]) == key  # it comes again, and is not read again
    assert spool.take() is None


def test_what_was_begun_is_begun_again_after_a_kill(tmp_path: Path) -> None:
    first = opened(tmp_path)
    lent, ready = first.add([b"lent"]), first.add([b"ready"])
    assert first.take() == lent
    first.put(ready, DOCUMENTS, {"one": ["a.dcm"]})
    first.not_sent(first.parcels("one", 1)[0], "no")
    first.close()
    (tmp_path / "films" / f"{'0' * 64}.dcm").write_bytes(b"never acknowledged")
    (tmp_path / "films" / ".half.0.99999999.tmp").write_bytes(b"half of a film")
    (tmp_path / "documents" / ("1" * 64)).mkdir()
    second = opened(tmp_path)
    assert second.take() == lent
    assert [parcel.film for parcel in second.parcels("one", 10)] == [ready]
    assert {path.stem for path in (tmp_path / "films").iterdir()} == {lent, ready}
    assert [path.name for path in (tmp_path / "documents").iterdir()] == [ready]
    second.close()


def test_killed_after_the_last_note_a_film_is_finished_at_the_next_start(tmp_path: Path) -> None:
    first = opened(tmp_path)
    key = first.add([b"film"])
    first.put(key, DOCUMENTS, {"one": ["a.dcm"]})
    with sqlite3.connect(tmp_path / DATABASE) as database:
        database.execute("UPDATE parcels SET sent = 1")
    database.close()
    first.close()
    second = opened(tmp_path)
    assert count(second, DONE) == 1
    assert not second.film(key).exists()
    second.close()


def test_failed_films_stay_and_are_read_again_when_they_are_sent_again(spool: Spool) -> None:
    key = spool.add([b"film"])
    spool.fail(key, "it is no film")
    assert spool.film(key).exists()
    assert (count(spool, FAILED), spool.take()) == (1, None)
    assert spool.state()["failures"][0]["reason"] == "it is no film"
    assert spool.add([b"film"]) == key
    assert spool.take() == key


def test_a_held_film_waits_for_a_person(spool: Spool) -> None:
    spool.hold(spool.add([b"film"]), "bone age 100 months", "answer")
    assert (count(spool, HELD), spool.take()) == (1, None)


def test_attempts_come_later_and_later(spool: Spool) -> None:
    key = spool.add([b"film"], now=1000)
    spool.put_back(key, "busy", now=1000)
    assert spool.tries(key) == 1
    assert spool.take(now=1000 + wait(1) - 0.1) is None
    assert spool.take(now=1000 + wait(1)) == key
    waits = [wait(tries) for tries in range(1, 100)]
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (module.FIRST_WAIT, module.LONGEST_WAIT)
    assert wait(50, 7) == 7


def test_what_could_not_be_sent_is_told_until_something_is(spool: Spool) -> None:
    spool.put(spool.add([b"film"]), DOCUMENTS, GOES_TO)
    first, second = spool.parcels("one", 10)
    spool.not_sent(first, "one answered with status A700")
    assert [parcel.document for parcel in spool.parcels("one", 10)] == [second.document]
    error = spool.state()["destinations"][0]["last_error"]
    assert (error["sentence"], error["is_present"]) == ("one answered with status A700", True)
    spool.unreached("two", "two cannot be reached")
    assert spool.state()["destinations"][1]["last_error"]["sentence"] == "two cannot be reached"
    spool.sent(second)
    assert spool.state()["destinations"][0]["last_error"]["is_present"] is False


def test_a_full_spool_and_a_full_disk_take_nothing_and_keep_nothing(tmp_path: Path) -> None:
    small = opened(tmp_path / "small", most_bytes=5)
    small.add([b"film"])
    with pytest.raises(SpoolFull):
        small.add([b"other"])
    small.close()
    narrow = opened(tmp_path / "narrow", least_free=2**60)
    with pytest.raises(SpoolFull, match="no room on its disk"):
        narrow.add([b"film"])
    narrow.close()
    full = opened(tmp_path / "full")
    before = contents(tmp_path / "full" / "films")
    with full_disk(100), pytest.raises(CannotWrite):
        full.add([b"x" * 1000])
    assert contents(tmp_path / "full" / "films") == before
    key = full.add([b"x" * 1000])
    with full_disk(100), pytest.raises(CannotWrite):
        full.put(key, [Document("a.dcm", b"x" * 1000)], {"one": ["a.dcm"]})
    assert count(full, WAITING) == 1  # it is read again later
    full.close()


def test_one_process_has_a_spool_and_others_may_look(spool: Spool, tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="in use by another node"):
        opened(spool.folder)
    assert is_in_use(spool.folder)
    assert not is_in_use(tmp_path)
    spool.add([b"film"])
    assert look(spool.folder) == spool.state()
    with pytest.raises(BadConfig, match="holds no spool"):
        look(tmp_path)


def test_hashes_are_forgotten_after_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = opened(tmp_path)
    key = first.add([b"film"])
    first.put(key, DOCUMENTS, {})
    assert count(first, DONE) == 1
    with sqlite3.connect(tmp_path / DATABASE) as database:
        database.execute("INSERT INTO verdicts VALUES (?, '', 'accept', 'Roe^Ann', 'Ward', '', 1, '', '', '')", (key,))
    database.close()
    first.close()
    monkeypatch.setattr(module, "REMEMBERED", -1.0)
    second = opened(tmp_path)
    assert count(second, DONE) == 0
    assert second.decided(second.add([b"film"])) is None  # it waits for a new decision
    second.close()


def test_a_damaged_database_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / DATABASE).write_bytes(b"no database" * 100)
    with pytest.raises(CannotWrite, match="cannot be used"):
        opened(tmp_path)


def test_the_folder_is_its_owners_alone(spool: Spool) -> None:
    assert spool.folder.stat().st_mode & 0o077 == 0
    assert (spool.folder / DATABASE).stat().st_mode & 0o077 == 0


def test_a_parcel_names_a_document_by_hash_and_kind_alone(spool: Spool) -> None:
    key = spool.add([b"film"])
    assert spool.document(Parcel(key, "a.dcm", "one")).is_relative_to(spool.folder)
    assert len(key) == 64
    assert set(key) <= set("0123456789abcdef")


def test_a_film_that_could_not_be_noted_down_leaves_the_one_that_was(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two senders bring the same film at once: the first is told that it is there, the second that it failed."""
    key, first_is_in, whole = spool.add([b"other"]), threading.Event(), spool._write
    outcomes = list[object]()

    def write(statement: str, *values: object) -> None:
        if "INSERT" in statement and threading.current_thread().name == "second":
            raise CannotWrite("the database is locked")
        whole(statement, *values)

    def place(*words: object) -> None:
        placed(*words)  # type: ignore[arg-type]
        if threading.current_thread().name == "first":
            first_is_in.set()
            time.sleep(0.05)

    def add() -> None:
        try:
            outcomes.append(spool.add([b"film"]))
        except CannotWrite:
            outcomes.append(None)

    placed = spool._place
    monkeypatch.setattr(spool, "_write", write)
    monkeypatch.setattr(spool, "_place", place)
    threads = [threading.Thread(target=add, name=name) for name in ("first", "second")]
    threads[0].start()
    assert first_is_in.wait(10)
    threads[1].start()
    for thread in threads:
        thread.join()
    assert outcomes[0] not in (None, key)
    assert spool.film(str(outcomes[0])).exists()


def test_a_database_that_fails_is_one_sentence(spool: Spool) -> None:
    spool._connection.close()
    with pytest.raises(CannotWrite, match="cannot be used"):
        spool.state()
    spool._connection = sqlite3.connect(":memory:")


def test_a_document_comes_again_within_the_longest_wait_of_its_destination(spool: Spool) -> None:
    spool.put(spool.add([b"film"]), DOCUMENTS, {"one": ["a.dcm"]})
    (parcel,) = spool.parcels("one", 1)
    spool.not_sent(Parcel(parcel.film, parcel.document, "one", tries=20), "no", now=1000, longest=7)
    assert spool.parcels("one", 1, now=1006) == []
    assert len(spool.parcels("one", 1, now=1007)) == 1


def test_a_film_that_is_held_with_an_answer_that_nobody_knows_is_read_again(tmp_path: Path) -> None:
    first = opened(tmp_path)
    known, unknown = (first.add([name]) for name in (b"known", b"unknown"))
    for key in (known, unknown):
        first.hold(key, "bone age 100 months", "answer")
    first._write("DELETE FROM holds WHERE film = ?", unknown)
    first.close()
    second = opened(tmp_path)
    assert (second.take(), count(second, HELD)) == (unknown, 1)
    second.close()
