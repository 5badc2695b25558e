"""What every kind of training does before and after it learns."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from monitor.errors import Exit, MonitorError, safe
from trainer import report, run
from trainer.chunks import Features
from trainer.datasets import DataSet, check_folds, some
from trainer.evaluate import summarise
from trainer.predictions import Floats, Indices, Predictions
from trainer.recipes import Recipe
from trainer.tables import measured, score

VERSIONS_OF = ("torch", "numpy", "scipy", "scikit-learn", "soundfile", "soxr")


@dataclass(frozen=True)
class Settings:
    """Where and how a run is carried out; what it learns, the recipe and the data say."""

    threads: int
    """On the CPU"""
    device: str
    """`cpu` or `cuda`"""
    cache: Path
    """Folder of features"""
    skip_bad: bool = False
    """Leave out clips that cannot be read, instead of stopping"""

    def prepare(self) -> torch.device:
        """Set torch up accordingly.

        Raises:
            MonitorError: CUDA is asked for and not there.
        """
        torch.set_num_threads(self.threads)
        if self.device == "cuda" and not torch.cuda.is_available():
            raise MonitorError("torch finds no CUDA device; use --device cpu", Exit.UNAVAILABLE)
        # Two things that CUDA needs to give the same numbers twice: a fixed workspace, read when it starts,
        # and leave for the pooling's gradient, of which there is no deterministic form there.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(mode=True, warn_only=self.device == "cuda")
        return torch.device(self.device)


@dataclass(frozen=True)
class Material:
    """Clips with their features; an example is of one channel, or of a whole clip."""

    data: DataSet
    features: Features

    @property
    def labels(self) -> tuple[str, ...]:
        """In the order of the models' outputs."""
        return self.data.labels

    @property
    def metric(self) -> str:
        """What results are compared by."""
        return self.data.metric

    @cached_property
    def truth(self) -> Indices:
        """Class of every example."""
        number = {label: index for index, label in enumerate(self.data.labels)}
        return np.array([number[clip.label] for clip in self.data.clips])[self.features.clip]

    @cached_property
    def fold(self) -> Indices:
        """Fold of every example."""
        return np.array([clip.fold for clip in self.data.clips])[self.features.clip]

    def values(self, examples: Indices) -> Floats:
        """The features of examples, in memory."""
        return self.features.examples[examples]

    def predictions(self, examples: Indices, scores: Floats) -> Predictions:
        """What a model said about clips: the mean over their channels.

        Args:
            examples: indices, rising; all of a clip, or none.
            scores: of the examples, `[examples, labels]`.
        """
        indices, first = np.unique(self.features.clip[examples], return_index=True)
        sums = np.add.reduceat(scores, first, axis=0)  # [clips, labels]
        counts = np.diff(first, append=len(examples))[:, None]
        clips = [self.data.clips[index] for index in indices.tolist()]
        return Predictions(
            file=tuple(self.data.file(clip) for clip in clips),
            fold=np.array([clip.fold for clip in clips]),
            group=tuple(clip.group for clip in clips),
            array=tuple(clip.array for clip in clips),
            truth=np.array([self.data.labels.index(clip.label) for clip in clips]),
            scores=(sums / counts).astype(scores.dtype),
        )


def known_folds(folds: list[int] | None, data: DataSet) -> list[int]:
    """The folds that are asked for, in order; None: all.

    Raises:
        MonitorError: the data set has no such fold.
    """
    unknown = sorted(set(folds or ()) - set(data.folds))
    if unknown:
        raise MonitorError(f"{safe(data.name)} has the folds {_list(data.folds)}, not {_list(unknown)}")
    return sorted(set(folds)) if folds else data.folds


def check_out(out: Path, *, resume: bool) -> None:
    """Make sure that a run can be written to, or gone on with in, a folder.

    Raises:
        MonitorError: it cannot.
    """
    if resume:
        run.check_unfinished(out)
    else:
        run.check_new(out)


def begin(
    out: Path, material: Material, recipe: Recipe, folds: list[int], settings: Settings, *, resume: bool
) -> run.Config:
    """Tell what is left out, and start the run directory or check that it is of the same run.

    Args:
        out: run directory.
        material: to learn from.
        recipe: how.
        folds: that will be tested.
        settings: of the run.
        resume: go on with the run in `out`.

    Returns:
        The run's configuration.

    Raises:
        MonitorError: clips cannot be read, a class or a fold has no clip left, or `out` holds another run.
    """
    _check_complete(material, settings)
    config = _config(material, recipe, folds, settings)
    run.begin(out, config, resume=resume)
    return config


def finish(
    out: Path,
    config: run.Config,
    development: Predictions,
    evaluation: Predictions | None,
    more: Mapping[str, Any],
) -> dict[str, Any]:
    """Write predictions, report and results, and print the scores.

    Args:
        out: run directory, begun.
        config: that it was begun with.
        development: of all tested folds, one after the other.
        evaluation: of the evaluation partition, if there is one.
        more: results of this kind of run alone.

    Returns:
        What is written to `results.json`.
    """
    metric, labels = config.data["metric"], config.labels
    results = {**summarise(development, evaluation, labels, metric), **more}
    for predictions in filter(None, (development, evaluation)):
        run.save_predictions(out, config, predictions)
    report.write(out, f"{config.data['name']}, {config.recipe.title}", labels, results)
    run.save_results(out, results)
    name = report.METRICS[metric]
    print(f"mean of the folds: {name} {score(measured(results['mean'], metric))} %")
    if "nested" in results:
        print(f"with C chosen by the other folds: {name} {score(measured(results['nested'], metric))} %")
    for part, scores in (results["evaluation"] or {}).items():
        print(f"{report.PARTS[part]}: {name} {score(measured(scores, metric))} %")
    return results


def _check_complete(material: Material, settings: Settings) -> None:
    data, features = material.data, material.features
    if features.bad:
        what = f"{len(features.bad)} of {len(data.clips)} clips are unusable: {some(features.bad.values())}"
        if not settings.skip_bad:
            raise MonitorError(f"{what}; replace them, or leave them out with --skip-bad")
        print(f"{what}; left out")
    if features.short:
        short = [data.file(data.clips[index]) for index in features.short]
        print(f"{len(short)} of {len(data.clips)} clips are too short and left out: {some(short)}")
    left = replace(data, clips=tuple(data.clips[index] for index in np.unique(features.clip).tolist()))
    for fold in set(data.folds) - set(left.folds):
        raise MonitorError(f"fold {fold} has no clip that is readable and long enough")
    check_folds(left)


def _config(material: Material, recipe: Recipe, folds: list[int], settings: Settings) -> run.Config:
    data, features = material.data, material.features
    return run.Config(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        recipe=recipe,
        data={
            "name": data.name,
            "path": str(data.folder.resolve()),
            "licence": data.licence,
            "source": data.source,
            "metric": data.metric,
            "clips": len(data.clips),
            "digest": data.digest,
            "short": [data.file(data.clips[index]) for index in features.short],
            "bad": [data.file(data.clips[index]) for index in features.bad],
        },
        labels=data.labels,
        folds=tuple(folds),
        threads=settings.threads,
        device=settings.device,
        environment={
            "python": platform.python_version(),
            **{name: version(name) for name in VERSIONS_OF},
            "machine": platform.platform(),
            "processor": torch.cuda.get_device_name() if settings.device == "cuda" else platform.processor(),
            **{key: text for key, text in features.specification.items() if key == run.WEIGHTS},
        },
    )


def _list(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers))
