"""Could a program take the place of a reader?"""

from __future__ import annotations

import numpy as np
import pytest

from boneage.study.interchange import FARTHER, INTERCHANGEABLE, UNDECIDED, interchangeability

GENERATOR = np.random.default_rng(0)
AGES = GENERATOR.uniform(30, 200, 400)
READERS = AGES[:, None] + GENERATOR.normal(0, 6, (400, 3))


def program(sd: float, bias: float = 0.0) -> np.ndarray:
    return AGES + bias + np.random.default_rng(9).normal(0, sd, 400)


@pytest.mark.parametrize(
    ("readings", "verdict"),
    [(program(4), INTERCHANGEABLE), (program(6), INTERCHANGEABLE), (program(14), FARTHER), (program(6, 12), FARTHER)],
)
def test_the_verdict_follows_the_interval_and_the_margin(readings: np.ndarray, verdict: str) -> None:
    found = interchangeability(readings, READERS, resamples=400)
    assert found
    assert found["verdict"] == verdict
    assert found["n"] == 400
    difference = found["with_program"]["value"] - found["between_readers"]["value"]
    assert found["difference"]["value"] == pytest.approx(difference)


def test_few_films_leave_it_open() -> None:
    found = interchangeability(program(7)[:12], READERS[:12], margin=0.5, resamples=400)
    assert found
    assert found["verdict"] == UNDECIDED


def test_a_reader_in_the_place_of_the_program_differs_by_nothing() -> None:
    found = interchangeability(program(6), READERS, resamples=400)
    assert found
    assert found["difference"]["low"] < 0 < found["difference"]["high"]
    assert found["gamma"]["low"] < 0 < found["gamma"]["high"]


def test_films_that_two_readers_and_the_program_have_read_count() -> None:
    readings, readers = program(6).copy(), READERS.copy()
    readings[:50], readers[50:120, 1:] = np.nan, np.nan
    found = interchangeability(readings, readers, resamples=200)
    assert found
    assert found["n"] == 280
    assert interchangeability(np.full(400, np.nan), READERS) is None
