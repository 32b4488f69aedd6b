"""The launches of a step on a GPU, made few: by CUDA graphs, and by `torch.compile` where that is asked for.

A step of Inception-v4 launches 2,800 kernels one by one, for which a processor needs longer than the GPU needs for
what they do. As a graph the backbone's forward pass is one launch, and so is its backward pass. It costs two seconds
at the start. Compiled, normalisation and activation are one pass over the films in place of several: a fifth to a third
less of the GPU's time, after one to four minutes in which nothing is trained (`benchmarks/gpu.py`).
"""

from __future__ import annotations

from contextlib import AbstractContextManager

import torch
from torch import Tensor

from ..config import Config
from ..models import MODELS
from ..models.head import Network
from .distributed import Processes
from .precision import PRECISIONS

BACKEND = "inductor"  # of `torch.compile`


def can_be_graphs(config: Config, processes: Processes) -> bool:
    """Whether every step does the same on the GPU, so that one step can be replayed for all."""
    train = config.train
    is_fixed = len(train.sizes) < 2 and train.accumulate == 1 and not train.freeze_batchnorm and not train.distil
    is_known = config.model.name in MODELS and not config.model.drop_path
    return processes.device.type == "cuda" and processes.size == 1 and is_fixed and is_known


def compile_backbone(network: Network) -> None:
    """Let a network's backbone be compiled when it is first called, for each size of batch anew."""
    network.backbone.compile(backend=BACKEND, dynamic=False)


def graph_backbone(network: Network, films: Tensor, precision: str) -> None:
    """Let the two passes of a network's backbone in training be replayed, each by one launch.

    Its weights and statistics stay as they are, and so does what it does outside training.

    Args:
        network: on a GPU.
        films: float [N, 1, S, S]: a batch like all that it will be trained on.
        precision: of the passes, from `boneage.training.precision.resolved`.
    """
    network.train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    seen = network.normalised(films)
    example = torch.empty_like(seen, memory_format=torch.channels_last).copy_(seen)
    kind = PRECISIONS[precision]
    # The parameters are first used on the stream that records: a wait for each, within the GPU, of which torch warns.
    torch.autograd.graph.set_warn_on_accumulate_grad_stream_mismatch(False)
    with torch.autocast("cuda", kind, enabled=kind != torch.float32, cache_enabled=False):
        torch.cuda.make_graphed_callables(network.backbone, (example,))
    network.load_state_dict(before)


def as_written() -> AbstractContextManager[object]:
    """A block in which compiled networks are called as they are written."""
    return torch.compiler.set_stance("force_eager")
