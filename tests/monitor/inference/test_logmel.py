"""The front end: physics, the reference library, and silence."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Literal

import librosa
import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from monitor.inference.logmel import LogMelSpec, complete_window, log_mel, mel_bands, mel_frequencies
from tests.references import librosa_log_mel
from tests.toys import RATE, SHARED, tone

SPEC = LogMelSpec(RATE)


def assert_as_exact(found: npt.NDArray[np.floating], wanted: npt.NDArray[np.floating]) -> None:
    """That decibels in float32 equal those in float64 as closely as `log_mel` promises."""
    np.testing.assert_allclose(found, wanted, rtol=0.0, atol=2e-3)
    loud = wanted > -50.0
    np.testing.assert_allclose(found[loud], wanted[loud], rtol=0.0, atol=1e-4)


def recordings() -> list[Path]:
    """A few real recordings, if they are at hand."""
    return [
        SHARED / "array" / "speech_4mic_16k.wav",
        *sorted((SHARED / "esc10" / "audio").glob("*.ogg"))[::40],
    ]


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the real recordings of ../shared/data")
@pytest.mark.parametrize("center", [False, True])
@pytest.mark.parametrize("mel", ["htk", "slaney"])
def test_equals_librosa_on_real_recordings(mel: Literal["htk", "slaney"], center: bool) -> None:
    """As exactly as promised, for both mel formulas, with and without padding."""
    for path in recordings():
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
        spec = LogMelSpec(rate, mel=mel, center=center)
        wanted = librosa_log_mel(samples.T.astype(np.float64), spec)
        assert_as_exact(log_mel(samples.T, spec), wanted)


@pytest.mark.parametrize(
    ("rate", "seconds", "center", "frames"),
    [(16000, 10, False, 61), (44100, 5, False, 30), (16000, 10, True, 63), (44100, 5, True, 32)],
)
def test_frame_counts(rate: int, seconds: int, center: bool, frames: int) -> None:
    """61 frames for 10 s and 30 for 5 s; two more when centred."""
    spec = LogMelSpec(rate, center=center)
    assert spec.frames(rate * seconds) == frames
    assert log_mel(np.ones((2, rate * seconds)), spec).shape == (2, 128, frames)


@pytest.mark.parametrize("frequency", [100.0, 440.0, 1000.0, 3000.0, 7000.0])
def test_a_pure_tone_lands_in_its_band(frequency: float) -> None:
    """The loudest band is the one whose triangle is highest at the tone, and it is at 0 dB."""
    samples = np.sin(2 * np.pi * frequency * np.arange(RATE) / RATE)
    spectrogram = log_mel(samples, SPEC)
    expected = int(mel_bands(SPEC)[:, [round(frequency * 0.32)]].toarray().argmax())
    assert (spectrogram.argmax(axis=0) == expected).all()
    assert spectrogram.max() == 0.0


def test_louder_input_gives_the_same_picture() -> None:
    """The maximum is always 0 dB, so a gain changes nothing."""
    samples = tone("middle", 1.0)
    np.testing.assert_allclose(log_mel(samples, SPEC), log_mel(1e-3 * samples, SPEC), atol=1e-3)


@pytest.mark.parametrize("amplitude", [1.0, 0.001])
def test_full_scale_tells_how_loud_it_is(amplitude: float) -> None:
    """A sine stands at its own level and what its band gathers beside it; silence is below everything."""
    spec = dataclasses.replace(SPEC, reference="full_scale")
    peak = mel_frequencies(SPEC, SPEC.n_mels + 2)[100]
    samples = amplitude * np.sin(2 * np.pi * peak * np.arange(RATE) / RATE)
    spectrogram = log_mel(samples, spec)
    assert spectrogram.max() == pytest.approx(20 * np.log10(amplitude), abs=2.0)
    np.testing.assert_allclose(spectrogram - spectrogram.max(), log_mel(samples, SPEC), atol=1e-4)
    assert log_mel(np.zeros(RATE), spec).max() < -200.0


def test_channels_are_normalised_one_by_one() -> None:
    """A channel's picture does not depend on the other channels."""
    samples = np.concatenate([tone("low", 1.0, 1), 0.01 * tone("high", 1.0, 1)])
    both = log_mel(samples, SPEC)
    np.testing.assert_array_equal(both[1], log_mel(samples[1], SPEC))


@pytest.mark.parametrize("floor", [-30.0, -45.0, -60.0, -80.0])
def test_values_lie_between_floor_and_zero(floor: float) -> None:
    """Clipping raises what is below the threshold to it, and touches nothing else."""
    samples = tone("low", 2.0) * np.repeat([1.0, 0.01], RATE)
    clipped = log_mel(samples, dataclasses.replace(SPEC, floor_db=floor))
    deep = log_mel(samples, dataclasses.replace(SPEC, floor_db=-200.0))
    assert clipped.min() == floor
    assert clipped.max() == 0.0
    np.testing.assert_allclose(clipped, np.maximum(deep, floor), atol=1e-5)


def test_digital_silence_is_the_floor_everywhere() -> None:
    """Silence must not become the loudest picture, as it does in librosa."""
    assert (log_mel(np.zeros((2, RATE)), SPEC) == SPEC.floor_db).all()
    assert (librosa_log_mel(np.zeros((2, RATE)), SPEC) == 0.0).all()


def test_half_silence_is_floor_there_only() -> None:
    """A clip padded with zeros is normal where it sounds, and the floor where it does not."""
    samples = np.concatenate([tone("low", 1.0, 1)[0], np.zeros(RATE)])
    spectrogram = log_mel(samples, SPEC)
    assert spectrogram[:, 0].max() > -1.0
    assert (spectrogram[:, -1] == SPEC.floor_db).all()


def test_one_bit_of_noise_is_no_silence() -> None:
    """The last bit of a 16-bit recording is far above what counts as silence."""
    noise = np.random.default_rng(0).integers(0, 2, RATE) / 32768
    assert log_mel(noise, SPEC).max() == 0.0


def test_mel_bands_cover_the_spectrum() -> None:
    """HTK triangles have unit height and overlap by half: between the outer peaks they sum to one."""
    bands = mel_bands(SPEC).toarray()
    first, last = bands[0].argmax(), bands[-1].argmax()
    np.testing.assert_allclose(bands.sum(axis=0)[first + 1 : last], 1.0, atol=1e-6)


def test_pre_emphasis() -> None:
    """Pre-emphasis is librosa's filter before the spectrogram."""
    samples = tone("low", 1.0, 1)[0].astype(np.float64)
    emphasised = librosa.effects.preemphasis(samples, coef=0.95, zi=[0.0])
    spec = dataclasses.replace(SPEC, pre_emphasis=0.95)
    assert_as_exact(log_mel(samples, spec), librosa_log_mel(emphasised[None], SPEC)[0])


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), 1e30])
def test_samples_that_cannot_be_computed_are_seen(wrong: float) -> None:
    """What cannot be computed gives values that are not finite, in that channel alone, and no warning."""
    samples = tone("low", 1.0, 2)
    samples[0, RATE // 2] = wrong
    spectrogram = log_mel(samples, SPEC)
    assert not np.isfinite(spectrogram[0]).all()
    np.testing.assert_array_equal(spectrogram[1], log_mel(samples[1], SPEC))


def test_too_few_samples_are_refused() -> None:
    """Less than one frame is an error, not an empty picture."""
    with pytest.raises(ValueError, match="need at least 5120 samples, got 5119"):
        log_mel(np.zeros(5119), SPEC)


@pytest.mark.parametrize(
    "wrong",
    [
        {"mel": "bark"},
        {"floor_db": 0.0},
        {"floor_db": float("nan")},
        {"n_mels": 0},
        {"hop_seconds": 0.0},
        {"pre_emphasis": 1.0},
        {"reference": "loudest"},
    ],
)
def test_an_impossible_spec_is_refused(wrong: dict[str, object]) -> None:
    """A spec that cannot be computed fails when it is made."""
    with pytest.raises(ValueError, match=r"must be"):
        LogMelSpec(RATE, **wrong)  # type: ignore[arg-type]


def test_complete_window() -> None:
    """Too long is cut, 99 % is completed with zeros, less is refused."""
    samples = np.ones((2, 1000))
    assert complete_window(samples, 900) is not None
    completed = complete_window(samples, 1010)
    assert completed is not None
    assert completed.shape == (2, 1010)
    assert completed[:, 1000:].sum() == 0
    assert complete_window(samples, 1011) is None
