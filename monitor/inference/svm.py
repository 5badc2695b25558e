"""Linear support vector machines as plain matrices: no scikit-learn, no pickle, nothing to run.

Standardisation is folded into the matrices: w . (x - mean) / deviation + b = (w / deviation) . x + b'.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True)
class LinearSvm:
    """One linear machine per class, one against the rest.

    Raises:
        ValueError: shapes that do not fit, or numbers that are not finite.
    """

    weights: Matrix
    """`[labels, features]`"""
    bias: Matrix
    """`[labels]`"""

    def __post_init__(self) -> None:
        if self.weights.ndim != 2 or self.bias.shape != self.weights.shape[:1] or not self.weights.size:
            raise ValueError(f"weights {self.weights.shape} and bias {self.bias.shape} do not fit together")
        if not (np.isfinite(self.weights).all() and np.isfinite(self.bias).all()):
            raise ValueError("weights and bias must be finite numbers")

    def decide(self, features: npt.NDArray[np.floating]) -> Matrix:
        """Decision values.

        Args:
            features: real `[..., features]`, as they come from the backbone: not standardised.

        Returns:
            Signed distances `[..., labels]`, in float64; the largest is the class.

        Raises:
            ValueError: another number of features.
        """
        if features.shape[-1] != self.weights.shape[1]:
            raise ValueError(f"need {self.weights.shape[1]} features, got {features.shape[-1]}")
        decided: Matrix = features.astype(np.float64) @ self.weights.T + self.bias
        return decided


def folded(weights: Matrix, bias: Matrix, mean: Matrix, deviation: Matrix) -> LinearSvm:
    """A machine for raw features from one that was trained on standardised ones.

    Args:
        weights: `[labels, features]`; a single row for two classes is the machine of the second.
        bias: `[labels]`, or `[1]`.
        mean: `[features]`, taken from every feature first.
        deviation: `[features]`, what is left is divided by it; positive.
    """
    if len(weights) == 1:
        weights, bias = np.concatenate([-weights, weights]), np.concatenate([-bias, bias])
    scaled = weights / deviation
    return LinearSvm(scaled, bias - scaled @ mean)
