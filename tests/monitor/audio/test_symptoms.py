"""What one window says: what looks like a fault, but is none, above all."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

import monitor.stream
from monitor.audio.symptoms import FAULTS, compared, unmistakable
from tests.homes import rush
from trainer.simulate.dice import Dice
from trainer.simulate.signals import hum

RATE = 16000
SECONDS = 10

Samples = npt.NDArray[np.float32]


@pytest.fixture(scope="module")
def clean() -> Samples:
    """A rush of air in a simulated room, `[4, samples]`, at -25 dBFS."""
    return rush(2, SECONDS * RATE, -25.0)


def signs(samples: Samples) -> dict[str, list[int]]:
    """All evidence of a window."""
    evidence = unmistakable(samples) | compared(samples, RATE)
    return {fault: evidence[fault].tolist() for fault in evidence}


def noise(level_dbfs: float, channels: int = 4, steps: int | None = None) -> Samples:
    """Noise of its own in each channel, in so many quantisation steps from 0 to 1."""
    rng = np.random.default_rng(0)
    samples = 10.0 ** (level_dbfs / 20.0) * rng.standard_normal((channels, SECONDS * RATE))
    return (samples if steps is None else np.round(samples * steps) / steps).astype(np.float32)


def test_a_clean_window_says_that_all_is_well(clean: Samples) -> None:
    """No check is undecided: neither about the channels nor about any fault."""
    assert signs(clean) == dict.fromkeys(FAULTS, [-1] * 4)


def silence(_: Samples) -> Samples:
    """A muted array, or a file with zeros."""
    return np.zeros((4, SECONDS * RATE), dtype=np.float32)


def last_bit(_: Samples) -> Samples:
    """Silence that is rounded down."""
    return np.full((4, SECONDS * RATE), -1 / 32768, dtype=np.float32)


def quiet_room(_: Samples) -> Samples:
    """In 12 bits a quiet room is a few last bits, and nothing in a microphone that is a little weaker."""
    samples = noise(-80.0, steps=2048)
    samples[2] = 0.0
    return samples


def mono(clean: Samples) -> Samples:
    """A mono recording on all channels."""
    return np.tile(clean[:1], (4, 1))


def loud(clean: Samples) -> Samples:
    """A source that overdrives all microphones."""
    return np.clip(30.0 * clean, -1.0, 1.0)


def slammed_door(clean: Samples) -> Samples:
    """A door beside one microphone, for 0.1 s."""
    samples = clean.copy()
    samples[1, 30000:31600] *= 100.0
    return np.clip(samples, -1.0, 1.0)


def rumble(clean: Samples) -> Samples:
    """A truck at 0.9 Hz, which is not even a whole number of periods."""
    return clean + 0.4 * np.sin(2 * np.pi * 0.93 * np.arange(SECONDS * RATE) / RATE).astype(np.float32)


def near_source(clean: Samples) -> Samples:
    """A source 1 cm beside the first of four microphones that are 5 cm apart."""
    return (clean * np.array([[1.0], [1 / 6], [1 / 11], [1 / 16]])).astype(np.float32)


def fan(clean: Samples) -> Samples:
    """A fan that blows at two microphones, 30 dB above the sound."""
    samples = 0.1 * clean
    samples[:2] += noise(-15.0, 2)
    return samples


def other_sensitivity(clean: Samples) -> Samples:
    """A cheap microphone, 6 dB below the others, with a little offset."""
    samples = clean.copy()
    samples[3] = 0.5 * samples[3] + 0.009
    return samples


def periodic(_: Samples) -> Samples:
    """Hum alone repeats every 10 ms, so that no lag is better than another."""
    wave = hum(Dice(0), SECONDS * RATE, 100.0, harmonics=8)
    return (0.05 * np.roll(wave, 3) + noise(-75.0)).astype(np.float32)


@pytest.mark.parametrize(
    "scene",
    [
        *(silence, last_bit, quiet_room, mono, loud, slammed_door),
        *(rumble, near_source, fan, other_sensitivity, periodic),
    ],
)
def test_what_is_no_fault(clean: Samples, scene: Callable[[Samples], Samples]) -> None:
    """Nothing speaks for a fault of any channel."""
    samples = scene(clean)
    assert max(max(of_channels) for of_channels in signs(samples).values()) <= 0


@pytest.mark.parametrize("channels", [1, 2])
def test_few_microphones(clean: Samples, channels: int) -> None:
    """Alone, or the same twice, a channel is compared with nothing and never suspected."""
    samples = np.tile(clean[:1], (channels, 1))
    assert max(max(of_channels) for of_channels in signs(samples).values()) <= 0


def test_zeros_and_a_stuck_value(clean: Samples) -> None:
    """Zeros are a fault while another channel has sound, a stuck value always is."""
    samples = noise(-60.0)
    samples[1], samples[2], samples[3] = 0.0, -1 / 32768, 0.5
    assert (signs(samples)["dead"], signs(samples)["stuck"]) == ([-1, 1, 1, 0], [-1, 0, 0, 1])
    samples[0] = 0.0
    assert (signs(samples)["dead"], signs(samples)["stuck"]) == ([0, 0, 0, 0], [0, 0, 0, 1])
    assert signs(np.where([[True], [False], [True], [False]], clean, 0.0))["dead"] == [-1, 1, -1, 1]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_one_value_that_is_not_finite(clean: Samples, value: float) -> None:
    """It says nothing against the others, which are still compared."""
    samples = clean.copy()
    samples[0, 77] = value
    samples[3] *= 0.01
    assert signs(samples)["non_finite"] == [1, -1, -1, -1]
    assert signs(samples)["too_quiet"] == [0, -1, -1, 1]


def test_samples_of_any_size(clean: Samples) -> None:
    """A float file may hold anything: no overflow, and no fault of the others."""
    samples = clean.copy()
    samples[1] *= 1e37
    with np.errstate(all="raise", under="ignore"):
        found = signs(samples)
    assert found["clipped"] == [-1, 1, -1, -1]
    assert found["too_quiet"] == [-1, -1, -1, -1]


def test_copies(clean: Samples) -> None:
    """Of two pairs of equal channels the later ones are copies."""
    assert signs(clean[[0, 0, 2, 2]])["duplicate"] == [-1, 1, -1, 1]
    assert signs(clean[[0, 1, 1, 1]])["duplicate"] == [-1, -1, 1, 1]


@pytest.mark.parametrize(
    ("late", "expected"),
    [
        ([0], [1, -1, -1, -1]),
        ([3], [-1, -1, -1, 1]),
        ([2, 3], [-1, -1, 1, 1]),
        ([0, 1], [1, 1, -1, -1]),
        ([0, 1, 3], [-1, -1, 1, -1]),
    ],
)
def test_who_is_delayed(clean: Samples, late: list[int], expected: list[int]) -> None:
    """The minority; of two equal parties the later one."""
    samples = clean.copy()
    samples[late] = np.roll(samples[late], 400, axis=1)
    assert signs(samples)["delayed"] == expected


def test_unrelated_channels_are_not_delayed() -> None:
    """Without common sound there is no lag to speak of."""
    assert signs(noise(-40.0))["delayed"] == [0, 0, 0, 0]


def test_faults_are_those_of_the_schema() -> None:
    """Subscribers can rely on the list."""
    schema = json.loads(Path(monitor.stream.__file__).with_name("schema.json").read_text())
    assert schema["$defs"]["fault"]["enum"] == list(FAULTS)
