"""The service's errors: one sentence each, with nothing of what was sent."""

from __future__ import annotations

import pytest

from boneage.clinic.errors import (
    Busy,
    Closing,
    FilmChanged,
    NoDecision,
    NoRecord,
    NoSpool,
    NoSuchJob,
    NoSuchReading,
    NoSuchShowing,
    NotAFilm,
    NotYourTurn,
    NoWorklist,
    ServiceError,
    TooManyFilms,
    TooManyJobs,
)

ERRORS = [
    Busy(3),
    Closing(),
    NotAFilm("it is empty"),
    TooManyJobs(),
    TooManyFilms(3, 2),
    NoSuchJob(),
    NoRecord(),
    NoSuchReading(),
    NoWorklist(),
    NoDecision("a reason is missing"),
    NoSpool("the node has not been started"),
    NotYourTurn("film 3 is due"),
    NoSuchShowing(),
    FilmChanged(),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_each_is_one_sentence(error: ServiceError) -> None:
    assert str(error)
    assert "\n" not in str(error)
    assert str(error)[0].islower()
    assert not str(error).endswith(".")


def test_those_that_pass_say_when_to_try_again() -> None:
    passing = {type(error) for error in ERRORS if error.retry_after is not None}
    assert passing == {Busy, Closing, TooManyJobs, NoSpool}
    assert {type(error) for error in ERRORS} == set(ServiceError.__subclasses__())
