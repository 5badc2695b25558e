"""Microphones that fail and recover, in simulated recordings of an array."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from monitor.audio import health
from monitor.audio.health import Health
from monitor.audio.symptoms import FAULTS, UNMISTAKABLE
from tests.homes import rush
from tests.toys import SHARED, tone

RATE = 16000
WINDOW = 2 * RATE
WINDOWS = 12
FAILS, RECOVERS = 2, 7
"""Windows"""
BAD = 2
"""The microphone"""
ARRAY = SHARED / "array" / "speech_4mic_16k.wav"

Samples = npt.NDArray[np.float32]


@pytest.fixture(scope="module")
def clean() -> Samples:
    """A rush of air in a simulated room: `[4, samples]`."""
    return rush(5, WINDOWS * WINDOW, -35.0)


def watch(samples: Samples, hop: int = WINDOW) -> list[dict[int, str]]:
    """Faults in every window."""
    microphones = Health(RATE)
    starts = range(0, samples.shape[1] - WINDOW + 1, hop)
    return [dict(microphones.update(samples[:, start : start + WINDOW], start)) for start in starts]


def non_finite(samples: Samples) -> Samples:
    """One NaN in every window."""
    broken = samples[BAD].copy()
    broken[::WINDOW] = np.nan
    return broken


def stuck(samples: Samples) -> Samples:
    """A register that is not written any more."""
    return np.full_like(samples[BAD], 0.25)


def delayed(samples: Samples) -> Samples:
    """Another converter that is 2 ms behind."""
    return np.roll(samples[BAD], RATE // 500)


FAILURES: dict[str, Callable[[Samples], Samples]] = {
    "non_finite": non_finite,
    "dead": lambda samples: np.zeros_like(samples[BAD]),
    "stuck": stuck,
    "duplicate": lambda samples: samples[0],
    "dc_offset": lambda samples: samples[BAD] - 0.05,
    "clipped": lambda samples: np.clip(samples[BAD] / samples[BAD].std(), -1.0, 1.0),
    "too_quiet": lambda samples: 0.05 * samples[BAD],
    "delayed": delayed,
}


def with_failure(clean: Samples, failure: str) -> Samples:
    """A microphone that fails for five windows."""
    samples = clean.copy()
    time = slice(FAILS * WINDOW, RECOVERS * WINDOW)
    samples[BAD, time] = FAILURES[failure](clean[:, time])
    return samples


@pytest.mark.parametrize("fault", FAULTS)
def test_onset_and_recovery(clean: Samples, fault: str) -> None:
    """A fault is declared in its first or third window and lifted in the third that is well."""
    declared = FAILS if fault in UNMISTAKABLE else FAILS + 2
    expected = [{BAD: fault} if declared <= window < RECOVERS + 2 else {} for window in range(WINDOWS)]
    assert watch(with_failure(clean, fault)) == expected


def test_a_clean_recording_has_no_faults(clean: Samples) -> None:
    """Neither whole windows nor overlapping ones."""
    assert not any(watch(clean))
    assert not any(watch(clean, hop=RATE // 2))


@pytest.mark.parametrize("hop", [RATE // 2, RATE])
def test_overlapping_windows_are_not_counted_twice(clean: Samples, hop: int) -> None:
    """An offset is declared by three windows without common samples, however many there are in between."""
    faults = watch(with_failure(clean, "dc_offset"), hop)
    assert faults.index({BAD: "dc_offset"}) == (FAILS + 2) * WINDOW // hop
    assert len(faults) - faults[::-1].index({BAD: "dc_offset"}) == (RECOVERS + 2) * WINDOW // hop


def test_an_unmistakable_fault_is_declared_in_overlapping_windows_too(clean: Samples) -> None:
    """No window with a NaN is used, and the channel is out as long as windows have it and longer."""
    clean = clean.copy()
    clean[BAD, 5 * WINDOW + 100] = np.nan
    faults = watch(clean, RATE)
    assert faults.index({BAD: "non_finite"}) == (5 * WINDOW + 100 - WINDOW) // RATE + 1
    assert faults.count({BAD: "non_finite"}) > WINDOW // RATE


def test_what_is_strange_now_and_then_is_no_fault(clean: Samples) -> None:
    """A fault of every other window is never declared, as long as it is mistakable."""
    samples = clean.copy()
    for window in range(0, WINDOWS, 2):
        samples[BAD, window * WINDOW : (window + 1) * WINDOW] += 0.05
    assert not any(watch(samples))


@pytest.mark.parametrize("fault", ["dead", "too_quiet", "delayed"])
def test_silence_does_not_lift_a_fault(clean: Samples, fault: str) -> None:
    """A night without sound proves no microphone well."""
    samples = with_failure(clean, fault)
    quiet = slice(RECOVERS * WINDOW, None)
    noise = 1e-4 * np.random.default_rng(0).standard_normal(samples[:, quiet].shape)
    samples[:, quiet] = 0.0 if fault == "dead" else noise
    assert watch(samples)[-1] == {BAD: fault}


def test_the_gravest_fault_is_named() -> None:
    """A channel with NaN, then zeros, is non-finite until that is over; then it is dead."""
    samples = np.tile(tone("low", WINDOW / RATE), 6)
    samples[1] = 0.0
    samples[1, 10] = np.nan
    assert [faults[1] for faults in watch(samples)] == ["non_finite"] * 1 + ["non_finite"] * 2 + ["dead"] * 3


@pytest.mark.skipif(not ARRAY.exists(), reason="needs the recording ../shared/data/array")
def test_a_real_array() -> None:
    """A real recording has no faults, and shows those that are put in."""
    real, _ = soundfile.read(ARRAY, dtype="float32", always_2d=True)
    real = np.tile(real.T, 6)[:, : WINDOWS * WINDOW]
    assert not any(watch(real))
    for fault in FAULTS:
        assert watch(with_failure(real, fault))[FAILS + 2] == {BAD: fault}


def test_level_of_a_full_scale_sine() -> None:
    """A sine of amplitude 1 is at -3.01 dBFS, one of 0.1 at -23.01."""
    sine = np.sin(2 * np.pi * 50 * np.arange(16000) / 16000)
    levels = health.levels_dbfs(np.stack([sine, 0.1 * sine]).astype(np.float32))
    np.testing.assert_allclose(levels, [-3.0103, -23.0103], atol=1e-3)


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
def test_level_is_always_a_number(value: float) -> None:
    """Digital silence and non-finite samples are at -120 dBFS, which JSON can carry."""
    assert health.levels_dbfs(np.full((1, 10), value, dtype=np.float32)).tolist() == [-120.0]
