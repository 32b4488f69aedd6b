"""The layers of a network as they are found in its graph."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")

from trunks import CONVOLUTIONS, DEPTHWISE, drawn, little, run

from boneage.training.trunk import trunks_of


def test_the_layers_give_what_the_graph_gives() -> None:
    films = drawn(3)
    (trunk,) = trunks_of(little())
    values = {trunk.input: torch.from_numpy(films - np.float32(0.5))}
    for layer in trunk.layers:
        values[layer.output] = layer.activated(layer.of([values[name] for name in layer.inputs]))
    np.testing.assert_allclose(values[trunk.output].mean((2, 3)), run(little(), films), atol=1e-4)


def test_a_layer_knows_what_it_is() -> None:
    (trunk,) = trunks_of(little())
    layers = {layer.output: layer for layer in trunk.layers}
    assert list(layers) == ["a", "b", "c", "d", "e", "f", "sum", "g"]
    assert {name for name, layer in layers.items() if layer.is_depthwise} == set(DEPTHWISE)
    assert {name for name, layer in layers.items() if layer.is_clipped} == {one[1] for one in CONVOLUTIONS if one[-1]}
    assert [name for name, layer in layers.items() if layer.is_float] == ["a", "b", "c"]
    assert [name for name, layer in layers.items() if layer.is_last_float] == ["c"]
    assert layers["sum"].weights is None
    assert len({layer.key for layer in trunk.layers}) == len(trunk.layers)
    assert (trunk.input, trunk.output, trunk.is_quick) == ("film", "g", False)


def test_keys_follow_the_numbers() -> None:
    first, again, other = (
        [layer.key for layer in trunk.layers] for model in (little(), little(), little(1)) for trunk in trunks_of(model)
    )
    assert first == again
    assert not set(first) & set(other)


def test_a_network_with_another_activation_has_none() -> None:
    assert trunks_of(little(activation="Relu")) == []
