"""Runs that were stopped, interrupted or killed end as if nothing had happened, or are refused."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from command import boneage, done, refused
from runs import FROZEN, assert_same_run, finished, log, run_of, same, state, step
from tiny import TINY, tiny_config
from torch.optim.optimizer import register_optimizer_step_post_hook

from boneage.errors import BadConfig, BadModel
from boneage.run_folder import load_run
from boneage.training import checkpoint
from boneage.training.distributed import Processes
from boneage.training.fit import fit
from boneage.training.run import Run
from boneage.training.tensors import TrainingData
from boneage.training.train import train

pytestmark = pytest.mark.usefixtures("one_thread")

HARSH = ("augment.noise=0.05", "augment.erase=0.5", "train.save_every=2")  # epochs of three steps
KILLED = """
import os, signal, sys
from boneage.apps.cli import main
from torch.optim.optimizer import register_optimizer_step_post_hook

event, count = sys.argv.pop(1), int(sys.argv.pop(1))

def strike(*_):
    global count
    count -= 1
    if count == 0:
        os.kill(os.getpid(), signal.SIGKILL)

if event == "step":
    register_optimizer_step_post_hook(strike)
else:
    sys.addaudithook(lambda name, arguments: strike() if name == event else None)
main()
"""  # the program, killed by itself at the ``count``-th optimiser step or audited event


class After:
    """Somebody presses Ctrl-C during step ``steps``."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def __bool__(self) -> bool:
        self.left -= 1
        return self.left == 0


def command(films: Path, out: Path) -> list[str]:
    """The words of ``boneage train``, continued where there is something to continue."""
    settings = [word for setting in (*TINY, *HARSH) for word in ("--set", setting)]
    return ["train", "tiny", "--data", str(films), "--out", str(out), *settings, *["--resume"] * out.exists()]


def killed(films: Path, out: Path, event: str, count: int) -> subprocess.CompletedProcess[str]:
    """``boneage train`` in a process of its own, until it is killed."""
    return subprocess.run(
        [sys.executable, "-c", KILLED, event, str(count), *command(films, out)],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def stopped(data: TrainingData, folder: Path) -> Path:
    """The folder of a run that Ctrl-C stopped in mid-epoch."""
    with pytest.raises(KeyboardInterrupt):
        fit(run_of(data, folder, *HARSH), After(5))
    assert step(folder) == 5
    return folder


class Died(BaseException):
    """The process is gone."""


def dying(at: int) -> Callable[[Path, Path], None]:
    """`os.replace` for a process that dies before its ``at``-th file has its name."""
    rename, left = os.replace, iter(range(at - 1, -1, -1))

    def replace(source: Path, target: Path) -> None:
        if next(left) == 0:
            raise Died
        rename(source, target)

    return replace


@pytest.fixture(scope="module")
def unbroken(tiny_data: TrainingData, tmp_path_factory: pytest.TempPathFactory, one_thread: None) -> Path:
    """A run that nothing disturbed, for comparison."""
    return finished(tiny_data, tmp_path_factory.mktemp("unbroken") / "run", *HARSH)


def test_a_run_killed_twice_ends_as_if_nothing_had_happened(films: Path, tmp_path: Path, unbroken: Path) -> None:
    folder = tmp_path / "run"
    kills = [  # when it is killed, and the step it then goes on from
        ("os.rename", 4, 2),  # between the weights of the first epoch and run.json
        ("step", 3, 4),  # in mid-epoch, within a step that no state has seen
    ]
    for event, count, goes_on in kills:
        assert killed(films, folder, event, count).returncode == -signal.SIGKILL
        assert step(folder) == goes_on
    train(tiny_config(*HARSH), films, folder, resume=True, export=False)
    assert_same_run(folder, unbroken)


@pytest.mark.parametrize(
    ("number", "code", "said"),
    [
        (signal.SIGINT, 130, "a training run continues with --resume"),
        (signal.SIGUSR1, 75, "the state is saved: queue the same command again with --resume"),
    ],
)
def test_a_signal_saves_says_so_and_the_run_goes_on(
    films: Path, tmp_path: Path, unbroken: Path, number: signal.Signals, code: int, said: str
) -> None:
    folder, left = tmp_path / "run", iter(range(4, -1, -1))
    hook = register_optimizer_step_post_hook(lambda *_: next(left, 1) or signal.raise_signal(number))
    try:
        ended = boneage(*command(films, folder))
    finally:
        hook.remove()
    assert ended.code == code
    assert ended.err.splitlines()[-1].endswith(said)
    assert "Traceback" not in ended.err
    assert step(folder) == 5
    train(tiny_config(*HARSH), films, folder, resume=True, export=False)
    assert_same_run(folder, unbroken)


@pytest.mark.parametrize(
    ("at", "goes_on"),
    [
        (1, None),  # the first state: nothing is there yet
        (2, 0),  # a state in mid-epoch
        (3, 2),  # the weights of the first epoch
        (4, 2),  # run.json
        (5, 2),  # the weights, by their last name
        (6, 2),  # the state, when the log has its line already
    ],
)
def test_a_run_that_dies_while_it_saves_goes_on_bit_for_bit(
    tiny_data: TrainingData,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    unbroken: Path,
    at: int,
    goes_on: int | None,
) -> None:
    folder = tmp_path / "run"
    run = run_of(tiny_data, folder, *HARSH)
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", dying(at))
        with pytest.raises(Died):
            fit(run, False)
    (folder / f".{checkpoint.STATE}.{2**22 + 1}.tmp").write_text(
        "what a real kill leaves"
    )  # of no process there can be
    if goes_on is None:
        assert checkpoint.is_empty(folder)
    else:
        assert step(folder) == goes_on
    again = run_of(tiny_data, folder, *HARSH)
    again.restore()
    fit(again, False)
    assert_same_run(folder, unbroken)


VARIANTS = {
    "adamw": ["augment.noise=0.05", "augment.erase=0.5", "augment.marker=0.5", "augment.blur=0.5"],
    "sgd": ["train.optimizer=sgd", "train.accumulate=3", "train.clip=1", "train.sizes=32,48", "train.evaluate_every=2"],
    "fp16": [
        "train.precision=fp16",
        "train.optimizer=adam",
        "train.sizes=32",
        "train.loss=distribution",
        "train.ema=0",
    ],
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_stopped_run_goes_on_bit_for_bit(tiny_data: TrainingData, tmp_path: Path, variant: str) -> None:
    settings = VARIANTS[variant]
    unbroken = finished(tiny_data, tmp_path / "unbroken", *settings)
    folder = tmp_path / "broken"
    for steps in (1, 2, 2):  # stopped in mid-epoch, at an epoch's end, and in mid-epoch again
        run = run_of(tiny_data, folder, *settings)
        if steps > 1:
            run.restore()
        with pytest.raises(KeyboardInterrupt):
            fit(run, After(steps))
    assert step(folder) == 5
    last = run_of(tiny_data, folder, *settings)
    last.restore()
    fit(last, False)
    assert_same_run(folder, unbroken)


def test_the_scale_of_half_precision_losses_is_resumed(tiny_data: TrainingData, tmp_path: Path) -> None:
    run, again = (run_of(tiny_data, tmp_path, "train.precision=fp16") for _ in range(2))
    run.scaler.load_state_dict(run.scaler.state_dict() | {"scale": 1024.0, "_growth_tracker": 7})
    run.save()
    again.restore()
    assert again.scaler.state_dict() == run.scaler.state_dict()
    assert again.scaler.get_scale() == 1024


def test_resuming_a_finished_run_changes_nothing(tiny_data: TrainingData, tmp_path: Path, films: Path) -> None:
    folder = finished(tiny_data, tmp_path / "run")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    run = train(tiny_config(), films, folder, resume=True, export=False)
    assert run == load_run(folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_run_that_stopped_early_stays_stopped(tiny_data: TrainingData, tmp_path: Path) -> None:
    settings = (*FROZEN, "train.lr=0", "train.patience=1", "train.epochs=9")
    folder = finished(tiny_data, tmp_path / "run", *settings)
    before = log(folder)
    again = run_of(tiny_data, folder, *settings)
    again.restore()
    fit(again, False)
    assert log(folder) == before


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        (["train.lr=0.5"], "train.lr"),
        (["prepare.size=40"], "prepare.size"),
        (["train.sizes=40,48"], "train.sizes"),
        (["model.sex=false", "augment.flip=1"], "augment.flip, model.sex"),
    ],
)
def test_resuming_with_another_configuration_is_refused(
    tiny_run: Path, tiny_data: TrainingData, settings: list[str], named: str
) -> None:
    run = run_of(tiny_data, tiny_run, *settings)
    with pytest.raises(BadConfig, match=rf"started with another configuration \({named}\)"):
        run.restore()


def test_resuming_where_auto_is_another_precision_says_how_to_force_the_first(
    tiny_data: TrainingData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def here(native: bool, word: str = "auto") -> Run:
        monkeypatch.setattr("boneage.training.precision.multiplies_bfloat16", lambda device: native)
        return run_of(tiny_data, tmp_path / "run", "train.epochs=1", f"train.precision={word}")

    run = here(native=True)
    assert run.precision == "bf16"
    with pytest.raises(KeyboardInterrupt):
        fit(run, After(1))
    with pytest.raises(BadConfig) as refused:
        here(native=False).restore()
    assert str(refused.value).endswith(
        "was started in bf16, and train.precision 'auto' is fp32 here: resume it with --set train.precision=bf16"
    )
    forced = here(native=False, word="bf16")
    forced.restore()
    fit(forced, False)
    assert load_run(tmp_path / "run")["precision"] == "bf16"
    assert [line["precision"] for line in log(tmp_path / "run")] == ["bf16"]


def test_a_state_without_a_precision_has_that_of_its_configuration(tiny_data: TrainingData, tmp_path: Path) -> None:
    run_of(tiny_data, tmp_path).save()
    tensors, values = checkpoint.load_state(tmp_path)
    checkpoint.save_state(tmp_path, tensors, {name: value for name, value in values.items() if name != "precision"})
    run_of(tiny_data, tmp_path).restore()
    with pytest.raises(BadConfig, match=r"started in fp32, .* --set train\.precision=fp32$"):
        run_of(tiny_data, tmp_path, "train.precision=bf16").restore()


def test_resuming_on_other_films_is_refused(tiny_run: Path, own_films: Path, tiny_data: TrainingData) -> None:
    table = own_films / "boneage-training-dataset.csv"
    table.write_text(table.read_text().replace("True", "False", 1))
    with pytest.raises(BadConfig, match=r"started with another data \(sha256\)"):
        train(tiny_config(), own_films, tiny_run, resume=True)


def test_the_same_films_in_a_folder_of_another_name_go_on(
    tiny_data: TrainingData, films: Path, own_films: Path, tmp_path: Path, unbroken: Path
) -> None:
    folder = stopped(tiny_data, tmp_path / "run")
    assert own_films.name != films.name
    train(tiny_config(*HARSH), own_films, folder, resume=True, export=False)
    assert_same_run(folder, unbroken)


def test_a_run_goes_on_for_more_epochs_but_not_for_fewer(tiny_data: TrainingData, tmp_path: Path) -> None:
    settings = ("train.schedule=constant", "train.warmup=0", "train.freeze_after=1")  # nothing depends on the end
    longer = finished(tiny_data, tmp_path / "longer", *settings, "train.epochs=3")
    folder = finished(tiny_data, tmp_path / "run", *settings, "train.epochs=2")
    again = run_of(tiny_data, folder, *settings, "train.epochs=3")
    again.restore()
    fit(again, False)
    assert_same_run(folder, longer)
    with pytest.raises(BadConfig, match=r"another configuration \(train\.epochs\)"):
        run_of(tiny_data, folder, *settings, "train.epochs=2").restore()


def test_more_epochs_let_a_run_go_on_that_stopped_early(tiny_data: TrainingData, tmp_path: Path) -> None:
    settings = (*FROZEN, "train.lr=0", "train.patience=1")
    folder = finished(tiny_data, tmp_path / "run", *settings, "train.epochs=9")
    again = run_of(tiny_data, folder, *settings, "train.epochs=10")
    again.restore()
    fit(again, False)
    assert len(log(folder)) == 3


def test_other_processes_go_on_with_the_same_state(tiny_run: Path, tiny_data: TrainingData) -> None:
    run = Run(tiny_config(), tiny_data, tiny_run, Processes(1, 2, torch.device("cpu")))
    run.restore()
    stored = state(tiny_run)
    assert same(checkpoint.unprefixed("average", stored), run.average.shadow)
    assert same(checkpoint.unprefixed("network", stored), run.network.state_dict())
    [said] = run.remarks
    assert said.endswith("another number of processes, 2 in place of 1: same films, augmented otherwise")


@pytest.mark.parametrize("is_made", [False, True])
def test_resuming_what_was_stopped_before_it_began_begins(
    films: Path, tmp_path: Path, unbroken: Path, capsys: pytest.CaptureFixture[str], is_made: bool
) -> None:
    folder = tmp_path / "run"
    if is_made:
        folder.mkdir()
    train(tiny_config(*HARSH), films, folder, resume=True, export=False)
    assert f"boneage: {folder} has nothing to resume: the run begins\n" in capsys.readouterr().err
    assert_same_run(folder, unbroken)


def test_resuming_something_else_is_refused(films: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "notes.txt").write_text("mine")
    with pytest.raises(BadModel, match="run has nothing to resume"):
        train(tiny_config(), films, tmp_path / "run", resume=True)
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["notes.txt"]


def test_the_command_line_takes_the_runs_own_settings(
    tiny_data: TrainingData, films: Path, tmp_path: Path, unbroken: Path
) -> None:
    folder = stopped(tiny_data, tmp_path / "run")
    words = ("train", "tiny", "--data", films, "--out", folder, "--resume", "--no-export")
    refused(*words, "--set", "train.lr=0.5", naming=folder, because="another configuration (train.lr)")
    refused("train", "quick", *words[2:], naming=folder, because="was started with the recipe tiny, not quick")
    done(*words)
    assert_same_run(folder, unbroken)
