from __future__ import annotations

import json
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score

from trainer import evaluate as evaluation
from trainer.evaluate import RESAMPLES, Predictions, difference, evaluate, resample, summarise

LABELS = ("eating", "other", "working")


def predictions(clips: int, groups: int, fold: np.ndarray | int, seed: int = 1) -> Predictions:
    """Random clips of three classes, about two thirds of them recognised; folds hold groups of their own."""
    rng = np.random.default_rng(seed)
    fold = np.broadcast_to(fold, clips)
    truth = rng.integers(0, 3, clips)
    scores = rng.random((clips, 3)) + np.eye(3)[truth] * 0.6
    return Predictions(
        file=tuple(f"{index}.wav" for index in range(clips)),
        fold=np.array(fold),
        group=tuple(f"{k}:{group}" for k, group in zip(fold, rng.integers(0, groups, clips), strict=True)),
        array=tuple(f"node{node}" for node in rng.integers(1, 5, clips)),
        truth=truth,
        scores=scores / scores.sum(axis=1, keepdims=True),
    )


def width(interval: list[float]) -> float:
    """Of an interval."""
    return interval[1] - interval[0]


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


def test_mean_is_of_the_folds() -> None:
    """The mean is over folds of the scores over all classes in each; pooled is one sample of all clips."""
    fold = np.repeat([1, 2, 4], [30, 50, 10])
    result = summarise(predictions(90, 8, fold), None, LABELS, "macro_f1")
    run = predictions(90, 8, fold)
    assert list(result["folds"]) == ["1", "2", "4"]
    each = [
        f1_score(run.truth[fold == k], run.predicted[fold == k], labels=range(3), average=None)
        for k in (1, 2, 4)
    ]
    assert result["mean"]["macro_f1"] == pytest.approx(np.mean(each))
    assert result["mean"]["f1"] == pytest.approx(np.mean(each, axis=0))
    folds = [accuracy_score(run.truth[fold == k], run.predicted[fold == k]) for k in (1, 2, 4)]
    assert result["mean"]["accuracy"] == pytest.approx(np.mean(folds))
    pooled = f1_score(run.truth, run.predicted, average="macro")
    assert result["pooled"]["macro_f1"] == pytest.approx(pooled) != pytest.approx(np.mean(each), abs=1e-3)
    assert (result["metric"], result["evaluation"]) == ("macro_f1", None)


def test_results_are_json_and_repeat() -> None:
    """The same predictions give the same bytes of JSON."""
    run, test = predictions(60, 6, np.repeat([1, 2], 30)), predictions(40, 9, 0, seed=2)
    texts = [json.dumps(summarise(run, test, LABELS, "accuracy"), allow_nan=False) for _ in range(2)]
    assert texts[0] == texts[1]


def test_intervals_agree_with_a_plain_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing groups clip by clip gives the same distribution, and chunks change nothing."""
    rng = np.random.default_rng(3)
    truth, group = rng.integers(0, 4, 200), rng.integers(0, 30, 200)
    predicted = np.where(rng.random(200) < 0.6, truth, rng.integers(0, 4, 200))
    fast = resample(truth, predicted, group, 4, stream=1)
    assert fast is not None
    slow = []
    for _ in range(RESAMPLES):
        clips = np.concatenate([np.flatnonzero(group == g) for g in rng.integers(0, 30, 30)])
        scores = evaluate(truth[clips], predicted[clips], 4)
        slow.append((scores["accuracy"], scores["macro_f1"]))
    for level in (0.025, 0.5, 0.975):
        np.testing.assert_allclose(
            np.quantile(fast, level, axis=0), np.quantile(slow, level, axis=0), atol=0.01
        )
    monkeypatch.setattr(evaluation, "WEIGHTS_AT_ONCE", 30 * 7)
    np.testing.assert_array_equal(resample(truth, predicted, group, 4, stream=1), fast)


def test_every_resample_is_scored_exactly() -> None:
    """Two groups of one class have three resamples; their scores are those of the clips in them."""
    truth, predicted, group = np.zeros(5, int), np.array([0, 0, 1, 1, 1]), np.array([0, 0, 0, 1, 1])
    drawn = resample(truth, predicted, group, 2, stream=1)
    wanted = {
        tuple(evaluate(truth[c], predicted[c], 2)[s] for s in ("accuracy", "macro_f1"))
        for c in ([0, 1, 2, 0, 1, 2], [0, 1, 2, 3, 4], [3, 4, 3, 4])
    }
    assert set(map(tuple, drawn.tolist())) == wanted


def test_intervals_are_over_groups() -> None:
    """Clips that are right or wrong together are worth one clip: ten to a group, three times the width."""
    rng = np.random.default_rng(4)
    right = np.repeat(rng.random(60) < 0.7, 10)
    run = predictions(600, 1, 1)
    guess = np.where(right, run.truth, (run.truth + 1) % 3)
    run = replace(run, group=tuple(map(str, np.repeat(range(60), 10))), scores=np.eye(3)[guess])
    by_group = summarise(run, None, LABELS, "accuracy")["pooled"]["interval"]
    by_clip = summarise(replace(run, group=run.file), None, LABELS, "accuracy")["pooled"]["interval"]
    assert width(by_group["accuracy"]) == pytest.approx(2 * 1.96 * np.sqrt(0.7 * 0.3 / 60), rel=0.15)
    assert width(by_group["accuracy"]) / width(by_clip["accuracy"]) == pytest.approx(np.sqrt(10), rel=0.15)


def test_intervals_cover_the_truth(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the intervals of many simulated samples about 95 % hold the true accuracy."""
    monkeypatch.setattr(evaluation, "RESAMPLES", 300)
    rng, true, inside = np.random.default_rng(5), 0.75, 0
    for stream in range(100):
        chance = np.repeat(rng.beta(3, 1, 80), 5)  # of a group's clips to be right; mean 0.75
        right = rng.random(400) < chance
        drawn = resample(np.zeros(400, int), np.where(right, 0, 1), np.repeat(range(80), 5), 2, stream)
        low, high = np.quantile(drawn[:, 0], (0.025, 0.975))
        inside += low <= true <= high
    assert 89 <= inside <= 99


def test_mean_of_folds_is_surer_than_a_fold() -> None:
    """Four folds alike: the interval of their mean is half as wide as that of one."""
    result = summarise(predictions(1600, 100, np.repeat([1, 2, 3, 4], 400)), None, LABELS, "accuracy")
    fold = np.mean([width(scores["interval"]["accuracy"]) for scores in result["folds"].values()])
    assert width(result["mean"]["interval"]["accuracy"]) == pytest.approx(fold / 2, rel=0.1)


def test_resample_without_a_class() -> None:
    """A class that a resample lacks keeps the F1 of the whole sample; perfect predictions stay perfect."""
    truth = np.array([0, 0, 0, 1, 2])
    drawn = resample(truth, truth, np.arange(5), 3, stream=1)
    np.testing.assert_array_equal(drawn, np.ones((RESAMPLES, 2)))


def test_class_that_never_occurs() -> None:
    """A class without clips counts 0 in the score and in every resample."""
    truth = np.array([0, 1] * 4)
    drawn = resample(truth, truth, np.arange(8), 4, stream=1)
    np.testing.assert_array_equal(drawn, np.tile([1.0, 0.5], (RESAMPLES, 1)))


def test_one_group_has_no_interval() -> None:
    """One group cannot tell how much another would differ: no interval, and none of a mean it is part of."""
    run = predictions(60, 5, np.repeat([1, 2], 30))
    run = replace(
        run, group=tuple("s1" if k == 1 else group for k, group in zip(run.fold, run.group, strict=True))
    )
    result = summarise(run, None, LABELS, "accuracy")
    assert (result["folds"]["1"]["groups"], result["folds"]["1"]["interval"]) == (1, None)
    assert result["folds"]["2"]["interval"] is not None
    assert result["mean"]["interval"] is None
    assert result["pooled"]["groups"] == 6


def test_group_in_two_folds() -> None:
    """A source recording in two folds, as published in ESC-50, is one group of the pooled clips."""
    run = predictions(40, 5, np.repeat([1, 2], 20))
    run = replace(run, group=tuple(group[2:] for group in run.group))
    result = summarise(run, None, LABELS, "accuracy")
    assert [scores["groups"] for scores in (*result["folds"].values(), result["pooled"])] == [5, 5, 5]
    low, high = result["mean"]["interval"]["macro_f1"]
    assert low < result["mean"]["macro_f1"] < high


def test_known_and_unknown_arrays() -> None:
    """Evaluation clips of arrays that the development partition has, and has not, are scored apart."""
    run, test = predictions(60, 6, np.repeat([1, 2], 30)), predictions(80, 9, 0, seed=2)
    test = replace(test, array=("node7", "node1") * 40)
    result = summarise(run, test, LABELS, "macro_f1")["evaluation"]
    assert {kind: scores["clips"] for kind, scores in result.items()} == {
        "all": 80,
        "known": 40,
        "unknown": 40,
    }
    unknown = f1_score(test.truth[::2], test.predicted[::2], average="macro")
    assert result["unknown"]["macro_f1"] == pytest.approx(unknown)


@pytest.mark.parametrize("arrays", [("node1",), ("node8",), ("", "node1")])
def test_arrays_of_one_kind_or_not_named(arrays: tuple[str, ...]) -> None:
    """Where all arrays are known, none is, or not all are named, there is only one evaluation score."""
    run, test = predictions(60, 6, np.repeat([1, 2], 30)), predictions(80, 9, 0, seed=2)
    test = replace(test, array=(arrays * 80)[:80])
    assert list(summarise(run, test, LABELS, "accuracy")["evaluation"]) == ["all"]


def test_memory_is_bounded() -> None:
    """1,500 recordings and 50 classes, as in ESC-50, are resampled in less than 40 MB."""
    truth, group = np.arange(2000) % 50, np.arange(2000) % 1500
    tracemalloc.start()
    resample(truth, np.roll(truth, 1), group, 50, stream=1)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 40e6


def test_difference_of_two_systems() -> None:
    """The difference is of accuracies on common clips; what both get wrong does not widen its interval."""
    base = predictions(300, 60, 1)
    same = difference([(base, base)])
    assert (same["value"], same["interval"]) == (0.0, [0.0, 0.0])
    right = np.eye(3)[base.truth]
    wrong = np.flatnonzero(base.predicted != base.truth)
    better = base.scores.copy()
    better[wrong[:30]] = right[wrong[:30]]
    gain = difference([(replace(base, scores=better), base)])
    assert gain["value"] == pytest.approx(30 / 300)
    assert 0.05 < gain["interval"][0] < 0.1 < gain["interval"][1] < 0.15
    other = predictions(300, 60, 1, seed=2)
    assert width(difference([(base, other)])["interval"]) > 1.5 * width(gain["interval"])
    both = difference([(replace(base, scores=better), base), (base, base)])
    assert both["value"] == pytest.approx(15 / 300)
    some = replace(base, file=("new.wav", *base.file[1:]))
    assert difference([(some, base)])["value"] == 0.0
    with pytest.raises(ValueError, match="no clip in common"):
        difference([(replace(base, file=tuple(f"x{index}" for index in range(300))), base)])


def test_difference_within_one_group() -> None:
    """A single group gives no interval."""
    one = replace(predictions(10, 5, 1), group=("g",) * 10)
    assert difference([(one, one)])["interval"] is None
