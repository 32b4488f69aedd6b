"""Answers of readers in the record: kept by study and reader, in their order, never changed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy", reason="the record needs boneage[serve]")

from boneage.clinic.record import Record
from boneage.clinic.session_record import Rated, SessionRecord
from boneage.errors import CannotWrite
from boneage.study.session import Given, OutOfTurn

FILM, OTHER = "a" * 64, "b" * 64


@pytest.fixture
def record(tmp_path: Path) -> Iterator[Record]:
    opened = Record.open(str(tmp_path / "record.db"))
    yield opened
    opened.close()


def test_what_is_kept_comes_back_in_its_order(record: Record) -> None:
    kept = SessionRecord(record, "study w")
    said = [
        Rated("anna", Given(FILM, 1, 0, 100.5)),
        Rated("bert", Given(OTHER, 1, 0, None)),
        Rated("anna", Given(FILM, 1, 1, 104), 96, 99.5, "default 12345678"),
        Rated("anna", Given(FILM, 2, 0, 101)),
    ]
    for one in said:
        kept.add(one)
    assert kept.all() == said
    assert kept.all("anna") == [said[0], said[2], said[3]]
    assert kept.all("carla") == []


def test_studies_do_not_see_each_other(record: Record) -> None:
    first, second = SessionRecord(record, "study first"), SessionRecord(record, "study second")
    first.add(Rated("anna", Given(FILM, 1, 0, 100)))
    second.add(Rated("anna", Given(FILM, 1, 0, 90)))
    assert [one.given.months for one in first.all()] == [100]
    assert [one.given.months for one in second.all()] == [90]


@pytest.mark.parametrize("again", [Given(FILM, 1, 0, 104), Given(FILM, 1, 0, None)])
def test_of_two_answers_at_once_one_is_kept(record: Record, again: Given) -> None:
    kept = SessionRecord(record, "study w")
    kept.add(Rated("anna", Given(FILM, 1, 0, 100)))
    with pytest.raises(OutOfTurn, match="at the same time in another window"):
        kept.add(Rated("anna", again))
    assert [one.given.months for one in kept.all()] == [100]
    kept.add(Rated("bert", again))
    assert len(kept.all()) == 2


def test_a_record_that_takes_nothing_says_so(record: Record, tmp_path: Path) -> None:
    kept = SessionRecord(record, "study w")
    connection = sqlite3.connect(tmp_path / "record.db")
    connection.execute("drop table ratings")
    connection.commit()
    connection.close()
    with pytest.raises(CannotWrite, match="cannot be used"):
        kept.add(Rated("anna", Given(FILM, 1, 0, 100)))
    with pytest.raises(CannotWrite, match="cannot be used"):
        kept.all()


def test_hashes_are_the_records_own(record: Record, tmp_path: Path) -> None:
    other = Record.open(str(tmp_path / "other.db"))
    own = SessionRecord(record, "study w")
    assert own.hashed("x") == SessionRecord(record, "study v").hashed("x")
    assert own.hashed("x") != SessionRecord(other, "study w").hashed("x")
    assert own.hashed("x") != own.hashed("y")
    other.close()
