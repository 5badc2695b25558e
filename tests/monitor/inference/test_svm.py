from __future__ import annotations

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from monitor.inference.svm import LinearSvm, folded


@pytest.mark.parametrize("labels", [2, 3, 9])
def test_decides_as_scikit_learn_does(labels: int) -> None:
    """Decision values of raw features are those of scikit-learn's scaler and machine within 1e-9."""
    rng = np.random.default_rng(labels)
    truth = rng.integers(0, labels, 200)
    # Embeddings after a ReLU: many zeros, one feature that never moves, scales from 1e-3 to 1e3.
    features = np.maximum(0, rng.standard_normal((200, 40)) + 0.3 * truth[:, None])
    features *= 10.0 ** rng.uniform(-3, 3, 40)
    features[:, 7] = 0.0
    pipeline = make_pipeline(StandardScaler(), LinearSVC(C=0.1, random_state=0)).fit(features, truth)
    scaler, machine = pipeline[0], pipeline[1]
    ours = folded(machine.coef_, machine.intercept_, scaler.mean_, scaler.scale_)
    wanted = pipeline.decision_function(features)
    if labels == 2:
        wanted = np.stack([-wanted, wanted], axis=1)
    np.testing.assert_allclose(ours.decide(features), wanted, rtol=1e-9, atol=1e-9)
    assert (ours.decide(features).argmax(axis=1) == pipeline.predict(features)).all()


def test_any_shape_and_float32() -> None:
    """Channels may come before the features; float32 is computed in float64."""
    machine = LinearSvm(np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]), np.array([0.0, 0.0, -1.0]))
    decided = machine.decide(np.array([[[0.1, 0.2], [3.0, 4.0]]], dtype=np.float32))
    assert decided.dtype == np.float64
    assert decided.shape == (1, 2, 3)
    np.testing.assert_allclose(decided[0, 1], [3.0, 4.0, 6.0])


@pytest.mark.parametrize(
    ("weights", "bias"),
    [
        (np.ones((2, 3)), np.ones(3)),
        (np.ones(3), np.ones(3)),
        (np.ones((0, 3)), np.ones(0)),
        (np.full((2, 3), np.nan), np.ones(2)),
        (np.ones((2, 3)), np.array([0.0, np.inf])),
    ],
)
def test_impossible_machines(weights: np.ndarray, bias: np.ndarray) -> None:
    """Matrices that do not fit or are not finite are refused."""
    with pytest.raises(ValueError, match=r"do not fit together|must be finite"):
        LinearSvm(weights, bias)


def test_wrong_number_of_features() -> None:
    """Features of another backbone are refused."""
    with pytest.raises(ValueError, match="need 3 features, got 4"):
        LinearSvm(np.ones((2, 3)), np.ones(2)).decide(np.ones((5, 4)))
