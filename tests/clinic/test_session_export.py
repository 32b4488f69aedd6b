"""The table of a session or quiz for whoever leads it, without reading a film."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sqlalchemy", reason="the record needs boneage[serve]")

from boneage.clinic.record import Record
from boneage.clinic.session_export import exported
from boneage.clinic.session_record import Rated, SessionRecord
from boneage.clinic.sessions import QUIZ, Session
from boneage.study.ratings import read_ratings, to_csv
from boneage.study.session import Given, SessionFilm
from boneage.types import Sex

FILMS = [
    SessionFilm(name, Path(name), letter * 64, sex, months)
    for name, letter, sex, months in (("=1", "a", Sex.FEMALE, 90.0), ("2", "b", Sex.MALE, 120.0))
]


@pytest.fixture
def record(tmp_path: Path) -> Iterator[Record]:
    opened = Record.open(str(tmp_path / "record.db"))
    yield opened
    opened.close()


def kept(record: Record, study: str, *said: Rated) -> SessionRecord:
    found = SessionRecord(record, study)
    for one in said:
        found.add(one)
    return found


def given(film: str, months: float | None, repeat: int = 1, revision: int = 0) -> Given:
    return Given(film * 64, repeat, revision, months)


def test_the_latest_answers_with_repeats_and_gaps(record: Record, tmp_path: Path) -> None:
    answers = kept(
        record,
        "study w",
        Rated("anna", given("a", 100)),
        Rated("anna", given("b", 130)),
        Rated("anna", given("b", 126, revision=1)),
        Rated("anna", given("a", 104, repeat=2)),
        Rated("bert", given("a", None)),
        Rated("bert", given("b", 120)),
        Rated("bert", given("a", 98, repeat=2)),
    )
    found = exported(Session("w", FILMS, answers, readers={"anna": "", "bert": ""}, repeats=1))
    assert found.column("anna").tolist() == [100, 126]
    assert np.isnan(found.column("bert")[0])
    table = tmp_path / "ratings.csv"
    table.write_text(to_csv(found))
    again = read_ratings(table)
    assert (again.ids, again.sexes) == (("=1", "2"), (Sex.FEMALE, Sex.MALE))
    assert [ratings.tolist() for ratings in again.repeated("anna")] == [[100, 104], [126]]
    assert again.column("bert").tolist() == [98, 120]  # where the first is a gap, the second is the first rating


def test_answers_to_films_that_are_gone_are_left_out_and_counted(record: Record) -> None:
    answers = kept(record, QUIZ, Rated("anna", given("a", 100)), Rated("anna", given("c", 60)))
    found = exported(Session("q", FILMS, answers, is_quiz=True))
    assert found.readers == ("anna", "reference")
    assert "1 ratings are of films that are not here: they were left out." in found.remarks


def test_a_quiz_has_the_reference_and_each_program(record: Record) -> None:
    answers = kept(
        record,
        QUIZ,
        Rated("anna", given("a", 100), 90, 95.5, "default 11111111"),
        Rated("bert", given("a", 96), 90, 97.5, "default 22222222"),
        Rated("bert", given("b", 110), 120, None, "default 22222222"),
    )
    found = exported(Session("q", FILMS, answers, is_quiz=True))
    assert found.programs == {"default 11111111", "default 22222222"}
    assert found.column("reference").tolist() == [90, 120]
    assert found.column("default 22222222")[0] == 97.5
    assert np.isnan(found.column("default 22222222")[1])
    assert "--program 'default 11111111' --program 'default 22222222' --program 'reference'" in found.remarks[-1]


def test_nobody_has_rated_yet(record: Record) -> None:
    found = exported(Session("w", FILMS, kept(record, "study w"), readers={"anna": ""}))
    assert (len(found), found.readers) == (2, ())
    assert found.remarks == ("0 readers, 0 ratings with corrections.",)
