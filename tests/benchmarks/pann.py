"""One window of four channels through a bundle, and through the network that others would take for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from monitor.inference import bundle as bundles
from monitor.inference import selftest
from monitor.inference.recognise import Recogniser
from monitor.inference.waveform import resampled
from tests.benchmarks import eager
from tests.benchmarks.measure import compared, take_turns
from trainer import audio_weights
from trainer.checkpoints import RANDOM
from trainer.models import pann
from trainer.models.openl3 import Frames
from trainer.tables import Row

REPETITIONS = 5


def rows(path: Path) -> Iterator[Row]:
    """The whole window against CNN14, which hears every channel and was given the samples at its own rate."""
    bundle = bundles.load(path)
    recogniser, signal = Recogniser(bundle, provider="cpu"), selftest.signal(bundle.manifest)
    heard = resampled(signal, bundle.manifest.sample_rate, pann.RATE)
    cnn14 = eager.runner(audio_weights.load("pann-cnn14", f"{RANDOM}0", Frames()), heard)
    with eager.one_thread():
        ours, other = take_turns(REPETITIONS, lambda: recogniser.recognise(signal), cnn14)
    what = f"bundle {bundle.manifest.name}, window of {len(signal)} channels, one thread"
    yield compared(what, ours, "PANNs' CNN14, PyTorch eager", other, "random weights")
