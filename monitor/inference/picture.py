"""The Deep Spectrum picture: a log-mel spectrogram in colours, as image networks are shown it.

The Deep Spectrum toolkit draws it with matplotlib: `specshow` of librosa 0.7, on a figure of 1 x 1 inch. Here
the same pixels come from three tables: band of each row, frame of each column, colour of each level.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt

from monitor.inference.colours import COLOURS
from monitor.inference.logmel import FloatArray, LogMelSpec, mel_frequencies

MAX_SIZE = 1024
"""Pixels; image networks take some hundred"""
LINEAR_HERTZ = 1000.0
"""The `mel` axis is linear up to here and logarithmic above"""

Axis = Literal["mel", "linear"]


@dataclass(frozen=True)
class PictureSpec:
    """What makes a picture of a log-mel spectrogram; the defaults suit networks for 224 x 224 pixels.

    The toolkit draws 227 x 227 pixels and resizes them (bicubic) to the 224 x 224 that networks take, which
    mixes neighbouring bands and frames. Here a picture is drawn at the wanted size and never resized.
    """

    cmap: str = "viridis"
    """Colour map, one of `COLOURS`"""
    size: int = 224
    """Height and width in pixels"""
    axis: Axis = "mel"
    """`mel`: each band at its frequencies on a symmetric-log axis, as in the toolkit; `linear`: each band an
    equal strip, which leaves more rows to the high bands"""

    def __post_init__(self) -> None:
        if self.cmap not in COLOURS:
            raise ValueError(f"cmap must be one of {', '.join(COLOURS)}, not {self.cmap!r}")
        if not (isinstance(self.size, int) and 1 <= self.size <= MAX_SIZE):
            raise ValueError(f"size must be a whole number of pixels from 1 to {MAX_SIZE}, not {self.size!r}")
        if self.axis not in ("mel", "linear"):
            raise ValueError(f"axis must be 'mel' or 'linear', not {self.axis!r}")


def picture(decibel: FloatArray, spec: PictureSpec, log_mel: LogMelSpec) -> npt.NDArray[np.uint8]:
    """The picture of each channel: low frequencies at the bottom, time from left to right.

    The colours are stretched from each channel's lowest to its highest value, so the spectrogram's floor sets
    the contrast. The toolkit has no floor: one digitally silent frame stretches its scale to some -100 dB.
    A constant channel, such as a silent one, has the lowest colour everywhere, as in matplotlib.

    A pixel shows the band and the frame at its centre; what lies between two centres is not seen.

    Args:
        decibel: float32 or float64 `[channels, n_mels, frames]`, as `log_mel` makes it; at least one frame.
        spec: what to draw.
        log_mel: what made the spectrogram, hence where its bands and frames lie. The toolkit's pictures have
            `mel="slaney"`.

    Returns:
        RGB `[channels, 3, size, size]`, rows from top to bottom.

    Raises:
        ValueError: another shape, or values that are not finite.
    """
    if decibel.ndim != 3 or decibel.shape[1] != log_mel.n_mels or decibel.shape[2] < 1:
        raise ValueError(f"need [channels, {log_mel.n_mels}, frames], got {list(decibel.shape)}")
    columns = _columns(decibel.shape[2], spec.size, log_mel)
    rows = _rows(spec.axis, spec.size, log_mel)
    levels = np.take(_levels(decibel), columns, axis=2)  # [channels, n_mels, size]
    colours = np.stack([np.take(plane, levels) for plane in COLOURS[spec.cmap].T], axis=1)
    return np.take(colours, rows, axis=2)  # last, because whole rows are quick to copy


def _levels(decibel: FloatArray) -> npt.NDArray[np.intp]:
    """Index into a colour table, 0 to 255, for each value of `[channels, n_mels, frames]`."""
    lowest = decibel.min(axis=(1, 2), keepdims=True)
    highest = decibel.max(axis=(1, 2), keepdims=True)
    if not (np.isfinite(lowest).all() and np.isfinite(highest).all()):
        raise ValueError("the spectrogram holds values that are not finite")
    span = highest.astype(np.float64) - lowest
    # Rounded to the input's precision as in matplotlib: values near the border of two levels depend on it.
    share = ((decibel - lowest) / np.where(span > 0, span, 1.0)).astype(decibel.dtype)
    levels: npt.NDArray[np.intp] = np.minimum(256 * share, 255).astype(np.intp)
    return levels


@lru_cache(maxsize=8)
def _columns(frames: int, size: int, log_mel: LogMelSpec) -> npt.NDArray[np.intp]:
    """Frame that each pixel column shows, `[size]`."""
    seconds = np.arange(frames + 1) * log_mel.hop / log_mel.sample_rate
    return _strips(_pixels(seconds, size), size)


@lru_cache(maxsize=8)
def _rows(axis: Axis, size: int, log_mel: LogMelSpec) -> npt.NDArray[np.intp]:
    """Band that each pixel row shows, from top to bottom, `[size]`."""
    edges = _symmetric_log(_band_edges(log_mel)) if axis == "mel" else np.arange(log_mel.n_mels + 1.0)
    from_top = size - _pixels(edges, size)[::-1]
    return log_mel.n_mels - 1 - _strips(from_top, size)


def _band_edges(log_mel: LogMelSpec) -> npt.NDArray[np.float64]:
    """Hertz `[n_mels + 1]` between which librosa 0.7 draws the bands.

    They lie midway between n_mels frequencies, equally spaced in mel, of which the first is 0 Hz and the last
    half the sample rate. Those are not the triangles' peaks, and the first and last band are half as high.
    """
    hertz = mel_frequencies(log_mel, log_mel.n_mels)
    return np.concatenate([[0.0], hertz[1:] - 0.5 * np.diff(hertz), [log_mel.sample_rate / 2]])


def _symmetric_log(hertz: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Place on matplotlib's symmetric-log axis of base 2, where an octave is as high as 500 linear Hz."""
    octaves = np.log2(np.maximum(hertz, LINEAR_HERTZ) / LINEAR_HERTZ)
    return np.where(hertz < LINEAR_HERTZ, 2.0 * hertz, LINEAR_HERTZ * (2.0 + octaves))


def _pixels(edges: npt.NDArray[np.float64], size: int) -> npt.NDArray[np.float64]:
    """Edges that rise from 0, scaled to end at `size`."""
    # Of all equal formulas matplotlib's own: where an edge meets the centre of a pixel, the last bit decides.
    pixels: npt.NDArray[np.float64] = edges * (1.0 / edges[-1] * size)
    return pixels


def _strips(edges: npt.NDArray[np.float64], size: int) -> npt.NDArray[np.intp]:
    """Strip that each pixel shows, `[size]`, between edges `[strips + 1]` that rise from 0 to `size` pixels.

    An edge moves to the nearest border between two pixels; from a pixel's centre to the border after it.
    """
    borders = np.floor(edges + 0.5)
    return np.searchsorted(borders, np.arange(size), side="right") - 1
