"""Cross-validated training of the CRNN: data set and recipe -> run directory (sections 3.2 and 4)."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from monitor.errors import Exit, MonitorError, safe
from trainer import report, run
from trainer.chunks import Features
from trainer.datasets import EVALUATION, DataSet, check_folds
from trainer.evaluate import Predictions, summarise
from trainer.features import extract
from trainer.fit import Indices, fit, predict
from trainer.models.crnn import Crnn
from trainer.recipes import Recipe
from trainer.tables import measured, score

VERSIONS_OF = ("torch", "numpy", "scipy", "soundfile", "soxr")


@dataclass(frozen=True)
class Settings:
    """Where and how a run is carried out; what it learns, the recipe and the data say."""

    threads: int
    """Of torch on the CPU"""
    device: str
    """`cpu` or `cuda`"""
    cache: Path
    """Folder of features"""
    skip_bad: bool = False
    """Leave out clips that cannot be read, instead of stopping"""


def train(
    data: DataSet,
    recipe: Recipe,
    out: Path,
    folds: list[int] | None,
    settings: Settings,
    *,
    resume: bool = False,
) -> dict[str, Any]:
    """Train and test one model per fold and write a run directory.

    The same data, recipe, number of threads and machine give the same bytes of `predictions.csv`, also when
    the run was killed and resumed; a fold's model does not depend on which other folds the run has. On a GPU
    the gradient of the pooling may add up in another order.

    Args:
        data: what to learn from.
        recipe: how.
        out: run directory: new or empty, or an unfinished run's with `resume`.
        folds: folds to test; the model of fold k is trained on all the others. None: all.
        settings: device, threads and cache.
        resume: go on with the run in `out`.

    Returns:
        What is written to `results.json`.

    Raises:
        MonitorError: unknown fold, unreadable clip, `out` not fit, no CUDA, or a loss that is no number.
    """
    folds = known_folds(folds, data)
    if resume:
        run.check_unfinished(out)
    else:
        run.check_new(out)
    device = _prepare(settings)
    features = _features(data, recipe, settings)
    config = _config(data, recipe, folds, settings, features)
    if resume:
        run.check_same(out, config)
    else:
        run.create(out, config)

    job = _Job(out, data, features, recipe, device)
    tested = []
    with _progress() as progress:
        for fold in folds:
            if not run.has_model(out, fold):
                _fit_fold(job, fold, progress)
            tested.append(_predict_part(job, [fold], fold))
            right = tested[-1].predicted == tested[-1].truth
            progress.console.print(f"fold {fold}: accuracy {right.mean():.1%} ({len(right)} clips)")
        development = Predictions.concatenate(tested)
        held_out = (job.fold == EVALUATION).any()
        evaluation = _predict_part(job, folds, EVALUATION) if held_out else None
    results = summarise(development, evaluation, data.labels, data.metric)
    for predictions in filter(None, (development, evaluation)):
        run.save_predictions(out, data.labels, predictions)
    report.write(out, f"{data.name}, {recipe.name}", data.labels, results)
    run.save_results(out, results)
    _tell(data, results, run.load_metrics(out))
    return results


@dataclass(frozen=True)
class _Job:
    """What stays the same from fold to fold."""

    out: Path
    data: DataSet
    features: Features
    recipe: Recipe
    device: torch.device

    @property
    def truth(self) -> Indices:
        """Class of every example."""
        number = {label: index for index, label in enumerate(self.data.labels)}
        return np.array([number[clip.label] for clip in self.data.clips])[self.features.clip]

    @property
    def fold(self) -> Indices:
        """Fold of every example."""
        return np.array([clip.fold for clip in self.data.clips])[self.features.clip]


def _fit_fold(job: _Job, fold: int, progress: Progress) -> None:
    """Train the model that is tested on this fold, from its last checkpoint if there is one, and save it."""
    out, recipe = job.out, job.recipe
    torch.manual_seed(1000 * recipe.seed + fold)  # initial weights, dropout, order of the examples
    model = Crnn(recipe.crnn(len(job.data.labels))).to(job.device)
    partial = run.load_partial(out, fold)
    done = partial["epoch"] if partial else 0
    history = [row for row in run.load_metrics(out) if row.fold != fold or row.epoch <= done]
    bar = progress.add_task(f"fold {fold}", total=recipe.epochs, completed=done, loss="")

    def epoch_done(facts: dict[str, float], state: dict[str, Any]) -> None:
        epoch = run.Epoch(fold=fold, epoch=state["epoch"], **facts)
        history.append(epoch)
        run.save_metrics(out, history)
        run.save_partial(out, fold, state)
        progress.update(bar, completed=epoch.epoch, loss=f"loss {epoch.loss:.3f}")

    learnt = np.flatnonzero((job.fold != fold) & (job.fold != EVALUATION))
    fit(
        model,
        job.features.examples,
        job.truth,
        learnt,
        recipe=recipe,
        partial=partial,
        epoch_done=epoch_done,
    )
    run.save_model(out, fold, model.cpu())
    progress.remove_task(bar)


def _predict_part(job: _Job, folds: list[int], part: int) -> Predictions:
    """The clips of one fold, or of the evaluation partition, by the mean of the models of these folds."""
    examples = np.flatnonzero(job.fold == part)
    answers = [
        predict(model.to(job.device), job.features, examples) for model in run.load_models(job.out, folds)
    ]
    clips = [job.data.clips[index] for index in answers[0][0].tolist()]
    return Predictions(
        file=tuple(job.data.file(clip) for clip in clips),
        fold=np.array([clip.fold for clip in clips]),
        group=tuple(clip.group for clip in clips),
        array=tuple(clip.array for clip in clips),
        truth=np.array([job.data.labels.index(clip.label) for clip in clips]),
        scores=np.mean([posteriors for _, posteriors in answers], axis=0),
    )


def seconds_per_example(recipe: Recipe, labels: int, settings: Settings) -> float:
    """How long an example takes in training, measured on noise."""
    device = _prepare(settings)
    count, spec = 3 * recipe.batch, recipe.log_mel
    noise = np.random.default_rng(0).uniform(
        spec.floor_db, 0, (count, spec.n_mels, spec.frames(recipe.window))
    )
    seconds = []
    fit(
        Crnn(recipe.crnn(labels)).to(device),
        noise.astype(np.float32),
        np.zeros(count, dtype=np.intp),
        np.arange(count),
        recipe=replace(recipe, epochs=2),
        epoch_done=lambda facts, _: seconds.append(facts["seconds"]),
    )
    return min(seconds) / count


def _prepare(settings: Settings) -> torch.device:
    torch.set_num_threads(settings.threads)
    if settings.device == "cuda" and not torch.cuda.is_available():
        raise MonitorError("torch finds no CUDA device; train with --device cpu", Exit.UNAVAILABLE)
    # Two things that CUDA needs to give the same numbers twice: a fixed workspace, read when it starts, and
    # leave for the pooling's gradient, of which there is no deterministic form there.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(mode=True, warn_only=settings.device == "cuda")
    return torch.device(settings.device)


def _features(data: DataSet, recipe: Recipe, settings: Settings) -> Features:
    features = extract(data.clips, recipe.front_end, settings.cache)
    if features.bad:
        what = f"{len(features.bad)} of {len(data.clips)} clips are unusable: {_some(features.bad.values())}"
        if not settings.skip_bad:
            raise MonitorError(f"{what}; replace them, or leave them out with --skip-bad")
        print(f"{what}; left out")
    if features.short:
        short = [data.file(data.clips[index]) for index in features.short]
        print(
            f"{len(short)} of {len(data.clips)} clips are too short and left out: {_some(map(safe, short))}"
        )
    left = replace(data, clips=tuple(data.clips[index] for index in np.unique(features.clip).tolist()))
    for fold in set(data.folds) - set(left.folds):
        raise MonitorError(f"fold {fold} has no clip that is readable and long enough")
    check_folds(left)
    return features


def _tell(data: DataSet, results: dict[str, Any], epochs: list[run.Epoch]) -> None:
    metric = report.METRICS[data.metric]
    print(f"mean of the folds: {metric} {score(measured(results['mean'], data.metric))} %")
    for part, scores in (results["evaluation"] or {}).items():
        print(f"{report.PARTS[part]}: {metric} {score(measured(scores, data.metric))} %")
    if not epochs:  # somebody removed the file between a kill and --resume
        return
    seconds, waited = sum(row.seconds for row in epochs), sum(row.input_seconds for row in epochs)
    print(f"{seconds / 60:.1f} min of training, {waited / seconds:.1%} of it waiting for examples")


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[loss]}"),
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


def _config(
    data: DataSet, recipe: Recipe, folds: list[int], settings: Settings, features: Features
) -> run.Config:
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
        },
    )


def _some(names: Iterable[str]) -> str:
    names = list(names)
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")


def _list(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers))
