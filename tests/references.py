"""What our front end must equal, computed by the libraries that others use for it."""

from __future__ import annotations

import io

import librosa
import numpy as np
import numpy.typing as npt
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from monitor.inference.logmel import LogMelSpec
from monitor.inference.picture import PictureSpec


def librosa_log_mel(samples: npt.NDArray[np.floating], spec: LogMelSpec) -> npt.NDArray[np.floating]:
    """Decibels `[channels, n_mels, frames]` of `[channels, samples]`, in the samples' precision.

    Digital silence is 0 dB everywhere; ours is the floor there.
    """
    power = librosa.feature.melspectrogram(
        y=samples,
        sr=spec.sample_rate,
        n_fft=spec.window,
        hop_length=spec.hop,
        center=spec.center,
        n_mels=spec.n_mels,
        htk=spec.mel == "htk",
        norm=None if spec.mel == "htk" else "slaney",
    )
    return np.stack([librosa.power_to_db(channel, ref=np.max, top_db=-spec.floor_db) for channel in power])


def plot(decibel: npt.NDArray[np.floating], spec: PictureSpec, made_by: LogMelSpec) -> npt.NDArray[np.uint8]:
    """RGB `[3, size, size]` of `[n_mels, frames]`, drawn as `specshow` of librosa 0.7 does it."""
    figure = Figure(figsize=(1, 1), frameon=False)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    bands, frames = decibel.shape
    seconds = np.arange(frames + 1) * made_by.hop / made_by.sample_rate
    edges = _hertz(made_by) if spec.axis == "mel" else np.arange(bands + 1.0)
    axes.pcolormesh(seconds, edges, decibel, cmap=spec.cmap)
    axes.set_xlim(0, seconds[-1])
    axes.set_ylim(0, edges[-1])
    if spec.axis == "mel":
        axes.set_yscale("symlog", base=2, linthresh=1000.0)
    file = io.BytesIO()
    figure.savefig(file, format="rgba", dpi=spec.size)
    pixels = np.frombuffer(file.getvalue(), dtype=np.uint8).reshape(spec.size, spec.size, 4)
    assert (pixels[..., 3] == 255).all()
    return pixels[..., :3].transpose(2, 0, 1)


def _hertz(made_by: LogMelSpec) -> npt.NDArray[np.float64]:
    """Edges of the bands, by librosa's frequencies."""
    nyquist = made_by.sample_rate / 2
    frequencies = librosa.mel_frequencies(made_by.n_mels, fmin=0.0, fmax=nyquist, htk=made_by.mel == "htk")
    frequencies[1:] -= 0.5 * np.diff(frequencies)
    return np.append(frequencies, nyquist)
