"""The last blocks as products of matrices: the same numbers and gradients as the network's own."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from boneage.models.efficientnet_lite import EfficientNetLite
from boneage.training.optimizer import freeze_statistics
from boneage.training.small_maps import features_of

FIRST = 11


@pytest.fixture(scope="module")
def backbone() -> EfficientNetLite:
    torch.manual_seed(5)
    found = EfficientNetLite()
    for module in found.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.running_mean, -0.3, 0.3)
            torch.nn.init.uniform_(module.running_var, 0.3, 2.0)
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
    return found.eval()


@pytest.mark.parametrize("size", [(5, 5), (5, 10), (6, 6), (4, 7), (1, 1), (1, 2)])
def test_the_features_are_those_of_the_network(backbone: EfficientNetLite, size: tuple[int, int]) -> None:
    maps = torch.randn(3, 112, *size, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        own = backbone.pool(backbone.head(backbone.blocks[FIRST:](maps)))
        torch.testing.assert_close(features_of(backbone, maps, FIRST), own, atol=1e-4, rtol=1e-4)


def test_the_gradients_are_those_of_the_network(backbone: EfficientNetLite) -> None:
    maps = torch.randn(2, 112, 5, 5, generator=torch.Generator().manual_seed(3))
    backbone.train()
    freeze_statistics(backbone)
    weights = [p for block in backbone.blocks[FIRST:] for p in block.parameters()]
    weighing = torch.randn(2, 1280, generator=torch.Generator().manual_seed(4))
    found = []
    for features in (backbone.pool(backbone.head(backbone.blocks[FIRST:](maps))), features_of(backbone, maps, FIRST)):
        found.append(torch.autograd.grad((features * weighing).sum(), weights))
    for own, other in zip(*found, strict=True):
        torch.testing.assert_close(other, own, atol=1e-3, rtol=1e-3)
    backbone.eval()


def test_all_blocks_may_be_taken(backbone: EfficientNetLite) -> None:
    films = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        maps = backbone.stem(films)
        last = len(backbone.blocks)
        own = backbone.pool(backbone.head(backbone.blocks(maps)))
        torch.testing.assert_close(features_of(backbone, backbone.blocks(maps), last), own, atol=1e-4, rtol=1e-4)
