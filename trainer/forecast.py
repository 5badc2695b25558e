"""What the runs of an experiment still cost on this machine, before they are started."""

from __future__ import annotations

import contextlib
import json
import resource
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import soundfile
from rich.progress import track

from trainer import embeddings, folds, run, train_crnn
from trainer.datasets import EVALUATION, DataSet
from trainer.plan import Plan
from trainer.recipes import CrnnRecipe, EmbeddingRecipe
from trainer.tables import Column, Row
from trainer.training import Settings

COLUMNS = (
    Column("run", "run"),
    Column("done", "done"),
    Column("hours", "hours left", "{:.2g}".format, number=True),
    Column("disk", "features, GB", "{:.2g}".format, number=True),
    Column("memory", "memory, GB", "{:.2g}".format, number=True),
)


def forecast(plans: Sequence[Plan], data: DataSet, tested: list[int], settings: Settings) -> list[Row]:
    """Rows for `COLUMNS`.

    Every kind of network is run on noise for some moments, in a process of its own: hours are in proportion
    to the examples, memory is that of the process. Fitting support vector machines is not counted; features
    that are in the cache are.

    Args:
        plans: runs.
        data: that they are about.
        tested: folds.
        settings: of the runs.
    """
    measured: dict[str, tuple[float, float]] = {}
    rows = []
    for planned in track(plans, "measuring", transient=True):
        row: Row = {"run": str(planned.folder), "done": "yes" if run.is_finished(planned.folder) else "no"}
        recipe = planned.recipe
        if recipe is not None:
            kind = _kind(recipe)
            if kind not in measured:
                measured[kind] = _apart(recipe, len(data.labels), settings)
            examples = len(data.clips) * (1 if recipe.channels == "mono" else _channels(data))
            row |= _cost(recipe, examples, settings, *measured[kind])
            if isinstance(recipe, CrnnRecipe):
                done, epochs = len(folds.load_metrics(planned.folder)), recipe.epochs * len(tested)
                row |= {"done": f"{done} of {epochs} epochs"}
                row["hours"] *= max(0, epochs - done) * _learnt(data)
            elif row["done"] == "yes":
                row["hours"] = 0.0
        rows.append(row)
    return rows


def _cost(
    recipe: CrnnRecipe | EmbeddingRecipe, examples: int, settings: Settings, seconds: float, memory: float
) -> Row:
    """Hours of one pass over the examples, disk and memory."""
    hours = examples * seconds / 3600
    if isinstance(recipe, CrnnRecipe):
        bands, frames = recipe.front_end.shape
        return {"hours": hours, "disk": examples * bands * frames * 4 / 1e9, "memory": memory}
    numbers = examples * recipe.embedding
    # In float64 once, and in each worker as liblinear's pairs of index and value.
    machines = numbers * (8 + 16 * settings.threads) / 1e9
    return {"hours": hours, "disk": numbers * 4 / 1e9, "memory": memory + machines}


def _learnt(data: DataSet) -> float:
    """Share of the examples in an epoch: all folds of the development partition but one."""
    development = sum(clip.fold != EVALUATION for clip in data.clips) / len(data.clips)
    return development * (1 - 1 / len(data.folds))


def _kind(recipe: CrnnRecipe | EmbeddingRecipe) -> str:
    """The same for recipes that take the same time for an example."""
    if not isinstance(recipe, CrnnRecipe):
        return recipe.backbone
    model = {key: value for key, value in recipe.model.items() if key != "threshold_db"}
    return json.dumps([model, recipe.batch, recipe.log_mel.frames(recipe.window)])


def _apart(recipe: CrnnRecipe | EmbeddingRecipe, labels: int, settings: Settings) -> tuple[float, float]:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_measure, recipe, labels, settings).result()


def _measure(recipe: CrnnRecipe | EmbeddingRecipe, labels: int, settings: Settings) -> tuple[float, float]:
    """Seconds for an example, and the most memory that this process has had, in GB."""
    if isinstance(recipe, CrnnRecipe):
        seconds = train_crnn.seconds_per_example(recipe, labels, settings)
    else:
        seconds = embeddings.seconds_per_example(recipe, settings)
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def _channels(data: DataSet) -> int:
    """Of the first clip that can be read."""
    for clip in data.clips:
        with contextlib.suppress(soundfile.SoundFileError, OSError):
            return int(soundfile.info(clip.path).channels)
    return 1
