"""Predictions -> scores and how sure they are, as numbers and nothing else.

Conventions: classes are numbered 0 to labels - 1. The F1 of a class is 2 TP / (2 TP + FP + FN), and 0 for a
class that occurs neither in the truth nor in the predictions (scikit-learn's `zero_division=0`); macro F1 is
its mean over all classes.

Intervals are 95 % percentile bootstrap intervals over groups (sessions, places, source recordings): a
resample draws as many groups as there are, with replacement, each with all its clips. Clips of one group
sound nearly alike, so that an interval over clips would be several times too narrow. The trained models are
taken as given: what another seed would change is not in an interval, only in the spread over several runs.

Intervals are weakest where a class has few groups (DCASE 2018: nine sessions with a vacuum cleaner, two or
three in a fold): the few that there are stand for all, and the interval is too narrow. A resample may lack
such a class altogether. It then says nothing about the class, and the class keeps the F1 that it has in the
whole sample: counting 0 would take up to 11 points off a macro F1 over nine classes for no wrong prediction.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from trainer.predictions import Floats, Predictions

Classes = npt.NDArray[np.integer[Any]]

SCORES = ("accuracy", "macro_f1")
RESAMPLES = 2000
SEED = 20200919
LEVELS = (0.025, 0.975)
WEIGHTS_AT_ONCE = 1_000_000
"""Resamples times groups that are held in memory, 8 bytes each"""


def summarise(
    development: Predictions, evaluation: Predictions | None, labels: Sequence[str], metric: str
) -> dict[str, Any]:
    """Everything that is reported about a run.

    Args:
        development: every clip predicted by a model that was not trained on its fold.
        evaluation: the held-out partition, if there is one.
        labels: in the order of the scores' columns.
        metric: "accuracy" or "macro_f1", what results on this data set are compared by.

    Returns:
        JSON-ready. `metric`; `folds` (scores per fold); `mean` (accuracy, macro F1 and F1 per class, each
        computed within the folds over all classes, then averaged: the development score of the DCASE
        challenges); `pooled` (all clips of all folds as one sample); `evaluation` (None, or scores of `all`
        clips and, where the data set names the arrays and both kinds occur, of the clips of arrays that are
        `known` from the development partition and of those that are `unknown`). Scores are what `evaluate`
        returns, with the number of `groups` and the `interval` `{score: [low, high]}` of the scores in it;
        `mean` has an interval, too, from groups drawn within each fold. An interval is None where a single
        group says nothing about how much others would differ.

    Raises:
        ValueError: as `evaluate`.
    """
    folds, drawn = {}, []
    for fold in np.unique(development.fold).tolist():
        folds[str(fold)], resamples = _sample(development, development.fold == fold, len(labels), stream=fold)
        drawn.append(resamples)
    pooled, _ = _sample(development, np.ones(len(development.truth), dtype=bool), len(labels))
    return {
        "metric": metric,
        "folds": folds,
        "mean": _mean(list(folds.values()), drawn),
        "pooled": pooled,
        "evaluation": None if evaluation is None else _evaluation(development, evaluation, len(labels)),
    }


def evaluate(truth: Classes, predicted: Classes, labels: int) -> dict[str, Any]:
    """Accuracy, macro F1, F1 per class and confusion matrix.

    Args:
        truth: class of every clip, `[clips]`.
        predicted: class predicted for it, `[clips]`.
        labels: number of classes.

    Returns:
        JSON-ready: `clips`, `accuracy` and `macro_f1` in [0, 1], `f1` per class, and `confusion` (row: true
        class, column: predicted class).

    Raises:
        ValueError: no clips, lengths that differ, or classes out of range.
    """
    if not len(truth) == len(predicted) > 0:
        raise ValueError(f"need as many predictions as clips, got {len(predicted)} for {len(truth)}")
    confusion = confusion_matrix(truth, predicted, labels)
    hits = np.diag(confusion)
    f1 = _f1(hits, confusion.sum(axis=1), confusion.sum(axis=0))
    return {
        "clips": len(truth),
        "accuracy": float(hits.sum() / len(truth)),
        "macro_f1": float(f1.mean()),
        "f1": f1.tolist(),
        "confusion": confusion.tolist(),
    }


def confusion_matrix(truth: Classes, predicted: Classes, labels: int) -> npt.NDArray[np.int64]:
    """Counts `[labels, labels]`: row true class, column predicted class."""
    both = np.stack([truth, predicted])
    if both.min() < 0 or both.max() >= labels:
        raise ValueError(f"classes must be 0 to {labels - 1}, found {both.min()} to {both.max()}")
    counts = np.zeros((labels, labels), dtype=np.int64)
    np.add.at(counts, (truth, predicted), 1)
    return counts


def difference(pairs: Sequence[tuple[Predictions, Predictions]]) -> dict[str, Any]:
    """How much more accurate one system is than another on the clips that both predicted.

    Args:
        pairs: predictions of the one and of the other, a pair for each seed; clips are matched by their file.

    Returns:
        `value` in [-1, 1], the mean over the pairs; `interval` [low, high] over groups, as everywhere here,
        or None for a single group. Both systems are resampled together, so that clips that are hard for both
        do not widen it.

    Raises:
        ValueError: they have no clip in common.
    """
    groups: list[str] = []
    gains: list[float] = []
    for ours, base in pairs:
        theirs = dict(zip(base.file, base.predicted == base.truth, strict=True))
        right = ours.predicted == ours.truth
        for file, group, hit in zip(ours.file, ours.group, right.tolist(), strict=True):
            if file in theirs:
                groups.append(group)
                gains.append(float(hit) - float(theirs[file]))
    if not gains:
        raise ValueError("the runs have no clip in common")
    names, group_of = np.unique(groups, return_inverse=True)
    totals, clips = np.bincount(group_of, weights=gains), np.bincount(group_of)  # [groups]
    weights = _weights(np.random.default_rng(SEED), len(names), RESAMPLES)
    interval = np.quantile((weights @ totals) / (weights @ clips), LEVELS).tolist()
    return {"value": float(np.mean(gains)), "interval": interval if len(names) > 1 else None}


def resample(truth: Classes, predicted: Classes, group: Classes, labels: int, stream: int) -> Floats | None:
    """Scores of bootstrap resamples of the groups.

    Args:
        truth: class of every clip, `[clips]`.
        predicted: class predicted for it, `[clips]`.
        group: group of it, `[clips]`, numbered from 0 without gaps.
        labels: number of classes.
        stream: a stream gives the same draws every time, independent of those of other streams. Folds need
            their own, else their mean would vary more than it does.

    Returns:
        `[RESAMPLES, 2]`: accuracy and macro F1 of each; None if there is only one group.
    """
    groups = int(group.max()) + 1
    if groups < 2:
        return None
    hit = truth == predicted
    # Scores need no whole confusion matrix: hits, clips and predictions of every class are enough.
    counts = np.stack(
        [
            _table(group[hit], truth[hit], (groups, labels)),
            _table(group, truth, (groups, labels)),
            _table(group, predicted, (groups, labels)),
        ],
        axis=1,
    )  # [groups, 3, labels]
    rng = np.random.default_rng((SEED, stream))
    chunk = max(1, WEIGHTS_AT_ONCE // groups)
    scores = []
    for start in range(0, RESAMPLES, chunk):
        drawn = min(chunk, RESAMPLES - start)
        resampled = _weights(rng, groups, drawn) @ counts.reshape(groups, 3 * labels)
        scores.append(_scores_of(resampled.reshape(drawn, 3, labels), counts.sum(axis=0)))
    return np.concatenate(scores)


def _weights(rng: np.random.Generator, groups: int, drawn: int) -> Floats:
    """How often each group is in each resample, `[drawn, groups]`."""
    counts = rng.multinomial(groups, np.full(groups, 1 / groups), size=drawn)
    # Whole numbers in float64: exact, and far faster to multiply than whole numbers of int64.
    return counts.astype(np.float64)


def _sample(
    predictions: Predictions, chosen: npt.NDArray[np.bool_], labels: int, stream: int = 0
) -> tuple[dict[str, Any], Floats | None]:
    """Scores of the chosen clips with their interval, and the resamples that it was made from."""
    truth, predicted = predictions.truth[chosen], predictions.predicted[chosen]
    scores = evaluate(truth, predicted, labels)
    names, group = np.unique(np.array(predictions.group)[chosen], return_inverse=True)
    drawn = resample(truth, predicted, group, labels, stream)
    return {**scores, "groups": len(names), "interval": _interval(drawn)}, drawn


def _mean(folds: list[dict[str, Any]], drawn: list[Floats | None]) -> dict[str, Any]:
    known = [resamples for resamples in drawn if resamples is not None]
    return {
        **{score: float(np.mean([fold[score] for fold in folds])) for score in SCORES},
        "f1": np.mean([fold["f1"] for fold in folds], axis=0).tolist(),
        "interval": _interval(np.mean(known, axis=0) if len(known) == len(drawn) else None),
    }


def _evaluation(development: Predictions, evaluation: Predictions, labels: int) -> dict[str, Any]:
    known = np.isin(evaluation.array, development.array)
    chosen = {"all": np.ones(len(known), dtype=bool)}
    if all(development.array) and all(evaluation.array) and known.any() and not known.all():
        chosen |= {"known": known, "unknown": ~known}
    return {kind: _sample(evaluation, clips, labels)[0] for kind, clips in chosen.items()}


def _interval(drawn: Floats | None) -> dict[str, list[float]] | None:
    if drawn is None:
        return None
    return dict(zip(SCORES, np.quantile(drawn, LEVELS, axis=0).T.tolist(), strict=True))


def _scores_of(resampled: Floats, whole: Floats) -> Floats:
    """`[drawn, 2]`: accuracy and macro F1 of resamples; hits, clips and predictions `[drawn, 3, labels]`."""
    hits, clips, predicted = resampled.transpose(1, 0, 2)
    lost = (clips == 0) & (whole[1] > 0)
    f1 = np.where(lost, _f1(*whole), _f1(hits, clips, predicted))
    return np.stack([hits.sum(axis=1) / clips.sum(axis=1), f1.mean(axis=1)], axis=1)


def _f1(hits: npt.NDArray[Any], clips: npt.NDArray[Any], predicted: npt.NDArray[Any]) -> Floats:
    """F1 of every class from its hits, its clips and its predictions, any shape."""
    f1: Floats = 2 * hits / np.maximum(1, clips + predicted)
    return f1


def _table(rows: Classes, columns: Classes, shape: tuple[int, int]) -> Floats:
    """How often each pair occurs, `shape`."""
    pairs = np.ravel_multi_index((rows, columns), shape)
    return np.bincount(pairs, minlength=shape[0] * shape[1]).reshape(shape).astype(np.float64)
