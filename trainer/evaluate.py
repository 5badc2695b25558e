"""Scores of predictions, as numbers and nothing else.

Conventions: classes are numbered 0 to labels - 1. The F1 of a class is 2 TP / (2 TP + FP + FN), and 0 for a
class that occurs neither in the truth nor in the predictions (scikit-learn's `zero_division=0`); macro F1 is
its mean over all classes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Classes = npt.NDArray[np.integer[Any]]


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
    f1 = 2 * hits / np.maximum(1, confusion.sum(axis=0) + confusion.sum(axis=1))
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
