"""The processes that train together: one, or as many as ``torchrun`` started."""

from __future__ import annotations

import ctypes
import os
import platform
import signal
import threading
import types
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import nn

from ..errors import BadConfig

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -3, -4  # of mallopt(3)
_NEVER = 2**31 - 1


@dataclass(frozen=True)
class Processes:
    """This process's ``rank`` among ``size``, and its device."""

    rank: int
    size: int
    device: torch.device

    @property
    def is_main(self) -> bool:
        """Whether this process evaluates, writes and speaks."""
        return self.rank == 0

    def wrapped(self, network: nn.Module) -> nn.Module:
        """The network with gradients averaged over all processes."""
        if self.size == 1:
            return network
        return nn.parallel.DistributedDataParallel(network)

    def any_process(self, flag: bool) -> bool:
        """Whether any process says so."""
        return self.mean(float(flag)) > 0

    def mean(self, value: float) -> float:
        """The mean over all processes."""
        if self.size == 1:
            return value
        total = torch.tensor(value, dtype=torch.float64, device=self.device)
        dist.all_reduce(total)
        return total.item() / self.size

    def broadcast(self, value: float) -> float:
        """What the leading process says."""
        if self.size == 1:
            return value
        word = torch.tensor(value, dtype=torch.float64, device=self.device)
        dist.broadcast(word, 0)
        return word.item()

    @contextmanager
    def main_first(self) -> Iterator[None]:
        """The others enter the block when the leading process has left it, and find what it prepared."""
        if not self.is_main:
            dist.barrier()
        yield
        if self.is_main and self.size > 1:
            dist.barrier()


def keep_freed_memory() -> None:
    """Let glibc keep the memory that a step frees for the next one, instead of handing it back and asking again.

    A training step on a CPU otherwise spends a fifth of its time on page faults (see `benchmarks/memory.py`).
    Elsewhere nothing happens.
    """
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        for parameter, value in ((_TRIM_THRESHOLD, _NEVER), (_MMAP_THRESHOLD, _NEVER), (_MMAP_MAX, 0)):
            libc.mallopt(parameter, value)


@contextmanager
def join_processes(device: str) -> Iterator[Processes]:
    """Join the processes of ``torchrun`` (NCCL on GPUs, gloo on CPUs), or be alone."""
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
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        chosen = torch.device(name)
        if chosen.type == "cuda":
            chosen = torch.device("cuda", int(os.environ.get("LOCAL_RANK", chosen.index or 0)))
        torch.empty(0, device=chosen)
        if chosen.type == "cuda":
            torch.cuda.set_device(chosen)
            torch.backends.cudnn.benchmark = True  # films of one size: worth trying which kernels are fastest
    except (RuntimeError, AssertionError) as error:
        raise BadConfig(f"train.device {name!r} is not here: {str(error).splitlines()[0]}") from error
    return chosen


class Interrupt:
    """Set by the first Ctrl-C or SIGTERM; a second one ends the program as usual."""

    def __init__(self) -> None:
        self.asked = False

    def __bool__(self) -> bool:
        return self.asked


@contextmanager
def interruptible() -> Iterator[Interrupt]:
    """Turn the first Ctrl-C or SIGTERM into a flag, so that work can stop between two steps.

    Signals reach the main thread only; elsewhere the flag stays down.
    """
    interrupt = Interrupt()
    if threading.current_thread() is not threading.main_thread():
        yield interrupt
        return

    def ask(number: int, frame: types.FrameType | None) -> None:
        if interrupt.asked:
            raise KeyboardInterrupt
        interrupt.asked = True

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield interrupt
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
