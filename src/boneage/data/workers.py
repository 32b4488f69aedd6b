"""Worker processes that do one piece of work over and over: started clean, replaced when they die, never left behind.

A worker is started by ``python -c``. To fork would copy a process in which torch or ONNX Runtime may run threads, and
multiprocessing's "spawn" imports the caller's main module again, which a script without a ``__main__`` guard, standard
input and a notebook do not stand.

Each message is 8 bytes of length and a pickle, between a process and its own children only. In: the work, then one task
after another. Out: ``("ready", True)``, then for each task ``("done", result)`` or ``("failed", exception)``.
"""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.reduction import ForkingPickler
from typing import Any, BinaryIO, Generic, TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")

_LENGTH = 8  # bytes of the number before each message
_STARTS = 5  # workers in a row that may end before they are ready: anyone may have ended one
_ONE_THREAD = {  # the cores are shared out among the workers: a library that starts threads of its own slows all down
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
}


class Died(Exception):
    """A worker ended before it had done its task. ``code``: how, as `subprocess` has it: below 0 by that signal."""

    def __init__(self, words: str, code: int | None = None) -> None:
        super().__init__(words)
        self.code = code


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Workers(Generic[Task, Result]):
    """Some processes that each do ``work``, a function that a new interpreter can import, or a partial of one.

    `results` may be called from as many threads at once as there are workers. Use it as a context: at the end of the
    block all are killed, whatever they are doing.
    """

    def __init__(self, work: Callable[[Task], Result], count: int) -> None:
        self._work, self._closed = bytes(ForkingPickler.dumps(work)), False
        self._idle: queue.SimpleQueue[_Worker] = queue.SimpleQueue()
        self._all: list[_Worker] = []
        self._unstarted = 0
        try:
            for _ in range(count):
                self._idle.put(self._started())
        except BaseException:  # no process more, or Ctrl-C: nobody has entered the context yet
            self.close()
            raise

    def __enter__(self) -> Workers[Task, Result]:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def results(self, tasks: Sequence[Task], lost: Callable[[Task, Died], Result]) -> list[Result]:
        """The result of each task, in order, all by one worker.

        Args:
            tasks: a few, so that the workers finish at about the same time.
            lost: what stands in for the result of a task in which the worker was killed; a new one does the rest.

        Raises:
            Exception: the first that the work raised.
        """
        answers: list[tuple[str, Any]] = []
        worker = self._idle.get()
        try:
            while len(answers) < len(tasks):
                try:
                    for answer in worker.answers(tasks[len(answers) :]):
                        answers.append(answer)
                        self._unstarted = 0
                except Died as death:
                    was_ready = worker.is_ready
                    worker = self._replaced(worker, death)
                    if was_ready:  # else no task has been begun
                        answers.append(("done", lost(tasks[len(answers)], death)))
        finally:
            self._idle.put(worker)
        for kind, value in answers:
            if kind == "failed":
                raise value
        return [value for _, value in answers]

    def close(self) -> None:
        """Kill all workers; a call of `results` that waits for one ends with `Died`."""
        self._closed = True
        for worker in tuple(self._all):  # other threads may still replace one
            worker.kill()

    def _started(self) -> _Worker:
        worker = _Worker(self._work)
        self._all.append(worker)
        if self._closed:  # by another thread, meanwhile
            worker.kill()
        return worker

    def _replaced(self, worker: _Worker, death: Died) -> _Worker:
        worker.kill()
        self._unstarted = 0 if worker.is_ready else self._unstarted + 1
        if self._closed or self._unstarted >= _STARTS:
            raise Died(f"a worker process did not start (exit code {worker.process.returncode})", death.code)
        self._all.remove(worker)
        return self._started()


class _Worker:
    """One process and the pipes to it. It starts while the others do: only its first task waits until it is ready."""

    def __init__(self, work: bytes) -> None:
        code = f"import sys; sys.path[:] = {sys.path!r}; from boneage.data.workers import main; main()"
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | _ONE_THREAD,
            start_new_session=True,  # Ctrl-C is for this process, which ends its workers
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.tasks, self.answered = self.process.stdin, self.process.stdout
        self._work, self.is_ready = work, False

    def answers(self, tasks: Sequence[Any]) -> Iterator[tuple[str, Any]]:
        """The answer to each task, in order; `Died` at the first that the process does not come to.

        All tasks are sent at once: the worker goes on to the next without waiting for this process.
        """
        messages = [ForkingPickler.dumps(task) for task in tasks]
        if not self.is_ready:
            self._begin()
        with suppress(OSError, ValueError):  # if it dies meanwhile, what it had done before is still there to be read
            for message in messages:
                _send(self.tasks, message)
        for _ in tasks:
            with self._alive():
                answer = _received(self.answered)
            yield ForkingPickler.loads(answer)

    def kill(self) -> None:
        """End the process and what it has started, a codec's for one; nothing if it has ended."""
        if self.process.returncode is None:  # else its number may by now be another's
            if hasattr(os, "killpg"):
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(self.process.pid, signal.SIGKILL)
            else:  # Windows
                self.process.kill()
            self.process.wait()
        for pipe in (self.tasks, self.answered):
            with suppress(OSError):  # what was still to be sent
                pipe.close()

    def _begin(self) -> None:
        """Send the work; raise what the worker says if it cannot import it."""
        with self._alive():
            _send(self.tasks, self._work)
            answer = _received(self.answered)
        kind, value = ForkingPickler.loads(answer)
        if kind == "failed":
            raise RuntimeError("a worker process cannot import its work") from value
        self.is_ready = True

    @contextmanager
    def _alive(self) -> Iterator[None]:
        """Raise `Died` where a pipe to the process ends, or `kill` has closed it (ValueError)."""
        try:
            yield
        except (EOFError, OSError, ValueError):
            self.kill()
            code = self.process.returncode
            raise Died(f"its process was killed (exit code {code})", code) from None


def main() -> None:
    """Be a worker: do the tasks on standard input until it ends."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    messages: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(sys.stdin.buffer, messages), daemon=True).start()
    _use_one_thread()
    with suppress(OSError):  # who asked is dead
        _work_off(answers, messages)
    os._exit(0)  # an ordinary end would wait for standard input, which the thread holds, and complain


def _work_off(answers: BinaryIO, messages: queue.SimpleQueue[bytes]) -> None:
    """Answer one message after the other; return if the first, which is the work, cannot be imported."""
    try:
        work = ForkingPickler.loads(messages.get())
    except Exception as error:
        return _send(answers, _portable(error))
    _send(answers, ForkingPickler.dumps(("ready", True)))
    while True:
        _send(answers, _done(work, messages.get()))


def _receive(pipe: BinaryIO, messages: queue.SimpleQueue[bytes]) -> None:
    """Take messages until there are no more; then end this process, also in the middle of a task: its parent is dead,
    or wants no more of it."""
    with suppress(EOFError, OSError):
        while True:
            messages.put(_received(pipe))
    os._exit(0)


def _done(work: Callable[[Any], Any], message: bytes) -> memoryview:
    try:
        return ForkingPickler.dumps(("done", work(ForkingPickler.loads(message))))
    except Exception as error:
        return _portable(error)


def _portable(error: Exception) -> memoryview:
    """The answer that carries an exception, or its words if it is of a kind that does not survive the way."""
    try:
        answer = ForkingPickler.dumps(("failed", error))
        ForkingPickler.loads(answer)
    except Exception:
        answer = ForkingPickler.dumps(("failed", RuntimeError(f"{type(error).__name__}: {error}")))
    return answer


def _use_one_thread() -> None:
    """Keep OpenCV and the AVIF decoder from starting threads, for which no variable of the environment does."""
    import cv2

    cv2.setNumThreads(1)
    with suppress(ImportError):
        from PIL import AvifImagePlugin

        AvifImagePlugin.DEFAULT_MAX_THREADS = 1


def _send(pipe: Any, message: bytes | memoryview) -> None:
    pipe.write(len(message).to_bytes(_LENGTH, "big"))
    pipe.write(message)
    pipe.flush()


def _received(pipe: Any) -> bytes:
    """The next message; EOFError where the pipe ends before or within it."""
    length = pipe.read(_LENGTH)
    message = pipe.read(int.from_bytes(length, "big")) if len(length) == _LENGTH else b""
    if not message or len(message) < int.from_bytes(length, "big"):
        raise EOFError
    return message
