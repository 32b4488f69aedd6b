"""Reading sessions and quizzes: films of this computer, shown to one reader after another, each by themselves.

In a session (STUDY.toml) readers see neither the program's reading nor each other's. In a quiz a reader sees, after
each answer, the film's reference and what the program reads. A film's name, path and hash never leave this module: a
page knows a showing by a keyed hash, another for each reader.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ..data.dataset import open_folder
from ..errors import BadConfig, BadTable
from ..files import sha256
from ..images.pixels import printable
from ..study.session import Given, OutOfTurn, Progress, SessionFilm, Showing, order
from ..study.session_file import LONGEST_NAME, films_of, known, read_study
from ..table import simple
from ..types import DISCLAIMER, Radiograph, Sex
from .answers import ReadingRequest
from .errors import FilmChanged, NoSuchShowing, NotAFilm, NotYourTurn
from .record import Record
from .service import Service
from .session_record import Rated, SessionRecord

OLDEST = 252  # months: 21 years
REFERENCE = "reference"  # what the reference is called among the readers of a quiz
QUIZ = "quiz"


class Saying(BaseModel):
    """What a reader says of a film: ``months``, null where it cannot be rated; ``revision`` above 0: a correction."""

    model_config = ConfigDict(extra="forbid")

    months: float | None = Field(ge=0, le=OLDEST)
    revision: int = Field(default=0, ge=0, le=1000)


class Shown(BaseModel):
    """A film to rate."""

    id: str
    sex: Sex
    months: float | None = Field(default=None, description="of the last answer, what was said")
    revision: int = Field(default=0, description="what an answer to it has to name")


class Seen(BaseModel):
    """What a reader of a quiz sees after an answer."""

    months: float | None
    reference_months: float
    program_months: float | None
    program: str = Field(description="the model and the beginning of its weights' SHA-256")


class SessionState(BaseModel):
    """How far a reader is, what to rate now, and what may be corrected."""

    kind: Literal["study", "quiz"]
    title: str
    reader: str
    done: int
    total: int
    current: Shown | None
    last: Shown | None
    seen: Seen | None = None
    disclaimer: str = DISCLAIMER


@dataclass(frozen=True)
class Session:
    """One session or quiz. A reader's answers are kept in its ``record``.

    Attributes:
        title: for people.
        films: no two of one file.
        record: of its answers.
        readers: their names and tokens (empty: a name is enough); None: anyone with a name.
        seed, repeats: as `boneage.study.session.order` takes them.
        show_sex: whether a reader is told the patient's sex.
        is_quiz: whether the reference and the program's reading are shown.
    """

    title: str
    films: Sequence[SessionFilm]
    record: SessionRecord
    readers: Mapping[str, str] | None = field(default=None, repr=False)
    seed: int = 0
    repeats: int = 0
    show_sex: bool = True
    is_quiz: bool = False

    @property
    def tokens(self) -> Collection[str]:
        """The tokens of all readers; none where a name is enough."""
        return [token for token in (self.readers or {}).values() if token]

    def admitted(self, name: str) -> str | None:
        """The reader of this name; None if there is none."""
        plain = printable(name, LONGEST_NAME)
        if self.readers is None:
            return plain if simple(plain) not in ("", REFERENCE) else None
        return plain if plain in self.readers and not self.tokens else None

    def state(self, reader: str, seen: Seen | None = None) -> SessionState:
        """How far a reader is."""
        progress = self._progress(reader)
        current, last = progress.current, progress.last
        return SessionState(
            kind="quiz" if self.is_quiz else "study",
            title=self.title,
            reader=reader,
            done=progress.done,
            total=len(progress.showings),
            current=self._shown(reader, current) if current else None,
            last=self._shown(reader, last, progress.known[last.key]) if last else None,
            seen=seen,
        )

    async def show(self, service: Service, reader: str, showing: str) -> Radiograph:
        """The pixels of the film to rate now, or of the last one; NoSuchShowing for any other."""
        progress = await asyncio.to_thread(self._progress, reader)
        due = [one for one in (progress.current, progress.last) if one and self._id(reader, one) == showing]
        if not due:
            raise NoSuchShowing
        return await service.show(await asyncio.to_thread(_bytes_of, due[0].film))

    async def rate(self, service: Service, reader: str, showing: str, said: Saying) -> SessionState:
        """Keep an answer. NotYourTurn for one that is not due; one that is sent twice is kept once."""
        progress, found = await asyncio.to_thread(self._found, reader, showing)
        try:
            given = progress.accepted(found, said.months, said.revision)
            seen = await self._revealed(service, found, said.months) if self.is_quiz else None
            if given:
                others = seen.model_dump(exclude={"months"}) if seen else {}
                await asyncio.to_thread(self.record.add, Rated(reader, given, **others))
        except OutOfTurn as error:
            raise NotYourTurn(str(error)) from None
        return await asyncio.to_thread(self.state, reader, seen)

    def results(self, reader: str) -> dict[str, Any]:
        """A quiz's differences of a reader from the reference and from the program: ``n``, ``bias``, ``mad``,
        ``lower`` and ``upper`` limit of agreement in months; None where there are no films. NoSuchShowing in a study,
        which stays blind."""
        if not self.is_quiz:
            raise NoSuchShowing
        from ..study.quiz import differences  # needs scipy

        here = {film.sha256 for film in self.films}
        rated = [one for one in self.record.all(reader) if one.given.film_sha256 in here]
        pairs = {"reference": [one.reference_months for one in rated], "program": [one.program_months for one in rated]}
        return {name: differences(others, [one.given.months for one in rated]) for name, others in pairs.items()}

    def _found(self, reader: str, showing: str) -> tuple[Progress, Showing]:
        """How far a reader is, and the showing of this name. NoSuchShowing if there is none."""
        progress = self._progress(reader)
        for one in progress.showings:
            if self._id(reader, one) == showing:
                return progress, one
        raise NoSuchShowing

    def _progress(self, reader: str) -> Progress:
        showings = order(self.films, reader, self.seed, self.repeats)
        return Progress(showings, [one.given for one in self.record.all(reader)], corrects=not self.is_quiz)

    def _id(self, reader: str, showing: Showing) -> str:
        return self.record.hashed("\n".join((self.record.study, reader, *map(str, showing.key))))

    def _shown(self, reader: str, showing: Showing, given: Given | None = None) -> Shown:
        sex = showing.film.sex if self.show_sex else Sex.UNKNOWN
        months, revision = (given.months, given.revision + 1) if given else (None, 0)
        return Shown(id=self._id(reader, showing), sex=sex, months=months, revision=revision)

    async def _revealed(self, service: Service, showing: Showing, months: float | None) -> Seen:
        """What a reader of a quiz sees; of a film that cannot be read any more the reference alone."""
        film = showing.film
        seen = Seen(months=months, reference_months=film.months or 0.0, program_months=None, program="")
        try:
            data = await asyncio.to_thread(_bytes_of, film)
            answer, _ = await service.read_film(data, "film", ReadingRequest(sex=film.sex, keep=False))
        except (NotAFilm, FilmChanged):
            return seen
        program = f"{answer.model} {answer.weights_sha256[:8]}"
        return seen.model_copy(update={"program_months": answer.bone_age_months, "program": program})


def opened_session(study: Path | None, quiz: Path | None, record: Record | None) -> Session | None:
    """The reading session or the quiz that is asked for; None for neither.

    BadConfig for both, or if films that were rated are no longer there: readers would be asked for others.
    """
    if study and quiz:
        raise BadConfig("--study and --quiz do not go together")
    if quiz:
        return open_quiz(quiz, record)
    if study is None:
        return None
    session = open_study(study, record)
    if lost := {one.given.film_sha256 for one in session.record.all()} - {film.sha256 for film in session.films}:
        raise BadConfig(f"{study}: {len(lost)} films that were rated in {session.title!r} were changed or are gone")
    return session


def open_study(path: Path, record: Record | None) -> Session:
    """The session of a STUDY.toml. BadConfig without a record, or for more repeats than films."""
    study = read_study(path)
    kept = SessionRecord(_needed(record, "--study"), f"study {study.name}")
    films = films_of(study.films)
    if study.repeats > len(films):
        raise BadConfig(f"{path}: repeats is {study.repeats}, but there are {len(films)} films")
    return Session(study.name, films, kept, study.readers, study.seed, study.repeats, study.show_sex)


def open_quiz(folder: Path, record: Record | None) -> Session:
    """The quiz over the films of a data folder that have a bone age. BadTable if there are none."""
    from ..study import quiz  # noqa: F401  what the results need is missed now, not at the end

    kept = SessionRecord(_needed(record, "--quiz"), QUIZ)
    samples = [one for one in open_folder(folder).samples if one.months is not None and one.path is not None]
    films = list({film.sha256: film for film in known(samples)}.values())
    if not films:
        raise BadTable(f"{folder} has no films with a bone age")
    return Session(f"Quiz: {len(films)} films", films, kept, is_quiz=True)


def _needed(record: Record | None, option: str) -> Record:
    if record is None:
        raise BadConfig(f"{option} keeps what readers say in a record: give --record FILE")
    return record


def _bytes_of(film: SessionFilm) -> bytes:
    """The film's file. FilmChanged if it is another than when the session was opened."""
    try:
        data = film.path.read_bytes()
    except OSError:
        raise FilmChanged from None
    if sha256(data) != film.sha256:
        raise FilmChanged
    return data
