"""Window -> Recognition: runs a bundle's members."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monitor.inference.bundle import Bundle
from monitor.inference.graph import ModelError, processor
from monitor.inference.logmel import LogMelSpec, log_mel
from monitor.inference.manifest import ChannelPolicy
from monitor.inference.members import Scores, Spectrogram, open_members

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Recognition:
    """What the models say about one window."""

    scores: Scores
    """`[labels]`, probabilities that sum to 1, in the bundle's order"""
    members: dict[str, Scores]
    """Member -> its own `[labels]`"""


class Recogniser:
    """A bundle ready to run.

    Args:
        bundle: verified bundle.
        threads: threads of one model run.
        provider: `cpu`; `cuda`; or `auto`, CUDA where there is a usable NVIDIA GPU.

    Raises:
        BundleError: a member does not load, or its input or output does not fit the manifest.
    """

    def __init__(self, bundle: Bundle, threads: int = 1, provider: str = "auto") -> None:
        self.bundle = bundle
        self._models = open_members(bundle, processor(provider, threads))
        self.provider = "CUDA" if all(model.graph.on_gpu for model in self._models.values()) else "CPU"
        if provider == "cuda" and self.provider == "CPU":
            log.warning("CUDA was asked for, but no usable GPU was found")
        log.info(
            "models run on the %s", "GPU (CUDA)" if self.provider == "CUDA" else f"CPU, threads: {threads}"
        )

    def recognise(self, samples: npt.NDArray[np.float32]) -> Recognition:
        """Recognise one window: the mean over members, each of which goes its own way about the channels.

        Args:
            samples: finite float32 `[channels, window]` at the bundle's sample rate.

        Raises:
            ModelError: the output cannot be used.
        """
        spectrograms: dict[tuple[LogMelSpec, ChannelPolicy], Spectrogram] = {}
        scores: dict[str, Scores] = {}
        for member, model in self._models.items():
            front_end = (member.log_mel, member.channels)
            if front_end not in spectrograms:
                spectrograms[front_end] = _spectrogram(samples, *front_end)
            try:
                scores[member.name] = model.scores(spectrograms[front_end])
            except ModelError as exc:
                raise ModelError(f"member {member.name} {exc}") from exc
        return Recognition(np.mean(list(scores.values()), axis=0), scores)


def _spectrogram(samples: npt.NDArray[np.float32], spec: LogMelSpec, channels: ChannelPolicy) -> Spectrogram:
    if channels == "mono":
        samples = samples.mean(axis=0, keepdims=True)
    return log_mel(samples, spec)
