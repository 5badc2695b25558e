"""The C of linear support vector machines, chosen on the folds: for embeddings and for the stack on top.

The paper's scheme: every C from 1e-9 to 1 is tried on all folds, the one with the best mean score is taken,
and that mean is reported. It is optimistic, since C was chosen on the folds that are reported. Nested, C is
chosen for each fold by the scores of all other folds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from joblib import Parallel, delayed

from monitor.inference.svm import LinearSvm, probabilities
from trainer.calibration import coverage, cross_fitted, reliability, temperature
from trainer.datasets import EVALUATION
from trainer.evaluate import evaluate, summarise
from trainer.predictions import Floats, Indices, Predictions
from trainer.progress import progress
from trainer.svm import fit, standardise

C_VALUES = tuple(10.0**exponent for exponent in range(-9, 1))
"""The paper's: 1e-9 to 1 on a logarithmic scale"""

THRESHOLDS = tuple(tenth / 10 for tenth in range(3, 10))
"""Of the probability below which a label could be called unknown: what the report gives the cost of"""


class Table(Protocol):
    """What machines can learn from: rows of features, one or several of each clip."""

    @property
    def labels(self) -> tuple[str, ...]:
        """In the order of the machines."""

    @property
    def metric(self) -> str:
        """What C is chosen by: accuracy or macro_f1."""

    @property
    def truth(self) -> Indices:
        """Class of every row."""

    @property
    def fold(self) -> Indices:
        """Fold of every row, or `EVALUATION`."""

    def values(self, rows: Indices) -> Floats:
        """Features `[rows, n]`."""

    def predictions(self, rows: Indices, scores: Floats) -> Predictions:
        """Scores `[rows, labels]` as those of clips."""


@dataclass(frozen=True)
class Choice:
    """What the search found."""

    c: float
    """With the best mean score of all folds; the smallest, if several are"""
    curve: list[dict[str, Any]]
    """For every C its `c`, its `score`, the score of each of its `folds`, and whether all machines
    `converged`; JSON-ready"""
    development: Predictions
    """Every tested clip, by machines with this C that have not seen its fold"""
    nested: Predictions
    """The same, with a C for each fold that was chosen by the other folds; of a single fold the same as
    `development`"""
    machines: LinearSvm
    """Learnt from all folds with this C"""
    evaluation: Predictions | None
    """The evaluation partition, if there is one, by these machines"""

    def results(self, table: Table) -> dict[str, Any]:
        """What a run says beside its scores.

        Returns:
            JSON-ready: `c` and `curve`; `nested`, the mean of the folds as `evaluate.summarise` has it;
            `temperature` (decision values / temperature are logits); `calibration`: `before` and `after` as
            from `calibration.reliability` and `coverage`, of probabilities with the other folds' temperature;
            None for a single fold.
        """
        nested = summarise(self.nested, None, table.labels, table.metric)["mean"]
        return {"c": self.c, "curve": self.curve, "nested": nested, **_calibrate(self.development)}


@dataclass(frozen=True)
class _Trial:
    """One C on one fold."""

    predictions: Predictions
    score: float
    converged: bool


def choose(table: Table, folds: list[int], threads: int) -> Choice:
    """Try every C on every fold, and learn from all folds with the best.

    Args:
        table: to learn from; every class occurs in every fold.
        folds: folds to test; the machines of fold k are trained on all the others, tested or not.
        threads: processes that work at once.
    """
    trials = _cross_validate(table, folds, threads)
    best = int(_scores(trials).mean(axis=0).argmax())  # the first of equals
    machines = _learn(table, table.fold != EVALUATION, C_VALUES[best])
    return Choice(
        c=C_VALUES[best],
        curve=_curve(trials, folds),
        development=Predictions.concatenate([of_fold[best].predictions for of_fold in trials]),
        nested=_nested(trials),
        machines=machines,
        evaluation=_predict(table, machines, EVALUATION) if (table.fold == EVALUATION).any() else None,
    )


def nested(table: Table, folds: list[int], threads: int) -> Predictions:
    """`Choice.nested` alone, without machines that learn from all folds; arguments as of `choose`."""
    return _nested(_cross_validate(table, folds, threads))


def _cross_validate(table: Table, folds: list[int], threads: int) -> list[list[_Trial]]:
    """A trial for every fold and C, `[folds][C_VALUES]`."""
    # Processes, not threads: a solver's random numbers belong to its whole process.
    parallel = Parallel(n_jobs=threads, return_as="generator")
    with progress() as bars:
        bar = bars.add_task("support vector machines", total=len(folds) * len(C_VALUES), note="")
        trials = []
        for fold in folds:
            rows = np.flatnonzero((table.fold != fold) & (table.fold != EVALUATION))
            learnt = standardise(table.values(rows))
            fitted = parallel(delayed(fit)(learnt, table.truth[rows], c) for c in C_VALUES)
            trials.append([_trial(table, fold, *found) for found in bars.track(fitted, task_id=bar)])
        return trials


def _trial(table: Table, fold: int, machines: LinearSvm, converged: bool) -> _Trial:
    predictions = _predict(table, machines, fold)
    scores = evaluate(predictions.truth, predictions.predicted, len(table.labels))
    return _Trial(predictions, scores[table.metric], converged)


def _learn(table: Table, chosen: npt.NDArray[np.bool_], c: float) -> LinearSvm:
    rows = np.flatnonzero(chosen)
    machines, _ = fit(standardise(table.values(rows)), table.truth[rows], c)
    return machines


def _predict(table: Table, machines: LinearSvm, part: int) -> Predictions:
    """The clips of a fold, or of the evaluation partition."""
    rows = np.flatnonzero(table.fold == part)
    return table.predictions(rows, machines.decide(table.values(rows)))


def _nested(trials: list[list[_Trial]]) -> Predictions:
    scores = _scores(trials)
    return Predictions.concatenate(
        [of_fold[_best_of_others(scores, k)].predictions for k, of_fold in enumerate(trials)]
    )


def _scores(trials: list[list[_Trial]]) -> Floats:
    """`[folds, C_VALUES]`"""
    return np.array([[trial.score for trial in of_fold] for of_fold in trials])


def _best_of_others(scores: Floats, fold: int) -> int:
    """The C with the best mean score of all folds but one; `[folds, C_VALUES]`."""
    others = np.delete(scores, fold, axis=0) if len(scores) > 1 else scores
    return int(others.mean(axis=0).argmax())


def _calibrate(predictions: Predictions) -> dict[str, Any]:
    values, truth = predictions.scores, predictions.truth
    if len(np.unique(predictions.fold)) < 2:
        return {"temperature": temperature(values, truth), "calibration": None}
    likely, fitted = cross_fitted(values, truth, predictions.fold)
    return {
        "temperature": fitted,
        "calibration": {
            "before": reliability(probabilities(values, 1.0), truth),
            "after": reliability(likely, truth),
            "coverage": coverage(likely, truth, THRESHOLDS),
        },
    }


def _curve(trials: list[list[_Trial]], folds: list[int]) -> list[dict[str, Any]]:
    return [
        {
            "c": c,
            "score": float(np.mean([trial.score for trial in of_c])),
            "folds": {str(fold): trial.score for fold, trial in zip(folds, of_c, strict=True)},
            "converged": all(trial.converged for trial in of_c),
        }
        for c, of_c in zip(C_VALUES, zip(*trials, strict=True), strict=True)
    ]
