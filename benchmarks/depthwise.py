"""The cost of the gradients of EfficientNet-Lite0's depthwise convolutions: the library's kernels against ours.

python benchmarks/depthwise.py --out docs/results/depthwise.json     (no data: noise)
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import conv2d

from boneage.files import write_json
from boneage.models.depthwise import depthwise
from boneage.models.efficientnet_lite import EfficientNetLite, SameConv
from boneage.training.distributed import keep_freed_memory

FILMS, SIZE = 32, 224


def shapes() -> list[tuple[int, int, int, int, int]]:
    """Channels, side as padded, kernel, stride and padding of every depthwise convolution, from a forward pass."""
    network, found = EfficientNetLite(), []
    for module in network.modules():
        if isinstance(module, SameConv) and module.groups > 1:
            module.register_forward_pre_hook(lambda layer, inputs: found.append((layer, inputs[0].shape[-1])))
    with torch.no_grad():
        network(torch.zeros(1, 3, SIZE, SIZE))
    rows = []
    for layer, side in found:
        kernel, stride = layer.kernel_size[0], layer.stride[0]
        padded = side + (kernel - 1 - (1 - side % 2) if stride == 2 else 0)
        rows.append((layer.groups, padded, kernel, stride, kernel // 2 if stride == 1 else 0))
    return rows


def seconds(step: Callable[[], None], rounds: int) -> float:
    """The median time of a step, after one that does not count."""
    times = []
    for _ in range(rounds + 1):
        began = time.perf_counter()
        step()
        times.append(time.perf_counter() - began)
    return float(np.median(times[1:]))


def measured(channels: int, side: int, kernel: int, stride: int, padding: int, rounds: int) -> dict[str, float]:
    """Seconds of the forward pass and of both gradients, for a batch of films."""
    films = torch.randn(FILMS, channels, side, side).bfloat16().to(memory_format=torch.channels_last).requires_grad_()
    weight = torch.randn(channels, 1, kernel, kernel, requires_grad=True)

    def forward(ours: bool) -> torch.Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            if ours:
                return depthwise(films, weight, None, stride, padding)
            return conv2d(films, weight, None, stride, padding, 1, channels)

    found = {"forward": seconds(lambda: forward(False).detach_(), rounds)}
    for name, ours in (("library", False), ("ours", True)):
        out = forward(ours)
        grad = torch.randn_like(out)
        found[name] = seconds(lambda out=out, grad=grad: out.backward(grad, retain_graph=True), rounds)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    keep_freed_memory()
    rows = []
    for shape in shapes():
        named = dict(zip(("channels", "side", "kernel", "stride", "padding"), shape, strict=True))
        rows.append(named | {key: round(value, 5) for key, value in measured(*shape, options.rounds).items()})
        print(rows[-1], flush=True)
    totals = {key: round(sum(row[key] for row in rows), 4) for key in ("forward", "library", "ours")}
    found = {"films": FILMS, "pixels": SIZE, "threads": torch.get_num_threads(), "totals": totals, "rows": rows}
    print(json.dumps(totals))
    if options.out:
        write_json(options.out, found)


if __name__ == "__main__":
    main()
