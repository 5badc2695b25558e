"""What a run consists of: itself, or the runs that were fused; each of them has a name of its own."""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path

from monitor.errors import MonitorError, safe
from trainer import fusion, run
from trainer.recipes import AudioRecipe, CrnnRecipe, EmbeddingRecipe, FusionRecipe, SvmRecipe
from trainer.run import Run


@dataclass(frozen=True)
class Part:
    """A run that is a member of a system, and of the bundle that can be made of it."""

    run: Run
    recipe: CrnnRecipe | EmbeddingRecipe
    """The run's, but for the channels if a bundle shall hear others"""
    name: str
    """Of the member"""
    file: str
    """Of its graph in a bundle; parts with the same network have the same"""


@dataclass(frozen=True)
class System:
    """A finished run with its parts: itself, or what it is a fusion of, in the order of the stack."""

    run: Run
    parts: tuple[Part, ...]

    @property
    def fused(self) -> bool:
        """Whether a stack stands on the parts."""
        return isinstance(self.run.config.recipe, FusionRecipe)

    @property
    def networks(self) -> dict[str, Part]:
        """File of every distinct network -> the first part that has it."""
        return {part.file: part for part in reversed(self.parts)}


def read(folder: Path) -> System:
    """A run directory, and those of its members if it is a fusion.

    Raises:
        MonitorError: no finished run; or a member that is gone, was trained again or is a fusion itself.
    """
    whole = run.load(folder)
    recipe = whole.config.recipe
    runs = _members(folder, recipe) if isinstance(recipe, FusionRecipe) else [whole]
    recipes = [_recipe(each) for each in runs]
    networks = [_network(*each) for each in zip(runs, recipes, strict=True)]
    names, files = numbered([_name(recipe) for recipe in recipes]), _files(networks, recipes)
    return System(whole, tuple(map(Part, runs, recipes, names, files)))


def different_windows(system: System) -> str:
    """What each part hears, if they do not all hear the same windows; else empty."""
    wanted = {
        part.name: f"{part.recipe.window_seconds:g} s at {part.recipe.sample_rate} Hz"
        for part in system.parts
    }
    several = len(set(wanted.values())) > 1
    return ", ".join(f"{name} {window}" for name, window in wanted.items()) if several else ""


def numbered(names: Sequence[str]) -> list[str]:
    """The same names, in which those that are there already get a number: a, b, a -> a, b, a-2."""
    given: list[str] = []
    for name in names:
        free, number = name, 1
        while free in given:
            number += 1
            free = f"{name}-{number}"
        given.append(free)
    return given


def _members(folder: Path, recipe: FusionRecipe) -> list[Run]:
    folders = [Path(member.run) for member in recipe.members]
    found = fusion.recipe_of(recipe.name, folders).members
    for was, now in zip(recipe.members, found, strict=True):
        if was.digest != now.digest:
            raise MonitorError(
                f"{safe(was.run)} was trained again after the fusion {safe(str(folder))}; fuse again"
            )
    return [run.load(each) for each in folders]


def _recipe(of: Run) -> CrnnRecipe | EmbeddingRecipe:
    if isinstance(of.config.recipe, FusionRecipe):
        raise MonitorError(f"{safe(str(of.folder))} is a fusion itself; fuse its members instead")
    return of.config.recipe


def _network(of: Run, recipe: CrnnRecipe | EmbeddingRecipe) -> Hashable:
    """What tells a network from all others."""
    if isinstance(recipe, CrnnRecipe):
        return of.folder.resolve()
    how = recipe.frames if isinstance(recipe, AudioRecipe) else recipe.preprocessing
    return recipe.backbone, of.config.environment.get(run.WEIGHTS), how


def _name(recipe: CrnnRecipe | EmbeddingRecipe) -> str:
    """Such as `crnn-60`, `pann-audioset`, or `resnet50-random1-viridis`."""
    colours = f"-{recipe.picture.cmap}" if isinstance(recipe, SvmRecipe) else ""
    return f"{_network_name(recipe)}{colours}"


def _network_name(recipe: CrnnRecipe | EmbeddingRecipe) -> str:
    if isinstance(recipe, CrnnRecipe):
        return f"crnn{recipe.model['threshold_db']:g}"
    # Whatever the name of a checkpoint file is.
    return f"{recipe.backbone}-{re.sub(r'[^A-Za-z0-9_.-]', '', Path(recipe.weights).stem)[:50]}"


def _files(networks: Sequence[Hashable], recipes: Sequence[CrnnRecipe | EmbeddingRecipe]) -> list[str]:
    """The name of each one's graph."""
    distinct = list(dict.fromkeys(networks))
    named = numbered([_network_name(recipes[networks.index(network)]) for network in distinct])
    return [f"{named[distinct.index(network)]}.onnx" for network in networks]
