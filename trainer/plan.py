"""Which runs an experiment consists of, and in which folders they are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from monitor.errors import Exit, MonitorError, safe
from trainer import recipes
from trainer.checkpoints import RANDOM
from trainer.datasets import DataSet
from trainer.experiments import EXPERIMENTS, Experiment, System
from trainer.recipes import CrnnRecipe, EmbeddingRecipe


@dataclass(frozen=True)
class Plan:
    """One run of an experiment."""

    system: System
    folder: Path
    recipe: CrnnRecipe | EmbeddingRecipe | None
    """None: a fusion"""
    members: tuple[Path, ...] = ()
    """Run directories that are fused"""


def find(name: str, data: DataSet) -> Experiment:
    """The part of an experiment that is about a data set.

    Raises:
        MonitorError: there is none.
    """
    parts = EXPERIMENTS[name]
    for experiment in parts:
        if data.name in experiment.data:
            return experiment
    wanted = " or ".join(known for experiment in parts for known in experiment.data)
    raise MonitorError(f"{name} is about {wanted}; {safe(str(data.folder))} holds {safe(data.name)}")


def plan(
    experiment: Experiment,
    out: Path,
    seeds: Sequence[int],
    *,
    epochs: int | None,
    systems: Sequence[str] | None,
) -> list[Plan]:
    """The runs of an experiment, in an order in which they can be made.

    Args:
        experiment: to carry out.
        out: folder of the run directories.
        seeds: each system that draws random numbers is trained once with each.
        epochs: instead of the recipes'.
        systems: names of those to run, with what they are fused of; None: all.

    Raises:
        MonitorError: there is no system of that name.
    """
    wanted = _wanted(experiment, systems)
    plans: list[Plan] = []
    for system in experiment.systems:
        if system.name in wanted:
            made = (
                _fused(system, plans, out, seeds) if system.members else _single(system, out, seeds, epochs)
            )
            plans.extend(made)
    return plans


def _wanted(experiment: Experiment, names: Sequence[str] | None) -> set[str]:
    systems = {system.name: system for system in experiment.systems}
    for name in names or ():
        if name not in systems:
            raise MonitorError(f"no system {safe(name)!r}; there are {', '.join(systems)}", Exit.USAGE)
    chosen = systems if names is None else names
    return {*chosen, *(member for name in chosen for member in systems[name].members)}


def _single(system: System, out: Path, seeds: Sequence[int], epochs: int | None) -> list[Plan]:
    base = recipes.load(system.recipe)
    changes = dict(system.changes)
    if isinstance(base, CrnnRecipe):
        shorter = {} if epochs is None else {"epochs": epochs}
        by_seed = {f"-seed{seed}": {**changes, **shorter, "seed": seed} for seed in seeds}
    elif changes.get("weights") == RANDOM:
        by_seed = {f"-seed{seed}": {**changes, "weights": f"{RANDOM}{seed}"} for seed in seeds}
    else:
        by_seed = {"": changes}
    return [
        Plan(system, _folder(out, system, suffix), recipes.with_changes(base, changed))
        for suffix, changed in by_seed.items()
    ]


def _fused(system: System, plans: Sequence[Plan], out: Path, seeds: Sequence[int]) -> list[Plan]:
    """Fusions of runs with the same seed; a single one, if no member draws random numbers."""
    folders = {planned.folder for planned in plans}
    by_suffix: dict[str, tuple[Path, ...]] = {}
    for suffix in (f"-seed{seed}" for seed in seeds):
        pairs = [(out / f"{name}{suffix}", out / name) for name in system.members]
        members = tuple(seeded if seeded in folders else plain for seeded, plain in pairs)
        drawn = any(seeded in folders for seeded, _ in pairs)
        by_suffix[suffix if drawn else ""] = members
    return [
        Plan(system, _folder(out, system, suffix), None, members) for suffix, members in by_suffix.items()
    ]


def _folder(out: Path, system: System, suffix: str) -> Path:
    return out / f"{system.name.replace(' ', '-')}{suffix}"
