"""The choice of C: ten support vector machines for each class of a fold, in one thread."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from tests.benchmarks.measure import alone, spread, take_turns
from trainer.grid import C_VALUES
from trainer.svm import fit, standardise
from trainer.tables import Row

EMBEDDING = 2048
SIZES = ((240, 10, 5), (1000, 15, 2))
"""Examples, classes and repetitions. The second are few: of 2500, one repetition takes minutes"""


def rows() -> Iterator[Row]:
    """A fold as large as one of ESC-10, and a larger one."""
    for examples, classes, repetitions in SIZES:
        embeddings, truth = _generate(examples, classes)
        with threadpool_limits(1):
            (seconds,) = take_turns(repetitions, lambda some=embeddings, of=truth: _grid(some, of))
        what = (
            f"one fold, {len(C_VALUES)} values of C: {examples} embeddings of {EMBEDDING}, {classes} classes"
        )
        yield alone(f"{what}, one thread", spread(seconds, "s"))


def _grid(embeddings: npt.NDArray[np.float32], truth: npt.NDArray[np.intp]) -> None:
    learnt = standardise(embeddings)
    for c in C_VALUES:
        fit(learnt, truth, c)


def _generate(examples: int, classes: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.intp]]:
    """Embeddings whose singular values fall off as those of ResNet50 on ESC-10, and their classes.

    A few directions hold most of the variance, which is what costs the solver its time.
    """
    rng = np.random.default_rng(0)
    truth = np.arange(examples) % classes
    centres = 0.5 * rng.standard_normal((classes, EMBEDDING))
    falling = 1.0 / np.arange(1, EMBEDDING + 1)
    causes = (centres[truth] + rng.standard_normal((examples, EMBEDDING))) * falling
    mixed = causes @ rng.standard_normal((EMBEDDING, EMBEDDING))
    return np.maximum(mixed, 0.0).astype(np.float32), truth
