"""What each kind of member makes of a sound, and what the stack makes of the members."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from monitor.inference.bundle import Bundle
from monitor.inference.graph import Graph, ModelError, Processor
from monitor.inference.manifest import (
    CrnnMember,
    DeepSpectrumMember,
    Member,
    Openl3Member,
    SoundMember,
    Stack,
)
from monitor.inference.sound import Sound
from monitor.inference.svm import LinearSvm, probabilities

Scores = npt.NDArray[np.float64]
"""`[labels]`, probabilities that sum to 1"""
Said = npt.NDArray[np.float64]
"""`[labels]`, what the stack takes: posteriors of a CRNN, decision values of other members"""
Tags = npt.NDArray[np.float64]
"""`[tags]`, probabilities of AudioSet's classes, each by itself"""

SUM_TOLERANCE = 1e-3
"""Posteriors that miss a sum of 1 by more than this are no probabilities."""


class Model(Protocol):
    """A member that is ready to run."""

    graph: Graph

    def say(self, sound: Sound) -> Said:
        """What it says about a window, the mean over channels.

        Raises:
            ModelError: the output cannot be used.
        """

    def scores(self, said: Said) -> Scores:
        """The same as probabilities."""


def open_members(bundle: Bundle, where: Processor) -> dict[Member, Model]:
    """Every member of a bundle, ready to run; members with the same network share it.

    Raises:
        BundleError: a graph does not load, or does not fit the manifest or its linear SVM.
    """
    manifest, machines = bundle.manifest, bundle.machines()

    @cache
    def graph(file: str, takes: Literal["float", "uint8"], shape: tuple[int, ...], *outputs: int) -> Graph:
        return Graph(file, bundle.files[file], where, takes=takes, shape=shape, outputs=outputs)

    models: dict[Member, Model] = {}
    for member in manifest.members:
        if isinstance(member, CrnnMember):
            shape = (member.log_mel.n_mels, manifest.frames(member))
            models[member] = Crnn(member, graph(member.file, "float", shape, len(manifest.labels)))
        elif isinstance(member, SoundMember):
            machine, samples = machines[member.name], round(manifest.window_seconds * member.sample_rate)
            tags = () if isinstance(member, Openl3Member) or not member.tags else (member.tags,)
            features = machine.weights.shape[1]
            models[member] = Hearing(
                member, machine, graph(member.file, "float", (samples,), features, *tags)
            )
        else:
            machine, size = machines[member.name], member.picture.size
            network = graph(member.file, "uint8", (3, size, size), machine.weights.shape[1])
            models[member] = DeepSpectrum(member, machine, network)
    return models


class Crnn:
    """Posteriors of a graph, averaged over channels."""

    def __init__(self, member: CrnnMember, graph: Graph) -> None:
        self.member = member
        self.graph = graph

    def say(self, sound: Sound) -> Said:
        """Posteriors, which sum to 1."""
        (posteriors,) = sound.output(self.graph, sound.spectrogram(self.member))
        mean = posteriors.astype(np.float64).mean(axis=0)  # [labels]
        # Written so that NaN, which compares as false, is refused.
        if not (mean.min() >= 0.0 and abs(mean.sum() - 1.0) <= SUM_TOLERANCE):
            raise ModelError(f"gave no probabilities (sum {mean.sum():.6g})")
        normalised: Said = np.minimum(mean / mean.sum(), 1.0)  # 1 + 2e-16 is no probability
        return normalised

    def scores(self, said: Said) -> Scores:
        """Posteriors are probabilities."""
        return said


class DeepSpectrum:
    """Picture -> embedding -> decision values, averaged over channels -> probabilities."""

    def __init__(self, member: DeepSpectrumMember, machine: LinearSvm, graph: Graph) -> None:
        self.member = member
        self.machine = machine
        self.graph = graph

    def say(self, sound: Sound) -> Said:
        """Decision values."""
        (embeddings,) = sound.output(self.graph, sound.pictures(self.member))  # [channels, features]
        return _decide(self.machine, embeddings)

    def scores(self, said: Said) -> Scores:
        """Probabilities by the member's temperature."""
        return probabilities(said, self.member.temperature)


class Hearing:
    """Sound -> embedding -> decision values, averaged over channels -> probabilities; and perhaps tags."""

    def __init__(self, member: SoundMember, machine: LinearSvm, graph: Graph) -> None:
        self.member = member
        self.machine = machine
        self.graph = graph

    def say(self, sound: Sound) -> Said:
        """Decision values."""
        return _decide(self.machine, self._outputs(sound)[0])

    def scores(self, said: Said) -> Scores:
        """Probabilities by the member's temperature."""
        return probabilities(said, self.member.temperature)

    def tags(self, sound: Sound) -> Tags | None:
        """AudioSet's classes, the mean over channels; None if the graph tells none.

        Raises:
            ModelError: they are no probabilities.
        """
        _, *others = self._outputs(sound)
        if not others:
            return None
        found: Tags = others[0].astype(np.float64).mean(axis=0)  # [tags]
        # Written so that NaN, which compares as false, is refused.
        if not (found.min() >= 0.0 and found.max() <= 1.0):
            raise ModelError("gave tags that are no probabilities")
        return found

    def _outputs(self, sound: Sound) -> list[npt.NDArray[np.float32]]:
        return sound.output(self.graph, sound.waveform(self.member))


class Stacked:
    """What the stack makes of all members."""

    def __init__(self, stack: Stack, machine: LinearSvm) -> None:
        self.stack = stack
        self.machine = machine

    def scores(self, said: Mapping[str, Said]) -> Scores:
        """Probabilities.

        Args:
            said: by every member's name.

        Raises:
            ModelError: the decision values are not finite.
        """
        side_by_side = np.concatenate([said[name] for name in self.stack.members])
        return probabilities(_decide(self.machine, side_by_side[None]), self.stack.temperature)


def _decide(machine: LinearSvm, features: npt.NDArray[np.floating]) -> Said:
    """Decision values, the mean over rows of `[rows, features]`."""
    with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is refused below
        decisions: Said = machine.decide(features).mean(axis=0)  # [labels]
    if not np.isfinite(decisions).all():
        raise ModelError("gave decision values that are not finite")
    return decisions
