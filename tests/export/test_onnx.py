from __future__ import annotations

import copy

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from export.onnx import absolute, check, relative, to_onnx
from monitor.errors import MonitorError

INPUTS = np.random.default_rng(0).standard_normal((10, 5)).astype(np.float32)


@pytest.fixture
def model() -> nn.Module:
    """The smallest of models."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 3)).eval()


def graph_of(model: nn.Module) -> bytes:
    """Its graph."""
    return to_onnx(model, torch.zeros(2, 5), "numbers", "sums")


def shifted(model: nn.Module, shift: float) -> nn.Module:
    """The model, with something added to its first output."""
    other = copy.deepcopy(model)
    with torch.no_grad():
        other[2].bias[0] += shift
    return other


def test_faithful_graph_passes(model: nn.Module) -> None:
    """A graph of the model itself differs by rounding only."""
    assert check(graph_of(model), model, INPUTS, absolute, 1e-4) < 1e-6


def test_a_slightly_different_model_is_refused(model: nn.Module) -> None:
    """A graph whose weights are not quite the model's is refused with the difference."""
    graph = graph_of(shifted(model, 0.01))
    with pytest.raises(
        MonitorError, match=r"ONNX and torch differ by 0\.01 with a batch of 1, more than 0\.001"
    ):
        check(graph, model, INPUTS, absolute, 1e-3)
    assert check(graph, model, INPUTS, absolute, 0.02) == pytest.approx(0.01, rel=1e-3)


@pytest.mark.parametrize("distance", [absolute, relative])
@pytest.mark.parametrize("whose", ["graph", "model", "both"])
def test_what_is_no_number_is_refused(model: nn.Module, distance: object, whose: str) -> None:
    """NaN is not a small difference, whichever side gives it."""
    no_number = shifted(model, torch.nan)
    graph = graph_of(model if whose == "model" else no_number)
    with pytest.raises(MonitorError, match="differ by nan"):
        check(graph, model if whose == "graph" else no_number, INPUTS, distance, 1e9)


def test_frozen_batch_is_refused(model: nn.Module) -> None:
    """A graph that runs at one batch size only is refused."""
    proto = onnx.load_from_string(graph_of(model))
    for entry in (*proto.graph.input, *proto.graph.output):
        entry.type.tensor_type.shape.dim[0].dim_value = 1
    with pytest.raises(MonitorError, match="does not run with a batch of 3"):
        check(proto.SerializeToString(), model, INPUTS, absolute, 1e-4)


def test_relative_difference_goes_by_the_row() -> None:
    """A row is measured by its own largest number; of no row of zeros anything else is accepted."""
    wanted = np.array([[100.0, 0.0], [0.01, 0.005], [0.0, 0.0]], dtype=np.float32)
    assert relative(wanted, wanted) == 0.0
    assert relative(wanted + np.float32([[0.1], [0], [0]]), wanted) == pytest.approx(1e-3, rel=1e-3)
    assert relative(wanted + np.float32([[0], [0.001], [0]]), wanted) == pytest.approx(0.1, rel=1e-3)
    assert relative(wanted + np.float32([[0], [0], [1e-9]]), wanted) > 1e20
    assert absolute(wanted + np.float32([[0], [0.001], [0]]), wanted) == pytest.approx(1e-3, rel=1e-3)
