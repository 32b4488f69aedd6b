"""Batch normalisation over several processes: what takes its place, and where nothing could."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch import nn

from boneage.errors import BadConfig
from boneage.training.shared_statistics import SharedBatchNorm, with_shared_statistics

CPU = torch.device("cpu")


class NormThenRelu(nn.BatchNorm2d):
    """Does more than its name says, as some of timm do."""


def test_what_takes_its_place_has_the_same_tensors() -> None:
    norm = nn.BatchNorm2d(3, eps=0.5, momentum=0.3)
    _, [shared] = with_shared_statistics(nn.Sequential(nn.ReLU(), nn.Sequential(norm)), CPU)
    assert isinstance(shared, SharedBatchNorm)
    assert (shared.eps, shared.momentum) == (0.5, 0.3)
    assert all(
        value is shared.state_dict(keep_vars=True)[name] for name, value in norm.state_dict(keep_vars=True).items()
    )


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_normalisation_that_does_more_is_refused(device: str) -> None:
    network = nn.Sequential(nn.BatchNorm2d(3), NormThenRelu(3))
    with pytest.raises(BadConfig, match="NormThenRelu cannot be shared by several processes"):
        with_shared_statistics(network, torch.device(device))
