"""The blocks of a regional network's backbone that stay as they are in training, run by ONNX Runtime."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from ..model_file import FORMAT, METADATA, seal, session
from ..models.efficientnet_lite import EfficientNetLite
from ..models.regional import RegionalNetwork
from .export import graph


class Trunk:
    """The part of a backbone that stays as it is, run by ONNX Runtime: a third of torch's time.

    Args:
        network: in evaluation mode.
        blocks: how many, from the first; None: the whole backbone.
    """

    def __init__(self, network: RegionalNetwork, blocks: int | None) -> None:
        first = _First(network, blocks).eval()
        examples = [x[0] for x in network.pieces(torch.zeros(2, 1, network.size, network.size))]
        self._sessions = [_session(graph(first, {"x": one}, ["y"], quantise="float32")) for one in examples]

    def __call__(self, pieces: Sequence[Tensor]) -> list[Tensor]:
        """The maps [n, C, h, w], or features [n, F], of pieces float [n, 1, H, W] in [0, 1].

        These are all that `RegionalNetwork.pieces` gives, or the carpals alone.
        """
        each = zip(self._sessions, pieces, strict=False)
        return [torch.from_numpy(session.run(None, {"x": x.numpy()})[0]) for session, x in each]


class _First(nn.Module):
    def __init__(self, network: RegionalNetwork, blocks: int | None) -> None:
        super().__init__()
        self.network, self.backbone, self.blocks = network, cast(EfficientNetLite, network.backbone), blocks

    def forward(self, x: Tensor) -> Tensor:
        x = self.network.normalised(x)
        return self.backbone(x) if self.blocks is None else self.backbone.blocks[: self.blocks](self.backbone.stem(x))


def _session(model: Any) -> Any:
    import onnx

    onnx.helper.set_model_props(model, {METADATA: json.dumps({"format": FORMAT})})
    return session(seal(model), Path("the first blocks"), 1)[0]
