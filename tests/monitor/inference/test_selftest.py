"""The built-in test of a bundle: the same signal everywhere, and scores to compare with."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from monitor.inference import cost, selftest
from monitor.inference.bundle import Bundle
from monitor.inference.logmel import log_mel
from monitor.inference.manifest import BundleError, Manifest, SelfTest
from monitor.inference.recognise import Recogniser
from tests.toys import TONES_MEMBER, toy_manifest, toy_model


def toy(manifest: Manifest) -> Recogniser:
    """A bundle of one CRNN."""
    model = toy_model(TONES_MEMBER.log_mel, manifest.frames(TONES_MEMBER), gain=0.05)
    return Recogniser(Bundle(manifest, {"tones.onnx": model}, "0" * 64))


def test_signal_is_the_same_everywhere() -> None:
    """Its numbers are known, whatever the versions of libraries."""
    signal = selftest.signal(toy_manifest())
    assert (signal.shape, signal.dtype) == ((4, 16000), np.float32)
    assert np.abs(signal).max() < 0.52
    np.testing.assert_allclose(signal[[0, 0, 3], [0, 8000, 15999]], WANTED, atol=1e-6)
    np.testing.assert_array_equal(signal, selftest.signal(toy_manifest()))


WANTED = [0.0039062449, 0.4862064123, 0.1443908066]


def test_signal_has_something_for_everyone() -> None:
    """Every band is heard at some time, and no two channels are the same."""
    signal = selftest.signal(dataclasses.replace(toy_manifest(), window_seconds=10.0))
    decibel = log_mel(signal, TONES_MEMBER.log_mel)
    assert decibel.max(axis=2).min() > -60
    assert np.abs(np.diff(decibel, axis=0)).max(axis=(1, 2)).min() > 10


def test_scores_that_are_told_are_found_again() -> None:
    """A bundle passes with the scores that it was made with, and not with others."""
    recogniser = toy(toy_manifest())
    scores = selftest.scores(recogniser)
    assert sum(scores) == pytest.approx(1.0, abs=1e-5)
    for off, passes in ((0.0, True), (0.9e-3, True), (1.1e-3, False)):
        told = SelfTest((scores[0] + off, *scores[1:]))
        tested = toy(dataclasses.replace(toy_manifest(), self_test=told))
        if passes:
            assert selftest.check(tested) == pytest.approx(off, abs=1e-6)
        else:
            with pytest.raises(BundleError, match=r"off by 0\.0011, more than 0\.001; do not trust it here"):
                selftest.check(tested)


def test_nothing_to_compare_with() -> None:
    """A bundle without such scores cannot be checked, and says so."""
    with pytest.raises(BundleError, match="no scores to compare with; export it again"):
        selftest.check(toy(toy_manifest()))


def test_cost_is_measured_for_each_member_and_all() -> None:
    """Milliseconds of every member and of the window."""
    found = cost.measure(toy(toy_manifest()))
    assert list(found.members) == ["tones"]
    assert min(found.members["tones"], found.window) > 0
