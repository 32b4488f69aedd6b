"""Many films, one way: each read and prepared on one of the cores, in order, a result or the reason why there is none.

    samples → a few at a time → worker processes (read, prepare) → results in the order of the samples

Processes, because threads wait for each other here: much of the work holds the interpreter's lock. What a worker gives
back is the prepared film, a hundredth of the bytes it has read.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import cv2
import numpy as np

from ..config import PrepareConfig
from ..errors import BadTable, UnreadableImage
from ..hand.prepare import prepare
from ..images.guarded import read
from ..types import Failure, Radiograph, Sex
from .dataset import Sample
from .film_paths import not_found
from .workers import Died, Workers, cores

Sizes = Mapping[str, tuple[int, int]]  # original (width, height) in pixels, by id
Task = TypeVar("Task")
Result = TypeVar("Result")

FEW = 150  # films: to prepare them here takes about as long as to start the workers
CHUNK = 8  # films handed to a worker at a time
NO_LABEL = "the table has no bone age for it"


@dataclass(frozen=True)
class PreparedFilm:
    """A film as a network takes it: ``pixels`` uint8 of the spec's shape; ``sex`` of the table, or else of the file."""

    pixels: np.ndarray
    sex: Sex


def each_film(
    work: Callable[[Sample], Result], samples: Sequence[Sample], *, cost: int = 1, workers: int | None = None
) -> Iterator[Result | Failure]:
    """What ``work`` gives for each sample, in their order.

    A film that cannot be read, has no file or whose worker is killed is a `Failure`, and the others go on. Only a few
    films more than have been asked for are in memory.

    Args:
        work: such as `prepared`: a function of a module, or a partial of one. It raises UnreadableImage or BadTable for
            a film or row that is not as it should be.
        samples: the films.
        cost: the work on one film, in preparations of one.
        workers: processes; by default one for each core, and none for so few films that starting them takes longer.

    Raises:
        Exception: any other that the work raises; some films before may then be lost, as they come a few at a time.
    """
    count = workers or (cores() if len(samples) * cost >= FEW else 1)
    if count == 1:
        yield from (attempt(work, sample) for sample in samples)
    else:
        yield from shared_out(partial(attempt, work), samples, _lost, count=count, size=max(1, CHUNK // cost))


def attempt(work: Callable[[Sample], Result], sample: Sample) -> Result | Failure:
    """What ``work`` gives for one sample, or the `Failure`."""
    if sample.path is None:
        return Failure(sample.id, "", not_found(sample))
    try:
        return work(sample)
    except (UnreadableImage, BadTable) as error:
        return Failure(sample.id, str(sample.path), str(error))


def prepared(sample: Sample, spec: PrepareConfig, sizes: Sizes | None = None) -> PreparedFilm:
    """Read and prepare a sample's film. ``sizes``: of originals, to undo a squash first. Raises UnreadableImage."""
    film = restored(read(sample.path or ""), (sizes or {}).get(sample.id))
    return PreparedFilm(prepare(film, spec), sex_of(sample, film))


def labelled(sample: Sample, spec: PrepareConfig) -> PreparedFilm:
    """`prepared`, for films of known bone age only. Raises UnreadableImage, or BadTable for a film without one."""
    check_label(sample)
    return prepared(sample, spec)


def check_label(sample: Sample) -> None:
    """BadTable for a film of which the table has no bone age."""
    if sample.months is None:
        raise BadTable(NO_LABEL)


def sex_of(sample: Sample, film: Radiograph) -> Sex:
    """The table's, or the file's own where the table does not know it."""
    return film.sex if sample.sex is Sex.UNKNOWN else sample.sex


def restored(film: Radiograph, size: tuple[int, int] | None) -> Radiograph:
    """The film at the aspect of its original (width, height), its longer side kept; unchanged where unknown."""
    if size is None:
        return film
    longest = max(film.pixels.shape)
    width, height = (max(1, round(longest * side / max(size))) for side in size)
    return replace(film, pixels=cv2.resize(film.pixels, (width, height), interpolation=cv2.INTER_AREA))


def shared_out(
    work: Callable[[Task], Result],
    tasks: Sequence[Task],
    lost: Callable[[Task, Died], Result],
    *,
    count: int,
    size: int,
) -> Iterator[Result]:
    """The result of each task, in order, from so many worker processes.

    A thread for each worker hands it tasks and waits for the results, two chunks a worker ahead of who asks.

    Args:
        work: a function that a new interpreter can import, or a partial of one.
        tasks: the tasks.
        lost: what stands in for the result of a task in which the worker was killed.
        count: of worker processes.
        size: how many tasks are handed to a worker at a time.

    Raises:
        Exception: the first that the work raised.
    """
    waiting: deque[Future[list[Result]]] = deque()
    with Workers(work, count) as pool, ThreadPoolExecutor(count) as threads:
        try:
            for start in range(0, len(tasks), size):
                waiting.append(threads.submit(pool.results, tasks[start : start + size], lost))
                if len(waiting) > 2 * count:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        finally:
            pool.close()  # first, so that no thread waits for a worker
            threads.shutdown(cancel_futures=True)


def _lost(sample: Sample, death: Died) -> Failure:
    return Failure(sample.id, str(sample.path or ""), f"it could not be read: {death}")
