from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from monitor.errors import MonitorError
from monitor.inference.logmel import LogMelSpec, log_mel
from tests.toy_training import RATE, sound
from trainer.datasets import Clip
from trainer.features import extract, read_window

SPEC = LogMelSpec(sample_rate=RATE, n_mels=16, window_seconds=0.064, hop_seconds=0.064)


def clip(path: Path, samples: np.ndarray, rate: int = RATE) -> Clip:
    """A clip that was just written."""
    soundfile.write(path, samples, rate, subtype="FLOAT")
    return Clip(path, "low", 1, path.name)


def test_every_channel_is_an_example(tmp_path: Path) -> None:
    """A clip gives one example per channel, each the daemon's own spectrogram of it."""
    four, one = sound("hiss", 1.0, 1, channels=4), sound("low", 1.0, 2)
    features = extract([clip(tmp_path / "a.wav", four), clip(tmp_path / "b.wav", one)], SPEC, 1.0)
    assert features.clip.tolist() == [0, 0, 0, 0, 1]
    np.testing.assert_array_equal(features.log_mel[:4], log_mel(four.T.astype(np.float32), SPEC))
    np.testing.assert_array_equal(features.log_mel[4:], log_mel(one.T.astype(np.float32), SPEC))


def test_short_clips_are_left_out(tmp_path: Path) -> None:
    """A clip with 99 % of a window is completed with zeros, a shorter one is left out and told."""
    whole = clip(tmp_path / "a.wav", sound("hiss", 1.0, 1))
    almost = clip(tmp_path / "b.wav", sound("hiss", 0.995, 2))
    short = clip(tmp_path / "c.wav", sound("hiss", 0.98, 3))
    features = extract([short, whole, almost], SPEC, 1.0)
    assert features.left_out == (0,)
    assert features.clip.tolist() == [1, 2]
    window = read_window(almost.path, RATE, 1.0)
    assert window is not None
    assert window.shape == (1, RATE)
    assert not window[:, -30:].any()


def test_only_short_clips(tmp_path: Path) -> None:
    """A data set of clips that are all too short is refused."""
    with pytest.raises(MonitorError, match="every clip is shorter than the window of 1 s"):
        extract([clip(tmp_path / "a.wav", sound("hiss", 0.5, 1))], SPEC, 1.0)


def test_long_clips_give_their_first_window(tmp_path: Path) -> None:
    """Of a long clip the first window counts."""
    samples = sound("hiss", 5.0, 1)
    window = read_window(clip(tmp_path / "a.wav", samples).path, RATE, 1.0)
    np.testing.assert_array_equal(window, samples[:RATE].T.astype(np.float32))


def test_other_rates_are_resampled(tmp_path: Path) -> None:
    """A tone in a file of another rate keeps its pitch and level."""
    time = np.arange(3 * 44100) / 44100
    path = clip(tmp_path / "a.wav", 0.5 * np.sin(2 * np.pi * 1000.0 * time), 44100).path
    window = read_window(path, RATE, 1.0)
    assert window is not None
    expected = 0.5 * np.sin(2 * np.pi * 1000.0 * np.arange(RATE) / RATE)
    np.testing.assert_allclose(window[0, 200:], expected[200:], atol=1e-3)


def test_unreadable_clip_is_named(tmp_path: Path) -> None:
    """A file that is not audio is named."""
    path = tmp_path / "broken.wav"
    path.write_bytes(b"no audio at all")
    with pytest.raises(MonitorError, match=r"clip .*broken\.wav cannot be read"):
        extract([Clip(path, "low", 1, "g")], SPEC, 1.0)


def test_samples_that_are_no_numbers(tmp_path: Path) -> None:
    """A clip with a NaN in it is named."""
    samples = sound("hiss", 1.0, 1)
    samples[100] = np.nan
    with pytest.raises(MonitorError, match=r"a\.wav holds samples that are not finite"):
        extract([clip(tmp_path / "a.wav", samples)], SPEC, 1.0)
