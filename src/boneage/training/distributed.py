"""The processes that train one network together: one, or as many as ``torchrun`` started; and their signals."""

from __future__ import annotations

import ctypes
import os
import platform
import signal
import sys
import threading
import time
import types
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import nn

from ..errors import INTERRUPTED, REQUEUE, BadConfig, BoneAgeError, Preempted
from .shared_statistics import with_shared_statistics

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -3, -4  # of mallopt(3)
_NEVER = 2**31 - 1
SCHEDULERS = (signal.SIGTERM, signal.SIGUSR1)  # signals by which clusters end a job, or say that they will
ECHO = 2.0  # seconds after a Ctrl-C within which another is taken for the same
Module = TypeVar("Module", bound=nn.Module)


@dataclass(frozen=True)
class Processes:
    """The processes that train one network, seen from one of them.

    Attributes:
        rank: this process's number, from 0.
        size: how many there are.
        device: the one that this process computes on.
    """

    rank: int
    size: int
    device: torch.device

    @property
    def is_main(self) -> bool:
        """Whether this is the process that evaluates, writes files and shows progress."""
        return self.rank == 0

    def sharing(self, network: Module) -> Module:
        """The network as it is trained: its batch normalisation sees the films of all processes."""
        return network if self.size == 1 else with_shared_statistics(network, self.device)  # type: ignore[return-value]

    def wrapped(self, network: nn.Module) -> nn.Module:
        """The network to call in training: its backward pass averages the gradients over all processes."""
        if self.size == 1:
            return network
        return nn.parallel.DistributedDataParallel(network, broadcast_buffers=False)

    def any_process(self, flag: bool) -> bool:
        """Whether ``flag`` is true in any process; all must call it."""
        return self.mean(float(flag)) > 0

    def mean(self, value: float) -> float:
        """The mean of ``value`` over all processes; all must call it."""
        if self.size == 1:
            return value
        total = torch.tensor(value, dtype=torch.float64, device=self.device)
        dist.all_reduce(total)
        return total.item() / self.size

    def broadcast(self, value: float) -> float:
        """The main process's ``value``; all must call it."""
        if self.size == 1:
            return value
        shared = torch.tensor(value, dtype=torch.float64, device=self.device)
        dist.broadcast(shared, 0)
        return shared.item()

    def tell(self, sentences: Iterable[str]) -> None:
        """Print sentences to standard error, in the main process alone."""
        if self.is_main:
            for sentence in sentences:
                print(f"boneage: {sentence}", file=sys.stderr)

    @contextmanager
    def main_first(self) -> Iterator[None]:
        """The other processes enter the block when the main one has left it, and find the files that it wrote there."""
        if not self.is_main:
            dist.barrier()
        yield
        if self.is_main and self.size > 1:
            dist.barrier()


def keep_freed_memory() -> None:
    """Let glibc keep the memory that a training step frees, for the next step.

    By default it returns large blocks to the system, and a step on a CPU spends a fifth of its time on the page faults
    of getting them back (see `benchmarks/memory.py`). With other C libraries nothing happens.
    """
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        for parameter, value in ((_TRIM_THRESHOLD, _NEVER), (_MMAP_THRESHOLD, _NEVER), (_MMAP_MAX, 0)):
            libc.mallopt(parameter, value)


@contextmanager
def join_processes(device: str) -> Iterator[Processes]:
    """Join the processes that ``torchrun`` started (by NCCL on GPUs, gloo on CPUs), or be the only one.

    ``device``: ``auto`` or a name that torch knows. BadConfig if it is not there.
    """
    size, rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
    chosen = _device(device)
    if size == 1:
        yield Processes(0, 1, chosen)
        return
    dist.init_process_group("nccl" if chosen.type == "cuda" else "gloo")
    try:
        yield Processes(rank, size, chosen)
    finally:
        dist.destroy_process_group()


def _device(name: str) -> torch.device:
    """The torch device of a name, after it has been seen to work; each process of a machine takes a GPU of its own."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        chosen = torch.device(name)
        if chosen.type == "cuda":
            chosen = torch.device("cuda", int(os.environ.get("LOCAL_RANK", chosen.index or 0)))
        torch.empty(0, device=chosen)
        if chosen.type == "cuda":
            torch.cuda.set_device(chosen)
            torch.backends.cudnn.benchmark = True  # all batches have one shape: trying the kernels pays
    except (RuntimeError, AssertionError) as error:
        here = ["auto", "cpu", *(["cuda"] if torch.cuda.is_available() else [])]
        raise BadConfig(f"train.device {name!r} is not here: expected {', '.join(here)}") from error
    return chosen


class Interrupt:
    """A flag that Ctrl-C or a scheduler's signal sets.

    Attributes:
        by_scheduler: whether the first signal was a scheduler's, so that the work is to be queued again.
    """

    def __init__(self) -> None:
        self.asked: float | None = None
        self.by_scheduler = False

    def __bool__(self) -> bool:
        return self.asked is not None

    def ask(self, number: int, frame: types.FrameType | None) -> None:
        """Handle a signal. A second Ctrl-C raises KeyboardInterrupt, unless it is the first one's echo.

        ``torchrun`` hands Ctrl-C on to processes that the terminal has sent it to already.
        """
        now = time.monotonic()
        if self.asked is None:
            self.asked, self.by_scheduler = now, number in SCHEDULERS
        elif number == signal.SIGINT and now - self.asked > ECHO:
            raise KeyboardInterrupt


@contextmanager
def interruptible() -> Iterator[Interrupt]:
    """Turn the first Ctrl-C, SIGTERM or SIGUSR1 within the block into a flag: work can stop between two steps.

    Only the main thread receives signals; in another one the flag is never set.
    """
    interrupt = Interrupt()
    with _handling(interrupt.ask, signal.SIGINT, *SCHEDULERS):
        yield interrupt


@contextmanager
def preemptible() -> Iterator[None]:
    """Turn a scheduler's signal within the block into `Preempted`, where nothing else waits for it."""

    def stop(number: int, frame: types.FrameType | None) -> None:
        raise Preempted

    with _handling(stop, *SCHEDULERS):
        yield


@contextmanager
def ended() -> Iterator[None]:
    """Let a command of this package that is none of ``boneage`` end as those do: with one sentence and an exit code."""
    try:
        with preemptible():
            yield
    except BoneAgeError as error:
        sentence, code = str(error), 2
    except KeyboardInterrupt:
        sentence, code = "stopped; what was done is kept", INTERRUPTED
    except Preempted:
        sentence, code = "stopped by the scheduler; what was done is kept", REQUEUE
    else:
        return
    print(f"boneage: {sentence}", file=sys.stderr)
    raise SystemExit(code)


@contextmanager
def _handling(handler: Callable[[int, types.FrameType | None], None], *numbers: int) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, other in before.items():
            signal.signal(number, other)
