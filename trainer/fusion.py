"""Late fusion by stacking: finished runs -> a run directory (section 3.3 of the paper).

What the runs said about a clip is put side by side: posteriors of CRNNs, decision values of support vector
machines. Linear support vector machines learn from that, as `trainer.train_svm` learns from embeddings.

The features of a development clip come from models that have not seen its fold, so nothing leaks from a clip
into its own features. Those of the evaluation partition come from models that have learnt from all folds,
which are a little better: a known weakness of the scheme.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from monitor.errors import MonitorError, safe
from trainer import run
from trainer.evaluate import difference, summarise
from trainer.grid import Choice, choose, nested
from trainer.predictions import Floats, Indices, Predictions
from trainer.recipes import FusionRecipe
from trainer.recipes.fusion import Member
from trainer.run import Run
from trainer.training import check_out, finish


@dataclass(frozen=True)
class Stack:
    """What several runs said about the same clips: what the machines on top learn from."""

    labels: tuple[str, ...]
    metric: str
    clips: Predictions
    """Of both partitions; the scores are those of the first run"""
    features: npt.NDArray[np.float64]
    """`[clips, members * labels]`"""

    @property
    def truth(self) -> Indices:
        """Class of every clip."""
        return self.clips.truth

    @property
    def fold(self) -> Indices:
        """Fold of every clip."""
        return self.clips.fold

    def values(self, rows: Indices) -> Floats:
        """Features of clips."""
        return self.features[rows]

    def predictions(self, rows: Indices, scores: Floats) -> Predictions:
        """Scores of clips."""
        return self.clips.take(rows, scores)

    def without(self, member: int) -> Stack:
        """The stack without one of its members."""
        size = len(self.labels)
        left = np.delete(self.features, np.s_[member * size : (member + 1) * size], axis=1)
        return replace(self, features=left)


def recipe_of(name: str, folders: Sequence[Path]) -> FusionRecipe:
    """The recipe of a fusion of finished runs.

    Raises:
        MonitorError: a folder holds no finished run.
    """
    return FusionRecipe(name, tuple(_member(folder) for folder in folders))


def fuse(
    folders: Sequence[Path], out: Path, threads: int, *, name: str = "fusion", resume: bool = False
) -> dict[str, Any]:
    """Fuse finished runs and write a run directory.

    Args:
        folders: two run directories or more, in the order that the bundle will have.
        out: run directory: new or empty, or an unfinished one with `resume`.
        threads: processes that work at once.
        name: of the fusion.
        resume: go on with the run in `out`.

    Returns:
        What is written to `results.json`: `evaluate.summarise`, `Choice.results` and `members`: for each
        its `run` and `title`, its own `mean`, the nested mean `without` it, and by how much accuracy falls
        without it (`adds`, as from `evaluate.difference`).

    Raises:
        MonitorError: a run is not finished, or the runs are of other clips, classes or folds.
    """
    check_out(out, resume=resume)
    runs = [run.load(folder) for folder in folders]
    stack = read(runs)
    base = runs[0].config
    environment = {key: text for key, text in base.environment.items() if key != run.WEIGHTS}
    config = replace(
        base, recipe=recipe_of(name, folders), threads=threads, device="cpu", environment=environment
    )
    run.begin(out, config, resume=resume)
    tested = list(config.folds)
    choice = choose(stack, tested, threads)
    run.save_svm(out, choice.machines)
    members = [
        {
            "run": str(member.folder),
            "title": member.config.recipe.title,
            "mean": member.results["mean"],
            **_without(stack, index, choice, tested, threads),
        }
        for index, member in enumerate(runs)
    ]
    more = {**choice.results(stack), "members": members}
    return finish(out, config, choice.development, choice.evaluation, more)


def read(runs: Sequence[Run]) -> Stack:
    """What runs said about their clips.

    Raises:
        MonitorError: fewer than two runs, or runs of other clips, classes or folds.
    """
    if len(runs) < 2:
        raise MonitorError("a fusion needs two runs or more")
    first = runs[0]
    for other in runs:
        _check_alike(first, other)
    columns = [_load(each) for each in runs]
    clips = columns[0]
    for other, column in zip(runs, columns, strict=True):
        _check_clips(first.folder, clips, other.folder, column)
    order = [{file: row for row, file in enumerate(column.file)} for column in columns]
    features = [
        column.scores[[row_of[file] for file in clips.file]]
        for column, row_of in zip(columns, order, strict=True)
    ]
    return Stack(first.config.labels, first.config.data["metric"], clips, np.concatenate(features, axis=1))


def _member(folder: Path) -> Member:
    run.check_finished(folder)
    files = [path for path in (folder / run.PREDICTIONS, folder / run.EVALUATION) if path.is_file()]
    content = b"".join(path.read_bytes() for path in files)
    return Member(str(folder.resolve()), hashlib.sha256(content).hexdigest())


def _load(said: Run) -> Predictions:
    development, evaluation = said.predictions()
    return Predictions.concatenate([development, evaluation]) if evaluation else development


def _check_alike(base: Run, other: Run) -> None:
    wanted, found = base.config, other.config
    pairs = {
        "classes": (found.labels, wanted.labels),
        "folds": (found.folds, wanted.folds),
        "data": (found.data["digest"], wanted.data["digest"]),
    }
    differing = [what for what, (ours, theirs) in pairs.items() if ours != theirs]
    if differing:
        raise MonitorError(
            f"{safe(str(other.folder))} cannot be fused with {safe(str(base.folder))}: "
            f"it has other {' and '.join(differing)}"
        )


def _check_clips(base: Path, wanted: Predictions, folder: Path, found: Predictions) -> None:
    differing = sorted(set(wanted.file) ^ set(found.file))
    if differing:
        raise MonitorError(
            f"{safe(str(folder))} cannot be fused with {safe(str(base))}: {len(differing)} clips are in only "
            f"one of them, such as {safe(differing[0])}; train both on the same clips"
        )


def _without(stack: Stack, member: int, whole: Choice, folds: list[int], threads: int) -> dict[str, Any]:
    """The fusion without a member, and what the member adds."""
    left = nested(stack.without(member), folds, threads)
    return {
        "without": summarise(left, None, stack.labels, stack.metric)["mean"],
        "adds": difference([(whole.nested, left)]),
    }
