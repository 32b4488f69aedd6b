"""The case: what a review changes, and UIDs that depend on film, model, answer and review alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest
from clinical_films import case, film, plain_case, refused_case, tells_patient
from hands import hand

from boneage import read
from boneage.clinic.documents.case import NoDocument, Review, uid_of

AT = datetime(2024, 3, 4, 5, 6, 7)


def test_a_uid_is_the_same_for_the_same_words_and_valid() -> None:
    assert uid_of("a", "b") == uid_of("a", "b") != uid_of("a", "c")
    assert uid_of("a").startswith("2.25.")
    assert len(uid_of("a")) <= 64


def test_the_same_film_gives_the_same_uids_and_another_answer_others() -> None:
    plain = plain_case()
    assert plain.uid("x") == case().uid("x")
    older = case(chronological_age_months=90)
    stated = film(PatientID="MRN-4712")
    named = replace(plain, answer=plain.answer.model_copy(update={"model": "other"}))
    accepted = plain.reviewed(Review("Roe^Ann", "Ward", AT))
    others = [one.uid("x") for one in (older, case(stated), named, accepted)]
    assert len({plain.uid("x"), *others}) == 5


def test_how_the_call_was_made_does_not_count() -> None:
    plain = plain_case()
    elsewhere = plain.answer.model_copy(update={"file": "/other", "patient": "f" * 64, "record": 3})
    assert replace(plain, answer=elsewhere).key == plain.key


def test_a_review_replaces_age_and_side_and_their_comparison() -> None:
    plain = plain_case()
    assert plain.corrected is plain.answer
    corrected = plain.reviewed(Review("Roe^Ann", "Ward", AT, bone_age_months=140, laterality="R"))
    assert (corrected.months, corrected.laterality, corrected.interval) == (140, "R", None)
    assert corrected.corrected.bone_age_months == 140
    assert corrected.corrected.film.laterality == "R"
    before, after = plain.answer.reference, corrected.corrected.reference
    assert before.sds is not None
    assert after.sds is not None
    assert after.sds > before.sds
    side_alone = plain.reviewed(Review("Roe^Ann", "Ward", AT, laterality="R"))
    assert (side_alone.months, side_alone.interval) == (plain.months, plain.interval)


def test_a_refused_film_has_reasons_until_a_reviewer_gives_an_age() -> None:
    refused = refused_case()
    assert (refused.months, refused.interval, refused.refusals) == (None, None, ("not_a_hand",))
    assert plain_case().refusals == ()
    assert refused.reviewed(Review("Roe^Ann", "Ward", AT, bone_age_months=100)).refusals == ()


def test_a_picture_that_is_not_dicom_has_no_study_and_a_case_prints_nothing() -> None:
    png = replace(plain_case(), film=read(hand()))
    with pytest.raises(NoDocument, match="not DICOM"):
        _ = png.owner
    assert not tells_patient(repr(plain_case()))
