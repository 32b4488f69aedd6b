"""Training of the locator, the network that finds the landmarks of a hand.

python -m boneage.training.locator --data DIR [--phantoms DIR] --out src/boneage/weights/parts/locator.onnx

DIR is a data folder with ``hand_keypoints.csv``, such as `boneage phantom` writes too. Only its training films are
trained on; ``benchmarks/locator.py`` measures the file on validation films. It takes ten minutes of two cores.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ..config import AugmentConfig, Config, PrepareConfig, TrainConfig
from ..data.cache import open_cache
from ..data.dataset import Dataset, open_folder, original_sizes
from ..data.landmark_table import LANDMARK_TABLE, placed, read_landmarks
from ..data.pipeline import each_film
from ..data.split import divide
from ..errors import BadTable
from ..files import refuse_unwritable, sha256, write_bytes
from ..hand import landmarks
from ..hand.landmarks import LANDMARKS
from ..hand.locate import Locator
from ..model_file import METADATA, seal
from ..models.locator import STRIDE, LocatorNetwork
from ..progress import progress
from ..types import DISCLAIMER, Failure
from .augment import affine, grey, warp
from .distributed import keep_freed_memory
from .export import graph
from .optimizer import Average, learning_rate, optimizer
from .precision import autocast, resolved

SIZE = 160
STORED = 224  # the side of the films in memory in pixels: finer than `SIZE`, for zooming in
SPEC = PrepareConfig(size=STORED, channels=1)
TRAIN = TrainConfig(optimizer="adamw", lr=2e-3, weight_decay=0.02, batch=32, warmup=0.05, ema=0.995)
WILD = AugmentConfig(
    rotation=180, shift=0.1, zoom=0.35, aspect=0.35, shear=0.1, flip=0.5,
    gamma=0.5, contrast=0.4, brightness=0.15, noise=0.05,
)  # fmt: skip
UPRIGHT = 0.5  # share of films rotated by no more than 30 degrees
INVERTED = 0.25  # share of films with dark bone
SHUFFLED = 0.06  # share of films cut into tiles and shuffled, as examples without a hand
SYNTHETIC = 8  # synthetic films in a batch, if there are any
SIGMA = 0.8  # cells: the standard deviation of the Gaussian around a landmark


@dataclass(frozen=True)
class LandmarkedFilms:
    """Films uint8 [N, S, S], and their landmarks float32 [N, 21, 2] as (x, y) in fractions of the side."""

    pixels: Tensor
    points: Tensor

    def __len__(self) -> int:
        return len(self.pixels)


def load(root: Path) -> dict[str, tuple[LandmarkedFilms, list[np.ndarray]]]:
    """The films of a data folder that have landmarks, by split; BadTable if there are none.

    With them come their landmarks [21, 2] in pixels of the original films: `LandmarkedFilms` are squashed to squares,
    but the template has to be made in the hands' true proportions.
    """
    dataset = divide(open_folder(root), Config().data)
    known = read_landmarks(dataset.root / LANDMARK_TABLE)
    sizes = original_sizes(dataset.root)
    splits = {sample.split for sample in dataset.samples if sample.split and sample.id in known}
    if not splits:
        raise BadTable(f"{dataset.root / LANDMARK_TABLE} names no film of {dataset.table}")
    return {split: _hands(dataset.of(split), known, sizes) for split in sorted(splits)}


def _hands(
    dataset: Dataset, known: dict[str, np.ndarray], sizes: dict[str, tuple[int, int]]
) -> tuple[LandmarkedFilms, list[np.ndarray]]:
    """The films of one split and their landmarks, as `load` gives them."""
    cache = open_cache([s for s in dataset.samples if s.id in known], SPEC)
    points = []
    for film in each_film(partial(placed, landmarks=known, sizes=sizes, spec=SPEC), cache.samples):
        if isinstance(film, Failure):  # it was a film when the cache was made
            raise BadTable(film.reason)
        points.append(film)
    shown = torch.from_numpy(np.array(points, np.float32))
    return LandmarkedFilms(torch.from_numpy(np.array(cache.pixels)), shown), [known[s.id] for s in cache.samples]


def batch(hands: LandmarkedFilms, rows: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """A batch of augmented films.

    Returns:
        Films float [n, 1, SIZE, SIZE] in [0, 1]; their landmarks [n, 21, 2] in fractions of the side, NaN where the
        film was shuffled; whether bone is dark, bool [n].
    """
    films, points, n = hands.pixels[rows].unsqueeze(1).float() / 255, hands.points[rows], len(rows)

    def chance(share: float) -> Tensor:
        return torch.rand(n, generator=generator) < share

    shuffled, inverted = chance(SHUFFLED), chance(INVERTED)
    films = torch.where(shuffled[:, None, None, None], _in_pieces(films, generator), films)
    matrix = affine(n, WILD, generator, films.device)
    mild = affine(n, replace(WILD, rotation=30), generator, films.device)
    matrix = torch.where(chance(UPRIGHT)[:, None, None], mild, matrix)
    films = grey(warp(films, matrix, SIZE), WILD, generator).clamp(0, 1)
    # `matrix` maps the output to the input, in coordinates from -1 to 1; the landmarks go the other way.
    linear = torch.linalg.inv(matrix[:, :, :2])
    moved = ((points * 2 - 1) - matrix[:, None, :, 2]) @ linear.mT
    points = torch.where(shuffled[:, None, None], math.nan, moved / 2 + 0.5)
    return torch.where(inverted[:, None, None, None], 1 - films, films), points, inverted


def _in_pieces(films: Tensor, generator: torch.Generator) -> Tensor:
    """The films' sixteen tiles in another order: the texture of a film, but no hand."""
    n, side = len(films), films.shape[-1] // 4
    tiles = films[..., : 4 * side, : 4 * side].reshape(n, 4, side, 4, side).transpose(2, 3).reshape(n, 16, side, side)
    tiles = tiles[:, torch.randperm(16, generator=generator)]
    whole = tiles.reshape(n, 4, 4, side, side).transpose(2, 3).reshape(n, 1, 4 * side, 4 * side)
    return functional.interpolate(whole, size=films.shape[-2:], mode="nearest")


def target(points: Tensor) -> Tensor:
    """The targets for landmarks [N, 21, 2]: probabilities [N, 21, cells + 1].

    A Gaussian of `SIGMA` cells around the landmark, or one in the last place if it lies outside the film or is NaN.
    """
    side = SIZE // STRIDE
    cells = torch.arange(side) + 0.5
    seen = ((points >= 0) & (points <= 1)).all(-1)
    x, y = (functional.softmax(-((points[..., i, None] * side - cells) / SIGMA).square() / 2, -1) for i in (0, 1))
    maps = (y[..., :, None] * x[..., None, :]).flatten(2)
    inside = torch.where(seen[..., None], maps, 0.0)
    return torch.cat([inside, (~seen).float()[..., None]], -1)


def loss(network: nn.Module, films: Tensor, points: Tensor, inverted: Tensor) -> Tensor:
    """The mean cross-entropy of the landmarks' cells, in nats, plus a tenth of that of the inversion: a scalar."""
    with autocast(resolved("auto", films.device), films.device):
        places, dark = network(films.contiguous(memory_format=torch.channels_last))
    entropy = -(target(points) * functional.log_softmax(places.float(), -1)).sum(-1).mean()
    return entropy + 0.1 * functional.binary_cross_entropy_with_logits(dark.float(), inverted.float())


def fit(real: LandmarkedFilms, synthetic: LandmarkedFilms | None, steps: int, seed: int = 0) -> nn.Module:
    """Train from ImageNet weights.

    Args:
        real: radiographs.
        synthetic: synthetic films, `SYNTHETIC` of each batch; None for radiographs only.
        steps: how many batches.
        seed: for weights, order and augmentation.

    Returns:
        The network with averaged weights, in evaluation mode.
    """
    torch.manual_seed(seed)
    network = LocatorNetwork(pretrained=True).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimise, average = optimizer(network, TRAIN), Average(network, TRAIN.ema)
    generator = torch.Generator().manual_seed(seed)
    order = _endless(len(real), generator)
    drawn = _endless(len(synthetic), generator) if synthetic else iter(())
    network.train()
    with progress("training the locator", steps, "steps") as advance:
        for step in range(steps):
            for group in optimise.param_groups:
                group["lr"] = learning_rate(step, steps, TRAIN)
            share = SYNTHETIC if synthetic else 0
            parts = [batch(real, _taken(order, TRAIN.batch - share), generator)]
            if synthetic:
                parts.append(batch(synthetic, _taken(drawn, share), generator))
            error = loss(network, *(torch.cat(one) for one in zip(*parts, strict=True)))
            error.backward()
            optimise.step()
            optimise.zero_grad(set_to_none=True)
            average.update(step)
            advance(1, f"loss {error.item():.3f}")
    network.load_state_dict(average.shadow)
    return network.eval()


def _endless(n: int, generator: torch.Generator) -> Iterator[int]:
    """The numbers below ``n`` again and again, each time in another order."""
    while True:
        yield from torch.randperm(n, generator=generator).tolist()


def _taken(numbers: Iterator[int], n: int) -> Tensor:
    """The next ``n`` numbers."""
    return torch.tensor([next(numbers) for _ in range(n)])


class Bytes(nn.Module):
    """The network as it is exported: uint8 films [N, SIZE, SIZE] to the logits of `LocatorNetwork`."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, films: Tensor) -> tuple[Tensor, Tensor]:
        return self.network(films.unsqueeze(1).float() / 255)


def model_bytes(network: nn.Module, template: np.ndarray, about: dict[str, object]) -> bytes:
    """The content of the ONNX file.

    Args:
        network: in evaluation mode.
        template: the mean hand, [21, 2], see `boneage.hand.landmarks.template`.
        about: further entries of the file's description.
    """
    import onnx

    films = torch.zeros(2, SIZE, SIZE, dtype=torch.uint8)
    model = graph(Bytes(network).eval(), {"films": films}, ["places", "inverted"], quantise="float16")
    found = {"format": 1, "name": "locator", "size": SIZE, "template": template.round(5).tolist(), **about}
    onnx.helper.set_model_props(model, {METADATA: json.dumps(found | {"disclaimer": DISCLAIMER})})
    return seal(model)


def measure(reader: Locator, hands: LandmarkedFilms, turned: bool) -> dict[str, float]:
    """The errors of an exported locator on films that it was not trained on.

    Args:
        reader: of the model file.
        hands: the films; those with a landmark outside the film are left out.
        turned: rotate, mirror, squash and invert the films first.

    Returns:
        ``n`` films; ``error``, ``error_90``: mean and 90th percentile of the landmarks' distance from the truth, in per
        cent of the hand's length on the square film; ``worst_film``: the largest mean of a film; ``mirrored``,
        ``inverted``: the share of films for which that is recognised; ``rotation``: median error in degrees.
    """
    generator = torch.Generator().manual_seed(1)
    rows = torch.arange(len(hands))
    if turned:
        films, points, inverted = batch(hands, rows, generator)
    else:
        films = functional.interpolate(hands.pixels[:, None].float() / 255, size=(SIZE, SIZE), mode="area")
        points, inverted = hands.points, torch.zeros(len(hands), dtype=torch.bool)
    errors, sides, polarity, turns = [], [], [], []
    for film, truth, dark in zip(films, points.double().numpy(), inverted.tolist(), strict=True):
        inside = ((truth > 0) & (truth < 1)).all(axis=1)
        if not inside.all():
            continue
        found = reader.find((film[0].numpy() * 255 + 0.5).astype(np.uint8))
        frame = landmarks.fitted(reader.template, truth)
        errors.append(np.linalg.norm(found.points - truth, axis=1) / landmarks.length(truth) * 100)
        sides.append(landmarks.is_mirrored(frame) == landmarks.is_mirrored(found.frame))
        polarity.append((found.inverted > 0.5) == dark)
        turns.append(abs((landmarks.rotation(found.frame) - landmarks.rotation(frame) + 180) % 360 - 180))
    return {
        "n": len(errors),
        "error": float(np.mean(errors)),
        "error_90": float(np.percentile(errors, 90)),
        "worst_film": float(np.max(np.mean(errors, axis=1))),
        "mirrored": float(np.mean(sides)),
        "inverted": float(np.mean(polarity)),
        "rotation": float(np.median(turns)),
    }


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--phantoms", type=Path, help="a folder of synthetic hands, for a quarter of each batch")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=1500)
    options = parser.parse_args()
    refuse_unwritable(options.out.parent)
    keep_freed_memory()
    hands = load(options.data)
    fitted, native = hands["train"]
    synthetic = load(options.phantoms)["train"][0] if options.phantoms else None
    network = fit(fitted, synthetic, options.steps)
    template = landmarks.template(native)
    weights = sha256(*(t.numpy().tobytes() for t in network.state_dict().values()))
    about = {"films": len(fitted), "synthetic": len(synthetic or ()), "steps": options.steps, "landmarks": LANDMARKS}
    write_bytes(options.out, model_bytes(network, template, about | {"weights_sha256": weights}))


if __name__ == "__main__":
    main()
