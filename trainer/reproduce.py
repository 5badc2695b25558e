"""`activity-trainer reproduce`: carries out an experiment and fills its table.

    OUT/<experiment>/<system>[-seed<s>]/   a run directory for every system and, if it draws numbers, seed
    OUT/<experiment>/table.md, .json       what they gave, beside the paper's numbers

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

from monitor.errors import Exit, MonitorError, safe
from trainer import embeddings, files, recipes, report, run, train_crnn, train_svm
from trainer.checkpoints import RANDOM
from trainer.datasets import EVALUATION, DataSet
from trainer.evaluate import difference
from trainer.experiments import EXPERIMENTS, Experiment, System
from trainer.folds import load_metrics
from trainer.recipes import CrnnRecipe, Recipe, SvmRecipe
from trainer.tables import Column, Row, markdown, measured, over_runs, published, score, terminal
from trainer.training import Settings, known_folds

EXPLANATION = """\
In percent. Development: mean of the folds; evaluation: mean posterior of the fold models. One seed: with a
95 % interval over groups of clips that were recorded together; several seeds: mean ± standard deviation.
"""
FORECAST = (
    Column("run", "run"),
    Column("done", "done"),
    Column("hours", "hours left", lambda hours: f"{hours:.2g}", number=True),
)


@dataclass(frozen=True)
class Plan:
    """One run of an experiment."""

    system: System
    recipe: Recipe
    folder: Path


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
    """The runs of an experiment.

    Args:
        experiment: to carry out.
        out: folder of the run directories.
        seeds: each system that draws random numbers is trained once with each.
        epochs: instead of the recipes'.
        systems: names of those to run; None: all.

    Raises:
        MonitorError: there is no system of that name.
    """
    known = [system.name for system in experiment.systems]
    for name in systems or ():
        if name not in known:
            raise MonitorError(f"no system {safe(name)!r}; there are {', '.join(known)}", Exit.USAGE)
    plans = []
    for system in experiment.systems:
        if systems is None or system.name in systems:
            base = recipes.load(system.recipe)
            for suffix, changes in _seeded(system, base, seeds, epochs):
                folder = out / f"{system.name.replace(' ', '-')}{suffix}"
                plans.append(Plan(system, recipes.with_changes(base, changes), folder))
    return plans


def _seeded(
    system: System, base: Recipe, seeds: Sequence[int], epochs: int | None
) -> list[tuple[str, dict[str, Any]]]:
    """For each run of a system: what its folder's name ends in, and the changes of its recipe."""
    changes = dict(system.changes)
    if isinstance(base, CrnnRecipe):
        shorter = {} if epochs is None else {"epochs": epochs}
        return [(f"-seed{seed}", {**changes, **shorter, "seed": seed}) for seed in seeds]
    if changes["weights"] == RANDOM:
        return [(f"-seed{seed}", {**changes, "weights": f"{RANDOM}{seed}"}) for seed in seeds]
    return [("", changes)]


def reproduce(
    experiment: Experiment,
    plans: Sequence[Plan],
    data: DataSet,
    settings: Settings,
    console: Console,
    *,
    folds: list[int] | None = None,
) -> None:
    """Carry out an experiment and write its table, anew after every run.

    Args:
        experiment: to carry out.
        plans: its runs, as from `plan`.
        data: that it is about.
        settings: of the training.
        console: for progress and table.
        folds: folds to test; None: all.

    Raises:
        MonitorError: as `train`; or a run directory holds a run with other settings.
    """
    tested = known_folds(folds, data)
    for number, planned in enumerate(plans, start=1):
        where = f"run {number} of {len(plans)}: {safe(str(planned.folder))}"
        console.print(where, highlight=False, markup=False)
        if run.is_finished(planned.folder):
            _check_same(planned, data, tested)
        else:
            _train(planned, data, tested, settings)
        _write(plans[:number], experiment, data, tested)
    title = f"{experiment.title}; {data.name}"
    console.print(terminal(columns(data), rows(experiment, plans, data), title))


def _train(planned: Plan, data: DataSet, folds: list[int], settings: Settings) -> None:
    recipe, resume = planned.recipe, run.is_unfinished(planned.folder)
    if isinstance(recipe, CrnnRecipe):
        train_crnn.train(data, recipe, planned.folder, folds, settings, resume=resume)
    else:
        train_svm.train(data, recipe, planned.folder, folds, settings, resume=resume)


def forecast(plans: Sequence[Plan], data: DataSet, folds: list[int] | None, settings: Settings) -> list[Row]:
    """What every run still costs on this machine: rows for the columns `FORECAST`.

    Every network is timed on noise, and hours are in proportion to the examples. Fitting support vector
    machines, and embeddings that are in the cache already, are not taken into account.
    """
    tested = len(known_folds(folds, data))
    speeds: dict[str, float] = {}
    found = []
    for planned in plans:
        recipe = planned.recipe
        kind = _cost_of(recipe)
        if kind not in speeds:
            speeds[kind] = (
                train_crnn.seconds_per_example(recipe, len(data.labels), settings)
                if isinstance(recipe, CrnnRecipe)
                else embeddings.seconds_per_picture(recipe, settings)
            )
        channels = 1 if recipe.channels == "mono" else _channels(data)
        if isinstance(recipe, CrnnRecipe):
            learnt = sum(clip.fold != EVALUATION for clip in data.clips) * (1 - 1 / len(data.folds))
            done, epochs = len(load_metrics(planned.folder)), recipe.epochs * tested
            text, examples = f"{done} of {epochs} epochs", max(0, epochs - done) * learnt
        else:
            finished = run.is_finished(planned.folder)
            text, examples = ("yes", 0) if finished else ("no", len(data.clips))
        hours = examples * channels * speeds[kind] / 3600
        found.append({"run": str(planned.folder), "done": text, "hours": hours})
    return found


def _cost_of(recipe: Recipe) -> str:
    """The same for recipes that take the same time for an example."""
    if isinstance(recipe, SvmRecipe):
        return recipe.backbone
    model = {key: value for key, value in recipe.model.items() if key != "threshold_db"}
    return json.dumps([model, recipe.batch, recipe.log_mel.frames(recipe.window)])


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


def _write(plans: Sequence[Plan], experiment: Experiment, data: DataSet, folds: list[int]) -> None:
    found = rows(experiment, plans, data)
    facts = {"title": experiment.title, "data": data.name, "clips": len(data.clips), "folds": folds}
    epochs = {plan.recipe.epochs for plan in plans if isinstance(plan.recipe, CrnnRecipe)}
    parts = [data.name, f"{len(data.clips)} clips", f"folds {', '.join(map(str, folds))}"]
    sample = ", ".join([*parts, *(f"{number} epochs" for number in sorted(epochs))])
    text = f"# {experiment.title}\n\n{sample}. {EXPLANATION}\n{markdown(columns(data), found)}"
    folder = plans[0].folder.parent
    files.write(folder / "table.md", text.encode())
    document = {**facts, "epochs": sorted(epochs), "rows": found}
    files.write(folder / "table.json", (json.dumps(document, indent=2) + "\n").encode())


def _check_same(planned: Plan, data: DataSet, folds: list[int]) -> None:
    config = run.load_config(planned.folder)
    if (config.recipe, config.folds, config.data["digest"]) != (planned.recipe, tuple(folds), data.digest):
        raise MonitorError(
            f"{safe(str(planned.folder))} holds a run with another recipe, other folds or other data; "
            "move it away, or choose another --out"
        )
