"""What a run's own models say about clips: the trainer's front end, torch, and machines in NumPy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from export.graph import inputs
from monitor.errors import MonitorError, safe
from monitor.inference.recognise import Recognition
from monitor.inference.svm import probabilities
from trainer import run
from trainer.datasets import Clip
from trainer.recipes import CrnnRecipe
from trainer.system import Part, System

Said = npt.NDArray[np.floating]
"""`[labels]`: posteriors, or decision values"""


class Reference:
    """The models of a run that have learnt from all of its folds: those that a bundle is made of.

    They are not the ones behind the predictions of the run: a development clip is predicted there by models
    that have not seen its fold.

    Args:
        system: the run.
        networks: file of every distinct network -> the network, as from `export.graph.load_network`.

    Raises:
        MonitorError: a machine is missing or damaged.
    """

    def __init__(self, system: System, networks: Mapping[str, nn.Module]) -> None:
        self._system = system
        self._networks = networks
        self._machines = {
            part.name: run.load_svm(part.run.folder)
            for part in system.parts
            if not isinstance(part.recipe, CrnnRecipe)
        }
        self._stack = run.load_svm(system.run.folder) if system.fused else None

    def recognise(self, clip: Clip) -> Recognition:
        """What they say about the first window of a clip.

        Raises:
            MonitorError: it cannot be read, or is too short.
        """
        said = {part.name: self._say(part, clip) for part in self._system.parts}
        members = {part.name: _scores(part, said[part.name]) for part in self._system.parts}
        if self._stack is None:
            (scores,) = members.values()
            return Recognition(scores, members)
        decisions = self._stack.decide(np.concatenate(list(said.values())))
        return Recognition(probabilities(decisions, self._system.run.results["temperature"]), members)

    def _say(self, part: Part, clip: Clip) -> Said:
        """The mean over the channels that the part hears."""
        seen, network = inputs(clip, part), self._networks[part.file]
        if seen is None:
            raise MonitorError(f"clip {safe(str(clip.path))} is shorter than a window")
        outputs: Said = _run(network, seen)
        if part.name in self._machines:
            outputs = self._machines[part.name].decide(outputs)
        mean: Said = outputs.mean(axis=0)
        return mean


def _run(network: nn.Module, batch: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    with torch.inference_mode():
        outputs: npt.NDArray[np.float32] = network(torch.from_numpy(batch)).numpy()
    return outputs


def _scores(part: Part, said: Said) -> npt.NDArray[np.float64]:
    if not isinstance(part.recipe, CrnnRecipe):
        return probabilities(said, part.run.results["temperature"])
    return said.astype(np.float64)
