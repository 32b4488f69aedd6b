"""An archive read by Ray: its shards as tasks, and no more. What is lost, Ray does again; what counts is in the job."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

from ..data.workers import cores
from ..errors import BadConfig, BoneAgeError
from ..files import refuse_unwritable
from ..progress import Advance
from ..reading.archive.claims import Claimant
from ..reading.archive.job import Job
from ..reading.archive.journal import ANYONES
from ..reading.archive.run import Part, Ran, read_shard
from ..reading.archive.run_log import RunLog
from ..reading.archive.shard import is_left, sweep

LOCAL = "local"
MEMORY = 400 * 2**20  # bytes that a task asks for; Ray does not see what it takes outside Ray's own store
RETRIES = ANYONES + 1  # of a task whose process ended: a deadly film is left out before


def run_on_ray(
    job: Job,
    part: Part,
    *,
    address: str | None = None,
    workers: int | None = None,
    retry_failed: bool = False,
    advance: Advance | None = None,
) -> Ran:
    """Read the shards of a part of a job as tasks of Ray. All machines of the cluster must see the job's folder.

    Args:
        job, part, retry_failed, advance: as `boneage.reading.archive.run.run` takes them.
        address: of a cluster, such as ``auto`` or ``ray://HOST:10001``; by default Ray is started on this machine.
        workers: tasks at once: by default one for each core of this machine, or all of a cluster's but one.

    Raises:
        BadConfig: if the cluster cannot be reached, or has no cores or memory for so many tasks: they would wait for
            ever, and nothing would say so.
        CannotWrite: if the job's folder takes no files.
        BoneAgeError: if a shard could not be read, after all others were.
    """
    refuse_unwritable(job.folder)
    who = Claimant.here(part.run_name)
    sweep(job, part.shards(job), who)
    numbers = [number for number in part.shards(job) if is_left(job, number, retry_failed=retry_failed)]
    if not numbers:
        return Ran()
    job.predictor()  # refuses here what every task would refuse
    with _ray(address, workers) as (ray, count), RunLog(job, who, count) as log:
        task = ray.remote(num_cpus=1, memory=MEMORY, max_retries=RETRIES)(read_shard)
        told = (str(job.folder), who.run)
        refs = ((task.remote(told[0], number, told[1], retry_failed=retry_failed), number) for number in numbers)
        troubles = []
        for number, found in _results(ray, refs, count):
            if isinstance(found, Ran):
                log.films, log.failed = log.films + found.films, log.failed + found.failed
                log.shards += 1 - found.elsewhere
                log.write()
            else:
                troubles.append(f"shard {number} could not be read: {found}")
            if advance:
                advance(job.size(number))
    if troubles:
        more = f" ({len(troubles) - 1:,} more)" if troubles[1:] else ""
        raise BoneAgeError(f"{troubles[0]}{more}: boneage archive run {job.folder} reads what is left")
    return Ran(log.films, log.failed, sum(is_left(job, number) for number in numbers))


def _results(ray: Any, refs: Iterable[tuple[Any, int]], count: int) -> Iterator[tuple[int, Ran | str]]:
    """What each task gave, or why it gave nothing, as they end; never more than ``count`` are under way."""
    refs = iter(refs)
    waiting = dict(islice(refs, count))
    while waiting:
        ready, _ = ray.wait(list(waiting), num_returns=1)
        number = waiting.pop(ready[0])
        try:
            yield number, ray.get(ready[0])
        except ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, BoneAgeError):
                yield number, str(error.cause)
            else:
                raise
        except ray.exceptions.RayError as error:
            yield number, f"its processes ended ({type(error).__name__})"
        waiting.update(islice(refs, 1))


@contextmanager
def _ray(address: str | None, workers: int | None) -> Iterator[tuple[Any, int]]:
    """Ray, and how many tasks it is to have at once."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # else it reports its use to its maker
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    import ray as installed

    ray: Any = installed
    is_local = address in (None, LOCAL)
    count = (cores() if is_local else None) if workers is None else workers
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR, "include_dashboard": False}
    own = {"num_cpus": (count or 0) + 1, "object_store_memory": 80 * 2**20, "address": LOCAL}
    try:
        ray.init(**options, **own) if is_local else ray.init(address, log_to_driver=False, logging_level=logging.ERROR)
    except Exception as error:  # Ray's own have no common base
        raise BadConfig(f"Ray does not start or answer at {address or LOCAL}: {str(error).splitlines()[0]}") from None
    try:
        yield ray, _enough(ray.cluster_resources(), count)
    finally:
        ray.shutdown()


def _enough(has: dict[str, float], workers: int | None) -> int:
    """How many tasks a cluster with these resources can have, with a core to spare. BadConfig if not as many."""
    most = max(0, min(int(has.get("CPU", 0)) - 1, int(has.get("memory", 0) // MEMORY)))
    count = most if workers is None else workers
    if not 1 <= count <= most:
        memory = has.get("memory", 0) / 2**30
        raise BadConfig(
            f"{count} workers are asked of Ray, which has {has.get('CPU', 0):g} cores and {memory:.1f} GiB: at most "
            f"it can have {most}, as each takes a core and {MEMORY / 2**30:.1f} GiB, and one core is left to Ray"
        )
    return count
