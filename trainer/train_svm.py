"""Cross-validated linear support vector machines on embeddings: data set and recipe -> run directory.

As in section 3.1 of the paper: embeddings are standardised, one machine for each class is trained against the
rest, and C is taken from 1e-9 to 1 by the mean score of the folds. The machines that predict the evaluation
partition are trained on all folds with that C.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from joblib import Parallel, delayed
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from monitor.inference.svm import LinearSvm
from trainer import run
from trainer.calibration import temperature
from trainer.datasets import EVALUATION, DataSet
from trainer.embeddings import extract
from trainer.evaluate import evaluate
from trainer.predictions import Predictions
from trainer.recipes import SvmRecipe
from trainer.svm import Standardised, fit, standardise
from trainer.training import Indices, Material, Settings, begin, check_out, finish, known_folds

C_VALUES = tuple(10.0**exponent for exponent in range(-9, 1))
"""The paper's: 1e-9 to 1 on a logarithmic scale"""


def train(
    data: DataSet,
    recipe: SvmRecipe,
    out: Path,
    folds: list[int] | None,
    settings: Settings,
    *,
    resume: bool = False,
) -> dict[str, Any]:
    """Train and test support vector machines and write a run directory.

    The same embeddings give the same bytes of `predictions.csv`, whatever the number of threads.

    Args:
        data: what to learn from.
        recipe: how.
        out: run directory: new or empty, or an unfinished run's with `resume`.
        folds: folds to test; the machines of fold k are trained on all the others. None: all.
        settings: device, threads and cache; each thread takes 16 bytes for every number in the embeddings.
        resume: go on with the run in `out`; what is not done again are the embeddings.

    Returns:
        What is written to `results.json`: as `evaluate.summarise`, with `c` (as chosen), `curve` (for every C
        its `c`, its `score`, the score of each of its `folds`, and whether all machines `converged`) and
        `temperature` (of the decision values out of fold: `trainer.calibration`).

    Raises:
        MonitorError: unknown fold, unreadable clip, `out` not fit, weights that do not fit, or no CUDA.
    """
    folds = known_folds(folds, data)
    check_out(out, resume=resume)
    material = Material(data, extract(data.clips, recipe, settings))
    begin(out, material, recipe, folds, settings, resume=resume)

    trials = _cross_validate(material, folds, settings.threads)
    curve = _curve(trials, folds)
    best = int(np.argmax([point["score"] for point in curve]))  # of equals the first, which is the smallest
    development = Predictions.concatenate([of_fold[best].predictions for of_fold in trials])
    final, _ = fit(*_learnt(material, material.fold != EVALUATION), C_VALUES[best])
    run.save_svm(out, final)
    evaluation = _predict(material, final, EVALUATION) if (material.fold == EVALUATION).any() else None
    more = {
        "c": C_VALUES[best],
        "curve": curve,
        "temperature": temperature(development.scores, development.truth),
    }
    return finish(out, material, development, evaluation, more)


@dataclass(frozen=True)
class _Trial:
    """One C on one fold."""

    predictions: Predictions
    score: float
    converged: bool


def _cross_validate(material: Material, folds: list[int], threads: int) -> list[list[_Trial]]:
    """A trial for every fold and C, `[folds][C_VALUES]`."""
    # Processes, not threads: a solver's random numbers belong to its whole process.
    parallel = Parallel(n_jobs=threads, return_as="generator")
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, transient=True) as progress:
        bar = progress.add_task("support vector machines", total=len(folds) * len(C_VALUES))
        trials = []
        for fold in folds:
            learnt = _learnt(material, (material.fold != fold) & (material.fold != EVALUATION))
            fitted = parallel(delayed(fit)(*learnt, c) for c in C_VALUES)
            trials.append([_trial(material, fold, *found) for found in progress.track(fitted, task_id=bar)])
        return trials


def _learnt(material: Material, chosen: npt.NDArray[np.bool_]) -> tuple[Standardised, Indices]:
    examples = np.flatnonzero(chosen)
    return standardise(material.features.examples[examples]), material.truth[examples]


def _trial(material: Material, fold: int, machines: LinearSvm, converged: bool) -> _Trial:
    predictions = _predict(material, machines, fold)
    scores = evaluate(predictions.truth, predictions.predicted, len(material.data.labels))
    return _Trial(predictions, scores[material.data.metric], converged)


def _predict(material: Material, machines: LinearSvm, part: int) -> Predictions:
    """The clips of a fold, or of the evaluation partition."""
    examples = np.flatnonzero(material.fold == part)
    return material.predictions(examples, machines.decide(material.features.examples[examples]))


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
