from __future__ import annotations

from pathlib import Path

import pytest

from monitor.inference import bundle
from monitor.inference.bundle import Bundle
from monitor.inference.manifest import CrnnMember, DeepSpectrumMember
from monitor.inference.recognise import Recogniser
from tests.homes import simulated
from trainer.simulate.activities import LABELS

BUNDLES = Path(__file__).resolve().parents[2] / "monitor" / "bundles"


@pytest.fixture(scope="module")
def shipped() -> Bundle:
    """The bundle that ships."""
    return bundle.load(BUNDLES / "default")


def test_shipped_bundle_recognises_simulated_homes(shipped: Bundle) -> None:
    """In homes that it has not learnt from it names at least six of ten windows rightly; chance is one."""
    recogniser = Recogniser(shipped, provider="cpu")
    right = [
        LABELS[recogniser.recognise(simulated(label, 500 + seed, 160_000)).scores.argmax()] == label
        for label in LABELS
        for seed in range(2)
    ]
    assert sum(right) >= 0.6 * len(right)


def test_shipped_bundle_is_the_whole_architecture_in_small(shipped: Bundle) -> None:
    """A CRNN and an image network with machines, stacked and calibrated, in a few megabytes."""
    crnn, deep_spectrum = shipped.manifest.members
    assert isinstance(crnn, CrnnMember)
    assert isinstance(deep_spectrum, DeepSpectrumMember)
    assert shipped.manifest.stack is not None
    assert sum(map(len, shipped.files.values())) < 25e6


def test_shipped_bundle_is_honest(shipped: Bundle) -> None:
    """It knows the nine activities, says what it must not be used for, and what other sounds are called."""
    assert shipped.manifest.labels == LABELS
    assert "simulated homes only" in shipped.manifest.notice
    card = shipped.files["MODEL_CARD.md"].decode()
    assert "other arrays" in card
    assert "## Other sounds" in card
