"""What is exported: a run, or the runs that were fused; each of them becomes a member of the bundle."""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monitor.errors import MonitorError, safe
from trainer import fusion, run, weights
from trainer.recipes import CrnnRecipe, FusionRecipe, SvmRecipe


@dataclass(frozen=True)
class Part:
    """A run that becomes a member."""

    folder: Path
    config: run.Config
    recipe: CrnnRecipe | SvmRecipe
    """The config's"""
    results: dict[str, Any]
    name: str
    """Of the member"""
    file: str
    """Of its graph; parts with the same network have the same"""


@dataclass(frozen=True)
class System:
    """A finished run with its parts: itself, or what it is a fusion of, in the order of the stack."""

    folder: Path
    config: run.Config
    results: dict[str, Any]
    parts: tuple[Part, ...]

    @property
    def fused(self) -> bool:
        """Whether a stack stands on the parts."""
        return isinstance(self.config.recipe, FusionRecipe)

    @property
    def networks(self) -> dict[str, Part]:
        """File of every distinct network -> a part that has it."""
        return {part.file: part for part in self.parts}


def read(folder: Path) -> System:
    """A run directory, and those of its members if it is a fusion.

    Raises:
        MonitorError: no finished run; a member that is gone, was trained again or hears another window than
            the others; or weights of an image network that are no longer those that were learnt with.
    """
    config, results = run.load_config(folder), run.load_results(folder)
    fused = config.recipe
    folders = _members(folder, fused) if isinstance(fused, FusionRecipe) else [folder]
    configs = [run.load_config(each) for each in folders]
    recipes = [_recipe(each, of_it) for each, of_it in zip(folders, configs, strict=True)]
    networks = [_network(*each) for each in zip(folders, configs, recipes, strict=True)]
    names, files = numbered([_name(recipe) for recipe in recipes]), _files(networks, recipes)
    parts = tuple(
        Part(each, of_it, recipe, run.load_results(each), name, file)
        for each, of_it, recipe, name, file in zip(folders, configs, recipes, names, files, strict=True)
    )
    _check_windows(parts)
    return System(folder, config, results, parts)


def single(folder: Path) -> Part:
    """A run that is no fusion.

    Raises:
        MonitorError: it is one, or as `read`.
    """
    system = read(folder)
    if system.fused:
        raise MonitorError(f"{safe(str(folder))} is a fusion: it has several graphs; choose one of its runs")
    return system.parts[0]


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


def _members(folder: Path, recipe: FusionRecipe) -> list[Path]:
    folders = [Path(member.run) for member in recipe.members]
    found = fusion.recipe_of(recipe.name, folders).members
    for was, now in zip(recipe.members, found, strict=True):
        if was.digest != now.digest:
            raise MonitorError(
                f"{safe(was.run)} was trained again after the fusion {safe(str(folder))}; fuse again"
            )
    return folders


def _recipe(folder: Path, config: run.Config) -> CrnnRecipe | SvmRecipe:
    if isinstance(config.recipe, FusionRecipe):
        raise MonitorError(f"{safe(str(folder))} is a fusion itself; fuse its members instead")
    return config.recipe


def _network(folder: Path, config: run.Config, recipe: CrnnRecipe | SvmRecipe) -> Hashable:
    """What tells a network from all others."""
    if isinstance(recipe, CrnnRecipe):
        return folder.resolve()
    found = weights.identity(recipe.backbone, recipe.weights, recipe.scheme)
    learnt = config.environment.get(run.WEIGHTS, "unknown")
    if found != learnt:
        raise MonitorError(
            f"{safe(str(folder))} learnt with other weights of {recipe.backbone} ({safe(learnt)}) than are "
            f"there now ({found}); bring those back, or train again"
        )
    return recipe.backbone, found, recipe.preprocessing


def _name(recipe: CrnnRecipe | SvmRecipe) -> str:
    """Such as `crnn-60`, or `resnet50-random1-viridis`."""
    colours = f"-{recipe.picture.cmap}" if isinstance(recipe, SvmRecipe) else ""
    return f"{_network_name(recipe)}{colours}"


def _network_name(recipe: CrnnRecipe | SvmRecipe) -> str:
    if isinstance(recipe, CrnnRecipe):
        return f"crnn{recipe.model['threshold_db']:g}"
    # Whatever the name of a checkpoint file is.
    return f"{recipe.backbone}-{re.sub(r'[^A-Za-z0-9_.-]', '', Path(recipe.weights).stem)[:50]}"


def _files(networks: Sequence[Hashable], recipes: Sequence[CrnnRecipe | SvmRecipe]) -> list[str]:
    """The name of each one's graph."""
    distinct = list(dict.fromkeys(networks))
    named = numbered([_network_name(recipes[networks.index(network)]) for network in distinct])
    return [f"{named[distinct.index(network)]}.onnx" for network in networks]


def _check_windows(parts: Sequence[Part]) -> None:
    wanted = [(part.recipe.log_mel.sample_rate, part.recipe.window_seconds) for part in parts]
    if len(set(wanted)) > 1:
        each = ", ".join(
            f"{part.name} {seconds:g} s at {rate} Hz"
            for part, (rate, seconds) in zip(parts, wanted, strict=True)
        )
        raise MonitorError(f"the members of a bundle hear the same windows, but these want {each}")
