"""Window -> Recognition: runs a bundle's members."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monitor.inference.bundle import Bundle
from monitor.inference.graph import ModelError, processor
from monitor.inference.manifest import STACK, Member
from monitor.inference.members import Hearing, Model, Said, Scores, Stacked, Tags, open_members
from monitor.inference.sound import Sound

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Recognition:
    """What the models say about one window."""

    scores: Scores
    """`[labels]`, probabilities that sum to 1, in the bundle's order"""
    members: dict[str, Scores]
    """Member -> its own `[labels]`"""
    tags: Tags | None = None
    """Probabilities of AudioSet's classes, in its order, by the first member that tells them"""


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
        self.models = open_members(bundle, processor(provider, threads))
        stack = bundle.manifest.stack
        self._stacked = None if stack is None else Stacked(stack, bundle.machines()[STACK])
        self.provider = "CUDA" if all(model.graph.on_gpu for model in self.models.values()) else "CPU"
        if provider == "cuda" and self.provider == "CPU":
            log.warning("CUDA was asked for, but no usable GPU was found")
        log.info(
            "models run on the %s", "GPU (CUDA)" if self.provider == "CUDA" else f"CPU, threads: {threads}"
        )

    def recognise(self, samples: npt.NDArray[np.float32]) -> Recognition:
        """Recognise one window: what the stack makes of the members, or their mean if there is none.

        Each member goes its own way about the channels.

        Args:
            samples: finite float32 `[channels, window]` at the bundle's sample rate.

        Raises:
            ModelError: the output cannot be used.
        """
        sound = Sound(samples, self.bundle.manifest.sample_rate)
        said = {member.name: _say(member, model, sound) for member, model in self.models.items()}
        members = {member.name: model.scores(said[member.name]) for member, model in self.models.items()}
        tags = self._tags(sound)
        if self._stacked is None:
            return Recognition(np.mean(list(members.values()), axis=0), members, tags)
        try:
            return Recognition(self._stacked.scores(said), members, tags)
        except ModelError as exc:
            raise ModelError(f"the stack {exc}") from exc

    def _tags(self, sound: Sound) -> Tags | None:
        for member, model in self.models.items():
            if isinstance(model, Hearing):
                try:
                    tags = model.tags(sound)
                except ModelError as exc:
                    raise ModelError(f"member {member.name} {exc}") from exc
                if tags is not None:
                    return tags
        return None


def _say(member: Member, model: Model, sound: Sound) -> Said:
    try:
        return model.say(sound)
    except ModelError as exc:
        raise ModelError(f"member {member.name} {exc}") from exc
