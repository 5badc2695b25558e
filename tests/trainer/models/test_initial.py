from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from trainer.models.initial import Fan, Scheme, randomise


def network() -> nn.Sequential:
    """A convolution, batch normalisation with learnt values, and a linear layer."""
    norm = nn.BatchNorm2d(200)
    for value in (norm.weight, norm.bias, norm.running_mean, norm.running_var):
        nn.init.constant_(value, 7.0)
    return nn.Sequential(nn.Conv2d(50, 200, 3), norm, nn.Linear(400, 300))


def made(scheme: Scheme, fan: Fan = "fan_out", seed: int = 1) -> nn.Sequential:
    """The network with fresh weights."""
    fresh = network()
    randomise(fresh, seed, scheme, fan)
    return fresh


@pytest.mark.parametrize(("layer", "fans"), [(0, 9 * (50 + 200)), (2, 400 + 300)])
def test_glorot_uniform(layer: int, fans: int) -> None:
    """Keras' weights fill the range +-sqrt(6 / (fan in + fan out)) evenly."""
    weight = made("keras")[layer].weight
    limit = math.sqrt(6 / fans)
    assert 0.999 * limit < weight.abs().max() <= limit
    assert weight.std().item() == pytest.approx(limit / math.sqrt(3), rel=0.01)


@pytest.mark.parametrize(("fan", "inputs"), [("fan_in", 9 * 50), ("fan_out", 9 * 200)])
def test_he_normal(fan: Fan, inputs: int) -> None:
    """Convolutions of torchvision are normal with the variance 2 / fan."""
    weight = made("torchvision", fan)[0].weight
    assert weight.std().item() == pytest.approx(math.sqrt(2 / inputs), rel=0.01)
    assert weight.abs().max() > 3 * weight.std()


def test_linear_layers_of_torchvision() -> None:
    """Linear layers of torchvision are N(0, 0.01)."""
    assert made("torchvision")[2].weight.std().item() == pytest.approx(0.01, rel=0.01)


@pytest.mark.parametrize("scheme", ["keras", "torchvision"])
def test_the_rest_does_nothing(scheme: Scheme) -> None:
    """Biases are zero, and batch normalisation gives back what it gets."""
    fresh = made(scheme).eval()
    assert not fresh[0].bias.any()
    assert not fresh[2].bias.any()
    x = torch.linspace(-3, 3, 200).reshape(1, 200, 1, 1)
    assert torch.allclose(fresh[1](x), x, rtol=1e-5)


@pytest.mark.parametrize("scheme", ["keras", "torchvision"])
def test_the_seed_decides(scheme: Scheme) -> None:
    """The same seed gives the same weights whatever else was drawn, another seed gives others."""
    first, again = made(scheme), network()
    state = torch.get_rng_state()
    randomise(again, 1, scheme, "fan_out")
    assert torch.equal(torch.get_rng_state(), state)
    assert all(map(torch.equal, first.parameters(), again.parameters()))
    assert not torch.equal(first[0].weight, made(scheme, seed=2)[0].weight)
