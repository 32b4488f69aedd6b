"""One network being trained: the loop, its steps, what is kept, saved and restored.

Order, augmentation and dropout are functions of (seed, step) alone, so a resumed run repeats an unbroken one exactly.
"""

from __future__ import annotations

import math
import platform
import time
from contextlib import nullcontext
from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..config import Config, differences
from ..errors import BadConfig
from ..files import remove_leftovers
from ..hand.prepare import parts
from ..hand.views import views
from ..models.head import Network, RawOutputs
from ..progress import progress
from . import checkpoint
from .augment import augment, degraded, plain
from .checkpoint import as_tensors, taken
from .distil import Teacher, halves
from .distributed import Processes
from .losses import Output, expected_error_loss, output, sex_loss
from .optimizer import Average, freeze_statistics, learning_rate, optimizer, optimizer_tensors, restore_optimizer
from .precision import autocast, resolved
from .tensors import TrainingData


@dataclass
class Progress:
    """How far a run is: the next ``step``, the best validation MAE, the evaluations since, and the sum of this epoch's
    losses."""

    step: int = 0
    best: float = math.inf
    stale: int = 0
    loss: float = 0.0
    seconds: float = 0.0


class Run:
    """One network being trained: what `fit` changes, and how it is saved and restored."""

    def __init__(self, config: Config, data: TrainingData, folder: Path, processes: Processes) -> None:
        self.config, self.data, self.folder, self.processes = config, data, folder, processes
        labels = data.train.months
        self.centre = float(labels.mean())
        self.scale = float(labels.std(correction=0)) or 1.0
        self.output: Output = output(config.train, self.centre, self.scale)
        self.network = untrained(config, self.output, labels).to(processes.device)
        self.optimizer = optimizer(self.network, config.train)
        self.average = Average(self.network, config.train.ema)
        self.precision = resolved(config.train.precision, processes.device)
        self.scaler = torch.amp.GradScaler(processes.device.type, enabled=self.precision == "fp16")
        self.progress = Progress()
        self.start: dict[str, Any] | None = None
        self.teacher: Teacher | None = None
        if config.train.tensorboard:
            checkpoint.summary_writer()
        self.batch = min(config.train.batch, len(data.train))
        if self.batch < processes.size:
            raise BadConfig(f"a batch of {self.batch} films cannot be shared by {processes.size} processes")
        self.epoch_steps = len(data.train) // self.batch
        self.steps = self.epoch_steps * config.train.epochs

    def begin(self, start: Path) -> None:
        """Take over the best weights of the run ``start``: its backbone, and of its head what means the same here.

        BadModel if that run is damaged; BadConfig if it has another backbone, or was judged by other films than these.
        """
        weights, run = checkpoint.load_weights(start)
        if run["data"]["sha256"] != self.data.record["sha256"]:
            raise BadConfig(f"{start} was trained on other films or another split: its weights may know these")
        own = self.network.state_dict()
        kept = ("mean", "std") if run["output"]["loss"] == self.config.train.loss else ("mean", "std", "head.last")
        fitting = {
            name: tensor
            for name, tensor in weights.items()
            if name in own and tensor.shape == own[name].shape and not name.startswith(kept)
        }
        if any(name.startswith("backbone.") and name not in fitting for name in own):
            raise BadConfig(f"{start} holds another network than model.name {self.config.model.name!r}")
        if self.config.train.distil and own.keys() - fitting.keys() > {"mean", "std"}:
            raise BadConfig(f"{start} has other outputs: a network that train.distil teaches has those of its start")
        self.network.load_state_dict(own | fitting)
        self.average = Average(self.network, self.config.train.ema)
        if self.config.train.distil:
            self.teacher = Teacher(deepcopy(self.network), self.output, self.config.model)
            self.network.sex_dropout = 0.0  # both are told the same, see `_batch`
        self.start = {"recipe": run["config"]["recipe"], "weights_sha256": run["weights_sha256"]}

    def fit(self, interrupt: object) -> None:
        """Step, evaluate, save, until the schedule or the patience ends; raises KeyboardInterrupt when asked to."""
        wrapped, state, quiet = self.processes.wrapped(self.network), self.progress, not self.processes.is_main
        began = time.monotonic() - state.seconds
        if self.processes.is_main:
            remove_leftovers(self.folder)
        if state.step == 0:
            self.save()
        label = f"{self.config.recipe or 'training'} in {self.precision}"
        with progress(label, self.steps, "steps", state.step, quiet=quiet) as advance:
            while state.step < self.steps and not self._exhausted():
                loss = self.processes.mean(self.step(wrapped, state.step))
                state.step += 1
                if not math.isfinite(loss):
                    raise BadConfig(f"the loss became {loss} at step {state.step}: try a smaller train.lr")
                state.loss += loss
                state.seconds = time.monotonic() - began
                best = f", best validation MAE {state.best:.2f} months" if math.isfinite(state.best) else ""
                advance(1, f"loss {loss:.4f}{best}")
                if state.step % self.epoch_steps == 0:
                    self.end_epoch()
                elif state.step % self.config.train.save_every == 0:
                    self.save()
                if self.processes.any_process(bool(interrupt)):
                    self.save()
                    raise KeyboardInterrupt

    def step(self, wrapped: nn.Module, step: int) -> float:
        """One optimiser step on batch ``step``; returns the loss, whose mean over the processes is the batch's."""
        config = self.config.train
        self.network.train()
        if config.freeze_batchnorm and step >= config.freeze_after * self.steps:
            freeze_statistics(self.network)
        rate = learning_rate(step, self.steps, config)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        own = self._rows(step)
        parts = own.tensor_split(min(config.accumulate, len(own)))
        total = 0.0
        for part, rows in enumerate(parts):
            films, sex = self._batch(step, part, rows)
            last = part == len(parts) - 1
            with nullcontext() if last or self.processes.size == 1 else wrapped.no_sync():  # type: ignore[operator]
                with self._autocast():
                    outputs = wrapped(films, sex)
                teacher = self.teacher
                loss = teacher.loss(outputs, films, sex, self._autocast()) if teacher else self._loss(outputs, rows)
                loss = loss * (len(rows) * self.processes.size / self.batch)
                self.scaler.scale(loss).backward()
            total += loss.item()
        if config.clip:
            self.scaler.unscale_(self.optimizer)
            nn.utils.clip_grad_norm_(self.network.parameters(), config.clip)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        self.average.update(step)
        return total

    def _loss(self, outputs: RawOutputs, rows: Tensor) -> Tensor:
        """The loss of the raw outputs [N, …] against the labels of these rows [N]: a scalar."""
        films, weights = self.data.train, self.config.model
        rows = rows.to(self.processes.device)
        months, sex = films.months[rows], films.sex[rows]
        loss = self.output.loss(outputs.age, months)
        if outputs.male is not None:
            loss = loss + weights.sex_loss * sex_loss(outputs.male, sex)
        if outputs.expected_error is not None:
            loss = loss + weights.expected_error_loss * expected_error_loss(
                outputs.expected_error, self.output.months(outputs.age) - months
            )
        return loss

    def _rows(self, step: int) -> Tensor:
        """This process's films of batch ``step``: a new order every epoch, the remainder left for another."""
        epoch, place = divmod(step, self.epoch_steps)
        shuffle = torch.Generator().manual_seed(_mix(self.config.train.seed, epoch))
        order = torch.randperm(len(self.data.train), generator=shuffle)
        return order[place * self.batch : (place + 1) * self.batch][self.processes.rank :: self.processes.size]

    def _batch(self, step: int, part: int, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Augmented films and their sex, drawn from (seed, step, part, rank) alone; with a tutor both `halves`."""
        films, device = self.data.train, self.processes.device
        seed = _mix(self.config.train.seed, step, part, self.processes.rank)
        torch.manual_seed(seed)
        generator = torch.Generator(device).manual_seed(seed)
        rows = rows.to(device)
        montages = self.config.prepare.joints
        pixels = augment(films.pixels[rows], self.config.augment, generator, self._size(step), montages=montages)
        if self.teacher is None:
            return pixels, films.sex[rows]
        is_given = torch.rand(len(rows), 1, generator=generator, device=device) >= self.config.model.sex_dropout
        films_twice = halves(pixels, degraded(pixels, generator, montages=montages))
        return films_twice, (films.sex[rows] * is_given).repeat(2, 1)

    def _size(self, step: int) -> int:
        """The side in pixels at this step: `TrainConfig.sizes` share the epochs equally."""
        sizes = self.config.train.sizes or (self.config.prepare.size,)
        return sizes[min(step * len(sizes) // self.steps, len(sizes) - 1)]

    def _autocast(self) -> torch.autocast:
        return autocast(self.precision, self.processes.device)

    def _exhausted(self) -> bool:
        patience = self.config.train.patience
        return bool(patience) and self.progress.stale >= patience

    def end_epoch(self) -> None:
        """Evaluate the averaged weights, keep them if they are the best, write the log and the state."""
        state, epoch, error = self.progress, self.progress.step // self.epoch_steps, None
        if not len(self.data.validation):
            self.keep()
        elif epoch % self.config.train.evaluate_every == 0 or state.step == self.steps:
            error = self.validate()
            state.stale = 0 if error < state.best else state.stale + 1
            if error < state.best:
                state.best = error
                self.keep()
        self._log(epoch, error)
        state.loss = 0.0
        self.save()

    def validate(self) -> float:
        """MAE in months of the averaged weights on the validation films; the leading process's, for all to agree on."""
        films, error = self.data.validation, 0.0
        if self.processes.is_main:
            months = self.predict(films.pixels, films.sex)
            error = float(np.abs(months - films.months.cpu().double().numpy()).mean())
        error = self.processes.broadcast(error)
        if not math.isfinite(error):
            raise BadConfig(f"the validation error became {error} at step {self.progress.step}: try a smaller train.lr")
        return error

    @torch.no_grad()
    def predict(self, pixels: Tensor, sex: Tensor) -> np.ndarray:
        """Months [N] of the averaged weights for uint8 pixels [N, S, S] and sex [N, 2], as in use."""
        current = {name: tensor.clone() for name, tensor in self.network.state_dict().items()}
        self.network.load_state_dict(self.average.shadow)
        self.network.eval()
        seen = views(pixels.cpu().numpy(), self.config.model.views, parts(self.config.prepare))
        months = [self._months(torch.from_numpy(look).to(pixels.device), sex) for look in seen]
        self.network.load_state_dict(current)
        return np.mean(months, axis=0)

    def _months(self, pixels: Tensor, sex: Tensor) -> np.ndarray:
        months = []
        for part, known in zip(pixels.split(64), sex.split(64), strict=True):
            with self._autocast():
                outputs = self.network(plain(part, self.config.prepare.size), known)
            months.append(self.output.months(outputs.age).cpu())
        return torch.cat(months).double().numpy()

    def keep(self) -> None:
        """Write the averaged weights as the run's weights."""
        if self.processes.is_main:
            checkpoint.save_weights(self.folder, self.average.shadow, self.record())

    def record(self) -> dict[str, Any]:
        """What `run.json` says."""
        state = self.progress
        packages = ("boneage", "torch", "numpy", "opencv-python-headless")
        return {
            "config": self.config.to_dict(),
            "data": self.data.record,
            "start": self.start,
            "output": {"loss": self.config.train.loss, "centre": self.centre, "scale": self.scale},
            "step": state.step,
            "steps": self.steps,
            "epoch": state.step / self.epoch_steps,
            "validation_mae": _finite(state.best),
            "seconds": round(state.seconds, 1),
            "device": str(self.processes.device),
            "precision": self.precision,
            "processes": self.processes.size,
            "versions": {"python": platform.python_version()} | {name: version(name) for name in packages},
        }

    def _log(self, epoch: int, error: float | None) -> None:
        if not self.processes.is_main:
            return
        state = self.progress
        line = {
            "epoch": epoch,
            "step": state.step,
            "loss": state.loss / self.epoch_steps,
            "validation_mae": error,
            "best": _finite(state.best),
            "lr": self.optimizer.param_groups[0]["lr"],
            "size": self._size(state.step - 1),
            "precision": self.precision,
            "images": self.epoch_steps * self.batch,
            "seconds": round(state.seconds, 1),
        }
        checkpoint.append_log(self.folder, line, tensorboard=self.config.train.tensorboard)

    def save(self) -> None:
        """Everything that resuming needs, into one file."""
        if not self.processes.is_main:
            return
        tensors = as_tensors("network", self.network)
        tensors |= {f"average.{name}": tensor for name, tensor in self.average.shadow.items()}
        tensors |= {f"optimizer.{name}": tensor for name, tensor in optimizer_tensors(self.optimizer).items()}
        state = self.progress
        values: dict[str, Any] = {
            "progress": asdict(state) | {"best": _finite(state.best)},
            "scaler": self.scaler.state_dict(),
        }
        values |= {"config": self.config.to_dict(), "data": self.data.record, "start": self.start}
        values |= {"processes": self.processes.size, "precision": self.precision}
        checkpoint.save_state(self.folder, tensors, values)

    def restore(self) -> None:
        """Continue from the folder's state, or from the start if the run was killed before it had one.

        BadModel if the state is missing or damaged, BadConfig if it is of another configuration or other films.
        """
        if checkpoint.is_empty(self.folder):
            return
        tensors, values = checkpoint.load_state(self.folder)
        stored = Config.from_dict(values["config"])
        self._refuse_other("configuration", self._settled(stored), self._settled(self.config))
        self._refuse_other_precision(values.get("precision", stored.train.precision))
        self._refuse_other("data", values["data"], self.data.record)
        own = {"processes": self.processes.size}
        self._refuse_other("number of processes", own | {"processes": values["processes"]}, own)
        self.network.load_state_dict(taken("network", tensors))
        self.average.restore(taken("average", tensors))
        restore_optimizer(self.optimizer, taken("optimizer", tensors))
        self.scaler.load_state_dict(values["scaler"])
        if self.teacher:
            self._refuse_other("start", values["start"], self.start or {})
        self.progress = Progress(**values["progress"])
        self.start = values.get("start")
        if values["progress"]["best"] is None:
            self.progress.best = math.inf
        if self.processes.is_main:
            checkpoint.cut_log(self.folder, self.progress.step)

    def _settled(self, config: Config) -> dict[str, Any]:
        """The settings but for the precision, of which what it came to is compared."""
        return replace(config, train=replace(config.train, precision=self.precision)).to_dict()

    def _refuse_other_precision(self, theirs: str) -> None:
        if theirs != self.precision:
            raise BadConfig(
                f"{self.folder} was started in {theirs}, and train.precision {self.config.train.precision!r} is "
                f"{self.precision} here: resume it with --set train.precision={theirs}"
            )

    def _refuse_other(self, what: str, theirs: dict[str, Any], mine: dict[str, Any]) -> None:
        changed = ", ".join(differences(theirs, mine))
        if changed:
            raise BadConfig(f"{self.folder} was started with another {what} ({changed}): resume it with the same")


def untrained(config: Config, meaning: Output, labels: Tensor) -> Network:
    """The network as the run's seed makes it; torch's own generator is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.random.default_generator.manual_seed(config.train.seed)
        network = Network(config.model, config.prepare, meaning.outputs, meaning.bias(labels).cpu())
    layout = torch.channels_last if config.train.channels_last else torch.contiguous_format
    return network.to(memory_format=layout)  # type: ignore[call-overload]


def _mix(*numbers: int) -> int:
    """One 63-bit seed from several numbers, none of which alone decides it."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> 1)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
