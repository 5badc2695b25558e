"""The choice of C: ten support vector machines for each class of a fold, in one thread.

A data set as large as DCASE 2018 is extrapolated from a sample. A product with all examples takes time in
proportion to their number; that as many products are needed is an assumption.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.svm import LinearSVC
from threadpoolctl import threadpool_limits

from tests.benchmarks.measure import alone, compared, spread, take_turns
from trainer.grid import C_VALUES
from trainer.svm import MOST_ITERATIONS, fit, standardise
from trainer.tables import Row

EMBEDDING = 2048
SIZES = ((240, 10, 5), (1000, 15, 2))
"""Examples, classes and repetitions. The second are few: of 2500, one repetition takes minutes"""


@dataclass(frozen=True)
class Full:
    """As large as the development set of DCASE 2018, one embedding of VGG for each clip, and its sample."""

    examples: int = 58_000
    embedding: int = 4096
    classes: int = 9
    folds: int = 4
    sample: int = 5000


FULL = Full()


def rows() -> Iterator[Row]:
    """A fold as large as one of ESC-10, a larger one, and all folds of a set as large as DCASE 2018."""
    for examples, classes, repetitions in SIZES:
        embeddings, truth = _generate(examples, classes)
        with threadpool_limits(1):
            (seconds,) = take_turns(repetitions, lambda some=embeddings, of=truth: _grid(some, of))
        what = (
            f"one fold, {len(C_VALUES)} values of C: {examples} embeddings of {EMBEDDING}, {classes} classes"
        )
        yield alone(f"{what}, one thread", spread(seconds, "s"))
    yield _extrapolated()


def _extrapolated() -> Row:
    embeddings, truth = _generate(FULL.sample, FULL.classes, FULL.embedding)
    values = standardise(embeddings).values
    with threadpool_limits(1):
        started = time.process_time()
        _grid(embeddings, truth)
        done = time.process_time()
        for c in C_VALUES:
            LinearSVC(C=c, dual=False, max_iter=MOST_ITERATIONS).fit(values, truth == 0)
        theirs = FULL.classes * (time.process_time() - done)
    learnt = (FULL.folds - 1) * FULL.examples  # examples of all folds together that are learnt from
    hours = learnt / FULL.sample / 3600.0
    what = f"{FULL.folds} folds, {len(C_VALUES)} values of C: {FULL.examples} embeddings of {FULL.embedding}"
    note = f"CPU time; extrapolated from {FULL.sample} examples, and there from one class"
    return compared(
        f"{what}, {FULL.classes} classes, one thread",
        [hours * (done - started)],
        "scikit-learn's LinearSVC (primal)",
        [hours * theirs],
        note,
        unit="h",
    )


def _grid(embeddings: npt.NDArray[np.float32], truth: npt.NDArray[np.intp]) -> None:
    learnt = standardise(embeddings)
    for c in C_VALUES:
        fit(learnt, truth, c)


def _generate(
    examples: int, classes: int, embedding: int = EMBEDDING
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.intp]]:
    """Embeddings whose singular values fall off as those of ResNet50 on ESC-10, and their classes.

    A few directions hold most of the variance, which is what costs the solver its time.
    """
    rng = np.random.default_rng(0)
    truth = np.arange(examples) % classes
    centres = 0.5 * rng.standard_normal((classes, embedding))
    falling = 1.0 / np.arange(1, embedding + 1)
    causes = (centres[truth] + rng.standard_normal((examples, embedding))) * falling
    mixed = causes @ rng.standard_normal((embedding, embedding))
    return np.maximum(mixed, 0.0).astype(np.float32), truth
