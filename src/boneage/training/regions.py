"""Training of the network that tells ages by region: it takes a shipped network of joints further.

python -m boneage.training.regions --data DIR --out-of-fold oof.csv --out RUN [--start MODEL] [--resume]

The network (`boneage.models.regional`) sees one piece of the hand at a time, so each film teaches every set of
pieces at once: the whole hand, the regions and their rests that a reading asks for, and sets drawn at random. Every
second step sees the carpals alone, of more films: they say least and learn slowest. Where few pieces are shown, one
reader's label tells little: the target lies half-way between the label and what networks read that were trained
without this film (`boneage.training.folds`).

RUN gets ``state.safetensors``, which goes on with ``--resume``, by the same schedule and on the same films, and at the
end the weights and ``run.json``. Ctrl-C saves and exits with 130, SIGTERM and SIGUSR1 with 75. With ``--keep SHARE``
the weights at the end are drawn back to those of the start: that costs little on films, and helps on pictures that are
not like them (Wortsman et al., CVPR 2022).
``python -m boneage.training.regions_file`` makes a model file of it.
"""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ..config import CELLS, AugmentConfig, Config, ModelConfig
from ..errors import Preempted
from ..evaluation.predictions import read_predictions
from ..files import refuse_unwritable, sha256_json
from ..hand.bone_regions import KINDS, PIECES, REGIONS, WHOLE, WRIST, question, questions
from ..models.efficientnet_lite import EfficientNetLite
from ..models.head import SEX_FEATURES
from ..models.regional import Answers, RegionalNetwork
from ..progress import progress
from ..reading import weights as installed
from . import checkpoint
from .augment import augment, plain
from .checkpoint import prefixed, unprefixed
from .distributed import ended, interruptible, keep_freed_memory
from .first_blocks import Trunk
from .losses import Output, expected_error_loss, output, sex_loss
from .optimizer import Average, learning_rate, optimizer_tensors, restore_optimizer
from .precision import autocast, resolved
from .recipes import recipe
from .run import PACKAGES, refuse_difference
from .small_maps import features_of
from .stored import first_member, regional
from .tensors import FilmTensors, TrainingData, load

START = "best"  # its first member is `distribution_384_distilled`; that of `default` is the same in integers
WHOLES, HARDS, DRAWN = 4, 5, 4  # how often a step has the whole hand and each of `HARD`; sets drawn at random
HARD = (REGIONS[0].shown, ~REGIONS[2].shown)  # the carpals, and with radius and ulna: they say least and learn slowest
SAVED = 50  # steps
HEAD_RATE = 3.0  # the learning rate of the head over that of the backbone
SMALL = 11  # blocks, from which on a piece's map has few places (`boneage.training.small_maps`)
AUGMENT = AugmentConfig(
    rotation=8, shift=0.03, zoom=0.1, aspect=0.06, shear=0.04,
    gamma=0.3, contrast=0.25, brightness=0.1, noise=0.02, blur=0.15, coarse=0.08, grain=0.05,
)  # fmt: skip


CARPALS = replace(
    AUGMENT,
    rotation=12,
    zoom=0.14,
    aspect=0.08,
    shear=0.06,
    gamma=0.4,
    contrast=0.35,
    blur=0.25,
    noise=0.03,
    coarse=0.1,
)  # of the steps that see them alone, in which a film comes more often


@dataclass(frozen=True)
class Schedule:
    """How long and how finely to train.

    Attributes:
        epochs: over the training films.
        size: of the montages in pixels.
        frozen: blocks of the backbone, from the first, that stay as they are; None: the whole backbone does.
        batch: films a step.
        carpals: after each step comes one on so many times as many films that sees the carpals alone; 0: none comes.
        lr: learning rate of the backbone.
    """

    epochs: float = 8.0
    size: int = 320
    frozen: int | None = 3
    batch: int = 12
    carpals: int = 5
    lr: float = 3e-4


def configuration() -> Config:
    """The configuration of the first member of `START`, whose weights training begins with."""
    config = recipe("distribution_384_distilled")
    return replace(config, recipe="regions", train=replace(config.train, weight_decay=0.01, ema=0.995, warmup=0.05))


def first_network(config: Config, meaning: Output, weights: dict[str, Tensor], size: int) -> RegionalNetwork:
    """A network that begins as one of the whole montage, with the weights of `boneage.models.head.Network`."""
    network = RegionalNetwork(config.model, config.prepare, meaning.outputs, size)
    own = network.state_dict()
    taken = {name: value for name, value in weights.items() if name in own}
    features, sex = weights["head.hidden.weight"].split([network.backbone.features, SEX_FEATURES], 1)
    taken |= {f"head.kinds.{i}.weight": features for i in range(len(KINDS))}
    taken |= {"head.hidden.weight": sex, "head.shown.weight": torch.zeros_like(own["head.shown.weight"])}
    taken |= {f"head.error.{kind}": weights[f"expected_error.hidden.{kind}"] for kind in ("weight", "bias")}
    taken |= {f"head.error_last.{kind}": weights[f"expected_error.last.{kind}"] for kind in ("weight", "bias")}
    taken |= {"head.error_shown.weight": torch.zeros_like(own["head.error_shown.weight"])}
    network.load_state_dict(own | taken)
    return network


@dataclass(frozen=True)
class Batch:
    """What a step learns from: ``maps`` of what stays as it is, and for n films sex, sex as given, target and label."""

    maps: list[Tensor]
    asked: Tensor
    sex: Tensor
    given: Tensor
    target: Tensor
    label: Tensor


class Training:
    """The state of a run: network, optimiser and average, and how they are saved and restored."""

    def __init__(
        self, films: FilmTensors, targets: Tensor, schedule: Schedule, folder: Path, start: Path | None = None
    ) -> None:
        self.films, self.targets, self.schedule, self.folder = films, targets, schedule, folder
        self.config = configuration()
        self.output = output(self.config.train, 0.0, 1.0)
        weights = first_member(installed.find(START))
        self.network = first_network(self.config, self.output, weights, schedule.size)
        self.start: dict[str, Any] = {"model": START, "member": 0}
        if start:
            weights, about = checkpoint.load_weights(start) if start.is_dir() else regional(start, self.network)
            self.network.load_state_dict(weights)
            self.start = {"weights_sha256": about["weights_sha256"], "epoch": about["epoch"], "start": about["start"]}
        self.began = {name: value.clone() for name, value in self.network.state_dict().items()}
        self.network.eval()  # batch normalisation keeps its statistics
        self.turns = 1 + (schedule.carpals > 0)  # kinds of steps, in turn
        self.steps = self.turns * round(schedule.epochs * (len(films) // schedule.batch))
        self.backbone = cast(EfficientNetLite, self.network.backbone)
        for module in (self.backbone.stem, *list(self.backbone.blocks)[: schedule.frozen]):
            module.requires_grad_(False)
        self.optimizer = _optimizer(self.network, schedule, self.config.train.weight_decay)
        self.average = Average(self.network, self.config.train.ema)
        self.precision = resolved("auto", torch.device("cpu"))
        self.step, self.seconds = 0, 0.0

    @cached_property
    def trunk(self) -> Trunk:
        """The blocks that stay as they are."""
        return Trunk(self.network, self.schedule.frozen)

    def batch(self, step: int) -> Batch:
        """What the step of this number learns from; it depends on the number alone."""
        generator, (number, alone) = torch.Generator().manual_seed(step + 1), divmod(step, self.turns)
        rows = self._rows(number, self.schedule.batch * (self.schedule.carpals if alone else 1), alone)
        if not alone:
            films = augment(self.films.pixels[rows], AUGMENT, generator, self.network.fine, montages=True)
            pieces, asked = self.network.pieces(films), lessons(generator)
        else:
            tile, fine = (side // CELLS * WRIST for side in (self.films.pixels.shape[-1], self.network.fine))
            wrists = augment(self.films.pixels[rows, :tile, :tile], CARPALS, generator, fine)
            pieces, asked = (self.network.carpals(wrists),), torch.from_numpy(HARD[0][None]).float()
        given = torch.rand(len(rows), 1, generator=generator) >= self.config.model.sex_dropout
        maps, sex = self.trunk([x.flatten(0, 1) for x in pieces]), self.films.sex[rows]
        return Batch(maps, asked, sex, sex * given, self.targets[rows], self.films.months[rows])

    def train_step(self, batch: Batch) -> float:
        """One step; returns the loss."""
        rate = learning_rate(self.step, self.steps, replace(self.config.train, lr=self.schedule.lr))
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["times"]
        answers = self.network.head(self.features(batch), batch.given, self.network.shares(batch.asked))
        found = loss(self.output, self.config.model, answers, batch)
        found.backward()
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.average.update(self.step)
        self.step += 1
        return found.item()

    def features(self, batch: Batch) -> Tensor:
        """The features of the pieces, [n, 15, F]; 0 for those that the batch does not have."""
        first, n = self.schedule.frozen or 0, len(batch.sex)
        small, found = max(first, SMALL), []
        with autocast(self.precision, torch.device("cpu")):
            for x in batch.maps:
                maps = self.backbone.blocks[first:small](x.contiguous(memory_format=torch.channels_last))
                found.append(features_of(self.backbone, maps, small).float().unflatten(0, (n, -1)))
        return functional.pad(torch.cat(found, 1), (0, 0, 0, len(PIECES) - sum(x.shape[1] for x in found)))

    def _rows(self, number: int, count: int, kind: int = 0) -> Tensor:
        """The films of the batch of this number among those of a kind, each of so many films."""
        epoch, place = divmod(number, max(1, len(self.films) // count))
        order = torch.randperm(len(self.films), generator=torch.Generator().manual_seed(1000 * kind + epoch + 7))
        return order[place * count : (place + 1) * count]

    @property
    def origin(self) -> dict[str, str]:
        """Hashes of what is learnt from."""
        films = [list(self.films.ids), self.films.months.tolist()]
        return {"films": sha256_json(films), "targets": sha256_json(self.targets.tolist())}

    def save(self) -> None:
        """Write everything that resuming needs, as one file."""
        tensors = prefixed("network", self.network.state_dict()) | prefixed("average", self.average.shadow)
        tensors |= prefixed("optimizer", optimizer_tensors(self.optimizer))
        values = {"step": self.step, "seconds": self.seconds, "schedule": asdict(self.schedule)}
        values |= {"data": self.origin, "start": self.start}
        checkpoint.save_state(self.folder, tensors, values)

    def restore(self) -> None:
        """Continue from what `save` wrote; BadConfig if that was by another schedule, or on other films or targets."""
        tensors, values = checkpoint.load_state(self.folder)
        refuse_difference(self.folder, "schedule", values.get("schedule", {}), asdict(self.schedule))
        refuse_difference(self.folder, "data", values.get("data", {}), self.origin)
        refuse_difference(self.folder, "start", values.get("start", {}), self.start)
        self.network.load_state_dict(unprefixed("network", tensors))
        self.average.restore(unprefixed("average", tensors))
        restore_optimizer(self.optimizer, unprefixed("optimizer", tensors))
        self.step, self.seconds = values["step"], values["seconds"]


def fit(training: Training, interrupt: object) -> None:
    """Train until the schedule ends, saving every `SAVED` steps.

    KeyboardInterrupt or `Preempted`, after saving, at ``interrupt``, by whose it was.
    """
    began = time.monotonic() - training.seconds
    training.folder.mkdir(parents=True, exist_ok=True)
    with progress("regions", training.steps, "steps", training.step) as advance, ThreadPoolExecutor(1) as thread:
        coming = thread.submit(training.batch, training.step)
        while training.step < training.steps:
            batch, coming = coming.result(), thread.submit(training.batch, training.step + 1)
            found = training.train_step(batch)
            training.seconds = time.monotonic() - began
            advance(1, f"loss {found:.4f}")
            if training.step % SAVED == 0 or interrupt:
                training.save()
                line = {"step": training.step, "loss": round(found, 4), "seconds": round(training.seconds, 1)}
                checkpoint.append_log(training.folder, line)
            if interrupt:
                raise Preempted if getattr(interrupt, "by_scheduler", False) else KeyboardInterrupt


def finish(training: Training, data: TrainingData, keep: float = 0.0) -> dict[str, Any]:
    """Measure the averaged weights on the validation films and write them with ``run.json``, whose content it gives.

    The share ``keep`` of these weights are those that training began with.
    """
    last = training.average.shadow
    weights = {name: last[name] + keep * (began - last[name]) for name, began in training.began.items()}
    training.network.load_state_dict(weights)
    films = data.validation
    months, _ = predict(training.network, training.output, films.pixels, films.sex)
    errors = np.abs(months - films.months.double().numpy()[:, None]).mean(0)
    summary = {
        "config": training.config.to_dict(),
        "schedule": asdict(training.schedule),
        "data": data.origin,
        "start": training.start,
        "keep": keep,
        "output": {"loss": training.config.train.loss, "centre": 0.0, "scale": 1.0},
        "step": training.step,
        "epoch": training.step // training.turns * training.schedule.batch / len(training.films),
        "validation_mae": float(errors[question(WHOLE)]),
        "seconds": round(training.seconds, 1),
        "versions": {"python": platform.python_version()} | {name: version(name) for name in PACKAGES},
    }
    return checkpoint.save_weights(training.folder, training.network.state_dict(), summary)


def lessons(generator: torch.Generator) -> Tensor:
    """The sets of pieces of one step, float [n, 15]: those of a reading, some of them several times, random ones."""
    asked = torch.from_numpy(questions()).float()
    share = 0.2 + 0.6 * torch.rand(DRAWN, 1, generator=generator)
    drawn = (torch.rand(DRAWN, len(PIECES), generator=generator) < share).float()
    drawn[drawn.sum(1) == 0] = 1
    hard = torch.from_numpy(np.array(HARD)).float().repeat(HARDS - 1, 1)
    return torch.cat([asked[:1].expand(WHOLES - 1, -1), hard, asked, drawn])


def loss(meaning: Output, weights: ModelConfig, answers: Answers, batch: Batch) -> Tensor:
    """The mean loss over films and questions: of age, sex and expected error, a scalar."""
    q = answers.male.shape[1]
    targets, labels = batch.target.repeat_interleave(q), batch.label.repeat_interleave(q)
    raw = answers.age.flatten(0, 1)
    found = meaning.loss(raw, targets)
    found = found + weights.sex_loss * sex_loss(answers.male.flatten(), batch.sex.repeat_interleave(q, 0))
    errors = meaning.months(raw) - labels
    return found + weights.expected_error_loss * expected_error_loss(answers.expected_error.flatten(), errors)


def _optimizer(network: RegionalNetwork, schedule: Schedule, decay: float) -> torch.optim.Optimizer:
    groups = []
    for part, times in ((network.backbone, 1.0), (network.head, HEAD_RATE)):
        own = [p for p in part.parameters() if p.requires_grad]
        for is_matrix in (True, False):
            chosen = [p for p in own if (p.ndim > 1) == is_matrix]
            groups.append({"params": chosen, "weight_decay": decay * is_matrix, "times": times})
    return torch.optim.AdamW(groups, lr=schedule.lr)


@torch.no_grad()
def predict(network: RegionalNetwork, meaning: Output, pixels: Tensor, sex: Tensor) -> tuple[Any, Any]:
    """Months and expected errors, float64 [N, Q], of montages uint8 [N, S, S] to `questions`."""
    network.eval()
    asked, months, errors = torch.from_numpy(questions()).float(), [], []
    for films, known in zip(pixels.split(32), sex.split(32), strict=True):
        found = network(plain(films, films.shape[-1]), known, asked)
        months.append(meaning.months(found.age.flatten(0, 1)).unflatten(0, found.male.shape))
        errors.append(found.expected_error.exp())
    return torch.cat(months).double().numpy(), torch.cat(errors).double().numpy()


def targets(films: FilmTensors, out_of_fold: Path) -> Tensor:
    """Half-way between the labels and what was read out of fold, float32 [N]; the label where nothing was."""
    table = read_predictions(out_of_fold)
    read = dict(zip(table.ids, table.predictions.tolist(), strict=True))
    other = [read.get(name, float(label)) for name, label in zip(films.ids, films.months, strict=True)]
    return (films.months + torch.tensor(other)) / 2


def main() -> None:
    """The command line."""
    options = arguments(str(__doc__), Schedule())
    schedule = replace(Schedule(), epochs=options.epochs)
    train(options, lambda films, targets: Training(films, targets, schedule, options.out, options.start))


def arguments(about: str, schedule: Schedule, *, begins: bool = True) -> argparse.Namespace:
    """What the command line asks for; a training that ``begins`` needs no start."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out-of-fold", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    start = "a RUN, or a model file that was made of one, whose network is taken further"
    parser.add_argument("--start", type=Path, help=start, required=not begins)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--keep", type=_share, default=0.0, help="of the start in the weights at the end, 0 to 1")
    parser.add_argument("--epochs", type=float, default=schedule.epochs)
    return parser.parse_args()


def _share(word: str) -> float:
    try:
        share = float(word)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"{word} is no share from 0 to 1")
    return share


def train(options: argparse.Namespace, begin: Callable[[FilmTensors, Tensor], Training]) -> None:
    """Train what ``begin`` makes of the training films and their targets, as the command line asks."""
    with ended():
        refuse_unwritable(options.out)
        if not options.resume:
            checkpoint.refuse_existing(options.out)
        keep_freed_memory()
        data = load(replace(configuration(), recipe=""), options.data, torch.device("cpu"))
        training = begin(data.train, targets(data.train, options.out_of_fold))
        if options.resume and checkpoint.has_begun(options.out):
            training.restore()
        with interruptible() as interrupt:
            fit(training, interrupt)
        finish(training, data, options.keep)


if __name__ == "__main__":
    main()
