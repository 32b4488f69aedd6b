"""The routes: readings as every other edge gives them, films for the viewer, PDFs, jobs and the record."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hands import hand, noise, pair, predictor
from pdf_text import printed
from places import ROOT
from services import PNG, client, form
from starlette.testclient import TestClient

from boneage import Sex, read
from boneage.clinic.record import Record
from boneage.growth.reference import TABLE
from boneage.hand import bone_regions
from boneage.reading.examination import Examination
from boneage.reading.intervals import MEANING
from boneage.reading.occlusion import Layers, over_film
from boneage.reading.regional import Regional
from boneage.reading.regions import ELSEWHERE, REGIONS


def test_a_bare_film_gives_the_same_months_as_the_library(web: TestClient) -> None:
    answer = web.post("/api/readings", content=hand(), headers=PNG, params={"sex": "female"}).json()
    expected = predictor().read(read(hand()), Sex.FEMALE)
    assert answer["bone_age_months"] == expected.bone_age_months
    assert answer["image_sha256"] == expected.image_sha256
    assert answer["weights_sha256"] == predictor().weights_sha256
    assert answer["disclaimer"] == "Research use only, not a medical device."
    assert (answer["film"]["format"], answer["film"]["width"]) == ("PNG", 256)


def test_a_form_says_the_same_and_keeps_the_name_of_the_file(web: TestClient) -> None:
    answer = web.post("/api/readings", **form(sex="female", name="C:\\films\\a hand.png")).json()
    assert answer["bone_age_months"] == predictor().read(read(hand()), Sex.FEMALE).bone_age_months
    assert answer["file"] == "a hand.png"


def test_it_is_compared_with_the_reference(web: TestClient) -> None:
    answer = web.post("/api/readings", **form(sex="female", chronological_age_months=120)).json()
    against = answer["reference"]
    assert against["table"] == TABLE
    assert against["difference_months"] == pytest.approx(answer["bone_age_months"] - 120, abs=0.01)
    assert against["sds"] == pytest.approx((answer["bone_age_months"] - 125.66) / 11.73, abs=0.01)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"sex": "female"}, "not known"),
        ({"sex": "female", "chronological_age_months": 200}, "covers 3 to 192 months"),
        ({"chronological_age_months": 100}, "sex is unknown"),
    ],
)
def test_where_there_is_no_comparison_it_says_why(web: TestClient, fields: dict[str, Any], reason: str) -> None:
    against = web.post("/api/readings", **form(**fields)).json()["reference"]
    assert reason in against["refusal"]
    assert against["sds"] is None
    assert against["table"] == TABLE


def test_without_a_sex_it_is_unknown_and_said_in_words(web: TestClient) -> None:
    answer = web.post("/api/readings", **form()).json()
    assert (answer["sex"], answer["sex_source"]) == ("unknown", "absent")
    (flag,) = (flag for flag in answer["flags"] if flag["code"] == "sex_unknown")
    assert (flag["severity"], flag["sentence"]) == ("warn", "the sex is unknown: the reading is less sure")


def test_what_is_no_hand_gets_no_age(web: TestClient) -> None:
    answer = web.post("/api/readings", content=noise(), headers=PNG).json()
    assert answer["bone_age_months"] is None
    assert answer["reference"]["refusal"] == "the film has no bone age"
    assert "refuse" in {flag["severity"] for flag in answer["flags"]}


def test_dicom_brings_sex_age_and_a_keyed_hash_of_the_patient(web: TestClient) -> None:
    files = pytest.importorskip("dicom_files")
    values = (np.asarray(read(hand()).pixels) * 4095).astype(np.uint16)
    dataset = files.dicom(values, PatientAge="120M", PatientID="MRN-4711", PatientName="DOE^JANE", Laterality="L")
    film = files.written(dataset)
    found = web.post("/api/readings", content=film, headers={"content-type": "application/dicom"})
    answer = found.json()
    assert (answer["sex"], answer["sex_source"], answer["age_source"]) == ("female", "dicom", "dicom")
    assert (answer["chronological_age_months"], answer["chronological_age_half_width_months"]) == (120.5, 0.5)
    assert len(answer["patient"]) == 64
    assert "4711" not in found.text
    assert "DOE" not in found.text
    again = web.post("/api/readings", **form(film, patient_id="MRN-4711")).json()
    assert again["patient"] == answer["patient"]


def test_two_hands_have_a_reading_each_and_no_age_together() -> None:
    with client(explain=partial(over_film, predictor())) as web:
        answer = web.post("/api/readings", **form(pair(), sex="female", heatmap="true")).json()
        both = answer["hands"]
        asked = {
            side: web.post("/api/readings", **form(pair(), sex="female", hand=side)).json()
            for side in ("left", "right")
        }
        at = web.post("/api/readings", params={"part": "right"}, content=pair(), headers=PNG).json()
        assert web.post("/api/readings", **form(hand(), hand="right")).json()["part"] is None
        assert web.post("/api/readings", **form(pair(), hand="both")).status_code == 422
    assert (answer["bone_age_months"], answer["heatmap"], answer["part"]) == (None, None, None)
    assert [(flag["code"], flag["severity"]) for flag in answer["flags"]] == [("several_hands", "refuse")]
    assert [(one["part"], one["hand"]) for one in both] == [("left", "left"), ("right", "right")]
    expected = predictor().read_each(read(pair()), Sex.FEMALE)
    assert [one["bone_age_months"] for one in both] == [reading.bone_age_months for reading in expected]
    assert [one["heatmap"][:14] for one in both] == ["data:image/png"] * 2
    assert both[0]["place"][2] == pytest.approx(both[1]["place"][0], abs=0.01)
    assert {one["film"]["width"] for one in both} == {answer["film"]["width"]}
    for side in ("left", "right"):
        assert (asked[side]["hands"], asked[side]["hand"]) == (None, side)
        assert "several_hands" in [flag["code"] for flag in asked[side]["flags"]]
    assert asked["right"]["bone_age_months"] == both[1]["bone_age_months"]
    assert (at["part"], at["hands"]) == ("right", None)


def test_a_film_of_one_hand_is_answered_as_it_was_before_there_were_two(web: TestClient) -> None:
    answer = web.post("/api/readings", **form(sex="female")).json()
    before = {"file", "bone_age_months", "intervals", "sex", "sex_source", "chronological_age_months", "age_source"}
    before |= {"reference", "flags", "film", "patient", "record", "not_kept", "heatmap", "regions", "model"}
    before |= {"weights_sha256", "image_sha256", "version", "disclaimer", "chronological_age_half_width_months"}
    added = {"hands", "part", "hand", "place", "window", "regional_ages"}
    assert answer.keys() == before | added
    assert (answer["hands"], answer["part"], answer["hand"], answer["place"]) == (None, None, None, [0, 0, 1, 1])
    described = web.get("/api/openapi.json").json()["components"]["schemas"]
    assert before <= set(described["Answer"]["required"]) | {
        "intervals",
        "record",
        "not_kept",
        "heatmap",
        "regions",
    } | {"chronological_age_half_width_months"}
    assert "hands" not in described["HandAnswer"]["properties"]


def test_each_of_two_hands_is_kept_and_corrected_by_itself(tmp_path: Path) -> None:
    record = Record.open(str(tmp_path / "readings.db"))
    with client(record=record) as web:
        both = web.post("/api/readings", **form(pair(), sex="female", patient_id="MRN-4711")).json()["hands"]
        again = {"sex": "male", "patient_id": "MRN-4711", "part": "left", "instead_of": both[0]["record"]}
        other = web.post("/api/readings", **form(pair(), **again)).json()
        kept = web.get(f"/api/patients/{other['patient']}/readings").json()
    assert [(entry["id"], entry["part"], entry["sex"]) for entry in kept] == [
        (both[1]["record"], "right", "female"),
        (other["record"], "left", "male"),
    ]
    record.close()


def test_a_film_that_shows_bone_dark_is_shown_the_other_way_round(web: TestClient) -> None:
    negative = cv2.imencode(".png", 255 - cv2.imdecode(np.frombuffer(hand(), np.uint8), cv2.IMREAD_GRAYSCALE))[1]
    for film, is_dark in ((hand(), False), (negative.tobytes(), True)):
        window = web.post("/api/readings", content=film, headers=PNG).json()["window"]
        assert (window["black"] > window["white"]) is is_dark


def test_a_heat_map_is_given_where_there_is_one_and_only_when_asked() -> None:
    asked = []

    def explain(film: Examination, sex: Sex) -> Layers:
        asked.append((film.radiograph.pixels.shape, sex))
        return over_film(predictor(), film, sex)

    with client(explain=explain) as web:
        assert web.get("/api/version").json()["heatmap"] is True
        plain = web.post("/api/readings", **form(sex="male")).json()
        shown = web.post("/api/readings", **form(sex="male", heatmap="true")).json()
        refused = web.post("/api/readings", **form(noise(), heatmap="true")).json()
    assert (plain["heatmap"], plain["regions"]) == (None, None)
    assert shown["heatmap"].startswith("data:image/png;base64,iVBOR")
    assert asked == [((256, 256), Sex.MALE)]
    assert [region["name"] for region in shown["regions"]] == [*REGIONS, ELSEWHERE]
    assert sum(region["share"] for region in shown["regions"]) == pytest.approx(1, abs=0.001)
    assert [bool(region["outlines"]) for region in shown["regions"]] == [True] * 5 + [False]
    assert (refused["bone_age_months"], refused["heatmap"], refused["regions"]) == (None, None, None)


def test_ages_by_region_are_given_where_there_are_some_and_only_when_asked(regions_model: Path) -> None:
    with client(regional=Regional.load(regions_model, threads=1)) as web:
        assert web.get("/api/version").json()["regions"] is True
        plain = web.post("/api/readings", **form(sex="male")).json()
        shown = web.post("/api/readings", **form(sex="male", regions="true")).json()
        both = web.post("/api/readings", **form(pair(), sex="female", regions="true")).json()
        page = web.post("/api/reports", **form(sex="male", regions="true")).content
    assert plain["regional_ages"] is None
    found = shown["regional_ages"]
    assert [age["region"] for age in found["ages"]] == [region.key for region in bone_regions.REGIONS]
    assert "no film has labels by region" in found["meaning"]
    assert found["ages"][0]["outlines"][0]
    assert shown["bone_age_months"] == plain["bone_age_months"]
    assert both["regional_ages"] is None, "of two hands each has its own"
    assert all(len(one["regional_ages"]["ages"]) == len(bone_regions.REGIONS) for one in both["hands"])
    assert "Ages by region" in printed(page)


def test_without_their_network_there_are_no_ages_by_region(web: TestClient) -> None:
    assert web.get("/api/version").json()["regions"] is False
    assert web.post("/api/readings", **form(sex="male", regions="true")).json()["regional_ages"] is None


def test_the_viewer_gets_sixteen_bits_a_pixel(web: TestClient) -> None:
    found = web.post("/api/films", **form())
    size = int(found.headers["film-height"]), int(found.headers["film-width"])
    pixels = np.frombuffer(found.content, "<u2").reshape(size)
    np.testing.assert_allclose(pixels / 65535, read(hand()).pixels, atol=1e-5)
    assert (found.headers["film-read"], found.headers["film-window"]) == ("0 1", "0 1")


def test_the_viewer_gets_what_a_window_cuts_off_and_where_the_window_lies(web: TestClient) -> None:
    files = pytest.importorskip("dicom_files")
    values = (300 + np.asarray(read(hand()).pixels) * 3000).astype(np.uint16)
    film = files.written(files.dicom(values, WindowCenter=1800, WindowWidth=2600))
    found = web.post("/api/films", **form(film))
    pixels = np.frombuffer(found.content, "<u2") / 65535
    low, high = (float(end) for end in found.headers["film-read"].split())
    assert (pixels.min(), pixels.max()) == (0, 1)
    shown = np.clip((pixels - low) / (high - low), 0, 1)
    np.testing.assert_allclose(shown, read(film).pixels.ravel(), atol=2e-3)


def test_the_report_is_a_pdf_that_names_nobody(web: TestClient) -> None:
    fields = form(sex="female", chronological_age_months=118, patient_id="MRN-4711", earlier="[[480, 66], [90, 93.5]]")
    found = web.post("/api/reports", **(fields | {"files": {"film": ("DOE^JANE.png", hand())}}))
    assert found.headers["content-type"] == "application/pdf"
    assert found.content.startswith(b"%PDF-")
    text = printed(found.content)
    assert "Bone age reading" in text
    assert "beyond the chart, at 40 y 0 mo" in text  # an earlier reading
    for secret in ("DOE^JANE", "MRN-4711"):
        assert secret[-4:] not in text
        assert secret.encode() not in found.content


def test_the_report_has_a_heat_map_where_it_is_asked_for() -> None:
    with client(explain=partial(over_film, predictor())) as web:
        page = web.post("/api/reports", **form(sex="male", heatmap="true")).content
    assert page.count(b"/Subtype /Image") == 3


def test_the_page_says_what_an_interval_means(web: TestClient) -> None:
    assert MEANING.replace("'", "\u2019") in web.get("/").text


@pytest.mark.parametrize(
    ("film", "reason"),
    [
        (b"hello", "looks like text"),
        (b"", "empty"),
        (hand()[:2000], "truncated"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 50, "PNG"),
    ],
)
def test_what_is_no_film_is_refused_in_a_sentence(web: TestClient, film: bytes, reason: str) -> None:
    found = web.post("/api/readings", content=film, headers=PNG)
    assert found.status_code == 422
    assert reason in found.json()["error"]
    assert "<bytes>" not in found.text


def ended(web: TestClient, job: str) -> dict[str, Any]:
    for _ in range(1200):
        state = web.get(f"/api/jobs/{job}").json()
        if state["state"] != "running":
            return state
        time.sleep(0.05)
    raise AssertionError("the job does not end")


def test_a_job_reads_many_films_and_says_how_far_it_is(web: TestClient) -> None:
    films = [("films", (f"{n}.png", hand(seed=n))) for n in range(3)] + [("films", ("notes.txt", b"hello"))]
    started = web.post("/api/jobs", files=films, data={"sex": "female"})
    assert started.status_code == 202
    assert started.headers["location"] == f"/api/jobs/{started.json()['id']}"
    state = ended(web, started.json()["id"])
    assert (state["state"], state["done"], state["total"]) == ("done", 4, 4)
    assert [result["file"] for result in state["results"]] == ["0.png", "1.png", "2.png", "notes.txt"]
    months = [result["bone_age_months"] for result in state["results"][:3]]
    assert months == [predictor().read(read(hand(seed=n)), Sex.FEMALE).bone_age_months for n in range(3)]
    assert "cannot be read" in state["results"][3]["error"]


def test_a_job_can_be_cancelled_and_is_then_forgotten(web: TestClient) -> None:
    films = [("films", (f"{n}.png", hand())) for n in range(200)]
    job = web.post("/api/jobs", files=films).json()["id"]
    state = web.delete(f"/api/jobs/{job}").json()
    assert state["state"] == "cancelled"
    assert state["done"] < 200
    assert web.get(f"/api/jobs/{job}").status_code == 404


def test_a_job_needs_films(web: TestClient) -> None:
    assert web.post("/api/jobs", files=[("film", ("a.png", hand()))]).status_code == 422


def test_health_readiness_version_and_metrics(web: TestClient) -> None:
    assert web.get("/api/health").json() == web.get("/api/ready").json() == {"status": "ok"}
    about = web.get("/api/version").json()
    assert about["weights_sha256"] == predictor().weights_sha256
    assert about["reference_table"] == TABLE
    assert about["record"] is about["films_kept"] is False
    assert web.post("/api/readings", content=hand(), headers={"content-type": "image/png"}).status_code == 200
    text = web.get("/metrics").text
    assert 'boneage_readings_total{outcome="read"}' in text
    assert "boneage_reading_seconds_bucket" in text


def test_page_and_answers_allow_nothing_from_elsewhere(web: TestClient) -> None:
    page = web.get("/")
    assert page.status_code == 200
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "<title>boneage: reading room</title>" in page.text
    assert "Research use only, not a medical device." in page.text


def test_all_that_the_page_fetches_is_small_and_local(web: TestClient) -> None:
    static = ROOT / "src/boneage/apps/web/static"
    files = list(static.iterdir())
    assert sum(file.stat().st_size for file in files) < 200_000
    for file in files:
        text = file.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "http:" not in text, file
        assert "https:" not in text, file


def test_readings_are_kept_with_who_and_found_by_patient(tmp_path: Path) -> None:
    record = Record.open(str(tmp_path / "readings.db"))
    with client(record=record) as web:
        answers = [
            web.post(
                "/api/readings",
                **form(hand(age), sex="female", patient_id="MRN-4711", who="AB", chronological_age_months=age),
            ).json()
            for age in (110, 122)
        ]
        earlier = web.get(f"/api/patients/{answers[0]['patient']}/readings").json()
        assert [entry["chronological_age_months"] for entry in earlier] == [110, 122]
        number = answers[1]["record"]
        kept = web.put(f"/api/readings/{number}/review", json={"bone_age_months": 117, "who": "CD"}).json()
        assert (kept["reviewer_bone_age_months"], kept["reviewer"]) == (117, "CD")
        assert web.put("/api/readings/999/review", json={"bone_age_months": 117}).status_code == 404
        table = web.get("/api/record.csv").text.splitlines()
        assert len(table) == 3
        assert ",AB," in table[1]
        assert table[1].endswith("Research use only, not a medical device.") or '"Research' in table[1]
        assert earlier[0]["weights_sha256"] == predictor().weights_sha256
        assert earlier[0]["disclaimer"] == "Research use only, not a medical device."
        web.post("/api/reports", **form(sex="female"))
        assert len(web.get("/api/record.csv").text.splitlines()) == 3
    record.close()


def test_a_reading_of_the_wrong_patient_is_given_to_the_right_one_or_withdrawn(tmp_path: Path) -> None:
    record = Record.open(str(tmp_path / "readings.db"))
    with client(record=record) as web:
        wrong = web.post("/api/readings", **form(sex="female", patient_id="MRN-4771", who="AB")).json()
        place = f"/api/readings/{wrong['record']}/patient"
        right = web.post(place, json={"patient_id": "MRN-4711", "who": "CD"}).json()
        assert web.post(place, json={"patient_id": "MRN-4711"}).status_code == 404
        assert web.get(f"/api/patients/{wrong['patient']}/readings").json() == []
        (found,) = web.get(f"/api/patients/{right['patient']}/readings").json()
        assert found["intervals"]
        assert found | {"intervals": None} == right
        assert web.put(f"/api/readings/{right['id']}/withdrawal", json={}).json()["withdrawn_at"]
        assert web.put("/api/readings/999/withdrawal", json={}).status_code == 404
        assert web.get(f"/api/patients/{right['patient']}/readings").json() == []
        assert len(web.get("/api/record.csv").text.splitlines()) == 3
        assert "MRN" not in web.get("/api/record.csv").text
    record.close()


def test_without_a_record_nothing_is_kept(web: TestClient) -> None:
    assert web.post("/api/readings", **form()).json()["record"] is None
    assert web.get("/api/record.csv").status_code == 404
    assert web.get(f"/api/patients/{'0' * 64}/readings").status_code == 404
