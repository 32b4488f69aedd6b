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
