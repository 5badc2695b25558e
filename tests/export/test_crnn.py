from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from export.crnn import TOLERANCE, Ensemble, export_ensemble
from export.graph import export_graph, load_network, real_inputs
from export.onnx import absolute, check
from export.system import single
from monitor.errors import MonitorError
from tests.toy_training import write_data
from trainer import folds, recipes
from trainer.models.crnn import Crnn


@pytest.fixture(scope="module")
def model(run_folder: Path) -> Ensemble:
    """Both fold models of the toy run."""
    return Ensemble(folds.load_models(run_folder, [1, 2])).eval()


@pytest.fixture(scope="module")
def log_mel(run_folder: Path) -> np.ndarray:
    """Windows of the toy run's data."""
    return real_inputs(single(run_folder), None)


def test_batch_axis_is_free(model: Ensemble, log_mel: np.ndarray) -> None:
    """The graph runs at every batch size, and a window's posteriors do not depend on it."""
    graph = export_ensemble(model, log_mel)
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    with torch.inference_mode():
        wanted = model(torch.from_numpy(log_mel)).numpy()
    for size in (1, 3, 4, 7):
        (posteriors,) = session.run(["posteriors"], {"log_mel": log_mel[:size]})
        np.testing.assert_allclose(posteriors, wanted[:size], atol=1e-5)
        np.testing.assert_allclose(posteriors.sum(axis=1), 1.0, atol=1e-5)


def test_graph_is_small_and_self_contained(model: Ensemble, log_mel: np.ndarray) -> None:
    """One file without external data: a GRU is one node, not a loop that was unrolled."""
    proto = onnx.load_from_string(export_ensemble(model, log_mel))
    onnx.checker.check_model(proto)
    assert [node.op_type for node in proto.graph.node].count("GRU") == 4  # two layers, two models
    assert not any(tensor.external_data for tensor in proto.graph.initializer)
    (shape,) = [entry.type.tensor_type.shape.dim for entry in proto.graph.input]
    assert [dim.dim_param or dim.dim_value for dim in shape] == ["batch", *log_mel.shape[1:]]


def test_same_weights_same_bytes(model: Ensemble, log_mel: np.ndarray) -> None:
    """Exporting twice gives the same bytes."""
    assert export_ensemble(model, log_mel) == export_ensemble(model, log_mel)


def test_ensemble_is_the_mean_of_its_models(run_folder: Path, log_mel: np.ndarray, model: Ensemble) -> None:
    """The graph's posteriors are the mean of the fold models' posteriors."""
    x = torch.from_numpy(log_mel)
    with torch.inference_mode():
        single = [one(x).softmax(dim=1) for one in folds.load_models(run_folder, [1, 2])]
        np.testing.assert_allclose(model(x), (single[0] + single[1]) / 2, atol=1e-6)


def test_posteriors_that_are_no_numbers_are_refused(model: Ensemble, log_mel: np.ndarray) -> None:
    """A model that gives NaN is not exported, even though its graph does the same."""
    other = copy.deepcopy(model)
    with torch.no_grad():
        next(iter(other.models)).head.bias[0] = torch.nan
    with pytest.raises(MonitorError, match="differ by nan"):
        export_ensemble(other, log_mel)


@pytest.mark.parametrize("name", ["esc50", "esc50-plus", "dcase2018"])
def test_models_of_the_recipes(name: str) -> None:
    """The recipes' own models export, even kernels and all."""
    recipe = recipes.load(name)
    torch.manual_seed(0)
    model = Ensemble([Crnn(recipe.crnn(labels=9))]).eval()
    shape = (7, recipe.log_mel.n_mels, recipe.log_mel.frames(recipe.window))
    log_mel = np.random.default_rng(0).uniform(-80, 0, shape).astype(np.float32)
    assert check(export_ensemble(model, log_mel), model, log_mel, absolute, TOLERANCE) < 1e-5


def test_data_that_moved(run_folder: Path, tmp_path: Path) -> None:
    """If the data is elsewhere now, --data says where; other data is refused."""
    write_data(tmp_path / "moved")
    part = single(run_folder)
    network = load_network(part)
    assert export_graph(part, network, tmp_path / "moved") == export_graph(part, network, None)
    with pytest.raises(MonitorError, match=r"no data folder .* say where it is with --data"):
        export_graph(part, network, tmp_path / "nowhere")
    (tmp_path / "moved" / "low").rename(tmp_path / "moved" / "deep")
    with pytest.raises(MonitorError, match="has other classes than the run"):
        export_graph(part, network, tmp_path / "moved")
