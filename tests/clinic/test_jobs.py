"""Jobs: their order, their limits, and that they end whatever happens to their films."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hands import hand, pair, predictor
from in_process import opened

from boneage import Sex, read
from boneage.clinic.answers import Answer, ReadingRequest
from boneage.clinic.errors import Closing, NoSuchJob, ServiceError, TooManyFilms, TooManyJobs
from boneage.clinic.faults import SENTENCE
from boneage.clinic.jobs import FINISHED_JOBS, Job, Jobs
from boneage.clinic.limits import Limits
from boneage.clinic.service import Service

REQUEST = ReadingRequest(sex=Sex.FEMALE)


async def finished(job: Job) -> Job:
    assert job.task
    await job.task
    return job


def read_all(service: Service, films: list[tuple[str, bytes]]) -> list[Any]:
    """The results of one job."""

    async def run() -> Job:
        return await finished(Jobs(service).start(films, REQUEST))

    state = asyncio.run(run()).state()
    assert (state.state, state.done, state.total) == ("done", len(films), len(films))
    return state.results


def test_films_are_read_in_order_and_failures_stand_among_them() -> None:
    with opened() as service:
        first, failure, last = read_all(service, [("a.png", hand()), ("b.txt", b"hello"), ("c.png", hand(seed=2))])
    assert (first.file, failure.file, last.file) == ("a.png", "b.txt", "c.png")
    expected = [predictor().read(read(hand(seed=seed)), Sex.FEMALE).bone_age_months for seed in (7, 2)]
    assert [first.bone_age_months, last.bone_age_months] == expected
    assert failure.error.startswith("this file cannot be read: ")


def test_a_picture_of_two_hands_in_a_job_is_one_result_with_a_reading_for_each() -> None:
    with opened() as service:
        both, one = read_all(service, [("pair.png", pair()), ("a.png", hand())])
    assert both.bone_age_months is one.hands is None
    assert [answer.part for answer in both.hands] == ["left", "right"]


def test_a_job_ends_whatever_happens_to_its_films(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("DOE^JANE")

    with opened() as service:
        monkeypatch.setattr(service.predictor, "read", broken)
        results = read_all(service, [("a.png", hand()), ("b.png", hand())])
    assert [result.error for result in results] == [SENTENCE] * 2


def test_a_film_of_a_job_comes_again_where_the_queue_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("boneage.clinic.jobs.RETRY_SECONDS", 0.01)

    async def run() -> Job:
        async with service.queue.turn():
            job = Jobs(service).start([("a.png", hand())], REQUEST)
            for _ in range(5):
                await asyncio.sleep(0.01)
            assert job.runs
        return await finished(job)

    with opened(Limits(running=1, waiting=0)) as service:
        (result,) = asyncio.run(run()).results
    assert isinstance(result, Answer)


@pytest.mark.parametrize(
    ("limits", "films", "expected"),
    [
        (Limits(running=1, jobs=1), 1, TooManyJobs),
        (Limits(running=1, jobs_bytes=2 * len(hand()) - 1), 1, TooManyJobs),
        (Limits(running=1, films_a_job=2), 3, TooManyFilms),
    ],
)
def test_a_job_beyond_a_limit_is_refused(limits: Limits, films: int, expected: type[ServiceError]) -> None:
    async def run() -> None:
        jobs = Jobs(service)
        first = jobs.start([("a.png", hand())], REQUEST)
        with pytest.raises(expected):
            jobs.start([("b.png", hand())] * films, REQUEST)
        await finished(first)

    with opened(limits) as service:
        asyncio.run(run())


def test_a_cancelled_job_is_forgotten_and_one_that_ended_after_so_many_others() -> None:
    async def run() -> None:
        jobs = Jobs(service)
        job = jobs.start([("a.png", hand())] * 9, REQUEST)
        assert jobs.find(job.id) is job
        assert jobs.cancel(job.id).state().state == "cancelled"
        await finished(job)
        assert job.results == []
        with pytest.raises(NoSuchJob):
            jobs.find(job.id)
        oldest = await finished(jobs.start([("a.txt", b"hello")], REQUEST))
        for _ in range(FINISHED_JOBS + 1):
            jobs.find(oldest.id)
            await finished(jobs.start([("b.txt", b"hello")], REQUEST))
        with pytest.raises(NoSuchJob):
            jobs.find(oldest.id)

    with opened() as service:
        asyncio.run(run())


def test_a_service_that_closes_takes_no_job() -> None:
    with opened() as service:
        service.queue.closed = True
        with pytest.raises(Closing):
            Jobs(service).start([("a.png", hand())], REQUEST)
