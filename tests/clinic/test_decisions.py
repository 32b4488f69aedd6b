"""A person in between: held until decided, then sent as verified, as corrected, or not at all."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

pytest.importorskip("highdicom", reason="the spool needs boneage[dicom]")

from boneage.clinic.decisions import Decision, NotHeld, Verdict, decide, decision_on, film_of, held
from boneage.clinic.documents.case import Review
from boneage.clinic.spool import Spool
from boneage.errors import BadConfig

REVIEW = Review("Roe^Ann", "Ward", datetime(2024, 3, 4, 5, 6, 7))


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    found = Spool(tmp_path, most_bytes=10_000, least_free=0)
    yield found
    found.close()


def test_a_decision_is_kept_with_the_film_which_is_then_read_again(spool: Spool) -> None:
    key = spool.add([b"film"])
    spool.hold(key, "bone age 100 months", "answer")
    (waiting,) = held(spool.folder)
    assert (waiting.key, waiting.reading, waiting.answer) == (key, "bone age 100 months", "answer")
    assert film_of(spool.folder, key) == b"film"
    assert decision_on(spool, key) is None
    decision = Decision(Verdict.CORRECT, replace(REVIEW, bone_age_months=131.0, laterality="L"))
    assert decide(spool.folder, key[:10], decision) == key
    assert decision_on(spool, key) == replace(decision, answer="answer")
    assert decision.holds_for("answer") is False  # before it was taken
    assert replace(decision, answer="answer").holds_for("answer")
    assert held(spool.folder) == []
    assert spool.take() == key


def test_only_a_film_that_waits_for_it_is_decided_on(spool: Spool, tmp_path: Path) -> None:
    key = spool.add([b"film"])
    accept = Decision(Verdict.ACCEPT, REVIEW)
    for wrong in (key[:10], key[:4], ""):
        with pytest.raises(NotHeld, match="is not the key"):
            decide(spool.folder, wrong, accept)
    for gone in (key, "0" * 64):
        with pytest.raises(NotHeld, match="waits for no decision"):
            decide(spool.folder, gone, accept)
    spool.hold(key, "", "answer")
    with pytest.raises(NotHeld, match="read anew"):
        decide(spool.folder, key, replace(accept, answer="that of another model"))
    spool.film(key).unlink()
    with pytest.raises(NotHeld, match="cannot be read from the spool: No such file"):
        film_of(spool.folder, key)
    with pytest.raises(BadConfig, match="is not the key"):
        decide(spool.folder, key[:4], accept)
    with pytest.raises(BadConfig, match="holds no spool"):
        held(tmp_path / "nowhere")


def test_a_decision_has_a_person_and_does_not_contradict_itself() -> None:
    for review in (replace(REVIEW, observer=" ^"), replace(REVIEW, organisation="")):
        with pytest.raises(BadConfig, match="names its observer"):
            Decision(Verdict.ACCEPT, review)
    for review in (replace(REVIEW, observer="A\\B"), replace(REVIEW, organisation="x" * 65)):
        with pytest.raises(BadConfig, match="a name has"):
            Decision(Verdict.ACCEPT, review)
    for verdict, reason in ((Verdict.REJECT, " "), (Verdict.ACCEPT, "why"), (Verdict.REJECT, "x" * 201)):
        with pytest.raises(BadConfig, match="a rejection gives its reason"):
            Decision(verdict, REVIEW, reason)
    for verdict, review in (
        (Verdict.CORRECT, REVIEW),
        (Verdict.ACCEPT, replace(REVIEW, bone_age_months=1.0)),
        (Verdict.REJECT, replace(REVIEW, laterality="L")),
    ):
        with pytest.raises(BadConfig, match="a correction gives"):
            Decision(verdict, review)


def test_of_several_who_decide_at_once_one_does(spool: Spool) -> None:
    key = spool.add([b"film"])
    spool.hold(key, "", "answer")
    start, outcomes = threading.Barrier(6), list[str]()

    def person(number: int) -> None:
        start.wait()
        try:
            decide(spool.folder, key, Decision(Verdict.ACCEPT, replace(REVIEW, observer=f"Roe^{number}")))
            outcomes.append(f"Roe^{number}")
        except NotHeld:
            pass

    threads = [threading.Thread(target=person, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = decision_on(spool, key)
    assert found is not None
    assert outcomes == [found.review.observer]
