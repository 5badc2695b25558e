"""What each kind of member makes of a spectrogram: the probabilities of the classes."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from monitor.inference.bundle import Bundle
from monitor.inference.graph import Graph, ModelError, Processor
from monitor.inference.manifest import CrnnMember, DeepSpectrumMember, Manifest, Member
from monitor.inference.picture import picture
from monitor.inference.svm import LinearSvm

Spectrogram = npt.NDArray[np.float32]
"""`[channels, n_mels, frames]`, dB"""
Scores = npt.NDArray[np.float64]
"""`[labels]`, probabilities that sum to 1"""

SUM_TOLERANCE = 1e-3
"""Posteriors that miss a sum of 1 by more than this are no probabilities."""


class Model(Protocol):
    """A member that is ready to run."""

    graph: Graph

    def scores(self, spectrogram: Spectrogram) -> Scores:
        """The scores of one window.

        Raises:
            ModelError: the output cannot be used.
        """


def open_members(bundle: Bundle, where: Processor) -> dict[Member, Model]:
    """Every member of a bundle, ready to run.

    Raises:
        BundleError: a graph does not load, or does not fit the manifest or its linear SVM.
    """
    manifest, machines = bundle.manifest, bundle.machines()
    models: dict[Member, Model] = {}
    for member in manifest.members:
        model = bundle.files[member.file]
        if isinstance(member, CrnnMember):
            models[member] = Crnn(member, manifest, model, where)
        else:
            models[member] = DeepSpectrum(member, machines[member.name], model, where)
    return models


class Crnn:
    """Posteriors of a graph, averaged over channels."""

    def __init__(self, member: CrnnMember, manifest: Manifest, model: bytes, where: Processor) -> None:
        shape = (member.log_mel.n_mels, manifest.frames(member))
        labels = len(manifest.labels)
        self.graph = Graph(member.file, model, where, takes="float", shape=shape, outputs=labels)

    def scores(self, spectrogram: Spectrogram) -> Scores:
        """The scores of one window."""
        mean = self.graph.run(spectrogram).astype(np.float64).mean(axis=0)  # [labels]
        # Written so that NaN, which compares as false, is refused.
        if not (mean.min() >= 0.0 and abs(mean.sum() - 1.0) <= SUM_TOLERANCE):
            raise ModelError(f"gave no probabilities (sum {mean.sum():.6g})")
        normalised: Scores = np.minimum(mean / mean.sum(), 1.0)  # 1 + 2e-16 is no probability
        return normalised


class DeepSpectrum:
    """Picture -> embedding -> decision values, averaged over channels -> probabilities."""

    def __init__(
        self, member: DeepSpectrumMember, machine: LinearSvm, model: bytes, where: Processor
    ) -> None:
        self.member = member
        self.machine = machine
        shape = (3, member.picture.size, member.picture.size)
        features = machine.weights.shape[1]
        self.graph = Graph(member.file, model, where, takes="uint8", shape=shape, outputs=features)

    def scores(self, spectrogram: Spectrogram) -> Scores:
        """The scores of one window."""
        if not np.isfinite(spectrogram).all():  # of which there is no picture
            raise ModelError("was given a spectrogram that is not finite")
        pictures = picture(spectrogram, self.member.picture, self.member.log_mel)
        embeddings = self.graph.run(pictures)  # [channels, features]
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is refused below
            decisions = self.machine.decide(embeddings).mean(axis=0)  # [labels]
        if not np.isfinite(decisions).all():
            raise ModelError("gave decision values that are not finite")
        return _softmax(decisions, self.member.temperature)


def _softmax(decisions: npt.NDArray[np.float64], temperature: float) -> Scores:
    # Less the largest: exp() of a large number would overflow.
    powers = np.exp((decisions - decisions.max()) / temperature)
    probabilities: Scores = powers / powers.sum()
    return probabilities
