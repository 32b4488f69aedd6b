"""The queue: how many are inside, in which order, and who is refused."""

from __future__ import annotations

import asyncio

import pytest

from boneage.clinic.errors import Busy, Closing
from boneage.clinic.queue import FIRST_GUESS, Queue


def test_so_many_run_so_many_wait_and_the_next_is_refused() -> None:
    async def run() -> tuple[list[int], int]:
        queue, order, most = Queue(running=2, waiting=2), list[int](), 0
        may_end = asyncio.Event()

        async def film(number: int) -> None:
            nonlocal most
            async with queue.turn():
                order.append(number)
                most = max(most, len(order) - ended)
                await may_end.wait()

        ended = 0
        films = [asyncio.create_task(film(number)) for number in range(4)]
        while queue.inside < 4:
            await asyncio.sleep(0)
        with pytest.raises(Busy):
            queue.check()
        with pytest.raises(Busy):
            await film(9)
        assert order == [0, 1]
        may_end.set()
        ended = 2
        await asyncio.gather(*films)
        queue.check()
        return order, most

    assert asyncio.run(run()) == ([0, 1, 2, 3], 2)


@pytest.mark.parametrize(("seconds", "inside", "expected"), [(FIRST_GUESS, 1, 1), (2.0, 9, 9), (2.0, 10, 10)])
def test_it_says_after_how_many_seconds_there_will_be_room(seconds: float, inside: int, expected: int) -> None:
    queue = Queue(running=2, waiting=-1)
    queue._seconds_a_film, queue.inside = seconds, inside
    with pytest.raises(Busy) as refused:
        queue.check()
    assert refused.value.retry_after == expected


def test_a_closed_queue_takes_nobody_and_keeps_those_inside() -> None:
    async def run() -> None:
        queue = Queue(running=1, waiting=1)
        async with queue.turn():
            queue.closed = True
            with pytest.raises(Closing):
                queue.check()
            assert queue.inside == 1
        assert queue.inside == 0

    asyncio.run(run())


def test_a_place_is_given_back_after_a_failure() -> None:
    async def run() -> None:
        queue = Queue(running=1, waiting=0)
        for _ in range(3):
            with pytest.raises(ValueError, match="of the film"):
                async with queue.turn():
                    raise ValueError("of the film")

    asyncio.run(run())


def test_a_queue_that_gives_up_ends_who_runs_and_who_waits() -> None:
    async def run() -> list[object]:
        queue = Queue(running=1, waiting=1)

        async def film() -> str:
            async with queue.turn():
                await asyncio.Event().wait()
            return "read"

        films = [asyncio.create_task(film()) for _ in range(2)]
        while queue.inside < 2:
            await asyncio.sleep(0)
        queue.give_up()
        ended = await asyncio.gather(*films, return_exceptions=True)
        assert queue.inside == 0
        with pytest.raises(Closing):
            queue.check()
        return [type(one) for one in ended]

    assert asyncio.run(run()) == [Closing, Closing]


def test_a_film_whose_caller_goes_away_leaves_the_queue_as_usual() -> None:
    async def run() -> None:
        queue = Queue(running=1, waiting=1)

        async def film() -> None:
            async with queue.turn():
                await asyncio.Event().wait()

        task = asyncio.create_task(film())
        while not queue.inside:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert queue.inside == 0

    asyncio.run(run())
