"""`activity-trainer reproduce`: carries out an experiment and fills its table.

    OUT/<experiment>/<system>-seed<s>/   a run directory for every system and seed
    OUT/<experiment>/table.md, .json     what they gave, beside the paper's numbers

Runs that are there are not made again, and unfinished ones are gone on with.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import soundfile
from rich.console import Console

from monitor.errors import MonitorError, safe
from trainer import files, recipes, report, run
from trainer.datasets import EVALUATION, DataSet
from trainer.evaluate import difference
from trainer.experiments import EXPERIMENTS, Experiment, System
from trainer.recipes import Recipe
from trainer.tables import Column, Row, markdown, measured, over_runs, published, score, terminal
from trainer.train_crnn import Settings, known_folds, seconds_per_example, train

EXPLANATION = """\
In percent. Development: mean of the folds; evaluation: mean posterior of the fold models. One seed: with a
95 % interval over groups of clips that were recorded together; several seeds: mean ± standard deviation.
"""
FORECAST = (
    Column("run", "run"),
    Column("epochs", "epochs done", number=True),
    Column("hours", "hours left", lambda hours: f"{hours:.2g}", number=True),
)


@dataclass(frozen=True)
class Plan:
    """One run of an experiment."""

    system: System
    recipe: Recipe
    folder: Path


def plan(name: str, data: DataSet, out: Path, seeds: Sequence[int], epochs: int | None) -> list[Plan]:
    """The runs of an experiment.

    Args:
        name: key of `EXPERIMENTS`.
        data: to run it on.
        out: folder above the run directories.
        seeds: each system is trained once with each.
        epochs: instead of the recipe's.

    Raises:
        MonitorError: the experiment is about another data set.
    """
    experiment = EXPERIMENTS[name]
    if data.name not in experiment.data:
        wanted = " or ".join(experiment.data)
        raise MonitorError(f"{name} is about {wanted}; {safe(str(data.folder))} holds {safe(data.name)}")
    base = recipes.load(experiment.recipe)
    shorter = {} if epochs is None else {"epochs": epochs}
    return [
        Plan(
            system,
            recipes.with_changes(base, {**system.changes, **shorter, "seed": seed}),
            out / name / f"{system.name.replace(' ', '-')}-seed{seed}",
        )
        for system in experiment.systems
        for seed in seeds
    ]


def reproduce(
    name: str,
    plans: Sequence[Plan],
    data: DataSet,
    settings: Settings,
    console: Console,
    *,
    folds: list[int] | None = None,
) -> None:
    """Carry out an experiment and write its table, anew after every run.

    Args:
        name: key of `EXPERIMENTS`.
        plans: its runs, as from `plan`.
        data: that they were planned for.
        settings: of the training.
        console: for progress and table.
        folds: folds to test; None: all.

    Raises:
        MonitorError: as `train`; or a run directory holds a run with other settings.
    """
    experiment, tested = EXPERIMENTS[name], known_folds(folds, data)
    for number, planned in enumerate(plans, start=1):
        where = f"run {number} of {len(plans)}: {safe(str(planned.folder))}"
        console.print(where, highlight=False, markup=False)
        if run.is_finished(planned.folder):
            _check_same(planned, data, tested)
        else:
            resume = run.is_unfinished(planned.folder)
            train(data, planned.recipe, planned.folder, tested, settings, resume=resume)
        _write(planned, experiment, data, tested, rows(experiment, plans[:number], data))
    title = f"{experiment.title}; {data.name}"
    console.print(terminal(columns(data), rows(experiment, plans, data), title))


def forecast(plans: Sequence[Plan], data: DataSet, folds: list[int] | None, settings: Settings) -> list[Row]:
    """What every run still costs on this machine: rows for the columns `FORECAST`.

    Some updates of every network are timed on noise; hours are in proportion to the examples.
    """
    tested = len(known_folds(folds, data))
    learnt = sum(clip.fold != EVALUATION for clip in data.clips) * (1 - 1 / len(data.folds))
    speeds: dict[str, float] = {}
    found = []
    for planned in plans:
        recipe = planned.recipe
        model = {key: value for key, value in recipe.model.items() if key != "threshold_db"}
        key = json.dumps([model, recipe.batch, recipe.log_mel.frames(recipe.window)])
        if key not in speeds:
            speeds[key] = seconds_per_example(recipe, len(data.labels), settings)
        channels = 1 if recipe.channels == "mono" else _channels(data)
        done, epochs = len(run.load_metrics(planned.folder)), recipe.epochs * tested
        hours = max(0, epochs - done) * learnt * channels * speeds[key] / 3600
        found.append({"run": str(planned.folder), "epochs": f"{done} of {epochs}", "hours": hours})
    return found


def rows(experiment: Experiment, plans: Sequence[Plan], data: DataSet) -> list[Row]:
    """One row for every system, in the order of the experiment."""
    folders = {
        system.name: [planned.folder for planned in plans if planned.system == system]
        for system in experiment.systems
    }
    first = folders[experiment.systems[0].name]
    return [
        _row(experiment, system, folders[system.name], first, data)
        for system in experiment.systems
        if folders[system.name]
    ]


def columns(data: DataSet) -> list[Column]:
    """All columns that a table can have."""
    metric = report.METRICS[data.metric]
    return [
        Column("system", "system"),
        Column("seeds", "seeds", number=True),
        Column("development", f"development {metric}", score, number=True),
        Column("development_paper", "paper", published, number=True),
        Column("difference", "accuracy against the first", _signed, number=True),
        Column("evaluation", f"evaluation {metric}", score, number=True),
        Column("known", "known arrays", score, number=True),
        Column("unknown", "unknown arrays", score, number=True),
        Column("evaluation_paper", "paper", published, number=True),
    ]


def _row(
    experiment: Experiment, system: System, folders: Sequence[Path], first: Sequence[Path], data: DataSet
) -> Row:
    several = [run.load_results(folder) for folder in folders]
    row: Row = {
        "system": system.name,
        "seeds": len(several),
        "development": _cell([results["mean"] for results in several], data.metric),
    }
    if several[0]["evaluation"]:
        for key, part in (("evaluation", "all"), ("known", "known"), ("unknown", "unknown")):
            if part in several[0]["evaluation"]:
                row[key] = _cell([results["evaluation"][part] for results in several], data.metric)
    if experiment.paper and data.name == experiment.data[0]:
        row |= {"development_paper": system.development, "evaluation_paper": system.evaluation}
    if experiment.against_first and folders != first:
        pairs = zip(folders, first, strict=False)  # while seeds are still missing, those that are there
        row["difference"] = difference(
            [(run.load_predictions(ours)[0], run.load_predictions(base)[0]) for ours, base in pairs]
        )
    return row


def _cell(several: Sequence[Mapping[str, Any]], metric: str) -> dict[str, Any]:
    values = [measured(scores, metric) for scores in several]
    return over_runs(values) if len(values) > 1 else values[0]


def _signed(value: Mapping[str, Any]) -> str:
    """`+1.2 (-0.5 to +3.0)`, in points."""
    numbers = [value["value"], *(value["interval"] or ())]
    texts = [f"{100 * number:+.1f}" for number in numbers]
    return f"{texts[0]} ({texts[1]} to {texts[2]})" if len(texts) > 1 else texts[0]


def _channels(data: DataSet) -> int:
    """Of the first clip that can be read."""
    for clip in data.clips:
        with contextlib.suppress(soundfile.SoundFileError, OSError):
            return int(soundfile.info(clip.path).channels)
    return 1


def _write(planned: Plan, experiment: Experiment, data: DataSet, folds: list[int], found: list[Row]) -> None:
    facts = {
        "title": experiment.title,
        "data": data.name,
        "clips": len(data.clips),
        "folds": folds,
        "epochs": planned.recipe.epochs,
    }
    sample = (
        f"{data.name}, {len(data.clips)} clips, folds {', '.join(map(str, folds))}, {facts['epochs']} epochs."
    )
    text = f"# {experiment.title}\n\n{sample} {EXPLANATION}\n{markdown(columns(data), found)}"
    folder = planned.folder.parent
    files.write(folder / "table.md", text.encode())
    files.write(folder / "table.json", (json.dumps({**facts, "rows": found}, indent=2) + "\n").encode())


def _check_same(planned: Plan, data: DataSet, folds: list[int]) -> None:
    config = run.load_config(planned.folder)
    if (config.recipe, config.folds, config.data["digest"]) != (planned.recipe, tuple(folds), data.digest):
        raise MonitorError(
            f"{safe(str(planned.folder))} holds a run with another recipe, other folds or other data; "
            "move it away, or choose another --out"
        )
