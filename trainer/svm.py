"""Linear support vector machines: embeddings -> machines.

Of few examples by scikit-learn's LinearSVC; of more examples than numbers in an embedding by
`trainer.primal`, which is many times as fast then.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from monitor.inference.svm import LinearSvm, folded
from trainer.primal import solve

MOST_ITERATIONS = 10_000
SEED = 0
"""Of the order in which the solver visits examples"""

Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Standardised:
    """Embeddings with zero mean and unit variance, ready to learn from."""

    values: Matrix
    """`[examples, n]`: coordinates in `basis`"""
    basis: Matrix | None
    """`[n, embedding]`, orthonormal rows that span the embeddings; None: the embedding's own axes"""
    products: Matrix | None
    """Of the columns of `values` with each other, `[n, n]`; None if there is a basis"""
    mean: Matrix
    """`[embedding]`, what was taken from the embeddings"""
    deviation: Matrix
    """`[embedding]`, what they were divided by; 1 where nothing varies"""


def standardise(embeddings: npt.NDArray[np.floating]) -> Standardised:
    """Embeddings `[examples, embedding]`, standardised in float64.

    Fewer examples than numbers in an embedding are rotated into the space that they span. That changes
    nothing (the penalty is a length, and so is the same in every rotation) but the time, which falls by their
    ratio.
    """
    scaler = StandardScaler(copy=False)
    values = scaler.fit_transform(embeddings.astype(np.float64))
    if len(values) >= values.shape[1]:
        return Standardised(values, None, values.T @ values, scaler.mean_, scaler.scale_)
    basis, rotated = (part.T for part in np.linalg.qr(values.T))
    return Standardised(np.ascontiguousarray(rotated), basis, None, scaler.mean_, scaler.scale_)


def fit(embeddings: Standardised, truth: npt.NDArray[np.integer], c: float) -> tuple[LinearSvm, bool]:
    """One machine for each class against the rest: L2 penalty, squared hinge loss.

    Args:
        embeddings: to learn from.
        truth: class of each, `[examples]`; every class occurs.
        c: weight of the loss against the penalty.

    Returns:
        The machines, which take raw embeddings, and whether the solver converged.
    """
    if embeddings.products is not None:
        weights, bias, converged = solve(embeddings.values, embeddings.products, _targets(truth), c)
        return folded(weights, bias, embeddings.mean, embeddings.deviation), converged
    machine = LinearSVC(C=c, dual=True, max_iter=MOST_ITERATIONS, random_state=SEED)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # returned instead
        machine.fit(embeddings.values, truth)
    weights = machine.coef_ @ embeddings.basis
    machines = folded(weights, machine.intercept_, embeddings.mean, embeddings.deviation)
    return machines, bool(machine.n_iter_ < MOST_ITERATIONS)


def _targets(truth: npt.NDArray[np.integer]) -> Matrix:
    """`[examples, classes]`, 1 or -1; of two classes the second alone, since the first is its opposite."""
    classes = int(truth.max()) + 1
    wanted = np.arange(classes) if classes > 2 else np.array([1])
    return np.where(truth[:, None] == wanted, 1.0, -1.0)
