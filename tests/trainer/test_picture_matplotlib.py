"""The picture against matplotlib: the same pixels as the plot that the Deep Spectrum toolkit makes."""

from __future__ import annotations

from itertools import product

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from monitor.inference.colours import COLOURS
from monitor.inference.logmel import LogMelSpec, log_mel
from monitor.inference.picture import Axis, PictureSpec, picture
from tests.references import plot
from tests.toys import SHARED


def noise(frames: int, bands: int = 128) -> npt.NDArray[np.float32]:
    """Decibels `[1, bands, frames]` in which no two neighbours are alike."""
    return np.random.default_rng(frames).uniform(-80.0, 0.0, (1, bands, frames)).astype(np.float32)


@pytest.mark.parametrize("cmap", COLOURS)
def test_the_colours_are_matplotlibs(cmap: str) -> None:
    """Every table holds the 256 colours that matplotlib draws."""
    drawn = np.floor(255.0 * mpl.colormaps[cmap](np.arange(256))[:, :3] + 0.5)
    np.testing.assert_array_equal(COLOURS[cmap], drawn)


@pytest.mark.parametrize(("size", "rate", "seconds"), [*product([224, 227], [16000, 44100], [5, 10])])
def test_the_same_pixels_in_every_colour_map(size: int, rate: int, seconds: int) -> None:
    """Sizes, rates and clip lengths of the paper, in all colour maps."""
    made_by = LogMelSpec(rate, mel="slaney")
    decibel = noise(made_by.frames(seconds * rate))
    for cmap in COLOURS:
        spec = PictureSpec(cmap, size)
        np.testing.assert_array_equal(picture(decibel, spec, made_by)[0], plot(decibel[0], spec, made_by))


@pytest.mark.parametrize(
    ("size", "mel", "axis"), [(224, "htk", "mel"), (224, "slaney", "linear"), (227, "slaney", "linear")]
)
def test_the_same_pixels_on_the_other_axes(size: int, mel: str, axis: Axis) -> None:
    """Bands at the frequencies of the HTK formula, and bands as equal strips."""
    made_by = LogMelSpec(16000, mel=mel)
    spec = PictureSpec("gray", size, axis)
    decibel = noise(61)
    np.testing.assert_array_equal(picture(decibel, spec, made_by)[0], plot(decibel[0], spec, made_by))


@pytest.mark.parametrize("rate", [16000, 44100, 48000])
@pytest.mark.parametrize("frames", [1, 2, 30, 214, 227, 454, 624, 936])
def test_the_same_columns_for_any_number_of_frames(rate: int, frames: int) -> None:
    """One frame, more frames than pixels, and even numbers, whose middle lies on the centre of a column."""
    made_by = LogMelSpec(rate, window_seconds=0.032, hop_seconds=0.016, n_mels=2, mel="slaney")
    spec = PictureSpec("gray", 227)
    decibel = noise(frames, bands=2)
    np.testing.assert_array_equal(picture(decibel, spec, made_by)[0], plot(decibel[0], spec, made_by))


def test_the_same_pixels_for_float64_and_for_a_constant() -> None:
    """Levels are rounded in the input's precision; a constant has the lowest colour."""
    made_by = LogMelSpec(16000, n_mels=8, mel="slaney")
    spec = PictureSpec()
    for decibel in (noise(500, bands=8).astype(np.float64) / 3.0, np.full((1, 8, 3), -80.0, np.float32)):
        np.testing.assert_array_equal(picture(decibel, spec, made_by)[0], plot(decibel[0], spec, made_by))


def test_values_between_two_levels() -> None:
    """Values on the borders of the 256 levels, and the numbers next to them, take matplotlib's colours."""
    borders = np.float32(-80.0) + np.float32(77.3) * np.arange(257, dtype=np.float32) / np.float32(256)
    near = [np.nextafter(borders, np.float32(way)) for way in (-np.inf, np.inf)]
    decibel = np.stack([near[0], borders, near[1]])[None]  # [1, 3, 257]
    made_by = LogMelSpec(16000, n_mels=3, mel="slaney")
    spec = PictureSpec("gray", 514, "linear")
    np.testing.assert_array_equal(picture(decibel, spec, made_by)[0], plot(decibel[0], spec, made_by))


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the real recordings of ../shared/data")
@pytest.mark.parametrize("floor_db", [-200.0, -80.0])
def test_the_same_pixels_of_real_recordings(floor_db: float) -> None:
    """Real clips and a real array, with next to no floor as in the toolkit and with the usual one."""
    clips = sorted((SHARED / "esc10" / "audio").glob("*.ogg"))[::80]
    for path in (SHARED / "array" / "speech_4mic_16k.wav", *clips):
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
        made_by = LogMelSpec(rate, mel="slaney", floor_db=floor_db)
        spec = PictureSpec("magma", 227)
        decibel = log_mel(samples.T, made_by)
        for channel, pixels in zip(decibel, picture(decibel, spec, made_by), strict=True):
            np.testing.assert_array_equal(pixels, plot(channel, spec, made_by))
