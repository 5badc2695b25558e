"""Decision values -> probabilities, and how far these can be trusted, as numbers and nothing else.

Temperature scaling (Guo et al., "On calibration of modern neural networks", ICML 2017): the probabilities are
softmax(values / T) with the one T that makes the truth most likely. The order of the classes stays what it
was, so accuracy and F1 do not change. Values are decision values of linear SVMs, one class against the rest,
or logits; logarithms of posteriors are logits, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import softmax

from monitor.inference.svm import probabilities
from trainer.evaluate import Classes
from trainer.predictions import Floats

SHARPNESS = (0.01, 100.0)
"""Range of spread / T, where the spread is a clip's largest less its smallest value, in the mean. At 0.01 the
probabilities are all but equal; at 100 a clip's best class has odds of e^100 to 1 against its worst. Without
ends T would go to 0 where all clips are right, and to infinity where the values tell nothing."""


def temperature(values: Floats, truth: Classes) -> float:
    """The T whose softmax(values / T) has the least mean negative log likelihood.

    The likelihood is log-concave in 1 / T: there is one best T, where the slope is zero. The search is in
    units of the values' own spread, so that values k times as large give a T k times as large.

    Args:
        values: real `[clips, labels]`, larger for more likely.
        truth: class of every clip, `[clips]`.

    Returns:
        Positive; an end of what `SHARPNESS` allows if the best T lies beyond; 1 if the values of every clip
        are all the same, when any T would do.

    Raises:
        ValueError: no clips, shapes that do not fit, values that are not finite, or classes out of range.
    """
    values = _checked(values, truth)
    leads = values - values[np.arange(len(truth)), truth, None]  # over the true class
    spread = float(np.ptp(leads, axis=1).mean())
    if spread == 0.0:
        return 1.0
    leads /= spread

    def slope(sharpness: float) -> float:
        """Of the mean negative log likelihood, by the sharpness."""
        return float((softmax(sharpness * leads, axis=1) * leads).sum(axis=1).mean())

    flattest, sharpest = SHARPNESS
    if slope(sharpest) <= 0.0:
        return spread / sharpest
    if slope(flattest) >= 0.0:
        return spread / flattest
    return spread / float(brentq(slope, flattest, sharpest))


def cross_fitted(values: Floats, truth: Classes, fold: Classes) -> tuple[npt.NDArray[np.float64], float]:
    """Probabilities of every fold by the temperature of the others, and the temperature of all.

    With the temperature that was fitted on them, clips would look better calibrated than new ones will be.

    Args:
        values: real `[clips, labels]`, each by a model that was not trained on the clip's fold.
        truth: class of every clip, `[clips]`.
        fold: of every clip, `[clips]`.

    Returns:
        Probabilities `[clips, labels]`, to measure; the temperature of all clips, to ship.

    Raises:
        ValueError: a single fold, or as `temperature`.
    """
    folds = np.unique(fold)
    if len(folds) < 2:
        raise ValueError(f"need two folds or more, got {len(folds)}")
    likely = np.empty(values.shape)
    for one in folds:
        own = fold == one
        likely[own] = probabilities(values[own], temperature(values[~own], truth[~own]))
    return likely, temperature(values, truth)


def reliability(probabilities: Floats, truth: Classes, bins: int = 15) -> dict[str, Any]:
    """How well the probabilities of the labels agree with how often they are right.

    The label of a clip is its most probable class, the confidence that class's probability.

    Args:
        probabilities: `[clips, labels]`, rows sum to 1.
        truth: class of every clip, `[clips]`.
        bins: number of bins of equal width that clips are put into by their confidence; an edge belongs to
            the bin below it. Guo et al. have 15.

    Returns:
        JSON-ready. `clips`; `accuracy` and mean `confidence`; `ece`, the expected calibration error (Naeini
        et al., AAAI 2015): the mean over clips of how far apart these two are in the clip's bin, in [0, 1];
        `nll`, mean negative log likelihood in nats, where a probability of 0 counts as 2e-308; `brier`, mean
        over clips of the squared error summed over the classes, in [0, 2]; `bins`, each with its edges `low`
        and `high`, its `clips`, and their `accuracy` and mean `confidence`, None where there is no clip.

    Raises:
        ValueError: as `temperature`.
    """
    likely = _checked(probabilities, truth)
    confidence, right = _labelled(likely, truth)
    edges = np.linspace(0.0, 1.0, bins + 1)
    bin_of = np.digitize(confidence, edges[1:-1], right=True)
    likely_truth = np.maximum(likely[np.arange(len(truth)), truth], np.finfo(np.float64).tiny)
    error = likely - np.eye(likely.shape[1])[truth]
    return {
        "clips": len(truth),
        "accuracy": float(right.mean()),
        "confidence": float(confidence.mean()),
        "ece": float(np.abs(np.bincount(bin_of, weights=confidence - right)).sum() / len(truth)),
        "nll": float(-np.log(likely_truth).mean()),
        "brier": float((error**2).sum(axis=1).mean()),
        "bins": [
            {
                "low": float(edges[index]),
                "high": float(edges[index + 1]),
                "clips": int((bin_of == index).sum()),
                "accuracy": _mean(right[bin_of == index]),
                "confidence": _mean(confidence[bin_of == index]),
            }
            for index in range(bins)
        ],
    }


def coverage(probabilities: Floats, truth: Classes, thresholds: Sequence[float]) -> list[dict[str, Any]]:
    """What it costs and gains to call clips unknown whose confidence is below a threshold.

    Args:
        probabilities: `[clips, labels]`, rows sum to 1.
        truth: class of every clip, `[clips]`.
        thresholds: in [0, 1].

    Returns:
        JSON-ready rows: `threshold`, `coverage` (share of clips that keep their label, in [0, 1]) and
        `accuracy` among these, None if there are none.

    Raises:
        ValueError: as `temperature`.
    """
    confidence, right = _labelled(_checked(probabilities, truth), truth)
    return [
        {
            "threshold": threshold,
            "coverage": float((confidence >= threshold).mean()),
            "accuracy": _mean(right[confidence >= threshold]),
        }
        for threshold in thresholds
    ]


def _labelled(likely: Floats, truth: Classes) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Confidence of every clip's label, and whether it is right; both `[clips]`."""
    return likely.max(axis=1), likely.argmax(axis=1) == truth


def _mean(sample: npt.NDArray[Any]) -> float | None:
    return float(sample.mean()) if sample.size else None


def _checked(values: Floats, truth: Classes) -> npt.NDArray[np.float64]:
    """The values in float64, if they fit the truth."""
    if values.ndim != 2 or not len(values) == len(truth) > 0:
        raise ValueError(f"need values [clips, labels] of {len(truth)} clips, got {list(values.shape)}")
    if not np.isfinite(values).all():
        raise ValueError("values must be finite numbers")
    if truth.min() < 0 or truth.max() >= values.shape[1]:
        raise ValueError(f"classes must be 0 to {values.shape[1] - 1}, found {truth.min()} to {truth.max()}")
    return values.astype(np.float64)
