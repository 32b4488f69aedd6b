"""The state of one training run: network, optimiser and averages, and how they are saved, restored and described."""

from __future__ import annotations

import math
import platform
from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..config import Config, differences
from ..errors import BadConfig
from ..models.head import Network
from ..run_folder import settle
from . import checkpoint
from .checkpoint import prefixed, unprefixed
from .distil import Teacher
from .distributed import Processes
from .launches import can_be_graphs, compile_backbone, graph_backbone
from .losses import Output, output
from .optimizer import Average, optimizer, optimizer_tensors, restore_optimizer
from .precision import autocast, resolved
from .tensors import TrainingData

LOOKS_EVERY = 16  # steps between looks at the loss on a GPU: each look waits for all that it has to do
PACKAGES = ("boneage", "torch", "numpy", "opencv-python-headless")  # whose versions a run states


@dataclass
class Progress:
    """How far a run has come.

    Attributes:
        step: the number of the next optimiser step, from 0.
        best: the lowest validation MAE so far, in months; infinite before the first evaluation.
        stale: evaluations since that one.
        loss: the sum of the losses of this epoch's steps.
        seconds: the time spent training, over all resumptions.
    """

    step: int = 0
    best: float = math.inf
    stale: int = 0
    loss: float = 0.0
    seconds: float = 0.0


class Run:
    """One network in training and all that belongs to it; `boneage.training.fit` changes it step by step.

    Args:
        config: everything that decides the outcome besides the films.
        data: the films, on the device of ``processes``.
        folder: the run folder; it is created by the first file written.
        processes: this process among those that train together.

    Raises:
        BadConfig: an unknown network, loss or optimiser; a batch with fewer films than there are processes;
            ``train.tensorboard`` without TensorBoard.
    """

    def __init__(self, config: Config, data: TrainingData, folder: Path, processes: Processes) -> None:
        self.config, self.data, self.folder, self.processes = config, data, folder, processes
        labels = data.train.months
        self.centre = float(labels.mean())
        self.scale = float(labels.std(correction=0)) or 1.0
        self.output: Output = output(config.train, self.centre, self.scale)
        self.network = processes.sharing(untrained(config, self.output, labels).to(processes.device))
        self.optimizer = optimizer(self.network, config.train)
        self.average = Average(self.network, config.train.ema)
        self.precision = resolved(config.train.precision, processes.device)
        self.looks_every = LOOKS_EVERY if processes.device.type == "cuda" else 1
        self.scaler = torch.amp.GradScaler(processes.device.type, enabled=self.precision == "fp16")
        self.progress = Progress()
        self.start: dict[str, Any] | None = None  # the run whose weights this one began with
        self.teacher: Teacher | None = None
        self.remarks: list[str] = []  # for people, on how the run goes on
        if config.train.tensorboard:
            checkpoint.summary_writer()
        self.batch_size = min(config.train.batch, len(data.train))
        if self.batch_size < processes.size:
            raise BadConfig(f"a batch of {self.batch_size} films cannot be shared by {processes.size} processes")
        self.epoch_steps = len(data.train) // self.batch_size
        self.steps = self.epoch_steps * config.train.epochs

    @property
    def is_exhausted(self) -> bool:
        """Whether the validation error has not fallen for ``train.patience`` evaluations."""
        patience = self.config.train.patience
        return bool(patience) and self.progress.stale >= patience

    def autocast(self) -> torch.autocast:
        """The block in which the network computes in the run's precision."""
        return autocast(self.precision, self.processes.device)

    def wrapped(self) -> nn.Module:
        """The network to call in training: its gradients are averaged over all processes, and its launches few."""
        if self.config.train.compile:
            compile_backbone(self.network)
        elif can_be_graphs(self.config, self.processes):
            side = self.side_at(0)
            films = torch.rand(self.batch_size, 1, side, side, device=self.processes.device)
            graph_backbone(self.network, films, self.precision)
        return self.processes.wrapped(self.network)

    def side_at(self, step: int) -> int:
        """The films' side in pixels at a step; each of ``train.sizes`` lasts for an equal share of the steps."""
        sizes = self.config.train.sizes or (self.config.prepare.size,)
        return sizes[min(step * len(sizes) // self.steps, len(sizes) - 1)]

    def begin(self, start: Path) -> None:
        """Take over the best weights of the run folder ``start``, and make them the teacher with ``train.distil``.

        Raises:
            BadModel: that folder is damaged.
            BadConfig: its backbone is another one; it was trained on another split, so that it may have seen the films
                this run is validated on; or, with ``train.distil``, its outputs are others.
        """
        weights, run = checkpoint.load_weights(start)
        if run["data"]["sha256"] != self.data.origin["sha256"]:
            raise BadConfig(f"{start} was trained on other films or another split: its weights may know these")
        own = self.network.state_dict()
        fitting = self._fitting(weights, same_loss=run["output"]["loss"] == self.config.train.loss)
        if any(name.startswith("backbone.") and name not in fitting for name in own):
            raise BadConfig(f"{start} holds another network than model.name {self.config.model.name!r}")
        if self.config.train.distil and own.keys() - fitting.keys() > {"mean", "std"}:
            raise BadConfig(f"{start} has other outputs: with train.distil a network has those of its start")
        self.network.load_state_dict(own | fitting)
        self.average = Average(self.network, self.config.train.ema)
        if self.config.train.distil:
            self.teacher = Teacher(deepcopy(self.network), self.output, self.config.model)
            self.network.sex_dropout = 0.0  # the batch hides the sex, from network and teacher alike
        self.start = {"recipe": run["config"]["recipe"], "weights_sha256": run["weights_sha256"]}

    def _fitting(self, weights: dict[str, Tensor], *, same_loss: bool) -> dict[str, Tensor]:
        """The weights that mean the same in this network.

        The normalisation ("mean", "std") belongs to this run's preparation, and the last layer to its loss.
        """
        own, excluded = self.network.state_dict(), ("mean", "std", *(() if same_loss else ("head.last",)))
        return {
            name: tensor
            for name, tensor in weights.items()
            if name in own and tensor.shape == own[name].shape and not name.startswith(excluded)
        }

    def save_best(self) -> None:
        """Write the averaged weights as the run's result, with its `summary`."""
        if self.processes.is_main:
            checkpoint.save_weights(self.folder, self.average.shadow, self.summary())

    def summary(self) -> dict[str, Any]:
        """The content of ``run.json`` but for the hashes: configuration, data, progress and versions."""
        progress = self.progress
        return {
            "config": self.config.to_dict(),
            "data": self.data.origin,
            "start": self.start,
            "output": {"loss": self.config.train.loss, "centre": self.centre, "scale": self.scale},
            "step": progress.step,
            "steps": self.steps,
            "epoch": progress.step / self.epoch_steps,
            "validation_mae": _finite(progress.best),
            "seconds": round(progress.seconds, 1),
            "device": str(self.processes.device),
            "precision": self.precision,
            "processes": self.processes.size,
            "versions": {"python": platform.python_version()} | {name: version(name) for name in PACKAGES},
        }

    def log(self, epoch: float, error: float | None) -> None:
        """Append an epoch's line to the log; ``error``: its validation MAE in months, None if it was not evaluated."""
        if not self.processes.is_main:
            return
        progress = self.progress
        line = {
            "epoch": epoch,
            "step": progress.step,
            "loss": progress.loss / self.epoch_steps,
            "validation_mae": error,
            "best": _finite(progress.best),
            "lr": self.optimizer.param_groups[0]["lr"],
            "size": self.side_at(progress.step - 1),
            "precision": self.precision,
            "images": self.epoch_steps * self.batch_size,
            "seconds": round(progress.seconds, 1),
        }
        checkpoint.append_log(self.folder, line, tensorboard=self.config.train.tensorboard)

    def save(self) -> None:
        """Write everything that resuming needs, as one file."""
        if not self.processes.is_main:
            return
        tensors = prefixed("network", self.network.state_dict())
        tensors |= prefixed("average", self.average.shadow)
        tensors |= prefixed("optimizer", optimizer_tensors(self.optimizer))
        values: dict[str, Any] = {
            "progress": asdict(self.progress) | {"best": _finite(self.progress.best)},
            "scaler": self.scaler.state_dict(),
            "config": self.config.to_dict(),
            "data": self.data.origin,
            "start": self.start,
            "processes": self.processes.size,
            "precision": self.precision,
        }
        checkpoint.save_state(self.folder, tensors, values)

    def restore(self) -> None:
        """Continue from what `save` wrote, or from the beginning if the run was stopped before it wrote anything.

        The number of processes may be another: the films come in the same order, batch, schedule and averages go on;
        augmentation and dropout are drawn otherwise. ``train.epochs`` may be more than the run was started with: the
        schedule is then that of the longer run, and training goes on where ``train.patience`` had ended it.

        Raises:
            BadModel: the state is missing or damaged.
            BadConfig: it belongs to another configuration, precision, start or other films.
        """
        if not checkpoint.has_begun(self.folder):
            return
        tensors, values = checkpoint.load_state(self.folder)
        self._refuse_another_run(values)
        self.network.load_state_dict(unprefixed("network", tensors))
        self.average.restore(unprefixed("average", tensors))
        restore_optimizer(self.optimizer, unprefixed("optimizer", tensors))
        self.scaler.load_state_dict(values["scaler"])
        self.progress = Progress(**values["progress"])
        self.start = values.get("start")
        if values["progress"]["best"] is None:
            self.progress.best = math.inf
        if self.config.train.epochs > values["config"]["train"]["epochs"]:
            self.progress.stale = 0
        if values["processes"] != self.processes.size:
            said = f"{self.folder} goes on with another number of processes, {self.processes.size}"
            self.remarks.append(f"{said} in place of {values['processes']}: same films, augmented otherwise")
        if self.processes.is_main:
            settle(self.folder)
            checkpoint.cut_log(self.folder, self.progress.step)

    def _refuse_another_run(self, values: dict[str, Any]) -> None:
        """BadConfig, naming the difference, if a stored state would not go on as the run that wrote it."""
        refuse_another(self.folder, values, self.config, self.data.origin)
        stored = values.get("precision", Config.from_dict(values["config"]).train.precision)
        if stored != self.precision:
            raise BadConfig(
                f"{self.folder} was started in {stored}, and train.precision {self.config.train.precision!r} is "
                f"{self.precision} here: resume it with --set train.precision={stored}"
            )
        if self.teacher:
            refuse_difference(self.folder, "start", values["start"], self.start or {})


def refuse_another(folder: Path, values: dict[str, Any], config: Config, origin: dict[str, Any]) -> None:
    """BadConfig, naming the difference, if the run in a folder had other settings or films.

    More epochs are no difference, and neither are the device, the word for the precision, and the data folder's name.

    Args:
        folder: of the run.
        values: what it has stored, with its ``config`` and ``data``.
        config: the settings.
        origin: of the films (`boneage.training.tensors.TrainingData`).
    """
    stored, own = Config.from_dict(values["config"]), config.train
    epochs = max(stored.train.epochs, own.epochs)
    alike = replace(stored.train, epochs=epochs, device=own.device, precision=own.precision)
    refuse_difference(folder, "configuration", replace(stored, train=alike).to_dict(), config.to_dict())
    refuse_difference(folder, "data", values["data"] | {"folder": origin.get("folder")}, origin)


def refuse_difference(folder: Path, what: str, stored: dict[str, Any], own: dict[str, Any]) -> None:
    """BadConfig, naming what differs, if the run in a folder was started with something else than it goes on with."""
    changed = ", ".join(differences(stored, own))
    if changed:
        raise BadConfig(f"{folder} was started with another {what} ({changed}): resume it with the same")


def untrained(config: Config, meaning: Output, labels: Tensor) -> Network:
    """A network with the weights that ``train.seed`` draws, and the best constant for ``labels`` as its first answer.

    torch's own random generator is left as it was.
    """
    with torch.random.fork_rng(devices=[]):
        torch.random.default_generator.manual_seed(config.train.seed)
        network = Network(config.model, config.prepare, meaning.outputs, meaning.bias(labels).cpu())
    layout = torch.channels_last if config.train.channels_last else torch.contiguous_format
    return network.to(memory_format=layout)  # type: ignore[call-overload]


def _finite(value: float) -> float | None:
    """JSON has no infinity."""
    return value if math.isfinite(value) else None
