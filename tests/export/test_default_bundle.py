from __future__ import annotations

from pathlib import Path

import onnxruntime
import soundfile

from monitor.inference import bundle
from monitor.inference.logmel import log_mel
from trainer.simulate.activities import LABELS

DEMO = ("vacuum_cleaner", "working", "social_activity", "dishwashing")
"""What `demo.flac` has, one after the other"""
DEMO_SECONDS = 20
BUNDLES = Path(__file__).resolve().parents[2] / "monitor" / "bundles"


def test_shipped_bundle_recognises_the_demo() -> None:
    """The shipped bundle names nearly all windows of the shipped demo rightly."""
    loaded = bundle.load(BUNDLES / "default")
    manifest = loaded.manifest
    (member,) = manifest.members
    session = onnxruntime.InferenceSession(loaded.files[member.file], providers=["CPUExecutionProvider"])
    samples, rate = soundfile.read(BUNDLES / "demo.flac", dtype="float32")
    assert rate == manifest.sample_rate
    right = []
    for start in range(0, len(samples) - manifest.window + 1, manifest.window):
        window = samples[start : start + manifest.window].T  # [4, window]
        (posteriors,) = session.run(None, {"log_mel": log_mel(window, member.log_mel)})
        label = manifest.labels[posteriors.mean(axis=0).argmax()]
        right.append(label == DEMO[start // (DEMO_SECONDS * rate)])
    assert len(right) == len(DEMO) * DEMO_SECONDS / manifest.window_seconds
    assert sum(right) >= len(right) - 1


def test_shipped_bundle_is_honest() -> None:
    """The shipped bundle knows the nine activities and says what it must not be used for."""
    manifest = bundle.load(BUNDLES / "default").manifest
    assert manifest.labels == LABELS
    assert "generated sounds only" in manifest.notice
