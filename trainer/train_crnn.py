"""Cross-validated training of the CRNN: data set and recipe -> run directory (sections 3.2 and 4)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.progress import Progress

from trainer import folds as store
from trainer.datasets import EVALUATION, DataSet
from trainer.features import extract
from trainer.fit import fit, predict
from trainer.models.crnn import Crnn
from trainer.predictions import Predictions
from trainer.progress import progress
from trainer.recipes import CrnnRecipe
from trainer.training import Material, Settings, begin, check_out, finish, known_folds


def train(
    data: DataSet,
    recipe: CrnnRecipe,
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
    check_out(out, resume=resume)
    device = settings.prepare()
    material = Material(data, extract(data.clips, recipe.front_end, settings.cache))
    config = begin(out, material, recipe, folds, settings, resume=resume)

    job = _Job(out, material, recipe, device)
    tested = []
    with progress() as bars:
        for fold in folds:
            if not store.has_model(out, fold):
                _fit_fold(job, fold, bars)
            tested.append(_predict_part(job, [fold], fold))
            right = tested[-1].predicted == tested[-1].truth
            bars.console.print(f"fold {fold}: accuracy {right.mean():.1%} ({len(right)} clips)")
        evaluation = _predict_part(job, folds, EVALUATION) if (material.fold == EVALUATION).any() else None
    results = finish(out, config, Predictions.concatenate(tested), evaluation, {})
    _tell_time(store.load_metrics(out))
    return results


@dataclass(frozen=True)
class _Job:
    """What stays the same from fold to fold."""

    out: Path
    material: Material
    recipe: CrnnRecipe
    device: torch.device


def _fit_fold(job: _Job, fold: int, bars: Progress) -> None:
    """Train the model that is tested on this fold, from its last checkpoint if there is one, and save it."""
    out, recipe, material = job.out, job.recipe, job.material
    torch.manual_seed(1000 * recipe.seed + fold)  # initial weights, dropout, order of the examples
    model = Crnn(recipe.crnn(len(material.data.labels))).to(job.device)
    partial = store.load_partial(out, fold)
    done = partial["epoch"] if partial else 0
    history = [row for row in store.load_metrics(out) if row.fold != fold or row.epoch <= done]
    bar = bars.add_task(f"fold {fold}", total=recipe.epochs, completed=done, note="")

    def epoch_done(facts: dict[str, float], state: dict[str, Any]) -> None:
        epoch = store.Epoch(fold=fold, epoch=state["epoch"], **facts)
        history.append(epoch)
        store.save_metrics(out, history)
        store.save_partial(out, fold, state)
        bars.update(bar, completed=epoch.epoch, note=f"loss {epoch.loss:.3f}")

    learnt = np.flatnonzero((material.fold != fold) & (material.fold != EVALUATION))
    fit(
        model,
        material.features.examples,
        material.truth,
        material.features.clip,
        learnt,
        recipe=recipe,
        partial=partial,
        epoch_done=epoch_done,
    )
    store.save_model(out, fold, model.cpu())
    bars.remove_task(bar)


def _predict_part(job: _Job, folds: list[int], part: int) -> Predictions:
    """The clips of one fold, or of the evaluation partition, by the mean of the models of these folds."""
    examples = np.flatnonzero(job.material.fold == part)
    posteriors = [
        predict(model.to(job.device), job.material.features.examples, examples)
        for model in store.load_models(job.out, folds)
    ]
    return job.material.predictions(examples, np.mean(posteriors, axis=0))


def seconds_per_example(recipe: CrnnRecipe, labels: int, settings: Settings) -> float:
    """How long an example takes in training, measured on noise."""
    device = settings.prepare()
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
        np.arange(count),
        recipe=replace(recipe, epochs=2),
        epoch_done=lambda facts, _: seconds.append(facts["seconds"]),
    )
    return min(seconds) / count


def _tell_time(epochs: list[store.Epoch]) -> None:
    if not epochs:  # somebody removed the file between a kill and --resume
        return
    seconds, waited = sum(row.seconds for row in epochs), sum(row.input_seconds for row in epochs)
    print(f"{seconds / 60:.1f} min of training, {waited / seconds:.1%} of it waiting for examples")
