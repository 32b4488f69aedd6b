"""The worklist: what a node holds, whose films these are, and one sentence on each decision that is none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from clinical_films import HEADER, film, pair_film
from pydantic import ValidationError

from boneage import read
from boneage.clinic.decisions import NotHeld, decision_on
from boneage.clinic.errors import NoDecision, NoSpool
from boneage.clinic.spool import Spool
from boneage.clinic.worklist import Patient, SentDecision, Worklist, patient_of

NAMED = {"family": " Roe ", "given": "Ann", "organisation": "Ward 9", "answer": "answer"}


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    found = Spool(tmp_path / "spool", most_bytes=10**9, least_free=0)
    yield found
    found.close()


def sent(verdict: str, **more: Any) -> SentDecision:
    return SentDecision.model_validate({"verdict": verdict, **NAMED, **more})


def held(spool: Spool, data: bytes, *parts: str) -> str:
    key = spool.add([data])
    spool.hold(key, "Bone age 119.3 months.", "answer", parts)
    return key


def test_it_lists_what_is_held_and_whether_the_node_runs(spool: Spool) -> None:
    key = held(spool, film())
    worklist = Worklist(spool.folder)
    found = worklist.films()
    assert [(one.key, one.reading, one.answer, one.parts) for one in found.films] == [
        (key, "Bone age 119.3 months.", "answer", [])
    ]
    assert found.node_runs
    assert worklist.film(key) == film()
    with pytest.raises(NotHeld):
        worklist.film("0" * 64)


def test_before_the_first_start_of_the_node_there_is_a_sentence(tmp_path: Path) -> None:
    for attempt in (Worklist(tmp_path).films, lambda: Worklist(tmp_path).film("0" * 64)):
        with pytest.raises(NoSpool, match="no node has been started on it"):
            attempt()


def test_a_decision_goes_into_the_spool_and_only_one_does(spool: Spool) -> None:
    key, other = held(spool, film()), held(spool, film(SOPInstanceUID="1.2"))
    worklist = Worklist(spool.folder)
    left = worklist.decide(key, sent("correct", bone_age_months=131, side="right"))
    assert [one.key for one in left.films] == [other]
    found = decision_on(spool, key)
    assert found is not None
    assert (found.review.observer, found.review.organisation) == ("Roe^Ann", "Ward 9")
    assert (found.review.bone_age_months, found.review.laterality) == (131, "R")
    with pytest.raises(NotHeld, match="somebody else has decided"):
        worklist.decide(key, sent("accept"))
    with pytest.raises(NotHeld, match="read anew"):
        worklist.decide(other, sent("accept", answer="another"))


@pytest.mark.parametrize(
    ("verdict", "more", "reason"),
    [
        ("accept", {"organisation": " "}, "names its observer"),
        ("accept", {"family": " ", "given": ""}, "names its observer"),
        ("correct", {}, "gives a bone age or a side"),
        ("correct", {"bone_age_months": 100}, "it is about one of left, right"),
        ("correct", {"bone_age_months": 100, "part": "upper"}, "it is about one of left, right"),
        ("reject", {}, "gives its reason"),
    ],
)
def test_what_is_no_decision_is_told(verdict: str, more: dict[str, Any], reason: str, spool: Spool) -> None:
    key = held(spool, pair_film(), "left", "right")
    with pytest.raises(NoDecision, match=reason):
        Worklist(spool.folder).decide(key, sent(verdict, **more))
    assert len(Worklist(spool.folder).films().films) == 1


def test_values_that_are_none_do_not_get_that_far() -> None:
    for more in ({"bone_age_months": 0}, {"side": "L"}, {"colour": 1}, {"answer": ""}, {"family": "x" * 31}):
        with pytest.raises(ValidationError):
            sent("correct", **more)


def test_whose_film_it_is_stands_in_the_film_alone() -> None:
    found = patient_of(read(film()).identity)
    assert (found.name, found.id, found.birth_date) == (HEADER["PatientName"], "MRN-4711", "20140115")
    assert patient_of(None) == Patient()
