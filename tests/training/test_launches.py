"""Few launches for each step: what is replayed as a graph, what is compiled, and calls that do not grow in number."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from runs import CERTAIN, run_of
from tiny import tiny_config
from torch.profiler import ProfilerActivity, profile

from boneage.config import override
from boneage.training import launches
from boneage.training.distributed import Processes
from boneage.training.fit import fit, predict, train_step
from boneage.training.launches import can_be_graphs
from boneage.training.recipes import recipe
from boneage.training.run import Run
from boneage.training.tensors import FilmTensors, TrainingData

pytestmark = pytest.mark.usefixtures("one_thread")

GPU = Processes(0, 1, torch.device("cuda"))


@pytest.mark.parametrize("name", ["resnet50", "inception_v4", "joints_384"])
def test_the_steps_of_a_recipe_for_a_gpu_are_all_alike(name: str) -> None:
    assert can_be_graphs(recipe(name), GPU)


@pytest.mark.parametrize(
    "setting",
    [
        "train.sizes=128,256",
        "train.accumulate=2",
        "train.freeze_batchnorm=true",
        "model.name=timm:resnet18",
    ],
)
def test_steps_that_differ_are_not_replayed(setting: str) -> None:
    assert not can_be_graphs(override(recipe("resnet50"), [setting]), GPU)


def test_skipped_blocks_are_drawn_anew_for_each_step() -> None:
    assert not can_be_graphs(override(recipe("joints_384"), ["model.drop_path=0.1"]), GPU)


@pytest.mark.parametrize(
    "processes", [Processes(0, 1, torch.device("cpu")), Processes(0, 2, torch.device("cuda"))], ids=["cpu", "two"]
)
def test_graphs_are_for_one_process_and_a_gpu(processes: Processes) -> None:
    assert not can_be_graphs(recipe("resnet50"), processes)


def test_a_compiled_network_learns_what_it_learns_as_written(
    tiny_data: TrainingData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # It traces and differentiates as the others do, and compiles nothing.
    monkeypatch.setattr(launches, "BACKEND", "aot_eager")
    plain = run_of(tiny_data, tmp_path / "plain", *CERTAIN)
    compiled = run_of(tiny_data, tmp_path / "compiled", *CERTAIN, "train.compile=true")
    for run in (plain, compiled):
        fit(run, False)
    assert compiled.network.backbone._compiled_call_impl is not None
    for one, other in zip(plain.network.parameters(), compiled.network.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
    assert compiled.progress.best == pytest.approx(plain.progress.best, rel=1e-3)


def test_outside_training_a_compiled_network_is_called_as_written(
    tiny_data: TrainingData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("compiled")

    monkeypatch.setattr(launches, "BACKEND", refuse)
    run = run_of(tiny_data, tmp_path / "run", "train.compile=true")
    run.wrapped()
    assert len(predict(run, tiny_data.validation.pixels, tiny_data.validation.sex)) == len(tiny_data.validation)


def test_optimiser_and_average_are_a_few_calls_whatever_the_network_has(
    tiny_data: TrainingData, tmp_path: Path
) -> None:
    run = run_of(tiny_data, tmp_path / "run", "train.ema=0.9")
    train_step(run, run.network, 0)
    for parameter in run.network.parameters():
        parameter.grad = torch.ones_like(parameter)
    with profile(activities=[ProfilerActivity.CPU]) as seen:
        run.optimizer.step()
        run.average.update(1)
    names = [event.name for event in seen.events()]
    assert names.count("aten::_fused_adamw_") == 2  # with weight decay and without
    assert names.count("aten::cat") == 2  # numbers and counts
    assert names.count("aten::lerp_") == 1
    assert not {"aten::addcdiv_", "aten::sqrt", "aten::mul_"} & set(names)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_replayed_network_learns_what_it_learns_as_written(
    tiny_data: TrainingData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses = []
    data = replace(tiny_data, train=on_gpu(tiny_data.train), validation=on_gpu(tiny_data.validation))
    for is_graph in (False, True):
        with monkeypatch.context() as patch:
            patch.setattr("boneage.training.run.can_be_graphs", lambda *_, answer=is_graph: answer)
            run = Run(tiny_config(*CERTAIN), data, tmp_path / str(is_graph), GPU)
            wrapped = run.wrapped()
            losses.append([float(train_step(run, wrapped, step)) for step in range(3)])
    assert losses[0] == pytest.approx(losses[1], rel=0.02)


def on_gpu(films: FilmTensors) -> FilmTensors:
    return replace(films, pixels=films.pixels.cuda(), months=films.months.cuda(), sex=films.sex.cuda())
