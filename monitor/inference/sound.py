"""One window, and what members make of it: each thing once, however many of them take it."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from monitor.inference.graph import Graph, ModelError
from monitor.inference.logmel import log_mel
from monitor.inference.manifest import ChannelPolicy, DeepSpectrumMember, SoundMember, SpectrogramMember
from monitor.inference.picture import picture
from monitor.inference.waveform import resampled

Samples = npt.NDArray[np.float32]
"""Finite `[channels, window]`"""
Spectrogram = npt.NDArray[np.float32]
"""`[channels, n_mels, frames]`, dB"""
Pictures = npt.NDArray[np.uint8]
"""`[channels, 3, size, size]`, RGB"""

Made = TypeVar("Made")


class Sound:
    """One window.

    Args:
        samples: of the channels that are recognised.
        sample_rate: of them, hertz.
    """

    def __init__(self, samples: Samples, sample_rate: int) -> None:
        self._samples = samples
        self._sample_rate = sample_rate
        self._made: dict[Hashable, Any] = {}

    def spectrogram(self, member: SpectrogramMember) -> Spectrogram:
        """What a CRNN sees; one channel if the member takes their mean."""
        return self._once((member.log_mel, member.channels), lambda: self._log_mel(member))

    def pictures(self, member: DeepSpectrumMember) -> Pictures:
        """What an image network sees.

        Raises:
            ModelError: there is no picture of such a spectrogram.
        """
        front_end = (member.log_mel, member.channels, member.picture)
        return self._once(front_end, lambda: _pictures(self.spectrogram(member), member))

    def waveform(self, member: SoundMember) -> Samples:
        """What a network for sound hears, at its own rate."""
        front_end = (member.sample_rate, member.channels)
        return self._once(
            front_end,
            lambda: resampled(self._heard(member.channels), self._sample_rate, member.sample_rate),
        )

    def output(self, graph: Graph, seen: Spectrogram | Pictures | Samples) -> list[npt.NDArray[np.float32]]:
        """What a graph gives for what this sound has made.

        Raises:
            ModelError: onnxruntime failed.
        """
        # What was made is kept, so no other array can have its id.
        return self._once((graph, id(seen)), lambda: graph.run(seen))

    def _log_mel(self, member: SpectrogramMember) -> Spectrogram:
        return log_mel(self._heard(member.channels), member.log_mel)

    def _heard(self, channels: ChannelPolicy) -> Samples:
        return self._samples.mean(axis=0, keepdims=True) if channels == "mono" else self._samples

    def _once(self, key: Hashable, make: Callable[[], Made]) -> Made:
        if key not in self._made:
            self._made[key] = make()
        made: Made = self._made[key]
        return made


def _pictures(spectrogram: Spectrogram, member: DeepSpectrumMember) -> Pictures:
    if not np.isfinite(spectrogram).all():
        raise ModelError("was given a spectrogram that is not finite")
    return picture(spectrogram, member.picture, member.log_mel)
