"""The service: readings as every other edge gives them, jobs, the record, who may come in, and what is refused."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import re
import stat
import threading
import time
import zlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from places import ROOT
from rooms import client, hand, noise, predictor
from sqlalchemy import event
from starlette.testclient import TestClient

from boneage import Radiograph, Sex, read
from boneage.apps.web.access import token_for
from boneage.clinic.answers import Wishes
from boneage.clinic.faults import SENTENCE
from boneage.clinic.film_store import FilmFolder
from boneage.clinic.limits import Limits, Refusal
from boneage.clinic.record import Record
from boneage.clinic.service import Room
from boneage.errors import BadConfig, CannotWrite
from boneage.growth.reference import TABLE
from boneage.reading.intervals import MEANING
from boneage.reading.occlusion import ELSEWHERE, REGIONS, Layers, over_film

PNG = {"content-type": "image/png"}
LIMITS = Limits(running=1, waiting=2, jobs=2, film=2 * 2**20, decode_seconds=60)


@pytest.fixture(scope="module")
def room() -> Iterator[TestClient]:
    with client(limits=LIMITS) as asking:
        yield asking


def form(film: bytes = b"", name: str = "hand.png", **fields: Any) -> dict[str, Any]:
    return {"files": {"film": (name, film or hand())}, "data": {key: str(value) for key, value in fields.items()}}


def printed(pdf: bytes) -> str:
    """The lines of text of a PDF's one page."""
    streams = re.findall(rb"/ASCII85Decode /FlateDecode \].*?stream\n(.*?~>)endstream", pdf, re.DOTALL)
    text = b"\n".join(zlib.decompress(base64.a85decode(b"<~" + one, adobe=True)) for one in streams)
    return "\n".join(re.findall(r"\((.*)\) Tj", text.decode("latin-1")))


# --- readings -------------------------------------------------------------------------------------------------------


def test_a_bare_film_gives_the_same_months_as_the_library(room: TestClient) -> None:
    answer = room.post("/api/readings", content=hand(), headers=PNG, params={"sex": "female"}).json()
    expected = predictor().read(read(hand()), Sex.FEMALE)
    assert answer["bone_age_months"] == expected.bone_age_months
    assert answer["image_sha256"] == expected.image_sha256
    assert answer["weights_sha256"] == predictor().weights_sha256
    assert answer["disclaimer"] == "Research use only, not a medical device."
    assert (answer["film"]["format"], answer["film"]["width"]) == ("PNG", 256)


def test_a_form_says_the_same_and_keeps_the_name_of_the_file(room: TestClient) -> None:
    answer = room.post("/api/readings", **form(sex="female", name="C:\\films\\a hand.png")).json()
    assert answer["bone_age_months"] == predictor().read(read(hand()), Sex.FEMALE).bone_age_months
    assert answer["file"] == "a hand.png"


def test_it_is_compared_with_the_reference(room: TestClient) -> None:
    answer = room.post("/api/readings", **form(sex="female", chronological_age_months=120)).json()
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
def test_where_there_is_no_comparison_it_says_why(room: TestClient, fields: dict[str, Any], reason: str) -> None:
    against = room.post("/api/readings", **form(**fields)).json()["reference"]
    assert reason in against["refusal"]
    assert against["sds"] is None
    assert against["table"] == TABLE


def test_without_a_sex_it_is_unknown_and_said_in_words(room: TestClient) -> None:
    answer = room.post("/api/readings", **form()).json()
    assert (answer["sex"], answer["sex_source"]) == ("unknown", "absent")
    (flag,) = (flag for flag in answer["flags"] if flag["code"] == "sex_unknown")
    assert (flag["severity"], flag["sentence"]) == ("warn", "the sex is unknown: the reading is less sure")


def test_what_is_no_hand_gets_no_age(room: TestClient) -> None:
    answer = room.post("/api/readings", content=noise(), headers=PNG).json()
    assert answer["bone_age_months"] is None
    assert answer["reference"]["refusal"] == "the film has no bone age"
    assert "refuse" in {flag["severity"] for flag in answer["flags"]}


def test_dicom_brings_sex_age_and_a_keyed_hash_of_the_patient(room: TestClient) -> None:
    files = pytest.importorskip("dicom_files")
    values = (np.asarray(read(hand()).pixels) * 4095).astype(np.uint16)
    dataset = files.dicom(values, PatientAge="120M", PatientID="MRN-4711", PatientName="DOE^JANE", Laterality="L")
    film = files.written(dataset)
    found = room.post("/api/readings", content=film, headers={"content-type": "application/dicom"})
    answer = found.json()
    assert (answer["sex"], answer["sex_source"], answer["age_source"]) == ("female", "dicom", "dicom")
    assert answer["chronological_age_months"] == 120
    assert len(answer["patient"]) == 64
    assert "4711" not in found.text
    assert "DOE" not in found.text
    again = room.post("/api/readings", **form(film, patient_id="MRN-4711")).json()
    assert again["patient"] == answer["patient"]


def test_a_heat_map_is_given_where_there_is_one_and_only_when_asked() -> None:
    asked = []

    def explain(film: Radiograph, sex: Sex) -> Layers:
        asked.append((film.pixels.shape, sex))
        return over_film(predictor(), film, sex)

    with client(limits=LIMITS, explain=explain) as asking:
        assert asking.get("/api/version").json()["heatmap"] is True
        plain = asking.post("/api/readings", **form(sex="male")).json()
        shown = asking.post("/api/readings", **form(sex="male", heatmap="true")).json()
        refused = asking.post("/api/readings", **form(noise(), heatmap="true")).json()
    assert (plain["heatmap"], plain["regions"]) == (None, None)
    assert shown["heatmap"].startswith("data:image/png;base64,iVBOR")
    assert asked == [((256, 256), Sex.MALE)]
    assert [region["name"] for region in shown["regions"]] == [*REGIONS, ELSEWHERE]
    assert sum(region["share"] for region in shown["regions"]) == pytest.approx(1, abs=0.001)
    assert [bool(region["outlines"]) for region in shown["regions"]] == [True] * 5 + [False]
    assert (refused["bone_age_months"], refused["heatmap"], refused["regions"]) == (None, None, None)


def test_the_viewer_gets_sixteen_bits_a_pixel(room: TestClient) -> None:
    found = room.post("/api/films", **form())
    size = int(found.headers["film-height"]), int(found.headers["film-width"])
    pixels = np.frombuffer(found.content, "<u2").reshape(size)
    np.testing.assert_allclose(pixels / 65535, read(hand()).pixels, atol=1e-5)


def test_the_report_is_a_pdf_that_names_nobody(room: TestClient) -> None:
    fields = form(sex="female", chronological_age_months=118, patient_id="MRN-4711", earlier="[[60, 66], [90, 93.5]]")
    found = room.post("/api/reports", **(fields | {"files": {"film": ("DOE^JANE.png", hand())}}))
    assert found.headers["content-type"] == "application/pdf"
    assert found.content.startswith(b"%PDF-")
    assert b"Bone age reading" in found.content
    text = printed(found.content)
    assert "90% interval: " in text
    assert MEANING in " ".join(text.splitlines())
    for secret in ("DOE", "4711"):
        assert secret not in text
        assert secret.encode() not in found.content


@pytest.mark.parametrize(("age", "words"), [(480, "beyond the chart, at 40 y 0 mo"), (200, None)])
def test_the_report_marks_what_lies_beyond_its_chart(room: TestClient, age: int, words: str | None) -> None:
    """The reading's own age, and an earlier one; the same words as on the page."""
    own = printed(room.post("/api/reports", **form(sex="female", chronological_age_months=age)).content)
    earlier = printed(room.post("/api/reports", **form(sex="female", earlier=f"[[{age}, 228]]")).content)
    for text in (own, earlier):
        assert ("Arrow at the edge" in text, words is None or words in text) == (words is not None, True)


def test_the_page_says_what_an_interval_means(room: TestClient) -> None:
    assert MEANING.replace("'", "\u2019") in room.get("/").text


def test_the_report_shows_the_heat_map_where_it_is_asked_for() -> None:
    with client(limits=LIMITS, explain=partial(over_film, predictor())) as asking:
        plain, shown = (
            asking.post("/api/reports", **form(sex="male", **words)).content for words in ({}, {"heatmap": "true"})
        )
    pictures = [pdf.count(b"/Subtype /Image") for pdf in (plain, shown)]
    assert pictures == [1, 3]  # the film; the film, the layer and how opaque that is
    words = " ".join(printed(shown).splitlines())
    assert all(re.search(rf"{name} \d+%", words) for name in (*REGIONS, ELSEWHERE))
    assert "moves the age" not in printed(plain)


# --- what is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("film", "reason"),
    [
        (b"hello", "looks like text"),
        (b"", "empty"),
        (hand()[:2000], "truncated"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 50, "PNG"),
    ],
)
def test_what_is_no_film_is_refused_in_a_sentence(room: TestClient, film: bytes, reason: str) -> None:
    found = room.post("/api/readings", content=film, headers=PNG)
    assert found.status_code == 422
    assert reason in found.json()["error"]
    assert "<bytes>" not in found.text


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
def test_wrong_fields_are_refused_without_repeating_them(room: TestClient, fields: dict, status: int) -> None:
    found = room.post("/api/readings", **form(**fields))
    assert found.status_code == status
    assert next(iter(fields)) in found.json()["error"]


def test_a_field_given_twice_is_refused(room: TestClient) -> None:
    answer = room.post("/api/readings", files={"film": ("a.png", hand())}, data={"sex": ["male", "female"]})
    assert (answer.status_code, answer.json()["error"]) == (422, "sex: the form has it more than once")


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"{}", "application/json", 415),
        (b"--a\r\n", "multipart/form-data", 400),
        (b"nonsense", "multipart/form-data; boundary=a", 400),
        (b'--a\r\nContent-Disposition: form-data; name="film"\r\n\r\nx', "multipart/form-data; boundary=a", 400),
        (b"--a--\r\n", "multipart/form-data; boundary=a", 422),
    ],
)
def test_damaged_requests_are_refused(room: TestClient, content: bytes, kind: str, status: int) -> None:
    found = room.post("/api/readings", content=content, headers={"content-type": kind})
    assert found.status_code == status, found.text
    assert found.json()["error"]


def test_two_films_in_one_reading_are_one_too_many(room: TestClient) -> None:
    found = room.post("/api/readings", files=[("film", ("a.png", hand())), ("film", ("b.png", hand()))])
    assert found.status_code == 422
    assert "one file" in found.json()["error"]


def test_a_film_beyond_the_limit_is_413(room: TestClient) -> None:
    found = room.post("/api/readings", content=b"\0" * (LIMITS.film + 1), headers=PNG)
    assert found.status_code == 413
    assert f"{LIMITS.film:,}" in found.json()["error"]


# --- jobs -----------------------------------------------------------------------------------------------------------


def ended(asking: TestClient, job: str) -> dict[str, Any]:
    for _ in range(1200):
        state = asking.get(f"/api/jobs/{job}").json()
        if state["state"] != "running":
            return state
        time.sleep(0.05)
    raise AssertionError("the job does not end")


def test_a_job_reads_many_films_and_says_how_far_it_is(room: TestClient) -> None:
    films = [("films", (f"{n}.png", hand(seed=n))) for n in range(3)] + [("films", ("notes.txt", b"hello"))]
    started = room.post("/api/jobs", files=films, data={"sex": "female"})
    assert started.status_code == 202
    assert started.headers["location"] == f"/api/jobs/{started.json()['id']}"
    state = ended(room, started.json()["id"])
    assert (state["state"], state["done"], state["total"]) == ("done", 4, 4)
    assert [result["file"] for result in state["results"]] == ["0.png", "1.png", "2.png", "notes.txt"]
    months = [result["bone_age_months"] for result in state["results"][:3]]
    assert months == [predictor().read(read(hand(seed=n)), Sex.FEMALE).bone_age_months for n in range(3)]
    assert "cannot be read" in state["results"][3]["error"]


def test_a_job_can_be_cancelled_and_is_then_forgotten(room: TestClient) -> None:
    films = [("films", (f"{n}.png", hand())) for n in range(200)]
    job = room.post("/api/jobs", files=films).json()["id"]
    state = room.delete(f"/api/jobs/{job}").json()
    assert state["state"] == "cancelled"
    assert state["done"] < 200
    assert room.get(f"/api/jobs/{job}").status_code == 404


def test_a_job_ends_whatever_happens_to_its_films(room: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = room.app.state.room  # type: ignore[attr-defined]

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("DOE^JANE")

    films = [("films", (f"{n}.png", hand(seed=n))) for n in range(2)]
    monkeypatch.setattr(inner.predictor, "read", broken)
    state = ended(room, room.post("/api/jobs", files=films).json()["id"])
    assert [result["error"] for result in state["results"]] == [SENTENCE] * 2


def test_a_record_that_fails_is_a_sentence_and_503(room: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: Any, **__: Any) -> None:
        raise CannotWrite("the record at postgresql://room cannot be used: it is down")

    record = SimpleNamespace(of_patient=gone, export=gone, review=gone)
    monkeypatch.setattr(room.app.state.room, "record", record)  # type: ignore[attr-defined]
    found = [room.get(f"/api/patients/{'0' * 64}/readings"), room.get("/api/record.csv")]
    found.append(room.put("/api/readings/1/review", json={"bone_age_months": 117}))
    assert [answer.status_code for answer in found] == [503] * 3
    assert all("it is down" in answer.json()["error"] and answer.headers["retry-after"] for answer in found)


def test_a_form_of_nothing_but_boundaries_is_refused_unparsed(
    room: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("boneage.apps.web.uploads.MultipartParser")
    body = b"--a\r\n" + b"\r\n--ax" * 300_000
    answer = room.post("/api/readings", content=body, headers={"content-type": "multipart/form-data; boundary=a"})
    assert answer.status_code == 413


@pytest.mark.parametrize("name", ["sex", "chronological_age_months", "heatmap", "keep"])
def test_an_empty_field_is_no_value(room: TestClient, name: str) -> None:
    answer = room.post("/api/readings", files={"film": ("a.png", hand())}, data={name: ""})
    assert answer.status_code == 422
    assert answer.json()["error"].startswith(name)


def test_a_film_that_still_waits_when_the_room_closes_is_refused_not_an_error() -> None:
    closed = Room(predictor(), Limits(running=1))
    closed.close()
    with pytest.raises(Refusal, match="closed"):
        asyncio.run(closed.read(hand(), "film", Wishes()))


def test_the_warm_up_asks_the_networks_in_every_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    cold = Room(predictor(), Limits(running=2))
    answer, ages, threads = cold._answer, [], set()

    def noted(reading: Any, *others: Any) -> Any:
        ages.append(reading.bone_age_months)
        threads.add(threading.get_ident())
        return answer(reading, *others)

    monkeypatch.setattr(cold, "_answer", noted)
    cold.warm()
    cold.close()
    assert ages
    assert None not in ages
    assert len(threads) == 2


def test_a_job_needs_films(room: TestClient) -> None:
    assert room.post("/api/jobs", files=[("film", ("a.png", hand()))]).status_code == 422


# --- what it says of itself -----------------------------------------------------------------------------------------


def test_health_readiness_version_and_metrics(room: TestClient) -> None:
    assert room.get("/api/health").json() == room.get("/api/ready").json() == {"status": "ok"}
    about = room.get("/api/version").json()
    assert about["weights_sha256"] == predictor().weights_sha256
    assert about["reference_table"] == TABLE
    assert about["record"] is about["films_kept"] is False
    assert room.post("/api/readings", content=hand(), headers={"content-type": "image/png"}).status_code == 200
    text = room.get("/metrics").text
    assert 'boneage_readings_total{outcome="read"}' in text
    assert "boneage_reading_seconds_bucket" in text


def test_each_film_is_counted_for_what_became_of_it() -> None:
    with client(limits=LIMITS) as asking:
        asking.post("/api/readings", **form())
        asking.post("/api/films", **form())
        asking.post("/api/films", **form())
        asking.post("/api/films", content=b"hello", headers=PNG)
        asking.app.state.room.line.closed = True  # type: ignore[attr-defined]
        asking.post("/api/readings", **form())
        asking.post("/api/readings", content=b"\0" * (LIMITS.film + 1), headers=PNG)
        text = asking.get("/metrics").text
    outcomes = {"read": 1, "shown": 2, "unreadable": 1, "refused": 1}
    for outcome, count in outcomes.items():
        assert f'boneage_readings_total{{outcome="{outcome}"}} {count}.0' in text
    assert 'boneage_requests_total{route="/api/readings",status="503"} 1.0' in text
    assert 'boneage_requests_total{route="/api/readings",status="413"} 1.0' in text
    assert 'route="other"' not in text


def test_the_description_has_every_route_and_no_page_of_others(room: TestClient) -> None:
    described = room.get("/api/openapi.json").json()
    assert {"/api/readings", "/api/jobs", "/api/jobs/{job}", "/api/health", "/api/ready"} <= described["paths"].keys()
    assert room.get("/docs").status_code == 404
    assert "://" not in json.dumps(described)


def test_page_and_answers_allow_nothing_from_elsewhere(room: TestClient) -> None:
    page = room.get("/")
    assert page.status_code == 200
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "<title>boneage: reading room</title>" in page.text
    assert "Research use only, not a medical device." in page.text


def test_all_that_the_page_fetches_is_small_and_local(room: TestClient) -> None:
    static = ROOT / "src/boneage/apps/web/static"
    files = list(static.iterdir())
    assert sum(file.stat().st_size for file in files) < 150_000
    for file in files:
        text = file.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "http:" not in text, file
        assert "https:" not in text, file


# --- who may come in ------------------------------------------------------------------------------------------------


def test_other_names_and_other_pages_are_not_answered(room: TestClient) -> None:
    assert room.get("/api/version", headers={"host": "clinic.example"}).status_code == 421
    foreign = {"origin": "https://elsewhere.example"}
    assert room.post("/api/readings", **form(), headers=foreign).status_code == 403
    assert room.post("/api/readings", **form(), headers={"origin": "http://localhost"}).status_code == 200


@pytest.mark.parametrize("path", ["/api/health", "/api/version", "/metrics", "/static/main.js", "/api/openapi.json"])
def test_with_a_token_everything_needs_it(path: str) -> None:
    with client(token="a-token-of-the-test", limits=LIMITS) as asking:
        refused = asking.get(path, headers={"host": "clinic.example"})
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"] == "Bearer"
        assert asking.get(path, headers={"authorization": "Bearer wrong"}).status_code == 401
        assert asking.get(path, headers={"authorization": "Bearer a-token-of-the-test"}).status_code == 200


def test_a_browser_signs_in_with_the_token() -> None:
    with client(token="a-token-of-the-test", limits=LIMITS) as asking:
        page = asking.get("/")
        assert page.status_code == 401
        assert "<form" in page.text
        assert asking.post("/api/session", data={"token": "wrong"}).status_code == 401
        signed = asking.post("/api/session", data={"token": "a-token-of-the-test"}, follow_redirects=False)
        assert signed.status_code == 303
        cookie = signed.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert "a-token-of-the-test" not in cookie
        assert asking.get("/").status_code == 200
        assert asking.get("/api/version").status_code == 200


def test_all_that_the_sign_in_page_needs_is_open() -> None:
    with client(token="a-token-of-the-test", limits=LIMITS) as asking:
        needed = re.findall(r'(?:src|href)="(/[^"]+)"', asking.get("/").text)
        assert needed
        assert {path: asking.get(path).status_code for path in needed} == dict.fromkeys(needed, 200)


def test_a_browser_with_a_wrong_token_sees_the_page_again_with_a_sentence() -> None:
    with client(token="a-token-of-the-test", limits=LIMITS) as asking:
        accepts = {"accept": "text/html,application/xhtml+xml"}
        again = asking.post("/api/session", data={"token": "<b>wrong"}, headers=accepts)
        assert again.status_code == 401
        assert again.headers["content-type"].startswith("text/html")
        assert "This is not the token of this service." in again.text
        assert "<form" in again.text
        assert "<b>" not in again.text
        assert "not the token" not in asking.get("/").text


def test_an_open_door_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="--token-file"):
        token_for("0.0.0.0", None, encrypted=True, plain=False)
    with pytest.raises(BadConfig, match="--plain-http"):
        token_for("192.0.2.1", tmp_path / "token", encrypted=False, plain=False)
    made = token_for("0.0.0.0", tmp_path / "token", encrypted=False, plain=True)
    assert made == (tmp_path / "token").read_text().strip()
    assert (tmp_path / "token").stat().st_mode & 0o077 == 0
    assert token_for("127.0.0.1", None, encrypted=False, plain=False) is None
    (tmp_path / "token").write_text("short")
    with pytest.raises(BadConfig, match="16"):
        token_for("::", tmp_path / "token", encrypted=True, plain=False)


# --- the record -----------------------------------------------------------------------------------------------------


def test_readings_are_kept_with_who_and_found_by_patient(tmp_path: Path) -> None:
    record = Record.open(str(tmp_path / "room.db"))
    with client(limits=LIMITS, record=record) as asking:
        answers = [
            asking.post(
                "/api/readings",
                **form(hand(age), sex="female", patient_id="MRN-4711", who="AB", chronological_age_months=age),
            ).json()
            for age in (110, 122)
        ]
        earlier = asking.get(f"/api/patients/{answers[0]['patient']}/readings").json()
        assert [entry["chronological_age_months"] for entry in earlier] == [110, 122]
        number = answers[1]["record"]
        kept = asking.put(f"/api/readings/{number}/review", json={"bone_age_months": 117, "who": "CD"}).json()
        assert (kept["reviewer_bone_age_months"], kept["reviewer"]) == (117, "CD")
        assert asking.put("/api/readings/999/review", json={"bone_age_months": 117}).status_code == 404
        table = asking.get("/api/record.csv").text.splitlines()
        assert len(table) == 3
        assert ",AB," in table[1]
        assert table[1].endswith("Research use only, not a medical device.") or '"Research' in table[1]
        assert earlier[0]["weights_sha256"] == predictor().weights_sha256
        assert earlier[0]["disclaimer"] == "Research use only, not a medical device."
        asking.post("/api/reports", **form(sex="female"))
        assert len(asking.get("/api/record.csv").text.splitlines()) == 3
    record.close()


def test_a_reading_of_the_wrong_patient_is_given_to_the_right_one_or_withdrawn(tmp_path: Path) -> None:
    record = Record.open(str(tmp_path / "room.db"))
    with client(limits=LIMITS, record=record) as asking:
        wrong = asking.post("/api/readings", **form(sex="female", patient_id="MRN-4771", who="AB")).json()
        place = f"/api/readings/{wrong['record']}/patient"
        right = asking.post(place, json={"patient_id": "MRN-4711", "who": "CD"}).json()
        assert asking.post(place, json={"patient_id": "MRN-4711"}).status_code == 404
        assert asking.get(f"/api/patients/{wrong['patient']}/readings").json() == []
        assert asking.get(f"/api/patients/{right['patient']}/readings").json() == [right]
        assert asking.put(f"/api/readings/{right['id']}/withdrawal", json={}).json()["withdrawn_at"]
        assert asking.put("/api/readings/999/withdrawal", json={}).status_code == 404
        assert asking.get(f"/api/patients/{right['patient']}/readings").json() == []
        assert len(asking.get("/api/record.csv").text.splitlines()) == 3
        assert "MRN" not in asking.get("/api/record.csv").text
    record.close()


def test_a_reading_that_cannot_be_kept_is_given_and_says_so(tmp_path: Path) -> None:
    record = Record.open(str(tmp_path / "room.db"))
    with client(limits=LIMITS, record=record) as asking:
        kept = asking.post("/api/readings", **form(sex="female")).json()
        assert (kept["record"], kept["not_kept"]) == (1, None)
        record.close()
        event.listen(record._engine, "connect", lambda connection, _: connection.execute("PRAGMA query_only=1"))
        found = asking.post("/api/readings", **form(sex="female"))
        assert found.status_code == 200
        answer = found.json()
        assert answer["bone_age_months"] == kept["bone_age_months"]
        assert answer["record"] is None
        assert answer["not_kept"].startswith("the reading could not be kept: the record at")
        assert "readonly" in answer["not_kept"]
    record.close()


def test_films_are_kept_only_where_asked_and_only_their_pixels(tmp_path: Path) -> None:
    files = pytest.importorskip("dicom_files")
    pixels = (np.asarray(read(hand()).pixels) * 4095).astype(np.uint16)
    film = files.written(files.dicom(pixels, PatientID="MRN-4711", PatientName="DOE^JANE"))
    folder, record = tmp_path / "films", Record.open(str(tmp_path / "room.db"))
    with client(limits=LIMITS, record=record, films=FilmFolder.open(folder, recorded=True)) as asking:
        assert asking.get("/api/version").json()["films_kept"] is True
        asking.post("/api/readings", **form(film, keep="false"))
        asking.post("/api/reports", **form(film))
        asking.post("/api/films", **form(film))
        assert list(folder.iterdir()) == []
        answers = [asking.post("/api/readings", **form(film, name="DOE.dcm")).json() for _ in range(2)]
    record.close()
    (kept,) = folder.iterdir()
    assert kept.name == f"{answers[0]['image_sha256']}.png"
    assert stat.S_IMODE(kept.stat().st_mode) & 0o077 == 0
    held = kept.read_bytes()
    assert {kind for kind, _ in chunks(held)} == {b"IHDR", b"IDAT", b"IEND"}
    shown = cv2.imdecode(np.frombuffer(held, np.uint8), cv2.IMREAD_UNCHANGED)
    np.testing.assert_allclose(shown / 65535, read(film).pixels, atol=1e-5)
    again = predictor().read(read(held), Sex.FEMALE).bone_age_months
    assert again == pytest.approx(answers[0]["bone_age_months"], abs=0.1)


def chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The parts of a PNG: kind and data."""
    at = 8
    while at < len(png):
        length = int.from_bytes(png[at : at + 4])
        yield png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        at += length + 12


def test_a_film_that_cannot_be_kept_takes_nothing_from_its_reading(tmp_path: Path) -> None:
    folder, record = tmp_path / "films", Record.open(str(tmp_path / "room.db"))
    with client(limits=LIMITS, record=record, films=FilmFolder.open(folder, recorded=True)) as asking:
        folder.rmdir()
        folder.write_text("no folder any more")
        answer = asking.post("/api/readings", **form(sex="female")).json()
    record.close()
    assert (answer["record"], answer["bone_age_months"]) == (1, pytest.approx(120, abs=60))
    assert answer["not_kept"].startswith("the film could not be kept: ")


def test_without_a_record_nothing_is_kept(room: TestClient) -> None:
    assert room.post("/api/readings", **form()).json()["record"] is None
    assert room.get("/api/record.csv").status_code == 404
    assert room.get(f"/api/patients/{'0' * 64}/readings").status_code == 404


def test_a_fault_of_the_program_is_one_sentence_and_no_traceback(
    room: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("DOE^JANE")

    monkeypatch.setattr(room.app.state.room.predictor, "read", broken)  # type: ignore[attr-defined]
    found = room.post("/api/readings", **form())
    assert found.status_code == 500
    assert "its own fault" in found.json()["error"]
    assert "DOE" not in caplog.text + found.text
    assert "RuntimeError in test_web.py" in caplog.text


def test_forms_are_read_without_a_file(room: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> io.BytesIO:
        raise AssertionError("a temporary file")

    monkeypatch.setattr("tempfile.SpooledTemporaryFile", refuse)
    monkeypatch.setattr("tempfile.NamedTemporaryFile", refuse)
    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    assert room.post("/api/readings", **form(hand(size=700))).status_code == 200
