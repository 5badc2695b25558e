"""Linear support vector machines of more examples than features: all classes at once, by Newton's method.

For each class, with y = 1 for its examples and -1 for all others, and a last feature that is 1 everywhere,

    |w|^2 / 2  +  c * sum of max(0, 1 - y (w . x))^2

is a parabola as long as the same examples count, those with y (w . x) < 1. Newton's step leads to the bottom
of the present one (Keerthi and DeCoste, 2005): (1 + 2c X'X) step = -gradient, where X holds the examples that
count. It is found by conjugate gradients, so that a product with all examples serves all classes. They are
preconditioned by what the matrix would be if of all examples the same share counted.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_factor, cho_solve

MOST_STEPS = 50
"""Of Newton; ten are many"""
CLOSE = 1e-4
"""Length of the gradient, relative to the weights', at which a class is done. These are then no further from
the best ones: nowhere is the parabola flatter than |w|^2 / 2"""
MOST_DIRECTIONS = 200
"""Of the conjugate gradients, for a step"""
NARROWED = 1e-2
"""What they leave of a step's error, before the next one has other examples that count"""
MOST_TRIALS = 20
"""Of the length of a step"""

Matrix = npt.NDArray[np.float64]


def solve(values: Matrix, products: Matrix, targets: Matrix, c: float) -> tuple[Matrix, Matrix, bool]:
    """The machines of all classes.

    Args:
        values: `[examples, features]`, each feature with a mean of zero.
        products: of its columns with each other, `[features, features]`.
        targets: `[examples, classes]`, 1 or -1.
        c: weight of the loss against the penalty, which the bias has, too.

    Returns:
        Weights `[classes, features]`, biases `[classes]`, and whether all of them are within `CLOSE`.
    """
    examples, classes = targets.shape
    weights, decided = np.zeros((values.shape[1] + 1, classes)), np.zeros((examples, classes))
    for _ in range(MOST_STEPS):
        short = np.maximum(1.0 - targets * decided, 0.0)
        gradient = weights - 2.0 * c * _back(values, targets * short)
        done = np.linalg.norm(gradient, axis=0) <= CLOSE * np.linalg.norm(weights, axis=0)
        if done.all():
            return weights[:-1].T, weights[-1], True
        gradient[:, done] = 0.0  # these stay where they are
        counts = short > 0.0
        guess = _guess(products, 2.0 * c * counts.mean(), examples)
        step = _bottom(values, counts, 2.0 * c, gradient, guess)
        change = _decide(values, step)
        length = _length(weights, step, targets * decided, targets * change, c)
        weights += length * step
        decided += length * change
    return weights[:-1].T, weights[-1], False


def _decide(values: Matrix, weights: Matrix) -> Matrix:
    """`[examples, classes]` of `[features + 1, classes]`."""
    decided: Matrix = values @ weights[:-1] + weights[-1]
    return decided


def _back(values: Matrix, errors: Matrix) -> Matrix:
    """`[features + 1, classes]` of `[examples, classes]`."""
    return np.vstack([values.T @ errors, errors.sum(axis=0)])


def _guess(products: Matrix, weight: float, examples: int) -> Callable[[Matrix], Matrix]:
    """Divides by 1 + weight * X'X of all examples. The bias stands alone in it, since all means are zero."""
    matrix = weight * products
    matrix.flat[:: len(matrix) + 1] += 1.0
    factor = cho_factor(matrix, overwrite_a=True)
    return lambda sides: np.vstack([cho_solve(factor, sides[:-1]), sides[-1:] / (1.0 + weight * examples)])


def _bottom(
    values: Matrix,
    counts: npt.NDArray[np.bool_],
    weight: float,
    gradient: Matrix,
    guess: Callable[[Matrix], Matrix],
) -> Matrix:
    """The step to where the gradient vanishes, while the same examples count, by conjugate gradients."""
    step, left = np.zeros_like(gradient), -gradient
    guessed = guess(left)
    direction, error = guessed, (left * guessed).sum(axis=0)
    enough = NARROWED**2 * error
    for _ in range(MOST_DIRECTIONS):
        curved = direction + weight * _back(values, counts * _decide(values, direction))
        far = _ratio(error, (direction * curved).sum(axis=0))
        step, left = step + far * direction, left - far * curved
        guessed = guess(left)
        before, error = error, (left * guessed).sum(axis=0)
        if (error <= enough).all():
            break
        direction = guessed + _ratio(error, before) * direction
    return step


def _length(weights: Matrix, step: Matrix, margins: Matrix, change: Matrix, c: float) -> Matrix:
    """How much of a step leads to the lowest place along it, `[classes]`; Newton's method once more."""
    straight, curved = (weights * step).sum(axis=0), (step * step).sum(axis=0)
    length = np.ones(step.shape[1])
    for _ in range(MOST_TRIALS):
        counted = np.where(margins + length * change < 1.0, change, 0.0)
        slope = straight - 2.0 * c * (counted * (1.0 - margins)).sum(axis=0)
        better = _ratio(-slope, curved + 2.0 * c * (counted * counted).sum(axis=0))
        if np.allclose(better, length, rtol=1e-9):
            break
        length = better
    return length


def _ratio(above: Matrix, below: Matrix) -> Matrix:
    """0 where a class is done and both are 0."""
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0.0)
