"""Backbones with weights in them: published, random, or from a checkpoint file."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch
from torch import nn

from monitor.errors import Exit, MonitorError, safe
from trainer import checkpoints
from trainer.checkpoints import PUBLISHED, RANDOM
from trainer.models.backbones import BACKBONES, Facts
from trainer.models.initial import Scheme, randomise

_MAKERS: list[Any] = [value.__reduce__()[0] for value in (np.zeros(1), np.float64(0))]
_DATA: list[Any] = [
    # By their names before and since NumPy 2.
    *((make, f"numpy.{core}.multiarray.{make.__name__}") for make in _MAKERS for core in ("core", "_core")),
    np.ndarray,
    np.dtype,
    *(type(np.dtype(kind)) for kind in "?bhilqfd"),
]
"""Of a sampler's state, which PANNs' checkpoints may hold: NumPy's arrays and numbers, no code"""
SHOWN = 3
"""Differences that an error message lists"""
_LEGACY = re.compile(r"(denselayer\d+\.(?:norm|relu|conv))\.([12])\.")
"""In torchvision's DenseNet files, the dot before the digit is from a time when names could have dots."""


def load(name: str, weights: str, scheme: Scheme) -> nn.Module:
    """A backbone that is ready to extract features: frozen, in evaluation mode, on the CPU.

    Args:
        name: of the backbone.
        weights: `imagenet` (as downloaded), `random:SEED`, or the path of a checkpoint: a file of torch.save
            with a dictionary of tensors under torchvision's names. Its 1000-class layer is left out.
        scheme: how random weights are drawn.

    Returns:
        The network: float32 `[B, 3, 224, 224]` -> embeddings float32 `[B, embedding]`.

    Raises:
        MonitorError: exit code 66 if there is no such file, 65 if it is damaged, holds other things than
            tensors or belongs to another network, 2 if the seed is no number.
    """
    facts = BACKBONES[name]
    with torch.device("meta"):  # without weights that would be thrown away
        network = facts.network()
    if weights.startswith(RANDOM):
        network.to_empty(device="cpu")
        randomise(network, seed_of(weights), scheme, facts.he_fan)
    else:
        path = path_of(name, weights)
        state = _wanted_part(tensors(read(path), path), facts)
        fill(network, state, f"{safe(str(path))} does not fit {name}")
    return network.float().eval().requires_grad_(requires_grad=False)


def identity(name: str, weights: str, scheme: Scheme) -> str:
    """What tells weights from all others: for the keys of what is computed with them.

    Args:
        name: of the backbone.
        weights: as for `load`.
        scheme: as for `load`.

    Raises:
        MonitorError: as `load`, but for what is in the file.
    """
    if weights.startswith(RANDOM):
        return f"{RANDOM}{seed_of(weights)} {scheme} torch {torch.__version__}"
    path = path_of(name, weights)
    if weights in PUBLISHED:
        return f"{checkpoints.published(name).digest}"  # by which it was found
    check_file(path)
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def path_of(name: str, weights: str) -> Path:
    """The file of weights that are not random.

    Raises:
        MonitorError: as `checkpoints.find`, if they are those that are published.
    """
    return checkpoints.find(name) if weights in PUBLISHED else Path(weights)


def check_file(path: Path) -> None:
    """Make sure that there is a file.

    Raises:
        MonitorError: exit code 66 if there is none.
    """
    if not path.is_file():
        raise MonitorError(f"there are no weights at {safe(str(path))}", Exit.NO_INPUT)


def seed_of(weights: str) -> int:
    """The seed in `random:SEED`.

    Raises:
        MonitorError: exit code 2 if it is none.
    """
    seed = weights.removeprefix(RANDOM)
    if not (seed.isascii() and seed.isdigit() and int(seed) < 1 << 32):
        raise MonitorError(
            f"weights {safe(weights)!r}: wanted random:SEED with a whole number from 0 to 2^32 - 1",
            Exit.USAGE,
        )
    return int(seed)


def read(path: Path) -> Any:
    """What a file of `torch.save` holds: tensors, NumPy's arrays and numbers, and collections of these.

    Raises:
        MonitorError: there is no such file, it is damaged, or holds what may be code.
    """
    check_file(path)
    with path.open("rb") as file, torch.serialization.safe_globals(_DATA):
        # Opened here, so that what torch.load raises is about the contents.
        try:
            return torch.load(file, map_location="cpu", weights_only=True)
        except UnpicklingError as exc:  # not quoted: it recommends to run the code in the file
            raise _refused(path) from exc
        except Exception as exc:  # torch.load raises whatever the damage leads it to
            raise MonitorError(
                f"{safe(str(path))} is damaged or cut off: its {path.stat().st_size} bytes are no "
                "checkpoint; fetch it again"
            ) from exc


def tensors(document: Any, path: Path) -> dict[str, torch.Tensor]:
    """A document that is a dictionary of tensors.

    Raises:
        MonitorError: it is none.
    """
    if not (isinstance(document, dict) and all(map(_is_named_tensor, document.items()))):
        raise _refused(path)
    return document


def _is_named_tensor(item: tuple[Any, Any]) -> bool:
    return isinstance(item[0], str) and isinstance(item[1], torch.Tensor)


def _refused(path: Path) -> MonitorError:
    return MonitorError(
        f"{safe(str(path))} is refused: it is no file of tensors alone, and what else it holds may be code; "
        "save the weights by torch.save(network.state_dict(), FILE)"
    )


def _wanted_part(state: dict[str, torch.Tensor], facts: Facts) -> dict[str, torch.Tensor]:
    return {
        _LEGACY.sub(r"\1\2.", key): value
        for key, value in state.items()
        if not key.startswith(f"{facts.head}.")
    }


def fill(network: nn.Module, state: dict[str, torch.Tensor], complaint: str) -> None:
    """Give a network weights: exactly its own, none missing and none too many.

    Args:
        network: made on the device `meta`.
        state: its weights.
        complaint: how the error begins.

    Raises:
        MonitorError: they differ in names or shapes, with the first few.
    """
    wanted = {
        key: list(value.shape)
        for key, value in network.state_dict().items()
        # Of no use without training, and not in files from before torch 0.4.1.
        if key in state or not key.endswith(".num_batches_tracked")
    }
    differences = _differences(wanted, {key: list(value.shape) for key, value in state.items()})
    if differences:
        more = ", ..." if len(differences) > SHOWN else ""
        raise MonitorError(
            f"{complaint}: {len(differences)} differences: {', '.join(differences[:SHOWN])}{more}"
        )
    network.load_state_dict(state, assign=True)


def _differences(wanted: dict[str, list[int]], found: dict[str, list[int]]) -> list[str]:
    return [
        *(f"{key} is missing" for key in wanted if key not in found),
        *(
            f"{key} is {found[key]} instead of {shape}"
            for key, shape in wanted.items()
            if found.get(key, shape) != shape
        ),
        *(f"{safe(key, 100)} is unknown" for key in found if key not in wanted),
    ]
