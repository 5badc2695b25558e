"""`activity-trainer reproduce`: carries out an experiment and fills its table.

    OUT/<experiment>/<system>[-seed<s>]/   a run directory for every system and, if it draws numbers, seed
    OUT/<experiment>/table.md, .json       what they gave, beside the paper's numbers
    OUT/<experiment>/MODEL_CARD.md         of the best (`trainer.card`)

Runs that are there are not made again, and unfinished ones are gone on with.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from monitor.errors import MonitorError, safe
from trainer import files, report, run, train_crnn, train_svm
from trainer.card import CARD, model_card
from trainer.datasets import DataSet
from trainer.evaluate import difference
from trainer.experiments import Experiment, System
from trainer.fusion import fuse, recipe_of
from trainer.plan import Plan
from trainer.recipes import CrnnRecipe
from trainer.system import different_windows, read
from trainer.tables import (
    Column,
    Row,
    markdown,
    measured,
    over_runs,
    plain,
    published,
    score,
    signed,
    terminal,
)
from trainer.training import Settings, known_folds

TEXT = """\
# {title}

{sample}. In percent. Development: mean of the folds; nested: the same with a C for each fold that the
other folds chose; evaluation: mean posterior of a CRNN's fold models, or machines learnt from all folds. One
seed: with a 95 % interval over groups of clips that were recorded together; several seeds: mean ± standard
deviation.

{table}
Best on the development partition: {best}

![confusion of the best]({picture})
"""
BEST = """\
The best of {runs} runs of "{title}" on the development partition; where it is one of many, its development
scores are optimistic for that alone. Run directory: `{name}`, beside this file; `table.md` has the others."""
MADE = """, \
by `activity-trainer reproduce`. Every number of the recipe is in `{name}/config.json`.

{export}
"""
EXPORT = """\
To run it, here:

    activity-export bundle {0} -o {0}.bundle
    activity-monitor --bundle {0}.bundle --replay PATH"""
UNLIKE = "It cannot be exported: members of a bundle hear the same windows, but these want {}."


def reproduce(
    experiment: Experiment,
    plans: Sequence[Plan],
    data: DataSet,
    settings: Settings,
    console: Console,
    *,
    folds: list[int] | None = None,
) -> None:
    """Carry out an experiment and write its table and the model card of the best, anew after every run.

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
            _make(planned, data, tested, settings)
        _write(plans[:number], experiment, data, tested)
    title = f"{experiment.title}; {data.name}"
    console.print(terminal(columns(data), rows(experiment, plans, data), title))
    where = f"model card of the best: {safe(str(plans[0].folder.parent / CARD))}"
    console.print(where, highlight=False, markup=False)


def _make(planned: Plan, data: DataSet, folds: list[int], settings: Settings) -> None:
    recipe, out, resume = planned.recipe, planned.folder, run.is_unfinished(planned.folder)
    if recipe is None:
        fuse(planned.members, out, settings.threads, name=planned.system.name, resume=resume)
    elif isinstance(recipe, CrnnRecipe):
        train_crnn.train(data, recipe, out, folds, settings, resume=resume)
    else:
        train_svm.train(data, recipe, out, folds, settings, resume=resume)


def rows(experiment: Experiment, plans: Sequence[Plan], data: DataSet) -> list[Row]:
    """One row for every system, in the order of the experiment."""
    folders = {
        system.name: [planned.folder for planned in plans if planned.system == system]
        for system in experiment.systems
    }
    first = folders[experiment.systems[0].name]
    found = []
    for system in experiment.systems:
        numbers = {}
        if experiment.paper and data.name == experiment.data[0]:
            numbers = {"development_paper": system.development, "evaluation_paper": system.evaluation}
        if folders[system.name]:
            found.append({**_row(experiment, system, folders[system.name], first, data), **numbers})
    return found


def columns(data: DataSet) -> list[Column]:
    """All columns that a table can have."""
    metric = report.METRICS[data.metric]
    return [
        Column("system", "system"),
        Column("seeds", "seeds", number=True),
        Column("development", f"development {metric}", score, number=True),
        Column("development_paper", "paper", published, number=True),
        Column("nested", "nested", score, number=True),
        Column("difference", "accuracy against the first", signed, number=True),
        Column("evaluation", f"evaluation {metric}", score, number=True),
        Column("known", "known arrays", score, number=True),
        Column("unknown", "unknown arrays", score, number=True),
        Column("evaluation_paper", "paper", published, number=True),
    ]


def _row(
    experiment: Experiment, system: System, folders: Sequence[Path], first: Sequence[Path], data: DataSet
) -> Row:
    runs = [run.load(folder) for folder in folders]
    several = [each.results for each in runs]
    row: Row = {
        "system": system.name,
        "seeds": len(several),
        "development": _cell([results["mean"] for results in several], data.metric),
    }
    if several[0]["evaluation"]:
        for key, part in (("evaluation", "all"), ("known", "known"), ("unknown", "unknown")):
            if part in several[0]["evaluation"]:
                row[key] = _cell([results["evaluation"][part] for results in several], data.metric)
    if all("nested" in results for results in several):
        row["nested"] = _cell([results["nested"] for results in several], data.metric)
    if experiment.against_first and first and folders != first:
        pairs = zip(runs, map(run.load, first), strict=False)  # while seeds are missing, those that are there
        row["difference"] = difference(
            [(ours.predictions()[0], base.predictions()[0]) for ours, base in pairs]
        )
    return row


def _cell(several: Sequence[Mapping[str, Any]], metric: str) -> dict[str, Any]:
    values = [measured(scores, metric) for scores in several]
    return over_runs(values) if len(values) > 1 else values[0]


def _write(plans: Sequence[Plan], experiment: Experiment, data: DataSet, folds: list[int]) -> None:
    found = rows(experiment, plans, data)
    facts = {"title": experiment.title, "data": data.name, "clips": len(data.clips), "folds": folds}
    epochs = {plan.recipe.epochs for plan in plans if isinstance(plan.recipe, CrnnRecipe)}
    parts = [data.name, f"{len(data.clips)} clips", f"folds {', '.join(map(str, folds))}"]
    sample = ", ".join([*parts, *(f"{number} epochs" for number in sorted(epochs))])
    best = max(plans, key=lambda planned: run.load_results(planned.folder)["mean"][data.metric]).folder
    text = TEXT.format(
        title=experiment.title,
        sample=sample,
        table=markdown(columns(data), found),
        best=plain(best.name),
        picture=f"{best.name}/confusion.png",
    )
    folder = plans[0].folder.parent
    files.write(folder / "table.md", text.encode())
    document = {**facts, "epochs": sorted(epochs), "best": best.name, "rows": found}
    files.write(folder / "table.json", (json.dumps(document, indent=2) + "\n").encode())
    files.write(folder / CARD, _card(best, experiment, len(plans)).encode())


def _card(best: Path, experiment: Experiment, runs: int) -> str:
    found, name = read(best), plain(best.name)
    windows = different_windows(found)
    export = UNLIKE.format(windows) if windows else EXPORT.format(name)
    told = BEST.format(name=name, runs=runs, title=plain(experiment.title))
    return model_card(found, name, told, MADE.format(name=name, export=export))


def _check_same(planned: Plan, data: DataSet, folds: list[int]) -> None:
    config = run.load_config(planned.folder)
    recipe = planned.recipe or recipe_of(planned.system.name, planned.members)
    if (config.recipe, config.folds, config.data["digest"]) != (recipe, tuple(folds), data.digest):
        raise MonitorError(
            f"{safe(str(planned.folder))} holds a run with another recipe, other members, other folds or "
            "other data; move it away, or choose another --out"
        )
