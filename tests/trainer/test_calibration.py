from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monitor.inference.svm import probabilities
from trainer import reliability as picture
from trainer.calibration import SHARPNESS, coverage, cross_fitted, reliability, temperature

THREE = np.array([[2.0, 0.0, -1.0], [0.0, 1.0, 3.0], [0.5, 0.5, -2.0]])
"""Values of three clips; the mean spread is 3, 3 and 2.5"""
SPREAD = 8.5 / 3


def sampled(clips: int, labels: int = 5, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Logits, and a truth that is drawn with the very probabilities that they stand for."""
    rng = np.random.default_rng(seed)
    logits = 1.5 * rng.standard_normal((clips, labels))
    truth = (probabilities(logits, 1.0).cumsum(axis=1) > rng.random((clips, 1))).argmax(axis=1)
    return logits, truth


def likelihood(values: np.ndarray, truth: np.ndarray, temperature: float) -> float:
    """Mean negative log likelihood, the long way."""
    odds = [[np.exp(value / temperature) for value in row] for row in values.tolist()]
    return float(np.mean([-np.log(row[true] / sum(row)) for row, true in zip(odds, truth, strict=True)]))


@pytest.mark.parametrize(("right", "wrong", "gap"), [(3, 1, 1.0), (9, 1, 0.2), (99, 1, 7.0)])
def test_temperature_of_two_classes(right: int, wrong: int, gap: float) -> None:
    """Where all clips say the same, the probability becomes the share that is right: T = gap / log odds."""
    truth = np.repeat([0, 1], [right, wrong])
    values = np.tile([gap, 0.0], (right + wrong, 1))
    found = temperature(values, truth)
    assert found == pytest.approx(gap / np.log(right / wrong), rel=1e-9)
    assert probabilities(values, found)[0, 0] == pytest.approx(right / (right + wrong))


@pytest.mark.parametrize("labels", [2, 9, 50])
def test_temperature_is_the_best_of_a_grid(labels: int) -> None:
    """No temperature of a fine grid makes the truth more likely than the one found."""
    values, truth = sampled(200, labels)
    values = 4.0 * values - 1.0
    found = temperature(values, truth)
    grid = found * np.geomspace(0.5, 2.0, 41)
    scores = [likelihood(values, truth, one) for one in grid]
    assert np.argmin(scores) == 20
    assert grid[20] == pytest.approx(found)


def test_temperature_is_recovered() -> None:
    """Logits that are three times too large get the temperature 3."""
    logits, truth = sampled(20_000)
    assert temperature(3.0 * logits, truth) == pytest.approx(3.0, rel=0.03)


@pytest.mark.parametrize("scale", [1e-9, 0.3, 1e6])
def test_temperature_scales_with_the_values(scale: float) -> None:
    """Values k times as large give T k times as large, so the same probabilities; a shift changes nothing."""
    logits, truth = sampled(300)
    base = temperature(logits, truth)
    found = temperature(scale * logits, truth)
    assert found == pytest.approx(scale * base)
    np.testing.assert_allclose(probabilities(scale * logits, found), probabilities(logits, base))
    assert temperature(logits + np.arange(300)[:, None], truth) == pytest.approx(base)


def test_temperature_is_of_float64() -> None:
    """Single precision, and a second run, give the same temperature."""
    logits, truth = sampled(300)
    single = logits.astype(np.float32)
    assert temperature(single, truth) == temperature(single.astype(np.float64), truth)
    assert probabilities(single, 1.0).dtype == np.float64


def test_all_right_is_bounded() -> None:
    """Where every clip is right, the temperature stops at a hundredth of the spread."""
    assert temperature(THREE, np.array([0, 2, 0])) == pytest.approx(SPREAD / SHARPNESS[1])


def test_worse_than_chance_is_bounded() -> None:
    """Where the truth always has the least value, all classes become all but equally probable."""
    truth = np.array([2, 0, 2])
    found = temperature(THREE, truth)
    assert found == pytest.approx(SPREAD / SHARPNESS[0])
    np.testing.assert_allclose(probabilities(THREE, found), 1 / 3, atol=0.005)


def test_constant_values() -> None:
    """Values that tell nothing keep the temperature 1 and say so: every class is equally probable."""
    values = np.full((4, 3), 0.1)
    assert temperature(values, np.array([0, 1, 2, 2])) == 1.0
    np.testing.assert_array_equal(probabilities(values, 1.0), 1 / 3)


def test_softmax() -> None:
    """Probabilities are softmax(values / T), also of a single clip and of values that would overflow."""
    np.testing.assert_allclose(probabilities(np.log([[1.0, 4.0, 9.0]]), 2.0), [[1 / 6, 2 / 6, 3 / 6]])
    np.testing.assert_allclose(probabilities(np.array([2e4, 0.0, 2e4]), 2.0), [0.5, 0.0, 0.5])


def test_scaling_keeps_the_labels() -> None:
    """Calibration changes no label."""
    values, truth = sampled(500)
    likely, found = cross_fitted(values, truth, np.arange(500) % 4)
    for scaled in (likely, probabilities(values, found)):
        np.testing.assert_array_equal(scaled.argmax(axis=1), values.argmax(axis=1))
        np.testing.assert_allclose(scaled.sum(axis=1), 1.0)


@pytest.mark.parametrize(
    ("values", "truth", "message"),
    [
        (np.empty((0, 3)), np.empty(0, int), "of 0 clips"),
        (THREE[:2], np.array([0, 1, 2]), r"of 3 clips, got \[2, 3\]"),
        (THREE[0], np.array([0, 1, 2]), r"got \[3\]"),
        (np.array([[1.0, np.nan]]), np.array([0]), "finite"),
        (THREE, np.array([0, 3, 1]), "classes must be 0 to 2, found 0 to 3"),
        (THREE, np.array([0, -1, 1]), "found -1 to 1"),
    ],
)
def test_impossible_input(values: np.ndarray, truth: np.ndarray, message: str) -> None:
    """Values and truth that do not fit together are refused, not broadcast."""
    with pytest.raises(ValueError, match=message):
        temperature(values, truth)
    with pytest.raises(ValueError, match=message):
        reliability(values, truth)
    with pytest.raises(ValueError, match=message):
        coverage(values, truth, [0.5])


def test_cross_fitting_uses_the_other_folds() -> None:
    """A fold's probabilities are those of the temperature of all others; what ships is that of all."""
    values, truth = sampled(300)
    fold = np.arange(300) % 3 + 1
    likely, found = cross_fitted(values, truth, fold)
    own = fold == 2
    others = temperature(values[~own], truth[~own])
    assert others != found == temperature(values, truth)
    np.testing.assert_array_equal(likely[own], probabilities(values[own], others))


def test_cross_fitting_does_not_see_its_own_fold() -> None:
    """Poison in the truth and values of a fold changes the temperature of the others, never its own."""
    values, truth = sampled(300)
    fold = np.arange(300) % 3 + 1
    own = fold == 2
    likely, found = cross_fitted(values, truth, fold)
    other_truth, spoilt = np.where(own, values.argmin(axis=1), truth), values.copy()
    spoilt[own] *= 1000.0
    poisoned, ships = cross_fitted(values, other_truth, fold)
    np.testing.assert_array_equal(poisoned[own], likely[own])
    assert np.abs(poisoned[~own] - likely[~own]).max() > 0.05
    assert ships > 1.2 * found
    poisoned, _ = cross_fitted(spoilt, truth, fold)
    np.testing.assert_array_equal(
        poisoned[own], probabilities(spoilt[own], temperature(values[~own], truth[~own]))
    )


def test_cross_fitting_needs_folds() -> None:
    """A single fold leaves nothing to fit on."""
    with pytest.raises(ValueError, match="need two folds or more, got 1"):
        cross_fitted(THREE, np.array([0, 2, 0]), np.ones(3, int))


def test_reliability_by_hand() -> None:
    """Counts, means, ECE, likelihood and Brier score of four clips are those of a pocket calculator."""
    likely = np.array([[0.9, 0.1], [0.3, 0.7], [0.4, 0.6], [1.0, 0.0]])
    found = reliability(likely, np.array([0, 1, 0, 1]), bins=4)
    assert found["bins"] == [
        {"low": 0.0, "high": 0.25, "clips": 0, "accuracy": None, "confidence": None},
        {"low": 0.25, "high": 0.5, "clips": 0, "accuracy": None, "confidence": None},
        {"low": 0.5, "high": 0.75, "clips": 2, "accuracy": 0.5, "confidence": pytest.approx(0.65)},
        {"low": 0.75, "high": 1.0, "clips": 2, "accuracy": 0.5, "confidence": pytest.approx(0.95)},
    ]
    assert (found["clips"], found["accuracy"], found["confidence"]) == (4, 0.5, pytest.approx(0.8))
    assert found["ece"] == pytest.approx((2 * 0.15 + 2 * 0.45) / 4)
    assert found["brier"] == pytest.approx((0.02 + 0.18 + 0.72 + 2.0) / 4)
    impossible = -np.log(np.finfo(float).tiny)  # of the truth that had no probability at all
    assert found["nll"] == pytest.approx((-np.log(0.9) - np.log(0.7) - np.log(0.4) + impossible) / 4)
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_edges_of_bins() -> None:
    """A confidence on an edge belongs to the bin below; 1 belongs to the last."""
    likely = np.array([[0.5, 0.5], [0.75, 0.25], [1.0, 0.0]])
    found = reliability(likely, np.zeros(3, int), bins=4)
    assert [part["clips"] for part in found["bins"]] == [0, 1, 1, 1]


def test_all_right_and_sure() -> None:
    """Certainty that is always right has no error at all."""
    found = reliability(np.eye(3), np.arange(3))
    assert (found["ece"], found["nll"], found["brier"]) == (0.0, 0.0, 0.0)


def test_calibrated_and_overconfident() -> None:
    """True probabilities have next to no ECE; that of sharpened ones is what they promise too much."""
    logits, truth = sampled(50_000)
    true = reliability(probabilities(logits, 1.0), truth)
    assert true["ece"] < 0.01
    sharp = reliability(probabilities(logits, 0.25), truth)
    assert sharp["accuracy"] == true["accuracy"]
    # Every bin promises too much, so the differences add up to that of the means.
    assert sharp["ece"] == pytest.approx(sharp["confidence"] - sharp["accuracy"])
    assert sharp["ece"] > 0.2
    assert sharp["nll"] > true["nll"]
    assert sharp["brier"] > true["brier"]


def test_coverage() -> None:
    """A threshold keeps the clips that reach it; one that nobody reaches has no accuracy."""
    likely = np.array([[0.9, 0.1], [0.3, 0.7], [0.4, 0.6], [0.8, 0.2]])
    rows = coverage(likely, np.array([0, 1, 0, 1]), [0.0, 0.7, 0.9, 0.95])
    assert rows == [
        {"threshold": 0.0, "coverage": 1.0, "accuracy": 0.5},
        {"threshold": 0.7, "coverage": 0.75, "accuracy": pytest.approx(2 / 3)},
        {"threshold": 0.9, "coverage": 0.25, "accuracy": 1.0},
        {"threshold": 0.95, "coverage": 0.0, "accuracy": None},
    ]
    assert json.loads(json.dumps(rows, allow_nan=False)) == rows


@pytest.fixture(scope="module")
def before_and_after() -> tuple[dict[str, Any], dict[str, Any]]:
    """Of values that promise too much."""
    logits, truth = sampled(2000)
    likely, _ = cross_fitted(3.0 * logits, truth, np.arange(2000) % 4)
    return reliability(probabilities(3.0 * logits, 1.0), truth), reliability(likely, truth)


def test_picture_repeats(tmp_path: Path, before_and_after: tuple[dict[str, Any], dict[str, Any]]) -> None:
    """The same calibration gives the same bytes, and the picture says what it shows."""
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        picture.draw(folder, "r", r"toy $\broken$", *before_and_after)
        assert {path.name for path in folder.iterdir()} == {"r.png", "r.svg"}
    for name in ("r.png", "r.svg"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    texts = (tmp_path / "a" / "r.svg").read_text()  # as comments beside the outlines of the letters
    before, after = before_and_after
    for text in (
        r"toy $\broken$",
        "accuracy (%)",
        "probability of the label (%)",
        "clips",
        "accuracy = probability",
        f"before: ECE {100 * before['ece']:.1f} %, NLL {before['nll']:.2f}, Brier {before['brier']:.2f}",
        f"after: ECE {100 * after['ece']:.1f} %, NLL {after['nll']:.2f}, Brier {after['brier']:.2f}",
    ):
        assert f"<!-- {text} -->" in texts


def test_picture_shows_the_bins(before_and_after: tuple[dict[str, Any], dict[str, Any]]) -> None:
    """Points are the bins that have clips, bars beneath their numbers, before on the left of after."""
    figure = picture._figure("toy", *before_and_after)
    above, beneath = figure.axes
    for line, found in zip(above.lines[1:], before_and_after, strict=True):
        filled = [part for part in found["bins"] if part["clips"]]
        assert len(filled) < 15
        np.testing.assert_array_equal(
            line.get_xydata(), [[part["confidence"], part["accuracy"]] for part in filled]
        )
    bars = [(bar.get_x(), bar.get_height()) for bar in beneath.patches]
    wanted = [
        (part["low"] + side / 30, part["clips"])
        for side, found in enumerate(before_and_after)
        for part in found["bins"]
    ]
    np.testing.assert_allclose(bars, wanted)
