"""Linear support vector machines: embeddings -> machines, by scikit-learn's LinearSVC."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from monitor.inference.svm import LinearSvm, folded

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
    values, basis = scaler.fit_transform(embeddings.astype(np.float64)), None
    if values.shape[0] < values.shape[1]:
        basis, values = (part.T for part in np.linalg.qr(values.T))
    return Standardised(np.ascontiguousarray(values), basis, scaler.mean_, scaler.scale_)


def fit(embeddings: Standardised, truth: npt.NDArray[np.integer], c: float) -> tuple[LinearSvm, bool]:
    """One machine for each class against the rest: L2 penalty, squared hinge loss.

    Args:
        embeddings: to learn from.
        truth: class of each, `[examples]`; every class occurs.
        c: weight of the loss against the penalty.

    Returns:
        The machines, which take raw embeddings, and whether the solver converged.
    """
    machine = LinearSVC(C=c, dual=embeddings.basis is not None, max_iter=MOST_ITERATIONS, random_state=SEED)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # returned instead
        machine.fit(embeddings.values, truth)
    weights = machine.coef_ if embeddings.basis is None else machine.coef_ @ embeddings.basis
    machines = folded(weights, machine.intercept_, embeddings.mean, embeddings.deviation)
    return machines, bool(machine.n_iter_ < MOST_ITERATIONS)
