"""Forms: wrong, missing and repeated fields."""

from __future__ import annotations

import pytest
from hands import hand
from services import form
from starlette.testclient import TestClient


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"sex": "x"}, 422),
        ({"chronological_age_months": "ten"}, 422),
        ({"chronological_age_months": "nan"}, 422),
        ({"chronological_age_months": -1}, 422),
        ({"patient_id": "x" * 65}, 422),
        ({"who": " " * 65}, 422),
        ({"nonsense": 1}, 422),
    ],
)
def test_wrong_fields_are_refused_without_repeating_them(web: TestClient, fields: dict, status: int) -> None:
    found = web.post("/api/readings", **form(**fields))
    assert found.status_code == status
    assert next(iter(fields)) in found.json()["error"]


def test_a_field_given_twice_is_refused(web: TestClient) -> None:
    answer = web.post("/api/readings", files={"film": ("a.png", hand())}, data={"sex": ["male", "female"]})
    assert (answer.status_code, answer.json()["error"]) == (422, "sex: the form has it more than once")


def test_two_films_in_one_reading_are_one_too_many(web: TestClient) -> None:
    found = web.post("/api/readings", files=[("film", ("a.png", hand())), ("film", ("b.png", hand()))])
    assert found.status_code == 422
    assert "one file" in found.json()["error"]


@pytest.mark.parametrize("name", ["sex", "chronological_age_months", "heatmap", "keep"])
def test_an_empty_field_is_no_value(web: TestClient, name: str) -> None:
    answer = web.post("/api/readings", files={"film": ("a.png", hand())}, data={name: ""})
    assert answer.status_code == 422
    assert answer.json()["error"].startswith(name)


@pytest.mark.parametrize("text", ["[" * 20_000, "[" * 20_000 + "]" * 20_000, '{"a":' * 20_000])
def test_json_nested_too_deeply_is_refused(web: TestClient, text: str) -> None:
    answer = web.post("/api/reports", **form(earlier=text))
    assert answer.status_code == 422
    assert answer.json()["error"].startswith("earlier")
    sent = {"content": text[:60_000], "headers": {"content-type": "application/json"}}
    assert web.put("/api/readings/1/review", **sent).status_code in (400, 422)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"sex": "x"}, "sex: it is none of female, male and unknown"),
        ({"nonsense": 1}, "nonsense: there is no such field"),
        ({"chronological_age_months": "ten"}, "chronological_age_months: it is no number"),
        ({"chronological_age_months": "nan"}, "chronological_age_months: it is no finite number"),
        ({"chronological_age_months": -1}, "chronological_age_months: it is less than 0"),
        ({"who": "x" * 65}, "who: it has more than 64 characters"),
        ({"heatmap": "perhaps"}, "heatmap: it is neither true nor false"),
        ({"instead_of": 0}, "instead_of: it is less than 1"),
        ({"hand": "both"}, "hand: it is not 'left' or 'right'"),
        ({"part": "middle"}, "part: it is not 'left', 'right', 'upper' or 'lower'"),
    ],
)
def test_what_is_wrong_is_said_in_our_own_words(web: TestClient, fields: dict, sentence: str) -> None:
    assert web.post("/api/readings", **form(**fields)).json() == {"error": sentence}


@pytest.mark.parametrize("word", ["F", "Female", "weiblich", " f "])
def test_a_sex_may_come_in_the_words_of_tables(web: TestClient, word: str) -> None:
    answers = [web.post("/api/readings", **form(sex=word))]
    answers.append(
        web.post("/api/readings", content=hand(), params={"sex": word}, headers={"content-type": "image/png"})
    )
    assert [answer.json()["sex"] for answer in answers] == ["female", "female"]


@pytest.mark.parametrize(("route", "field"), [("readings", "film"), ("films", "film"), ("jobs", "films")])
def test_a_film_in_a_field_of_another_name_is_told_the_right_one(web: TestClient, route: str, field: str) -> None:
    answer = web.post(f"/api/{route}", files={"file": ("a.png", hand())})
    expected = f"file: there is no such field; a film belongs in the field {field}"
    assert (answer.status_code, answer.json()["error"]) == (422, expected)
