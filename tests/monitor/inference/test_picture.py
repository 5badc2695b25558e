"""The picture: orientation, geometry by exact arithmetic, stretch, and what is refused."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction

import librosa
import numpy as np
import numpy.typing as npt
import pytest

from monitor.inference.colours import COLOURS
from monitor.inference.logmel import LogMelSpec, log_mel
from monitor.inference.picture import Axis, PictureSpec, picture
from tests.toys import RATE, tone

MADE_BY = LogMelSpec(RATE, mel="slaney")
GRAY = PictureSpec("gray")
# Durations of its frames are exact in binary, so that edges of strips can fall on centres of pixels exactly.
EXACT = LogMelSpec(8000, window_seconds=0.25, hop_seconds=0.125, n_mels=64)


def gray(decibel: npt.ArrayLike, made_by: LogMelSpec = MADE_BY, spec: PictureSpec = GRAY) -> np.ndarray:
    """Levels `[size, size]` of `[n_mels, frames]` in gray, where red, green and blue are the level."""
    pixels = picture(np.asarray(decibel, dtype=np.float32)[None], spec, made_by)
    assert (pixels == pixels[:, :1]).all()
    return pixels[0, 0]


def levels(strips: list[int], count: int) -> list[int]:
    """Levels of values 0 to count - 1."""
    return [min(256 * strip // (count - 1), 255) for strip in strips]


def strips(count: int, size: int) -> list[int]:
    """Which of `count` equal strips holds the centre of each pixel, the one before if it is on an edge."""
    edges = [Fraction(size * edge, count) for edge in range(count + 1)]
    centres = [Fraction(2 * pixel + 1, 2) for pixel in range(size)]
    return [max(strip for strip in range(count) if edges[strip] < centre) for centre in centres]


@pytest.mark.parametrize("axis", ["mel", "linear"])
@pytest.mark.parametrize("size", [1, 224, 227])
@pytest.mark.parametrize("frames", [1, 30, 61, 936])
def test_shape_and_type(axis: Axis, size: int, frames: int) -> None:
    """Bytes, a square per channel and colour, for any number of frames, in this order in memory."""
    pixels = picture(np.zeros((4, 128, frames)), PictureSpec(size=size, axis=axis), MADE_BY)
    assert pixels.shape == (4, 3, size, size)
    assert pixels.dtype == np.uint8
    assert pixels.flags.c_contiguous


def test_low_frequencies_are_at_the_bottom() -> None:
    """A low tone is bright below, a high one above."""
    low, high = (gray(log_mel(tone(label, 1.0, 1), MADE_BY)[0]).mean(axis=1) for label in ("low", "high"))
    assert low.argmax() > 190
    assert high.argmax() < 60


def test_time_runs_from_left_to_right() -> None:
    """What sounds in the first half is bright on the left."""
    samples = tone("middle", 4.0, 1) * np.repeat([1.0, 0.01], 2 * RATE)
    loudness = gray(log_mel(samples, MADE_BY)[0]).mean(axis=0)
    assert loudness[:100].min() > loudness[-100:].max()


@pytest.mark.parametrize("cmap", COLOURS)
def test_lowest_and_highest_value_have_the_ends_of_the_colour_map(cmap: str) -> None:
    """The range of the values is the range of the colours."""
    pixels = picture(np.array([[[-70.0, -3.0]]]), PictureSpec(cmap, size=2), LogMelSpec(RATE, n_mels=1))
    np.testing.assert_array_equal(pixels[0, :, 0].T, COLOURS[cmap][[0, 255]])


@pytest.mark.parametrize(("frames", "size"), [(30, 224), (61, 224), (61, 227), (64, 224), (936, 224)])
def test_columns_are_equal_strips_of_time(frames: int, size: int) -> None:
    """Each column shows the frame at its centre; on an edge (64 frames) the earlier one."""
    expected = strips(frames, size)
    shown = gray(np.tile(np.arange(frames), (64, 1)), EXACT, PictureSpec("gray", size))
    assert shown[0].tolist() == shown[-1].tolist() == levels(expected, frames)


@pytest.mark.parametrize("size", [224, 227])
@pytest.mark.parametrize("bands", [64, 128])
def test_rows_of_the_linear_axis_are_equal_strips(bands: int, size: int) -> None:
    """Each row shows the band at its centre; on an edge (224 pixels) the higher one."""
    made_by = LogMelSpec(RATE, n_mels=bands)
    expected = [bands - 1 - strip for strip in strips(bands, size)]
    shown = gray(np.arange(bands)[:, None], made_by, PictureSpec("gray", size, "linear"))
    assert shown[:, 0].tolist() == levels(expected, bands)


@pytest.mark.parametrize(("rate", "share"), [(16000, 0.400), (44100, 0.309)])
def test_share_of_the_rows_below_1_khz(rate: int, share: float) -> None:
    """On the `mel` axis what lies below 1 kHz is as high as two octaves above it."""
    below = librosa.mel_frequencies(128, fmin=0.0, fmax=rate / 2) < 1000.0
    made_by = LogMelSpec(rate, mel="slaney")
    mel, linear = (
        (gray(below[:, None], made_by, PictureSpec("gray", 224, axis)) > 0).mean()
        for axis in ("mel", "linear")
    )
    assert mel == pytest.approx(share, abs=0.01)
    assert linear == pytest.approx(below.mean(), abs=0.005)


@pytest.mark.parametrize("mel", ["htk", "slaney"])
@pytest.mark.parametrize("axis", ["mel", "linear"])
def test_every_band_is_seen(mel: str, axis: Axis) -> None:
    """At 224 pixels no band of 128 is lost, and they keep their order."""
    made_by = LogMelSpec(44100, mel=mel)
    shown = gray(np.arange(128)[:, None], made_by, PictureSpec("gray", 224, axis))[:, 0].astype(int)
    assert len(set(shown)) == 128
    assert (np.diff(shown) <= 0).all()


def test_more_frames_than_pixels() -> None:
    """Frames between two centres are not seen, but they count for the stretch."""
    made_by = LogMelSpec(8000, hop_seconds=0.125, n_mels=1)
    shown = gray([[0, 256, 64, 0, 128, 0, 192, 0]], made_by, PictureSpec("gray", 4))
    assert shown.tolist() == [[0, 64, 128, 192]] * 4


def test_channels_are_stretched_one_by_one() -> None:
    """A channel's picture depends neither on the other channels nor on its own level and range."""
    rng = np.random.default_rng(0)
    loud = rng.integers(-80, 0, (128, 61)).astype(np.float32)
    other = rng.uniform(-30, 0, (128, 61)).astype(np.float32)
    both = picture(np.stack([loud, other, 0.5 * loud - 16.0]), GRAY, MADE_BY)
    np.testing.assert_array_equal(both[0, 0], gray(loud))
    np.testing.assert_array_equal(both[1, 0], gray(other))
    np.testing.assert_array_equal(both[0], both[2])


@pytest.mark.parametrize("cmap", COLOURS)
def test_a_silent_channel_has_the_lowest_colour(cmap: str) -> None:
    """A constant cannot be stretched; it stays dark, whatever the other channels hold."""
    samples = np.concatenate([np.zeros((1, RATE)), tone("low", 1.0, 1)])
    silent, sounding = picture(log_mel(samples, MADE_BY), PictureSpec(cmap), MADE_BY)
    assert (silent == COLOURS[cmap][0][:, None, None]).all()
    assert (sounding == COLOURS[cmap][255][:, None, None]).all(axis=0).any()


@pytest.mark.parametrize("shape", [(128, 61), (1, 127, 61), (1, 128, 0), (1, 1, 128, 61)])
def test_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    """The error says what was wanted and what came."""
    with pytest.raises(ValueError, match=r"need \[channels, 128, frames\], got \[1"):
        picture(np.zeros(shape), GRAY, MADE_BY)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused(value: float) -> None:
    """One of them would take the contrast from its whole channel."""
    decibel = np.zeros((2, 128, 61), dtype=np.float32)
    decibel[1, 5, 7] = value
    with pytest.raises(ValueError, match="not finite"):
        picture(decibel, GRAY, MADE_BY)


def test_an_unknown_colour_map_is_refused_with_a_list() -> None:
    """The error names all that there are."""
    with pytest.raises(ValueError, match="not 'jet'") as caught:
        PictureSpec("jet")
    for name in ("viridis", "magma", "plasma", "inferno", "cividis", "gray"):
        assert name in str(caught.value)


@pytest.mark.parametrize("wrong", [{"size": 0}, {"size": 1025}, {"size": 224.0}, {"axis": "log"}])
def test_an_impossible_spec_is_refused(wrong: dict[str, object]) -> None:
    """A spec that cannot be drawn fails when it is made."""
    with pytest.raises(ValueError, match=r"must be"):
        PictureSpec(**wrong)  # type: ignore[arg-type]


def test_matplotlib_is_not_imported() -> None:
    """A picture needs tables only."""
    code = "import sys, monitor.inference.picture; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
