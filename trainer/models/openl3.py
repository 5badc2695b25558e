"""openl3's network for sound (Cramer et al., 2019), with the front end of its versions up to 0.3.1.

Those made the published weights; 0.4 has another front end. Modules are named as in the PyTorch port
(torchopenl3), so that its checkpoints load unchanged; `from_keras` takes the original files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import nn

from trainer.models.spectrum import fourier_kernels, mel_filters

RATE = 48_000
"""Hertz"""
FRAME = RATE
"""Samples of a frame, which is what the network sees at once: one second"""
WINDOW, HOP = 2048, 242
"""Of a frame's STFT, samples"""
COLUMNS = 199
"""Of a frame's spectrogram"""
PADDING = (COLUMNS - 1) * HOP + WINDOW - FRAME
"""Zeros around a frame, half of them before it: TensorFlow's `same`"""
LOWEST, RANGE_DB = 1e-10, 80.0
"""Amplitude below which there is nothing, and how far a spectrogram reaches below its maximum"""
CHANNELS = (64, 64, 128, 128, 256, 256, 512)
"""Of the convolutions before the last"""
EMBEDDING_CHANNELS = 512

Pooling = Literal["mean", "max"]


@dataclass(frozen=True)
class Frames:
    """How a clip is cut into frames, and how one embedding is made of theirs.

    Raises:
        ValueError: a hop that is not within (0, 1] s, or another pooling.
    """

    hop_seconds: float = 1.0
    """Between the starts of two frames; the library's own default is 0.1, which is ten times the work"""
    pooling: Pooling = "mean"

    def __post_init__(self) -> None:
        if not 0.0 < self.hop_seconds <= 1.0 or self.hop < 1:
            raise ValueError(f"hop_seconds must be above 0 and at most 1, not {self.hop_seconds}")
        if self.pooling not in get_args(Pooling):
            raise ValueError(f"pooling must be one of {', '.join(get_args(Pooling))}, not {self.pooling!r}")

    @property
    def hop(self) -> int:
        """In samples."""
        return int(self.hop_seconds * RATE)


class MelSpectrogram(nn.Module):
    """The spectrogram of a frame, as kapre 0.1 makes it.

    Shape:
        Input: float32 `[B, 48000]`, in [-1, 1].
        Output: float32 `[B, 1, bands, 199]`, lowest band first, in [-80, 0]: 10 log10 of an amplitude, not of
        a power, relative to the frame's own maximum. Silence is 0 everywhere.
    """

    def __init__(self, bands: int) -> None:
        super().__init__()
        real, imaginary = fourier_kernels(WINDOW)
        mel = mel_filters("htk", rate=RATE, window=WINDOW, bands=bands, low=0.0, high=RATE / 2)
        for name, values in (
            ("dft_real_kernels", real),  # [1025, 1, 2048]
            ("dft_imag_kernels", imaginary),
            ("mel_basis", mel),  # [bands, 1025]
        ):
            self.register_parameter(name, nn.Parameter(values, requires_grad=False))

    def forward(self, frame: torch.Tensor) -> torch.Tensor:
        """Decibels."""
        x = F.pad(frame, (PADDING // 2, PADDING - PADDING // 2))[:, None]  # [B, 1, 49964]
        real = F.conv1d(x, self.get_parameter("dft_real_kernels"), stride=HOP)  # [B, 1025, 199]
        imaginary = F.conv1d(x, self.get_parameter("dft_imag_kernels"), stride=HOP)
        mel = self.get_parameter("mel_basis") @ (real.square() + imaginary.square())  # [B, bands, 199]
        decibel = 10.0 * mel.sqrt().clamp(min=LOWEST).log10()
        relative = decibel - decibel.amax((1, 2), keepdim=True)
        return relative.clamp(min=-RANGE_DB)[:, None]


class Openl3(nn.Module):
    """Frames -> spectrograms -> eight convolutions -> the pooled embedding of a clip.

    Args:
        bands: 128 or 256.
        embedding: 512 or 6144.
        frames: how a clip is cut.

    Shape:
        Input: float32 `[B, samples]` at 48 kHz, in [-1, 1]; any length.
        Output: embeddings float32 `[B, embedding]`, negative ones too.
    """

    def __init__(self, bands: int, embedding: int, frames: Frames) -> None:
        super().__init__()
        self.frames = frames
        # The last convolution gives [512, bands / 8, 24]: one cell is left of it, or 4 x 3.
        self.pool = (bands // 8, 24) if embedding == EMBEDDING_CHANNELS else (bands // 32, 8)
        self.speclayer = MelSpectrogram(bands)
        self.batch_normalization_1 = nn.BatchNorm2d(1, eps=0.001)
        for number, (inputs, outputs) in enumerate(zip((1, *CHANNELS), CHANNELS, strict=False), start=1):
            self.add_module(f"conv2d_{number}", nn.Conv2d(inputs, outputs, 3, padding=1))
            self.add_module(f"batch_normalization_{number + 1}", nn.BatchNorm2d(outputs, eps=0.001))
        self.audio_embedding_layer = nn.Conv2d(CHANNELS[-1], EMBEDDING_CHANNELS, 3, padding=1)

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        """Embeddings of a batch of clips."""
        frames = cut(waveform, self.frames.hop)  # [B, N, 48000]
        # Not by the batch's own length, which an exported graph would keep.
        embeddings = self.embed(frames.flatten(0, 1))
        each = embeddings.reshape(-1, int(frames.shape[1]), int(embeddings.shape[1]))  # [B, N, embedding]
        return each.mean(1) if self.frames.pooling == "mean" else each.amax(1)

    def embed(self, frame: torch.Tensor) -> torch.Tensor:
        """Embeddings `[B, embedding]` of single frames `[B, 48000]`."""
        x = self.batch_normalization_1(self.speclayer(frame))
        for number in range(1, len(CHANNELS) + 1):
            x = self.get_submodule(f"conv2d_{number}")(x)
            x = F.relu(self.get_submodule(f"batch_normalization_{number + 1}")(x))
            if number in (2, 4, 6):
                x = F.max_pool2d(x, 2)  # 256 bands: [B, 64, 128, 99], [B, 128, 64, 49], [B, 256, 32, 24]
        x = F.max_pool2d(self.audio_embedding_layer(x), self.pool)  # [B, 512, 1, 1] or [B, 512, 4, 3]
        return x.permute(0, 2, 3, 1).flatten(1)  # Keras' order: the channel is the fastest


def cut(waveform: torch.Tensor, hop: int) -> torch.Tensor:
    """Frames of clips, centred: the first begins half a second before the clip, in zeros.

    Args:
        waveform: `[B, samples]` at 48 kHz.
        hop: samples between the starts of two frames.

    Returns:
        `[B, frames, 48000]`; the last is completed with zeros.
    """
    # int: in a graph, lengths are fixed; traced, the division would round towards zero.
    lead, samples = FRAME // 2, int(waveform.shape[-1])
    count = 1 + max(0, -(-(lead + samples - FRAME) // hop))
    padded = F.pad(waveform, (lead, (count - 1) * hop + FRAME - lead - samples))
    return torch.stack([padded[:, start : start + FRAME] for start in range(0, count * hop, hop)], dim=1)


def from_keras(layers: Mapping[str, Mapping[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """The state of an `Openl3` but for its front end, from the arrays of a Keras file.

    Layers go by their kind and the number in their name, since Keras numbers on over all models of a program.

    Args:
        layers: of each layer its arrays (`kernel`, `bias`, `gamma`, ...), under their names; a kernel is
            `[height, width, inputs, outputs]`, height being frequency. Layers of kapre are left out.
    """
    state: dict[str, torch.Tensor] = {}
    ordered = sorted(layers, key=_number)
    norms = [name for name in ordered if name.startswith("batch_normalization")]
    convolutions = [name for name in ordered if name.startswith("conv2d")]
    for number, name in enumerate(norms, start=1):
        for ours, theirs in _NORMALISATION.items():
            if theirs in layers[name]:
                state[f"batch_normalization_{number}.{ours}"] = layers[name][theirs]
    named = [(f"conv2d_{number}", name) for number, name in enumerate(convolutions, start=1)]
    for ours, name in (*named, *((name, name) for name in layers if name == "audio_embedding_layer")):
        for part, values in layers[name].items():
            state[f"{ours}.{_CONVOLUTION.get(part, part)}"] = (
                values.permute(3, 2, 0, 1).contiguous() if values.ndim == 4 else values
            )
    return state


_NORMALISATION = {
    "weight": "gamma",
    "bias": "beta",
    "running_mean": "moving_mean",
    "running_var": "moving_variance",
}
_CONVOLUTION = {"kernel": "weight"}


def _number(name: str) -> int:
    digits = name.rpartition("_")[2]
    return int(digits) if digits.isdigit() else 0
