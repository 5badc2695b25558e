from __future__ import annotations

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from trainer import primal, svm


def clouds(examples: int, features: int, classes: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Overlapping clouds of different scales, a constant feature among them, and their classes."""
    rng = np.random.default_rng(0)
    truth = np.arange(examples) % classes
    values = rng.standard_normal((examples, features)) + truth[:, None] * rng.uniform(0, 1, features)
    values = values * rng.uniform(0.01, 100, features) + rng.uniform(-50, 50, features)
    values[:, 0] = 7.0
    return values.astype(np.float32), truth


@pytest.mark.parametrize("c", [1e-6, 1e-2, 1.0])
@pytest.mark.parametrize(("examples", "features"), [(90, 12), (45, 80)])
def test_equal_to_scikit_learn(examples: int, features: int, c: float) -> None:
    """Decision values of raw embeddings are those of a pipeline of StandardScaler and LinearSVC."""
    values, truth = clouds(examples, features)
    machines, converged = svm.fit(svm.standardise(values), truth, c)
    wanted = make_pipeline(StandardScaler(), LinearSVC(C=c, dual=False, tol=1e-10, max_iter=100_000))
    wanted.fit(values.astype(np.float64), truth)
    decided = wanted.decision_function(values.astype(np.float64))
    assert converged
    # The solvers stop at 1e-4 of what they minimise.
    np.testing.assert_allclose(machines.decide(values), decided, atol=2e-3 * np.abs(decided).max())


@pytest.mark.parametrize("c", [1e-9, 1e-4, 1.0])
@pytest.mark.parametrize(("examples", "classes"), [(200, 5), (60, 2)])
def test_more_examples_than_features_are_solved_exactly(examples: int, classes: int, c: float) -> None:
    """Decision values are those of a LinearSVC that goes on to the end."""
    values, truth = clouds(examples, 40, classes)
    learnt = svm.standardise(values)
    machines, converged = svm.fit(learnt, truth, c)
    wanted = LinearSVC(C=c, dual=False, tol=1e-12, max_iter=1_000_000).fit(learnt.values, truth)
    decided, found = wanted.decision_function(learnt.values), machines.decide(values)
    assert converged
    found = found[:, 1] if classes == 2 else found
    np.testing.assert_allclose(found, decided, rtol=0.0, atol=2e-4 * np.abs(decided).max())


def test_rotation_keeps_lengths_and_angles() -> None:
    """Fewer examples than features are rotated: all products stay, and they can be turned back."""
    values, _ = clouds(20, 50)
    rotated = svm.standardise(values)
    assert rotated.basis is not None
    assert rotated.values.shape == (20, 20)
    plain = (values.astype(np.float64) - rotated.mean) / rotated.deviation
    np.testing.assert_allclose(rotated.values @ rotated.values.T, plain @ plain.T, atol=1e-9)
    np.testing.assert_allclose(rotated.values @ rotated.basis, plain, atol=1e-9)


def test_constant_features_do_not_matter() -> None:
    """A feature that never varies is left as it is, not divided by zero."""
    values, truth = clouds(90, 12)
    machines, _ = svm.fit(svm.standardise(values), truth, 0.1)
    np.testing.assert_allclose(machines.weights[:, 0], 0.0, atol=1e-12)


def test_two_classes() -> None:
    """Two classes have a machine each, the one the negative of the other."""
    values, truth = clouds(60, 8, classes=2)
    machines, _ = svm.fit(svm.standardise(values), truth, 0.1)
    decided = machines.decide(values)
    np.testing.assert_array_equal(decided[:, 0], -decided[:, 1])
    assert (decided.argmax(axis=1) == truth).mean() > 0.7


@pytest.mark.parametrize(("examples", "features"), [(90, 12), (45, 80)])
def test_a_solver_that_stops_early_says_so(
    examples: int, features: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the limit of steps the machines are returned as not converged, without a warning."""
    values, truth = clouds(examples, features)
    monkeypatch.setattr(svm, "MOST_ITERATIONS", 1)
    monkeypatch.setattr(primal, "MOST_STEPS", 1)
    _, converged = svm.fit(svm.standardise(values), truth, 1.0)
    assert not converged
