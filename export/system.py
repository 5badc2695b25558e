"""What can be exported: a run, or a fusion with its members, and the channels that they shall hear."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from monitor.errors import Exit, MonitorError, safe
from monitor.inference.manifest import Manifest
from trainer import embeddings, run, system
from trainer.features import Channels
from trainer.recipes import CrnnRecipe
from trainer.system import Part, System


def read(folder: Path) -> System:
    """A run directory whose members can be run together.

    Raises:
        MonitorError: as `trainer.system.read`; a member that hears another window than the others; or weights
            of a backbone that are no longer those that were learnt with.
    """
    found = system.read(folder)
    windows = system.different_windows(found)
    if windows:
        raise MonitorError(f"the members of a bundle hear the same windows, but these want {windows}")
    for part in found.networks.values():
        _check_weights(part)
    return found


def single(folder: Path) -> Part:
    """A run that is no fusion.

    Raises:
        MonitorError: it is one, or as `read`.
    """
    found = read(folder)
    if found.fused:
        raise MonitorError(f"{safe(str(folder))} is a fusion: it has several graphs; choose one of its runs")
    return found.parts[0]


def with_backbones(learnt: System, channels: Channels) -> System:
    """The system with backbones that hear other channels than they learnt from, or the same.

    Raises:
        MonitorError: it has no backbone.
    """
    if all(isinstance(part.recipe, CrnnRecipe) for part in learnt.parts):
        raise MonitorError(
            f"{safe(str(learnt.run.folder))} has no backbone; leave --backbones out", Exit.USAGE
        )
    return replace(
        learnt,
        parts=tuple(
            part if isinstance(part.recipe, CrnnRecipe) else _hearing(part, channels) for part in learnt.parts
        ),
    )


def as_bundled(learnt: System, manifest: Manifest) -> System:
    """The system with members that hear the channels that those of a bundle of it hear."""
    return replace(
        learnt,
        parts=tuple(
            _hearing(part, "mono" if member.channels == "mono" else "each")
            for part, member in zip(learnt.parts, manifest.members, strict=True)
        ),
    )


def _hearing(part: Part, channels: Channels) -> Part:
    return replace(part, recipe=replace(part.recipe, channels=channels))


def _check_weights(part: Part) -> None:
    recipe = part.recipe
    if isinstance(recipe, CrnnRecipe):
        return
    found = embeddings.identity(recipe)
    learnt = part.run.config.environment.get(run.WEIGHTS, "unknown")
    if found != learnt:
        raise MonitorError(
            f"{safe(str(part.run.folder))} learnt with other weights of {recipe.backbone} ({safe(learnt)}) "
            f"than are there now ({found}); bring those back, or train again"
        )
