from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score

from trainer.evaluate import evaluate


@pytest.mark.parametrize("labels", [2, 5, 9])
def test_agrees_with_scikit_learn(labels: int) -> None:
    """Accuracy, F1 and confusion matrix are scikit-learn's, also with classes that never occur."""
    rng = np.random.default_rng(labels)
    truth, predicted = rng.integers(0, labels, 60), rng.integers(0, labels, 60)
    everything = range(labels + 1)  # the last class occurs nowhere
    scores = evaluate(truth, predicted, labels + 1)
    assert scores["accuracy"] == pytest.approx(accuracy_score(truth, predicted))
    wanted = f1_score(truth, predicted, labels=everything, average=None, zero_division=0)
    assert scores["f1"] == pytest.approx(wanted.tolist())
    assert scores["macro_f1"] == pytest.approx(wanted.mean())
    assert scores["confusion"] == confusion_matrix(truth, predicted, labels=everything).tolist()


def test_all_right() -> None:
    """Perfect predictions score 1."""
    scores = evaluate(np.array([0, 1, 2]), np.array([0, 1, 2]), 3)
    assert (scores["accuracy"], scores["macro_f1"], scores["clips"]) == (1.0, 1.0, 3)


def test_lengths_that_differ() -> None:
    """Every clip needs a prediction."""
    with pytest.raises(ValueError, match="got 1 for 2"):
        evaluate(np.array([0, 1]), np.array([0]), 2)


def test_classes_out_of_range() -> None:
    """A class number beyond the labels is refused."""
    with pytest.raises(ValueError, match="0 to 1, found 0 to 2"):
        evaluate(np.array([0, 1]), np.array([0, 2]), 2)
