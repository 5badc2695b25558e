"""What each command of `activity-trainer` does with its arguments. Heavy imports stand inside."""

from __future__ import annotations

import argparse
import shlex
from typing import TYPE_CHECKING

from monitor.errors import Exit, MonitorError, safe
from trainer import checkpoints

if TYPE_CHECKING:
    from trainer.datasets import DataSet
    from trainer.recipes import EmbeddingRecipe
    from trainer.training import Settings


def train_crnn(arguments: argparse.Namespace) -> None:
    """Train a CRNN."""
    from trainer import recipes
    from trainer.train_crnn import train

    given = {
        key: getattr(arguments, key) for key in ("epochs", "seed") if getattr(arguments, key) is not None
    }
    recipe = recipes.with_changes(recipes.load_as(recipes.CrnnRecipe, arguments.recipe), given)
    data = _data(arguments)
    train(data, recipe, arguments.out, arguments.folds, _settings(arguments), resume=arguments.resume)


def train_svm(arguments: argparse.Namespace) -> None:
    """Train support vector machines."""
    from trainer.train_svm import train

    recipe = _svm_recipe(arguments)
    data = _data(arguments)
    train(data, recipe, arguments.out, arguments.folds, _settings(arguments), resume=arguments.resume)


def fuse(arguments: argparse.Namespace) -> None:
    """Stack finished runs."""
    from trainer.fusion import fuse

    fuse(arguments.runs, arguments.out, arguments.threads)


def features(arguments: argparse.Namespace) -> None:
    """Compute embeddings."""
    from trainer.embeddings import extract

    recipe = _svm_recipe(arguments)
    features = extract(_data(arguments).clips, recipe, _settings(arguments))
    print(f"{len(features.examples)} embeddings of {features.examples.shape[1]} numbers")


def _svm_recipe(arguments: argparse.Namespace) -> EmbeddingRecipe:
    from trainer import recipes

    recipe = recipes.load_embedding(arguments.recipe)
    if arguments.cmap and isinstance(recipe, recipes.AudioRecipe):
        raise MonitorError(f"recipe {safe(recipe.name)!r} has no pictures; leave --cmap out", Exit.USAGE)
    given = {
        key: value
        for key, value in (
            ("backbone", arguments.backbone),
            ("weights", arguments.weights),
            ("picture.cmap", arguments.cmap),
        )
        if value is not None
    }
    return recipes.with_changes(recipe, given)


def reproduce(arguments: argparse.Namespace) -> None:
    """Carry out an experiment, or say what it costs."""
    from rich.console import Console

    from trainer.forecast import COLUMNS, forecast
    from trainer.plan import find, plan
    from trainer.reproduce import reproduce
    from trainer.tables import terminal
    from trainer.training import known_folds

    data, settings, console = _data(arguments), _settings(arguments), Console()
    experiment, out = find(arguments.experiment, data), arguments.out / arguments.experiment
    plans = plan(experiment, out, arguments.seeds, epochs=arguments.epochs, systems=arguments.systems)
    if arguments.dry_run:
        rows = forecast(plans, data, known_folds(arguments.folds, data), settings)
        console.print(terminal(COLUMNS, rows, f"{arguments.experiment} on {data.name}"))
    else:
        reproduce(experiment, plans, data, settings, console, folds=arguments.folds)


def _data(arguments: argparse.Namespace) -> DataSet:
    from trainer import datasets

    data = datasets.read(arguments.data)
    return data.limited(arguments.limit) if arguments.limit else data


def _settings(arguments: argparse.Namespace) -> Settings:
    from trainer import files
    from trainer.training import Settings

    cache = arguments.cache or files.user_cache("features")
    return Settings(arguments.threads, arguments.device, cache, arguments.skip_bad)


def download(arguments: argparse.Namespace) -> None:
    """Fetch a data set."""
    from trainer.datasets.install import install

    partitions = arguments.partitions
    chosen = [partitions[arguments.only]] if arguments.only else list(partitions.values())
    install(chosen, arguments.to, keep_archives=arguments.keep_archives)
    # A reader finds the partitions of a set side by side, and a set of one partition by its own folder.
    data = arguments.to if len(partitions) > 1 else arguments.to / chosen[0].root
    print(f"the data is in {safe(str(data))}")
    print(f"next: activity-trainer data check {safe(shlex.quote(str(data)))}")


def download_weights(arguments: argparse.Namespace) -> None:
    """Fetch or copy a checkpoint."""
    folder = arguments.to or checkpoints.default_folder()
    if arguments.file:
        path = checkpoints.take(arguments.backbone, arguments.file, folder)
    else:
        path = checkpoints.fetch(arguments.backbone, folder)
    print(f"the weights are in {safe(str(path))}")


def verify_weights(arguments: argparse.Namespace) -> None:
    """Say what a network for sound makes of a sound."""
    from trainer.verify_weights import verify

    for line in verify(arguments.backbone, arguments.weights, arguments.audio):
        print(line)


def evaluate(arguments: argparse.Namespace) -> None:
    """Print the scores of runs."""
    from rich.console import Console

    from trainer import report

    report.show(arguments.runs, Console())


def data_check(arguments: argparse.Namespace) -> None:
    """Compare a copy of a data set with the published one."""
    from trainer.datasets.check import check

    check(arguments.folder)


def simulate(arguments: argparse.Namespace) -> None:
    """Generate recordings."""
    from trainer.simulate import data_set, day

    if arguments.day:
        if arguments.sounds:
            raise MonitorError("--sounds is for data sets; leave it out, or use --to", Exit.USAGE)
        day.write(
            arguments.day,
            arguments.hours,
            arguments.seed,
            arguments.processes,
            held_out=arguments.held_out,
        )
    else:
        if arguments.held_out:
            raise MonitorError("--held-out is for days: a part of every --to is held out", Exit.USAGE)
        data_set.write(arguments.to, arguments.hours, arguments.seed, arguments.processes, arguments.sounds)


def agreement(arguments: argparse.Namespace) -> None:
    """Compare what a monitor said with the truth."""
    from rich.console import Console

    from trainer.agreement import show

    show(arguments.truth, arguments.journal, Console())
