"""Networks for sound with weights in them: published, random, or from a file of PyTorch or Keras."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from monitor.errors import Exit, MonitorError, safe
from trainer import weights
from trainer.checkpoints import RANDOM
from trainer.models.audio import AUDIO_BACKBONES
from trainer.models.initial import randomise
from trainer.models.openl3 import Frames, from_keras

FRONT_END = "speclayer."
"""Before the names of what openl3's Keras files lack, or have in a form of their own"""


def load(name: str, source: str, frames: Frames) -> nn.Module:
    """A network for sound that is ready to extract features: frozen, in evaluation mode, on the CPU.

    Args:
        name: key of `AUDIO_BACKBONES`.
        source: `audioset` (as downloaded), `random:SEED`, or the path of a checkpoint: as published for
            PyTorch, or openl3's own `.h5`.
        frames: how openl3 cuts a clip.

    Returns:
        The network: float32 `[B, samples]` at its own rate -> embeddings float32 `[B, embedding]`.

    Raises:
        MonitorError: exit code 66 if there is no such file, 65 if it is damaged, holds code or belongs to
            another network, 69 if h5py is missing, 2 if the seed is no number.
    """
    facts = AUDIO_BACKBONES[name]
    if source.startswith(RANDOM):
        network = facts.network(frames)
        randomise(network, weights.seed_of(source), "keras", "fan_in")
    else:
        path = weights.path_of(name, source)
        state = _keras(path, facts.network(frames)) if path.suffix == ".h5" else _torch(path)
        with torch.device("meta"):  # without weights that would be thrown away
            network = facts.network(frames)
        weights.fill(network, state, f"{safe(str(path))} does not fit {name}")
    return network.float().eval().requires_grad_(requires_grad=False)


def _torch(path: Path) -> dict[str, torch.Tensor]:
    document = weights.read(path)
    # PANNs' files also tell how far the training was.
    inner = document.get("model") if isinstance(document, dict) else None
    return weights.tensors(inner if isinstance(inner, dict) else document, path)


def _keras(path: Path, fresh: nn.Module) -> dict[str, torch.Tensor]:
    """The file's layers, behind the front end that a fresh network has."""
    front_end = {key: value for key, value in fresh.state_dict().items() if key.startswith(FRONT_END)}
    return front_end | from_keras(_layers(path))


def _layers(path: Path) -> dict[str, dict[str, torch.Tensor]]:
    """The arrays of each layer of a Keras file, by the layer's and their own name."""
    try:
        import h5py
    except ModuleNotFoundError as exc:
        raise MonitorError(
            f"{safe(str(path))} is a file of Keras; to read it, install activity-monitor[keras]",
            Exit.UNAVAILABLE,
        ) from exc
    weights.check_file(path)
    layers: dict[str, dict[str, torch.Tensor]] = {}

    def keep(name: str, entry: Any) -> None:
        if isinstance(entry, h5py.Dataset):
            layer, array = name.partition("/")[0], name.rpartition("/")[2].partition(":")[0]
            layers.setdefault(layer, {})[array] = torch.from_numpy(entry[()])

    try:
        with h5py.File(path) as file:
            file.visititems(keep)
    except (OSError, TypeError, ValueError, RuntimeError) as exc:
        raise MonitorError(f"{safe(str(path))} is damaged or no file of Keras; fetch it again") from exc
    return layers
