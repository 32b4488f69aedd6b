"""Two processes that train together, as torchrun would start them."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from places import TESTS

torch = pytest.importorskip("torch")

from runs import CERTAIN, FROZEN, log, run_of, step
from safetensors.torch import load_file
from tiny import tiny_config
from torch.optim.optimizer import register_optimizer_step_pre_hook

from boneage.run_folder import load_run
from boneage.training.fit import fit, train_step
from boneage.training.tensors import TrainingData
from boneage.training.train import train

pytestmark = pytest.mark.usefixtures("one_thread")

ALIKE = [*CERTAIN, "train.batch=15", "train.accumulate=2", "train.epochs=2"]  # odd batches, cut in odd parts
ALIKE += ["train.optimizer=sgd", "train.lr=0.01"]
STILL = [*FROZEN, "train.patience=1", "train.lr=0", "train.epochs=12"]

PROCESS = """
import json, os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from tiny import tiny_config
from safetensors.torch import save_file
from torch.optim.optimizer import register_optimizer_step_pre_hook
from boneage.training.train import train

def keep(optimizer, *_):
    path = out.with_name(f"gradients{os.environ['RANK']}.safetensors")
    if not path.exists():
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        save_file({str(i): p.grad.clone().contiguous() for i, p in enumerate(parameters)}, path)

register_optimizer_step_pre_hook(keep)
for port, out, settings in json.loads(sys.argv[3]):
    os.environ["MASTER_PORT"], out = str(port), Path(out)
    train(tiny_config(*settings), Path(sys.argv[2]), out, resume=out.exists(), export=False)
"""  # trains as one of the processes that the environment describes, and keeps its first step's gradients


class Third:
    """Somebody presses Ctrl-C during the third step."""

    left = 3

    def __bool__(self) -> bool:
        self.left -= 1
        return self.left == 0


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@pytest.fixture(scope="module")
def pair(films: Path, tiny_data: TrainingData, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where two processes over gloo trained three runs one after the other: ``alike``, ``still``, and ``changed``,
    which one process had begun."""
    out = tmp_path_factory.mktemp("pair")
    with pytest.raises(KeyboardInterrupt):
        fit(run_of(tiny_data, out / "changed", *ALIKE), Third())
    assert step(out / "changed") == 3
    kinds = {"alike": ALIKE, "still": STILL, "changed": ALIKE}
    jobs = [(free_port(), str(out / name), settings) for name, settings in kinds.items()]
    command = [sys.executable, "-c", PROCESS, str(TESTS), str(films), json.dumps(jobs)]
    shared = os.environ | {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "OMP_NUM_THREADS": "1"}
    ranks = [shared | {"RANK": rank, "LOCAL_RANK": rank} for rank in "01"]
    processes = [subprocess.Popen(command, env=rank, stderr=subprocess.PIPE, text=True) for rank in ranks]
    try:
        ends = [process.communicate(timeout=300)[1] for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0, 0], "\n".join(ends)
    assert " steps/s" in ends[0]
    assert " steps/s" not in ends[1]  # only the main one shows progress
    assert "goes on with another number of processes, 2 in place of 1: same films, augmented otherwise" in ends[0]
    return out


def test_two_processes_have_the_gradients_of_one(tiny_data: TrainingData, pair: Path, tmp_path: Path) -> None:
    run, gradients = run_of(tiny_data, tmp_path, *ALIKE), []
    parameters = [p for group in run.optimizer.param_groups for p in group["params"]]
    hook = register_optimizer_step_pre_hook(lambda *_: gradients.extend(p.grad.clone() for p in parameters))
    train_step(run, run.network, 0)
    hook.remove()
    assert max(float(gradient.abs().max()) for gradient in gradients) > 0.01
    first, second = (load_file(pair / f"gradients{rank}.safetensors") for rank in (0, 1))
    assert len(first) == len(gradients)
    for number, gradient in enumerate(gradients):
        assert torch.equal(first[str(number)], second[str(number)])
        torch.testing.assert_close(first[str(number)], gradient, atol=1e-5, rtol=0)


def test_two_processes_train_as_one_and_go_on_with_what_one_began(films: Path, pair: Path, tmp_path: Path) -> None:
    train(tiny_config(*ALIKE), films, tmp_path / "one", export=False)
    for name in ("alike", "changed"):
        assert load_run(pair / name)["processes"] == 2
        for line, expected in zip(log(pair / name), log(tmp_path / "one"), strict=True):
            assert (line.pop("precision"), line.pop("epoch")) == (expected.pop("precision"), expected.pop("epoch"))
            assert line == pytest.approx(expected, rel=1e-3)


def test_two_processes_agree_when_to_stop(pair: Path) -> None:
    assert [line["epoch"] for line in log(pair / "still")] == [1, 2]
