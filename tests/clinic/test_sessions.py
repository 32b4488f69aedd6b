"""Sessions and quizzes over a record, without a page: who may say what, and what the export has."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy", reason="the record needs boneage[serve]")

from command import done, refused
from hands import hand, predictor

from boneage.clinic.errors import FilmChanged, NoSuchShowing, NotYourTurn
from boneage.clinic.limits import Limits
from boneage.clinic.record import Record
from boneage.clinic.service import Service
from boneage.clinic.session_export import exported
from boneage.clinic.sessions import Saying, Session, open_quiz, open_study, opened_session
from boneage.errors import BadConfig, BadTable


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "films").mkdir()
    for number in range(2):
        (tmp_path / "films" / f"{number}.png").write_bytes(hand(months=90 + 30 * number, seed=number))
    (tmp_path / "films" / "films.csv").write_text("id,sex,boneage\n0,F,90\n1,M,120\n")
    (tmp_path / "STUDY.toml").write_text('name = "w"\nfilms = "films/films.csv"\nreaders = ["anna", "bert"]\n')
    return tmp_path


@pytest.fixture
def record(tmp_path: Path) -> Iterator[Record]:
    opened = Record.open(str(tmp_path / "record.db"))
    yield opened
    opened.close()


def said(session: Session, service: Service, reader: str, months: float | None) -> None:
    """A reader's answer to the film that is due."""
    current = session.state(reader).current
    assert current
    asyncio.run(session.rate(service, reader, current.id, Saying(months=months)))


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    opened = Service(predictor(), Limits(running=1, waiting=2))
    yield opened
    opened.close()


def test_readers_are_blind_to_each_other_and_to_names(folder: Path, record: Record, service: Service) -> None:
    session = open_study(folder / "STUDY.toml", record)
    said(session, service, "anna", 100)
    assert (session.state("anna").done, session.state("bert").done) == (1, 0)
    anna, bert = session.state("anna"), session.state("bert")
    assert anna.last
    assert bert.current
    assert anna.last.id != bert.current.id
    with pytest.raises(NoSuchShowing):
        asyncio.run(session.show(service, "bert", anna.last.id))
    with pytest.raises(NoSuchShowing):
        session.results("anna")
    with pytest.raises(NotYourTurn, match="rated already"):
        asyncio.run(session.rate(service, "anna", anna.last.id, Saying(months=101)))
    shown = asyncio.run(session.show(service, "anna", anna.last.id))
    assert shown.pixels.ndim == 2
    assert not shown.source or "films" not in shown.source


def test_a_session_goes_on_where_it_was_and_a_changed_film_is_not_rated(
    folder: Path, record: Record, service: Service
) -> None:
    said(open_study(folder / "STUDY.toml", record), service, "anna", 100)
    again = open_study(folder / "STUDY.toml", record)
    current = again.state("anna").current
    assert current
    for film in again.films:
        film.path.write_bytes(hand(seed=7))
    with pytest.raises(FilmChanged):
        asyncio.run(again.show(service, "anna", current.id))
    for number, film in enumerate(again.films):
        film.path.write_bytes(hand(seed=8 + number))
    with pytest.raises(BadConfig, match="1 films that were rated in 'w' were changed or are gone"):
        opened_session(folder / "STUDY.toml", None, record)
    assert exported(open_study(folder / "STUDY.toml", record)).remarks[1].startswith("1 ratings are of films that are")


def test_the_export_has_the_latest_answers_by_the_films_names(folder: Path, record: Record, service: Service) -> None:
    session = open_study(folder / "STUDY.toml", record)
    for reader, ages in {"anna": (100, 104), "bert": (96, None)}.items():
        for months in ages:
            said(session, service, reader, months)
    last = session.state("anna").last
    assert last
    asyncio.run(session.rate(service, "anna", last.id, Saying(months=107, revision=1)))
    found = exported(session)
    assert (found.ids, found.readers, found.programs) == (("0", "1"), ("anna", "bert"), frozenset())
    assert sorted(found.column("anna").tolist()) == [100, 107]
    out = folder / "ratings.csv"
    ended = done("ratings", folder / "STUDY.toml", "--record", folder / "record.db", "--out", out)
    assert "2 readers, 5 ratings with corrections." in ended.out
    assert out.read_text().splitlines()[0] == "id,reader,repeat,months,sex"


def test_a_quiz_tells_afterwards_and_not_before(folder: Path, record: Record, service: Service) -> None:
    quiz = open_quiz(folder / "films", record)
    current = quiz.state("carla").current
    assert current
    state = asyncio.run(quiz.rate(service, "carla", current.id, Saying(months=100)))
    assert state.seen
    assert state.seen.reference_months in (90, 120)
    assert state.seen.program_months == pytest.approx(quiz.record.all()[0].program_months)
    assert state.last is None
    results = quiz.results("carla")
    assert results["reference"]["bias"]["value"] == 100 - state.seen.reference_months
    found = exported(quiz)
    assert found.readers[:2] == ("carla", "reference")
    assert len(found.programs) == 1
    assert quiz.admitted("Reference") is None
    assert quiz.admitted("  dora  ") == "dora"


def test_a_film_that_cannot_be_read_any_more_does_not_end_a_quiz(
    folder: Path, record: Record, service: Service
) -> None:
    quiz = open_quiz(folder / "films", record)
    for film in quiz.films:
        film.path.unlink()
    current = quiz.state("carla").current
    assert current
    state = asyncio.run(quiz.rate(service, "carla", current.id, Saying(months=None)))
    assert state.seen
    assert (state.seen.program_months, state.done) == (None, 1)
    assert exported(quiz).programs == frozenset()


def test_what_was_kept_elsewhere_is_not_exported_as_nothing(folder: Path) -> None:
    elsewhere = folder / "recrod.db"
    asked = ("ratings", folder / "STUDY.toml", "--record", elsewhere, "--out", folder / "ratings.csv")
    refused(*asked, naming=elsewhere, because="there is no record")
    assert not elsewhere.exists()


def test_what_a_session_lacks_is_said(folder: Path, record: Record) -> None:
    study, films = folder / "STUDY.toml", folder / "films"
    with pytest.raises(BadConfig, match="--study keeps what readers say in a record"):
        open_study(study, None)
    with pytest.raises(BadConfig, match="do not go together"):
        opened_session(study, films, record)
    study.write_text("repeats = 3\n" + study.read_text())
    refused("serve", "--study", study, "--record", folder / "record.db", naming=study, because="there are 2 films")
    (films / "films.csv").write_text("id,boneage\n0,\n")
    with pytest.raises(BadTable, match="no films with a bone age"):
        open_quiz(films, record)
