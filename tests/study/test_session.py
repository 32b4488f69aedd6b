"""The order of a reading session, and which answers are due."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from boneage.study.session import Given, OutOfTurn, Progress, SessionFilm, order, twins

FILMS = [SessionFilm(f"film {number}", Path(f"{number}.png"), f"{number:064x}") for number in range(40)]


def test_each_reader_has_an_order_that_the_seed_draws() -> None:
    anna, bert = order(FILMS, "anna", 1), order(FILMS, "bert", 1)
    assert {one.film.id for one in anna} == {one.film.id for one in bert} == {film.id for film in FILMS}
    assert anna != bert
    assert anna == order(list(reversed(FILMS)), "anna", 1)
    assert anna != order(FILMS, "anna", 2)


def test_a_film_more_changes_no_others_order() -> None:
    fewer = [one for one in order(FILMS, "anna", 1) if one.film is not FILMS[-1]]
    assert tuple(fewer) == order(FILMS[:-1], "anna", 1)


@pytest.mark.parametrize("repeats", [10, 40])
def test_repeats_are_the_same_films_for_all_and_come_among_others(repeats: int) -> None:
    again = {}
    for reader in ("anna", "bert"):
        showings = order(FILMS, reader, 3, repeats)
        assert len(showings) == 40 + repeats
        first = {one.film.id: place for place, one in enumerate(showings) if one.repeat == 1}
        second = {one.film.id: place for place, one in enumerate(showings) if one.repeat == 2}
        again[reader] = set(second)
        assert min(second[film] - first[film] for film in second) >= repeats / 4
        if repeats < 40:
            assert any(showings[place].repeat == 1 for place in range(min(second.values()), len(showings)))
    assert again["anna"] == again["bert"]
    assert len(again["anna"]) == repeats


def answered(*said: tuple[int, int, float | None]) -> Progress:
    """A reader who has said (showing, revision, months)."""
    showings = order(FILMS[:3], "anna", 1)
    return Progress(showings, [Given(*showings[at].key, revision, months) for at, revision, months in said])


def test_films_come_one_after_another() -> None:
    begun = answered((0, 0, 100), (0, 1, 104), (1, 0, None))
    assert (begun.done, begun.current, begun.last) == (2, begun.showings[2], begun.showings[1])
    assert begun.known[begun.showings[0].key].months == 104
    ended = answered((0, 0, 1), (1, 0, 2), (2, 0, 3))
    assert (ended.done, ended.current) == (3, None)


def test_what_is_due_is_taken_once() -> None:
    begun = answered((0, 0, 100))
    first, second, third = begun.showings
    assert begun.accepted(second, 90, 0) == Given(*second.key, 0, 90)
    assert begun.accepted(first, 100, 0) is None  # sent twice
    assert begun.accepted(first, 101, 1) == Given(*first.key, 1, 101)
    assert begun.accepted(first, None, 1) == Given(*first.key, 1, None)
    for showing, months, revision, reason in [
        (third, 90, 0, "not the one to rate now"),
        (second, 90, 1, "not the one to rate now"),
        (first, 101, 0, "rated already \\(8 years 4 months\\)"),
        (first, 101, 2, "rated already"),
    ]:
        with pytest.raises(OutOfTurn, match=reason):
            begun.accepted(showing, months, revision)


def test_only_the_last_answer_is_corrected_and_in_a_quiz_none() -> None:
    begun = answered((0, 0, 100), (1, 0, 90))
    with pytest.raises(OutOfTurn, match="rated already"):
        begun.accepted(begun.showings[0], 99, 1)
    quiz = Progress(begun.showings, begun.given, corrects=False)
    assert quiz.last is None
    with pytest.raises(OutOfTurn, match="rated already"):
        quiz.accepted(quiz.showings[1], 91, 1)


def test_twins_are_two_films_of_one_file() -> None:
    assert twins(FILMS) is None
    copy = SessionFilm("copy", Path("copy.png"), FILMS[3].sha256)
    assert twins([*FILMS, copy]) == (FILMS[3], copy)
    assert all(one.key != other.key for one, other in pairwise(order(FILMS, "anna", 0)))
