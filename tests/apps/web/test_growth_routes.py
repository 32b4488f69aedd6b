"""The routes of growth: figures for what was typed, the chart of heights, and the PDF's page."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from pdf_text import printed
from services import client, form

if TYPE_CHECKING:
    from starlette.testclient import TestClient

CHILD = {
    "sex": "female",
    "bone_age_months": 120.0,
    "chronological_age_months": 126.0,
    "height": "140.2",
    "mother": "5ft6in",
    "father": "178",
}


def test_figures_for_what_was_typed(web: TestClient) -> None:
    answer = web.post("/api/growth", json=CHILD | {"weight": "heavy"})
    assert answer.status_code == 200
    found = answer.json()
    assert found["growth"]["target_height"]["value"] == pytest.approx(166.32)
    assert [one["name"] for one in found["growth"]["adult_heights"]] == [
        *("bayley_pinneau", "roche_wainer_thissen", "khamis_guo")
    ]
    assert "is no weight" in found["problems"]["weight"]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [({"more": 1}, "more"), ({"bone_age_months": -5}, "bone_age_months"), ({"sex": "child"}, "sex")],
)
def test_a_wrong_request_is_refused_by_its_field(web: TestClient, wrong: dict[str, Any], field: str) -> None:
    answer = web.post("/api/growth", json=CHILD | wrong)
    assert answer.status_code == 422
    assert answer.json()["error"].startswith(field)


def test_the_chart_of_heights(web: TestClient) -> None:
    chart = web.get("/api/heights").json()
    assert set(chart) == {"table", "male", "female"}
    assert len(chart["female"]["heights"]["50"]) == len(chart["female"]["ages"])


def test_the_pdf_has_a_page_of_growth_where_something_is_told(web: TestClient) -> None:
    plain = web.post("/api/reports", **form(sex="female"))
    told = web.post("/api/reports", **form(sex="female", chronological_age_months="126", child=json.dumps(CHILD)))
    assert (plain.status_code, told.status_code) == (200, 200)
    assert plain.content.count(b"/Type /Page\n") == 1
    assert told.content.count(b"/Type /Page\n") == 2
    assert "Target height" in printed(told.content)
    assert "140.2 cm" in printed(told.content)
    wrong = web.post("/api/reports", **form(child="[1"))
    assert wrong.status_code == 422


def test_intervals_of_earlier_readings_come_with_the_record(tmp_path: Any) -> None:
    from boneage.clinic.record import Record

    record = Record.open(str(tmp_path / "readings.db"))
    with client(record=record) as web:
        answer = web.post("/api/readings", **form(sex="female", patient_id="p", chronological_age_months="120")).json()
        [entry] = web.get(f"/api/patients/{answer['patient']}/readings").json()
    assert entry["intervals"] == answer["intervals"]
    record.close()
