from __future__ import annotations

import platform
import signal
import threading
from collections.abc import Callable, Iterator

import pytest
from command import child

torch = pytest.importorskip("torch")

from torch import nn

from boneage.errors import BadConfig, Preempted
from boneage.training import distributed
from boneage.training.distributed import Processes, ended, interruptible, join_processes, preemptible

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("WORLD_SIZE", "RANK", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background has it ignored
    yield
    signal.signal(signal.SIGINT, before)


def test_alone_a_process_leads_and_agrees_with_itself() -> None:
    network = nn.Linear(1, 1)
    with join_processes("cpu") as processes:
        assert processes == Processes(0, 1, torch.device("cpu"))
        assert processes.is_main
        assert processes.wrapped(network) is network
        assert (processes.any_process(True), processes.any_process(False)) == (True, False)
        assert (processes.mean(0.1), processes.broadcast(0.1)) == (0.1, 0.1)
        with processes.main_first():
            pass


def test_the_main_process_alone_tells(capsys: pytest.CaptureFixture[str]) -> None:
    for rank in (1, 0):
        Processes(rank, 2, torch.device("cpu")).tell([f"said by {rank}", "twice"])
    assert capsys.readouterr().err == "boneage: said by 0\nboneage: twice\n"


def test_auto_is_the_gpu_where_there_is_one() -> None:
    with join_processes("auto") as processes:
        assert processes.device.type == ("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.parametrize("name", ["gpu9", "", "cuda:99", "mps"])
def test_a_device_that_is_not_here_is_named(name: str) -> None:
    with pytest.raises(BadConfig, match=rf"train\.device '{name}' is not here"), join_processes(name):
        pass


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_asks_and_whose_it_was_is_known(number: signal.Signals) -> None:
    with interruptible() as interrupt:
        assert not interrupt
        signal.raise_signal(number)
        assert interrupt
        assert interrupt.by_scheduler == (number != signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)  # a scheduler's next signal does not disturb the saving


def test_a_second_ctrl_c_insists_unless_it_is_the_echo_of_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(distributed.time, "monotonic", lambda: now)
    with interruptible() as interrupt:
        signal.raise_signal(signal.SIGINT)
        now += 1
        signal.raise_signal(signal.SIGINT)
        assert interrupt
        now += 2
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_before_and_after_the_training_a_scheduler_ends_it_at_once() -> None:
    with preemptible(), pytest.raises(Preempted):
        signal.raise_signal(signal.SIGUSR1)


def mistaken() -> None:
    raise BadConfig("the recipe is none")


@pytest.mark.parametrize(
    ("work", "code", "said"),
    [
        (mistaken, 2, "the recipe is none"),
        (lambda: signal.raise_signal(signal.SIGINT), 130, "stopped; what was done is kept"),
        (lambda: signal.raise_signal(signal.SIGTERM), 75, "stopped by the scheduler; what was done is kept"),
    ],
)
def test_a_command_ends_with_one_sentence_and_a_code(
    work: Callable[[], None], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with ended():
        pass
    with pytest.raises(SystemExit) as end, ended():
        work()
    assert (end.value.code, capsys.readouterr().err) == (code, f"boneage: {said}\n")


def test_handlers_are_put_back_whatever_happens() -> None:
    before = [signal.getsignal(number) for number in SIGNALS]

    def fail() -> None:
        with interruptible():
            assert [signal.getsignal(number) for number in SIGNALS] != before
            raise ValueError("inside")

    with pytest.raises(ValueError, match="inside"):
        fail()
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_outside_the_main_thread_no_signal_is_waited_for() -> None:
    asked: list[bool] = []

    def work() -> None:
        with interruptible() as interrupt:
            asked.append(bool(interrupt))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert asked == [False]


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be set")
def test_kept_memory_is_not_faulted_in_again() -> None:
    code = (
        "import resource, torch\n"
        "from boneage.training.distributed import keep_freed_memory\n"
        "def faults():\n"
        "    for _ in range(20): torch.ones(10_000_000).add_(1)\n"  # the heap lays the first few in places of their own
        "    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "    for _ in range(10): torch.ones(10_000_000).add_(1)\n"
        "    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before\n"
        "given = faults()\n"
        "keep_freed_memory()\n"
        "print(given, faults())"
    )
    given, kept = map(int, child(code=code).stdout.split())
    assert kept < 200 < given
