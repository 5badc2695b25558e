"""PANNs (Kong et al., 2020): CNN14 and Wavegram-Logmel-CNN14, front end included.

Modules are named so that the published checkpoints load unchanged.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from trainer.models.spectrum import fourier_kernels, mel_filters

RATE = 32_000
"""Hertz"""
WINDOW, HOP = 1024, 320
"""Of the STFT, samples"""
BANDS, LOW_HERTZ, HIGH_HERTZ = 64, 50.0, 14_000.0
"""Of the mel spectrogram"""
LOWEST_POWER = 1e-10
MULTIPLE = 640
"""Samples: with an odd number of hops, the two branches would not have the same length"""
SHORTEST = 16 * MULTIPLE
"""Samples, so that five poolings by two leave something: 0.32 s"""
EMBEDDING, TAGS = 2048, 527
"""Length of the embedding, and number of AudioSet's classes"""
CHANNELS = (64, 128, 256, 512, 1024, 2048)
"""Of the six blocks, as published"""
WAVEGRAM, GROUPS = 128, 4
"""Channels of the wavegram, and the pictures in which they are laid out"""


class Fixed(nn.Module):
    """An array of a checkpoint that is not learnt, under the name `weight`."""

    def __init__(self, values: torch.Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(values, requires_grad=False)


class Spectrogram(nn.Module):
    """Power spectrogram `[B, frames, 513]` of `[B, samples]`: centred frames, the ends mirrored."""

    def __init__(self) -> None:
        super().__init__()
        real, imaginary = fourier_kernels(WINDOW)
        self.stft = nn.ModuleDict({"conv_real": Fixed(real), "conv_imag": Fixed(imaginary)})

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        """Real and imaginary part, squared and added."""
        x = F.pad(waveform[:, None], (WINDOW // 2, WINDOW // 2), mode="reflect")
        parts = [F.conv1d(x, kernel.get_parameter("weight"), stride=HOP) for kernel in self.stft.values()]
        return (parts[0].square() + parts[1].square()).transpose(1, 2)


class LogMel(nn.Module):
    """Decibels `[B, frames, 64]` of a power spectrogram; 0 dB is a power of 1."""

    def __init__(self) -> None:
        super().__init__()
        bank = mel_filters("slaney", rate=RATE, window=WINDOW, bands=BANDS, low=LOW_HERTZ, high=HIGH_HERTZ)
        self.melW = nn.Parameter(bank.T.contiguous(), requires_grad=False)  # [513, 64]

    def forward(self, power: torch.Tensor) -> torch.Tensor:
        """10 log10, at least -100 dB."""
        return 10.0 * (power @ self.melW).clamp(min=LOWEST_POWER).log10()


class ConvBlock(nn.Module):
    """Two 3 x 3 convolutions, each with normalisation and ReLU, then the mean over every `pool` cells.

    Shape:
        Input: `[B, inputs, T, F]`.
        Output: `[B, outputs, T // pool[0], F // pool[1]]`.
    """

    def __init__(self, inputs: int, outputs: int, pool: tuple[int, int]) -> None:
        super().__init__()
        self.pool = pool
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.bn2 = nn.BatchNorm2d(outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The block's output."""
        x = F.relu(self.bn1(self.conv1(x)))
        return F.avg_pool2d(F.relu(self.bn2(self.conv2(x))), self.pool)


class ConvPreWavBlock(nn.Module):
    """Two convolutions over time, the second one dilated, then the maximum of every four samples.

    Shape:
        Input: `[B, inputs, T]`.
        Output: `[B, outputs, T // 4]`.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(inputs, outputs, 3, padding=1, bias=False)
        self.conv2 = nn.Conv1d(outputs, outputs, 3, padding=2, dilation=2, bias=False)
        self.bn1 = nn.BatchNorm1d(outputs)
        self.bn2 = nn.BatchNorm1d(outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The block's output."""
        x = F.relu(self.bn1(self.conv1(x)))
        return F.max_pool1d(F.relu(self.bn2(self.conv2(x))), 4)


class Cnn14(nn.Module):
    """Log-mel spectrogram, six blocks, a layer on the mean and the maximum over time.

    Args:
        channels: of the six blocks; the last is also the length of the embedding.

    Shape:
        Input: float32 `[B, samples]` at 32 kHz, in [-1, 1]; any length.
        Output: embeddings float32 `[B, channels[-1]]`, 0 or more: `fc1` after its ReLU.
    """

    def __init__(self, channels: tuple[int, ...] = CHANNELS) -> None:
        super().__init__()
        self.spectrogram_extractor = Spectrogram()
        self.logmel_extractor = LogMel()
        self.bn0 = nn.BatchNorm2d(BANDS)
        inputs = (1, self.second(channels[0]), *channels[1:-1])
        for number, (several, outputs) in enumerate(zip(inputs, channels, strict=True), start=1):
            pool = (2, 2) if number < len(channels) else (1, 1)
            self.add_module(f"conv_block{number}", ConvBlock(several, outputs, pool))
        self.blocks = len(channels)
        self.fc1 = nn.Linear(channels[-1], channels[-1])
        self.fc_audioset = nn.Linear(channels[-1], TAGS)

    def second(self, first: int) -> int:
        """Channels that the second block takes, if the first gives so many."""
        return first

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        """Embeddings of a batch of clips."""
        x = self.first(completed(waveform))  # 10 s: [B, 64, 500, 32]
        for number in range(2, self.blocks + 1):
            # [B, 128, 250, 16], [B, 256, 125, 8], [B, 512, 62, 4], [B, 1024, 31, 2], [B, 2048, 31, 2]
            x = self.get_submodule(f"conv_block{number}")(x)
        x = x.mean(3)  # [B, 2048, 31]
        return F.relu(self.fc1(x.amax(2) + x.mean(2)))

    def first(self, waveform: torch.Tensor) -> torch.Tensor:
        """What the second block takes."""
        decibel = self.logmel_extractor(self.spectrogram_extractor(waveform))  # [B, 1001, 64]
        x = self.bn0(decibel.transpose(1, 2)[..., None])  # [B, 64, 1001, 1], a normalisation for each band
        found: torch.Tensor = self.get_submodule("conv_block1")(x.permute(0, 3, 2, 1))
        return found

    def tags(self, embedding: torch.Tensor) -> torch.Tensor:
        """Probabilities `[B, 527]` of AudioSet's classes, each by itself, from embeddings."""
        probabilities: torch.Tensor = self.fc_audioset(embedding).sigmoid()
        return probabilities


class WavegramLogmelCnn14(Cnn14):
    """CNN14 that also sees a picture which it has learnt to make of the waveform: the wavegram."""

    def __init__(self, channels: tuple[int, ...] = CHANNELS) -> None:
        super().__init__(channels)
        self.pre_conv0 = nn.Conv1d(1, 64, 11, stride=5, padding=5, bias=False)
        self.pre_bn0 = nn.BatchNorm1d(64)
        self.pre_block1 = ConvPreWavBlock(64, 64)
        self.pre_block2 = ConvPreWavBlock(64, WAVEGRAM)
        self.pre_block3 = ConvPreWavBlock(WAVEGRAM, WAVEGRAM)
        self.pre_block4 = ConvBlock(GROUPS, channels[0], (2, 1))

    def second(self, first: int) -> int:
        """Both branches, side by side."""
        return 2 * first

    def first(self, waveform: torch.Tensor) -> torch.Tensor:
        """The spectrogram's channels, then the wavegram's."""
        return torch.cat([super().first(waveform), self._wavegram(waveform)], dim=1)

    def _wavegram(self, waveform: torch.Tensor) -> torch.Tensor:
        x = F.relu(self.pre_bn0(self.pre_conv0(waveform[:, None])))  # 10 s: [B, 64, 64000]
        x = self.pre_block3(self.pre_block2(self.pre_block1(x)))  # [B, 128, 1000]
        # Not by the batch's own length, which an exported graph would keep.
        x = x.unflatten(1, (GROUPS, WAVEGRAM // GROUPS)).transpose(2, 3)  # [B, 4, 1000, 32]
        found: torch.Tensor = self.pre_block4(x)
        return found


def completed(waveform: torch.Tensor) -> torch.Tensor:
    """Clips with zeros at their end, up to a multiple of 640 samples and at least 0.32 s."""
    samples = int(waveform.shape[-1])  # int: traced into a graph, the division would round towards zero
    return F.pad(waveform, (0, max(SHORTEST, -(-samples // MULTIPLE) * MULTIPLE) - samples))
