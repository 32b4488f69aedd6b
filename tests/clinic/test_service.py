"""The service: readings, the record beside them, its limits, and that nothing of HTTP is needed for any of it."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest
from command import child
from hands import hand, noise, pair, predictor
from in_process import opened
from sqlalchemy import event

from boneage import Sex, read
from boneage.clinic.answers import ReadingRequest
from boneage.clinic.errors import Busy, Closing, NoRecord, NotAFilm
from boneage.clinic.limits import Limits
from boneage.clinic.record import Record
from boneage.clinic.service import SHOWN_SIDE, Service
from boneage.reading.examination import Examination
from boneage.reading.occlusion import Layers

WITHOUT_HTTP = """
import asyncio, sys
for name in ("fastapi", "starlette", "uvicorn", "h11", "python_multipart", "httpx", "httpx2"): sys.modules[name] = None
import cv2, numpy as np
from boneage import Predictor, Sex
from boneage.clinic import pdf
from boneage.clinic.answers import ReadingRequest
from boneage.clinic.limits import Limits
from boneage.clinic.record import Record
from boneage.clinic.service import Service
from boneage.data.phantom import draw

film = cv2.imencode(".png", draw(np.random.default_rng(7), months=120, sex=Sex.FEMALE, size=256).pixels)[1].tobytes()
record = Record.open("readings.db")
service = Service(Predictor.load("default", threads=1), Limits(running=1), record=record)
answer = asyncio.run(service.read(film, "hand.png", ReadingRequest(sex="female", patient_id="MRN-4711")))
(entry,) = record.of_patient(answer.patient)
reading, shown = asyncio.run(service.read_film(film, "hand.png", ReadingRequest(sex="female")))
page = pdf.report(reading, shown, [(96, 90)])
service.close()
record.close()
print(answer.bone_age_months == entry.bone_age_months == reading.bone_age_months, page[:5].decode())
"""


def test_a_film_is_read_kept_and_printed_where_nothing_of_http_is_installed(tmp_path: Path) -> None:
    ended = child(code=WITHOUT_HTTP, cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.split() == ["True", "%PDF-"]


def test_a_reading_with_its_film_decodes_and_analyses_the_file_once(monkeypatch: pytest.MonkeyPatch) -> None:
    large = hand(size=SHOWN_SIDE + 100)
    with opened() as service:
        decoded: list[bytes] = []
        decode = service.decoders.decode
        monkeypatch.setattr(service.decoders, "decode", lambda data, **how: decoded.append(data) or decode(data, **how))
        answer, film = asyncio.run(service.read_film(large, "hand.png", ReadingRequest(sex=Sex.FEMALE)))
        shown = asyncio.run(service.show(large))
    assert len(decoded) == 2  # one by each call
    assert answer.bone_age_months == predictor().read(read(large), Sex.FEMALE).bone_age_months
    assert film.pixels.shape == shown.pixels.shape == (SHOWN_SIDE, SHOWN_SIDE)
    assert (film.pixels == shown.pixels).all()
    assert answer.film.width == SHOWN_SIDE + 100


def test_only_a_film_with_an_age_is_explained_and_only_on_request() -> None:
    explained: list[Sex] = []

    def explain(film: Examination, sex: Sex) -> Layers:
        explained.append(sex)
        return Layers(b"png", ())

    with opened(explain=explain) as service:
        for film, request in (
            (hand(), ReadingRequest()),
            (noise(), ReadingRequest(heatmap=True)),
            (hand(), ReadingRequest(sex=Sex.MALE, heatmap=True)),
        ):
            answer = asyncio.run(service.read(film, "film", request))
            assert (answer.heatmap is None) == (not explained)
    assert explained == [Sex.MALE]


def test_of_two_hands_each_is_read_and_of_the_whole_picture_only_that_it_is_one_of_two() -> None:
    with opened() as service:
        answer = asyncio.run(service.read(pair(), "pair.png", ReadingRequest(sex=Sex.FEMALE)))
        one = asyncio.run(service.read(pair(), "pair.png", ReadingRequest(sex=Sex.FEMALE, hand="right")))
    assert answer.hands
    assert [flag.code for flag in answer.flags] == ["several_hands"]
    assert answer.bone_age_months is answer.reference.sds is None
    assert one.hands is None
    assert [hand.bone_age_months for hand in answer.hands][1] == one.bone_age_months
    assert {hand.file for hand in answer.hands} == {"pair.png"}


def test_what_is_no_film_is_an_error_in_one_sentence() -> None:
    with opened() as service:
        for call in (service.read_film(b"hello", "notes.txt", ReadingRequest()), service.show(b"hello")):
            with pytest.raises(NotAFilm, match=r"^this file cannot be read: .*looks like text"):
                asyncio.run(call)


def test_a_film_that_finds_the_queue_full_is_refused_and_told_when_to_come_back() -> None:
    async def crowd() -> list[Any]:
        readings = (service.read(hand(), "film", ReadingRequest()) for _ in range(3))
        return await asyncio.gather(*readings, return_exceptions=True)

    with opened(Limits(running=1, waiting=1)) as service:
        *taken, refused = asyncio.run(crowd())
        text = service.counters.text().decode()
    assert len({answer.bone_age_months for answer in taken}) == 1
    assert isinstance(refused, Busy)
    assert refused.retry_after is not None
    assert refused.retry_after >= 1
    assert 'boneage_readings_total{outcome="refused"} 1.0' in text


def test_draining_lets_the_films_inside_be_read_and_takes_no_other() -> None:
    async def stop() -> tuple[Any, Any]:
        inside = asyncio.create_task(service.read(hand(), "film", ReadingRequest()))
        await asyncio.sleep(0)  # until it is in the queue
        await service.drain()
        with pytest.raises(Closing):
            service.expect_film()
        return inside.done(), await inside

    with opened(Limits(running=1, drain_seconds=60)) as service:
        done, answer = asyncio.run(stop())
    assert done
    assert answer.bone_age_months


def test_a_film_that_still_waits_when_the_service_closes_is_refused() -> None:
    with opened() as service:
        service.close()
        with pytest.raises(Closing):
            asyncio.run(service.read(hand(), "film", ReadingRequest()))


def test_films_that_are_not_done_when_the_grace_time_ends_are_refused() -> None:
    """The one that is read, whose thread cannot be stopped, and those that wait."""
    begun, may_end = threading.Event(), threading.Event()

    def explain(film: Examination, sex: Sex) -> Layers:
        begun.set()
        may_end.wait()
        return Layers(b"png", ())

    async def stop(service: Service) -> list[object]:
        request = ReadingRequest(sex=Sex.FEMALE, heatmap=True)
        films = [asyncio.create_task(service.read(hand(), "film", request)) for _ in range(3)]
        while not begun.is_set():
            await asyncio.sleep(0.01)
        await service.drain()
        return [type(one) for one in await asyncio.gather(*films, return_exceptions=True)]

    with opened(Limits(running=1, drain_seconds=0), explain=explain) as service:
        assert asyncio.run(stop(service)) == [Closing] * 3
        service.close()  # which waits for no thread
        assert not may_end.is_set()
        may_end.set()


def test_the_warm_up_asks_the_networks_in_every_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(Limits(running=2)) as service:
        answer, ages, threads = service._answer, [], set()

        def recorded(reading: Any, *others: Any) -> Any:
            ages.append(reading.bone_age_months)
            threads.add(threading.get_ident())
            return answer(reading, *others)

        monkeypatch.setattr(service, "_answer", recorded)
        service.warm_up()
    assert ages
    assert None not in ages
    assert len(threads) == 2


def test_a_reading_that_cannot_be_kept_is_given_and_says_so(tmp_path: Path) -> None:
    record = Record.open(str(tmp_path / "readings.db"))
    request = ReadingRequest(sex=Sex.FEMALE)
    with opened(record=record) as service:
        kept = asyncio.run(service.read(hand(), "hand.png", request))
        assert (kept.record, kept.not_kept) == (1, None)
        record.close()
        event.listen(record._engine, "connect", lambda connection, _: connection.execute("PRAGMA query_only=1"))
        answer = asyncio.run(service.read(hand(), "hand.png", request))
    record.close()
    assert answer.bone_age_months == kept.bone_age_months
    assert answer.record is None
    assert answer.not_kept
    assert answer.not_kept.startswith("the reading could not be kept: the record at")
    assert "may only be read" in answer.not_kept


def test_without_a_record_nothing_is_kept() -> None:
    with opened() as service:
        assert asyncio.run(service.read(hand(), "hand.png", ReadingRequest())).record is None
        assert not service.keeps_record
        with pytest.raises(NoRecord, match="keeps no record"):
            _ = service.record
