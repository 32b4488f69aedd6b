"""The training loop: step, evaluate, save.

The order of the films, their augmentation and the dropout are functions of (seed, step) alone, so that a resumed run
repeats an unbroken one exactly. The state that the loop changes is a `boneage.training.run.Run`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from contextlib import nullcontext

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import BadConfig, Preempted
from ..files import remove_leftovers
from ..hand.prepare import parts
from ..hand.views import views
from ..models.head import RawOutputs
from ..progress import progress
from .augment import augment, degraded, moved, plain
from .distil import halves
from .launches import as_written
from .losses import expected_error_loss, sex_loss
from .optimizer import freeze_statistics, learning_rate
from .run import Run

PREDICTED_AT_ONCE = 64  # films


def fit(run: Run, interrupt: object) -> None:
    """Train until the schedule ends or the patience is exhausted, from wherever the run is.

    ``interrupt`` is asked for its truth after every step, on a GPU after every `LOOKS_EVERY` steps.

    Raises:
        KeyboardInterrupt, Preempted: ``interrupt`` was true in one of the processes, by a person or a scheduler; the
            state is saved.
        BadConfig: the loss or the validation error is no finite number.
        CannotWrite: the disk is full, for example.
    """
    wrapped, state, is_main = run.wrapped(), run.progress, run.processes.is_main
    began = time.monotonic() - state.seconds
    if is_main:
        remove_leftovers(run.folder)
    if state.step == 0:
        run.save()
    label = f"{run.config.recipe or 'training'} in {run.precision}"
    waiting = list[Tensor]()  # losses that the device may still have to compute
    with progress(label, run.steps, "steps", state.step, quiet=not is_main) as advance:
        while state.step < run.steps and not run.is_exhausted:
            waiting.append(train_step(run, wrapped, state.step))
            state.step += 1
            is_epoch, is_saved = state.step % run.epoch_steps == 0, state.step % run.config.train.save_every == 0
            if not (is_epoch or is_saved or state.step % run.looks_every == 0 or state.step >= run.steps):
                continue
            loss = count_losses(run, waiting)
            state.seconds = time.monotonic() - began
            best = f", best validation MAE {state.best:.2f} months" if math.isfinite(state.best) else ""
            advance(len(waiting), f"loss {loss:.4f}{best}")
            waiting.clear()
            if is_epoch:
                end_epoch(run)
            elif is_saved:
                run.save()
            if run.processes.any_process(bool(interrupt)):
                run.save()
                # All take part in this, so none ends before the state is written.
                by_scheduler = run.processes.any_process(getattr(interrupt, "by_scheduler", False))
                raise Preempted if by_scheduler else KeyboardInterrupt


def count_losses(run: Run, losses: Sequence[Tensor]) -> float:
    """Add the losses of the latest steps, each the mean over the processes, to the epoch's sum; returns the last one.

    BadConfig if one is no finite number.
    """
    values = [run.processes.mean(loss) for loss in torch.stack(list(losses)).tolist()]
    for step, loss in enumerate(values, run.progress.step - len(values) + 1):
        if not math.isfinite(loss):
            raise BadConfig(f"the loss became {loss} at step {step}: try a smaller train.lr")
        run.progress.loss += loss
    return values[-1]


def train_step(run: Run, wrapped: nn.Module, step: int) -> Tensor:
    """One optimiser step on batch number ``step``.

    ``wrapped`` is the run's network as `Run.wrapped` gives it. Returns this process's loss, a float32 scalar on its
    device, which may still have to compute it; the mean over the processes is the loss of the whole batch.
    """
    config = run.config.train
    run.network.train()
    if config.freeze_batchnorm and step >= config.freeze_after * run.steps:
        freeze_statistics(run.network)
    rate = learning_rate(step, run.steps, config)
    for group in run.optimizer.param_groups:
        group["lr"] = rate
    loss = accumulate_gradients(run, wrapped, step)
    if config.clip:
        run.scaler.unscale_(run.optimizer)
        nn.utils.clip_grad_norm_(run.network.parameters(), config.clip)
    run.scaler.step(run.optimizer)
    run.scaler.update()
    run.optimizer.zero_grad(set_to_none=True)
    run.average.update(step)
    return loss


def accumulate_gradients(run: Run, wrapped: nn.Module, step: int) -> Tensor:
    """Add the gradients of a batch, ``train.accumulate`` parts one after the other; returns the loss."""
    own = batch_rows(run, step)
    portions = own.tensor_split(min(run.config.train.accumulate, run.batch_size // run.processes.size))
    losses = []
    for part, rows in enumerate(portions):
        films, sex = augmented_batch(run, step, part, rows)
        # The processes exchange gradients in a backward pass: once a step is enough, with the last part.
        is_last = part == len(portions) - 1
        with nullcontext() if is_last or run.processes.size == 1 else wrapped.no_sync():  # type: ignore[operator]
            with run.autocast():
                outputs = wrapped(films, sex)
            teacher = run.teacher
            loss = teacher.loss(outputs, films, sex, run.autocast()) if teacher else label_loss(run, outputs, rows)
            # Both losses are means over these rows, and DistributedDataParallel averages over the processes: so
            # weighted, the sum of all parts is the mean over the batch, however unevenly that is divided.
            loss = loss * (len(rows) * run.processes.size / run.batch_size)
            run.scaler.scale(loss).backward()
        losses.append(loss.detach())
    return torch.stack(losses).sum()


def batch_rows(run: Run, step: int) -> Tensor:
    """This process's share of the rows of batch number ``step``.

    Every epoch has an order of its own; the films left over when it is cut into batches differ from epoch to epoch.
    """
    epoch, place = divmod(step, run.epoch_steps)
    shuffle = torch.Generator().manual_seed(_seed(run.config.train.seed, epoch))
    order = torch.randperm(len(run.data.train), generator=shuffle)
    return order[place * run.batch_size : (place + 1) * run.batch_size][run.processes.rank :: run.processes.size]


def augmented_batch(run: Run, step: int, part: int, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Films float [N, 1, S, S] and sex [N, 2] of these rows, a function of (seed, step, part, rank) alone.

    With a teacher it is 2 N films, as `boneage.training.distil.halves` gives them.
    """
    films, device = run.data.train, run.processes.device
    seed = _seed(run.config.train.seed, step, part, run.processes.rank)
    torch.manual_seed(seed)  # for the network's dropout
    generator = torch.Generator().manual_seed(seed)
    rows = moved(rows, device)
    montages = run.config.prepare.joints
    pixels = augment(films.pixels[rows], run.config.augment, generator, run.side_at(step), montages=montages)
    if run.teacher is None:
        return pixels, films.sex[rows]
    is_given = moved(torch.rand(len(rows), 1, generator=generator) >= run.config.model.sex_dropout, device)
    both = halves(pixels, degraded(pixels, generator, montages=montages))
    return both, (films.sex[rows] * is_given).repeat(2, 1)


def label_loss(run: Run, outputs: RawOutputs, rows: Tensor) -> Tensor:
    """The loss of a network's outputs for these training films against their labels: a float32 scalar."""
    films, weights = run.data.train, run.config.model
    rows = moved(rows, run.processes.device)
    months, sex = films.months[rows], films.sex[rows]
    loss = run.output.loss(outputs.age, months)
    if outputs.male is not None:
        loss = loss + weights.sex_loss * sex_loss(outputs.male, sex)
    if outputs.expected_error is not None:
        errors = run.output.months(outputs.age) - months
        loss = loss + weights.expected_error_loss * expected_error_loss(outputs.expected_error, errors)
    return loss


def end_epoch(run: Run) -> None:
    """Evaluate the averaged weights, keep them if they are the best so far, write the log and the state.

    Without validation films the latest weights count as the best.
    """
    state, epoch, error = run.progress, run.progress.step // run.epoch_steps, None
    if not len(run.data.validation):
        run.save_best()
    elif epoch % run.config.train.evaluate_every == 0 or state.step == run.steps:
        error = validate(run)
        state.stale = 0 if error < state.best else state.stale + 1
        if error < state.best:
            state.best = error
            run.save_best()
    run.log(epoch, error)
    state.loss = 0.0
    run.save()


def validate(run: Run) -> float:
    """MAE in months of the averaged weights on the validation films.

    Batch statistics may differ between processes: all take the main process's value, so that they stop together.
    """
    films, error = run.data.validation, 0.0
    if run.processes.is_main:
        months = predict(run, films.pixels, films.sex)
        error = float(np.abs(months - films.months.cpu().double().numpy()).mean())
    error = run.processes.broadcast(error)
    if not math.isfinite(error):
        raise BadConfig(f"the validation error became {error} at step {run.progress.step}: try a smaller train.lr")
    return error


@torch.no_grad()
def predict(run: Run, pixels: Tensor, sex: Tensor) -> np.ndarray:
    """Months, float64 [N], of the averaged weights for uint8 pixels [N, S, S] and sex [N, 2].

    It is the mean over ``model.views``, as in use. The network's own weights are put back afterwards.
    """
    current = {name: tensor.clone() for name, tensor in run.network.state_dict().items()}
    run.network.load_state_dict(run.average.shadow)
    run.network.eval()
    seen = views(pixels.cpu().numpy(), run.config.model.views, parts(run.config.prepare))
    with as_written() if run.config.train.compile else nullcontext():
        months = [_months(run, torch.from_numpy(view).to(pixels.device), sex) for view in seen]
    run.network.load_state_dict(current)
    return np.mean(months, axis=0)


def _months(run: Run, pixels: Tensor, sex: Tensor) -> np.ndarray:
    months = []
    for films, known in zip(pixels.split(PREDICTED_AT_ONCE), sex.split(PREDICTED_AT_ONCE), strict=True):
        with run.autocast():
            outputs = run.network(plain(films, run.config.prepare.size), known)
        months.append(run.output.months(outputs.age).cpu())
    return torch.cat(months).double().numpy()


def _seed(*numbers: int) -> int:
    """A seed of 63 bits from several numbers: neighbouring numbers give unrelated streams."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> 1)
