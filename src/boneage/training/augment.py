"""Augmentation of a whole batch at once, on its device, straight from the cached bytes.

One warp (rotation, shift, zoom, aspect, shear, flip and the change of size) and then grey levels, noise, blur and
rectangles. Everything is drawn from the generator passed in, so a batch is a pure function of (seed, step).

The generator is the processor's, wherever the films are: which films change, and by how much, is known without asking
the device, so that no step waits for the one before it. Only the noise of single pixels is drawn on the device.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from ..config import CELLS, AugmentConfig
from ..hand.joints import TILES
from ..models.head import resized

NONE = AugmentConfig()
ACROSS = {False: 290, True: 184}  # pixels of an RSNA film along a prepared one, of the hand and of its joints
LARGE = [tile for tile in TILES if tile.cells > 1]
_ALONE = torch.ones(CELLS, CELLS, dtype=torch.bool)  # the cells of a montage that are tiles of their own
for _tile in LARGE:
    _ALONE[_tile.part(1)] = False
_SINGLE = _ALONE.view(-1).nonzero().view(-1)  # their numbers, row by row
_COSINES = torch.tensor(  # the transform of ITU-T T.81, A.3.3, as a matrix [frequency, pixel]
    [[math.cos((2 * at + 1) * f * math.pi / 16) / (2 if f else 2 * math.sqrt(2)) for at in range(8)] for f in range(8)]
)
_JPEG_STEPS = torch.tensor(  # ITU-T T.81, table K.1: luminance
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ],
    dtype=torch.float32,
)


def augment(
    films: Tensor, config: AugmentConfig, generator: torch.Generator, size: int, *, montages: bool = False
) -> Tensor:
    """Augmented films: uint8 [N, S, S] to float32 [N, 1, size, size] in [0, 1].

    Args:
        films: prepared films.
        config: the strengths.
        generator: of the processor.
        size: the side of the result in pixels.
        montages: whether the films are montages of joints (`boneage.hand.joints`), whose tiles are warped one by one.
    """
    x = films.unsqueeze(1).float().div_(255)
    if config == NONE:
        return resized(x, size)
    if montages:
        x = each_joint(x, config, generator, size)
    else:
        x = warp(x, affine(len(x), config, generator, x.device), size)
    x = _some(x, config.coarse, coarse, generator)
    x = _some(x, config.blur, blur, generator)
    x = _some(x, config.grain, grain, generator)
    x = _some(x, config.blocks, blocks, generator)
    x = grey(x, config, generator)
    x = _some(x, config.marker, markers, generator)
    return _some(x, config.erase, erase, generator).clamp_(0, 1)


def degraded(x: Tensor, generator: torch.Generator, *, montages: bool = False) -> Tensor:
    """Prepared films as if their originals had been worse: float [N, 1, S, S] in [0, 1] to the same.

    Three fifths look as if from films with 0.4 to 1.3 times as many pixels along a side as RSNA's, one fifth is noisy
    and one fifth has been through JPEG, both at about the pixels of an RSNA film. Four films at a time share one size.

    Args:
        x: prepared films.
        generator: of the processor.
        montages: whether they are montages of joints.
    """
    return torch.cat([_worse(some, ACROSS[montages], generator) for some in x.split(4)]).clamp_(0, 1)


def _worse(x: Tensor, across: int, generator: torch.Generator) -> Tensor:
    size, which, kernel = torch.rand(3, generator=generator).tolist()
    is_coarse = which < 0.6
    times = 0.42 * 3**size if is_coarse else 0.95 + 0.5 * size
    side = min(CELLS * max(1, round(times * across / CELLS)), x.shape[-1])
    worse = F.adaptive_avg_pool2d(x, side) if kernel < 0.6 else resized(x, side)
    if which >= 0.8:
        corner = int(torch.randint(8, (), generator=generator))
        worse = jpeg(worse, _log_uniform(len(x), (0.5, 8), generator, x.device), corner)
    elif not is_coarse:
        strength = _log_uniform(len(x), (0.02, 0.2), generator, x.device)
        worse = worse.addcmul(strength, _noise(worse, generator))
    return F.interpolate(worse, size=x.shape[-2:], mode="bilinear", align_corners=False)


def plain(films: Tensor, size: int) -> Tensor:
    """Films without augmentation: uint8 [N, S, S] to float32 [N, 1, size, size] in [0, 1]."""
    return resized(films.unsqueeze(1).float().div_(255), size)


def warp(x: Tensor, matrix: Tensor, size: int, beyond: str = "zeros") -> Tensor:
    """Films [N, 1, H, W] sampled by one affine map [N, 2, 3] each: [N, 1, size, size].

    ``beyond``: the ``padding_mode`` of `torch.nn.functional.grid_sample` for what lies outside the film.
    """
    return F.grid_sample(x, _grid(matrix, size), mode="bilinear", padding_mode=beyond, align_corners=False)


def each_joint(x: Tensor, config: AugmentConfig, generator: torch.Generator, size: int) -> Tensor:
    """Montages [N, 1, S, S] as [N, 1, size, size], each tile warped by a map of its own; ``size`` in whole cells."""
    n, before, after = len(x), x.shape[-1] // CELLS, size // CELLS  # pixels of a cell

    def warped(tiles: Tensor, cells: int) -> Tensor:
        return warp(tiles, affine(len(tiles), config, generator, x.device), cells * after, "reflection")

    large = [(tile, warped(x[(..., *tile.part(before))], tile.cells)) for tile in LARGE]
    every = x.view(n, CELLS, before, CELLS, before).transpose(2, 3).flatten(1, 2)
    single, out = moved(_SINGLE, x.device), x.new_empty(n, CELLS**2, after, after)
    out[:, single] = warped(every[:, single].flatten(0, 1).unsqueeze(1), 1).view(n, -1, after, after)
    out = out.view(n, CELLS, CELLS, after, after).transpose(2, 3).reshape(n, 1, size, size)
    for tile, pixels in large:
        out[(..., *tile.part(after))] = pixels
    return out


def grey(x: Tensor, config: AugmentConfig, generator: torch.Generator) -> Tensor:
    """Gamma, contrast about mid-grey, brightness and noise, with strengths of its own for each film; changes ``x``."""

    def draw(reach: float) -> Tensor:
        return _uniform(len(x), reach, generator, x.device).view(-1, 1, 1, 1)

    if config.gamma:
        x = x.clamp_min_(1e-6).pow_(draw(config.gamma).exp())
    if config.contrast or config.brightness:
        contrast, brightness = 1 + draw(config.contrast), draw(config.brightness)
        x = x.mul_(contrast).add_(0.5 - 0.5 * contrast + brightness)
    if config.noise:
        strength = draw(config.noise).abs()
        x = x.addcmul_(strength, _noise(x, generator))
    return x


def affine(n: int, config: AugmentConfig, generator: torch.Generator, device: torch.device) -> Tensor:
    """Random output-to-input maps [n, 2, 3] in the coordinates of `torch.nn.functional.affine_grid`."""

    def draw(reach: float) -> Tensor:
        return _uniform(n, reach, generator, device)

    angle = draw(math.radians(config.rotation))
    zoom, stretch = (-draw(config.zoom)).exp(), draw(config.aspect).div(2).exp()
    shear = draw(config.shear)
    mirror = moved(1 - 2 * _chance(n, config.flip, generator).float(), device)
    cos, sin = angle.cos(), angle.sin()
    across, down = zoom * stretch, zoom / stretch
    rows = [
        torch.stack([mirror * across * cos, across * (shear * cos - sin), draw(2 * config.shift)], 1),
        torch.stack([mirror * down * sin, down * (shear * sin + cos), draw(2 * config.shift)], 1),
    ]
    return torch.stack(rows, 1)


def blur(x: Tensor, generator: torch.Generator) -> Tensor:
    """A mean over three by three pixels."""
    return F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)


def coarse(x: Tensor, generator: torch.Generator) -> Tensor:
    """A lower resolution: all films reduced to the same 40 to 90 % of the side and enlarged again."""
    share = 0.4 + 0.5 * float(torch.rand((), generator=generator))
    return resized(resized(x, max(1, round(share * x.shape[-1]))), x.shape[-1])


def grain(x: Tensor, generator: torch.Generator) -> Tensor:
    """Noise with a standard deviation of 3 to 30 % of the range: that of a dim film, stretched with its contrast."""
    strength = _log_uniform(len(x), (0.03, 0.3), generator, x.device)
    return x.addcmul(strength, _noise(x, generator))


def blocks(x: Tensor, generator: torch.Generator) -> Tensor:
    """JPEG artefacts of quality 50 to 4; of better qualities on a dim film, stretched with its contrast."""
    corner = int(torch.randint(8, (), generator=generator))
    return jpeg(x, _log_uniform(len(x), (1, 12), generator, x.device), corner)


def jpeg(x: Tensor, coarser: Tensor, corner: int = 0) -> Tensor:
    """Films after JPEG: the cosine transform of blocks of 8 × 8 pixels, rounded (ITU-T T.81).

    Args:
        x: films float [N, 1, S, S] in [0, 1].
        coarser: [N, 1, 1, 1], the factor on the standard's steps of rounding.
        corner: how many pixels outside the film the first block begins, 0 to 7.
    """
    side = x.shape[-1]
    rest = -(side + corner) % 8
    padded = F.pad(x, (corner, rest, corner, rest), mode="replicate")
    count = padded.shape[-1] // 8
    tiles = padded.view(len(x), count, 8, count, 8).transpose(2, 3)
    cosines, steps = moved(_COSINES, x.device), moved(_JPEG_STEPS, x.device) / 255 * coarser[..., None]
    kept = ((cosines @ tiles @ cosines.T) / steps).round() * steps
    whole = (cosines.T @ kept @ cosines).transpose(2, 3).reshape(padded.shape)
    return whole[..., corner : corner + side, corner : corner + side]


def markers(x: Tensor, generator: torch.Generator) -> Tensor:
    """A dark plate with a bright L or I on it, somewhere: side markers lie beside most hands."""
    n, device = len(x), x.device
    centre = 0.5 + _uniform(2 * n, 0.45, generator, device).view(2, n)
    half = 0.05 + _uniform(2 * n, 0.02, generator, device).view(2, n)
    upright = _box(x, centre - 0.4 * half * _column((0.0, 1.0), device), half * _column((0.7, 0.2), device))
    foot = _box(x, centre + 0.5 * half * _column((1.0, 0.0), device), half * _column((0.2, 0.5), device))
    has_foot = moved(_chance(n, 0.7, generator), device).view(-1, 1, 1, 1)
    x = torch.where(_box(x, centre, half), 0.35 * x + 0.12, x)
    return torch.where(upright | (foot & has_foot), 1.0, x)


def erase(x: Tensor, generator: torch.Generator) -> Tensor:
    """A grey rectangle somewhere."""
    n, device = len(x), x.device
    centre = 0.5 + _uniform(2 * n, 0.5, generator, device).view(2, n)
    half = 0.07 + _uniform(2 * n, 0.05, generator, device).view(2, n)
    fill = (0.3 + _uniform(n, 0.3, generator, device)).view(-1, 1, 1, 1)
    return torch.where(_box(x, centre, half), fill, x)


def _some(
    x: Tensor, probability: float, change: Callable[[Tensor, torch.Generator], Tensor], generator: torch.Generator
) -> Tensor:
    """Change a random share of the films; the others are not computed."""
    if probability:
        rows = _chance(len(x), probability, generator).nonzero().view(-1)
        if len(rows):
            rows = moved(rows, x.device)
            x[rows] = change(x[rows], generator)
    return x


def _grid(matrix: Tensor, size: int) -> Tensor:
    """As `torch.nn.functional.affine_grid` with ``align_corners=False``, [N, size, size, 2], in a fifth of its time."""
    at = (torch.arange(size, device=matrix.device) * 2 + 1) / size - 1
    across, down, shift = (column[:, :, None, None] for column in matrix.unbind(2))
    return (across * at + (down * at[:, None] + shift)).permute(0, 2, 3, 1)


def _box(x: Tensor, centre: Tensor, half: Tensor) -> Tensor:
    """Masks [N, 1, S, S] of rectangles given as (row, column) fractions [2, N] of the side."""
    at = (torch.arange(x.shape[-1], device=x.device) + 0.5) / x.shape[-1]
    rows, columns = ((at - c[:, None]).abs() < h[:, None] for c, h in zip(centre, half, strict=True))
    return (rows[:, :, None] & columns[:, None, :]).unsqueeze(1)


def _column(pair: tuple[float, float], device: torch.device) -> Tensor:
    return moved(torch.tensor(pair), device).view(2, 1)


def _uniform(n: int, reach: float, generator: torch.Generator, device: torch.device) -> Tensor:
    return moved((torch.rand(n, generator=generator) * 2 - 1) * reach, device)


def _log_uniform(n: int, ends: tuple[float, float], generator: torch.Generator, device: torch.device) -> Tensor:
    """Strengths [n, 1, 1, 1] between two ends, their logarithms uniform."""
    low, high = math.log(ends[0]), math.log(ends[1])
    return moved((low + (high - low) * torch.rand(n, generator=generator)).exp(), device).view(-1, 1, 1, 1)


def _chance(n: int, probability: float, generator: torch.Generator) -> Tensor:
    return torch.rand(n, generator=generator) < probability


def _noise(x: Tensor, generator: torch.Generator) -> Tensor:
    """Normal numbers of the shape of ``x``, drawn on its device."""
    if x.device.type != "cpu":
        generator = torch.Generator(x.device).manual_seed(int(torch.randint(2**63 - 1, (), generator=generator)))
    return torch.randn(x.shape, generator=generator, device=x.device)


def moved(x: Tensor, device: torch.device) -> Tensor:
    """The processor's ``x`` on the device, without waiting for what the device has to do before."""
    return x.to(device, non_blocking=True)
