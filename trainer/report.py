"""The report of a run: what `evaluate.summarise` found, for readers.

report.md                       scores with intervals, F1 per class, the pictures
confusion.png, .svg             development partition, all folds pooled
confusion_evaluation.png, .svg  evaluation partition, if there is one
curve.png, .svg                 of support vector machines: how C was chosen
calibration.png, .svg           of support vector machines: how far their probabilities can be trusted
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from monitor.errors import MonitorError, safe
from trainer import confusion, curve, files, reliability, run
from trainer.tables import (
    NOTHING,
    Column,
    Row,
    markdown,
    measured,
    over_runs,
    percent,
    plain,
    score,
    signed,
    terminal,
)

REPORT = "report.md"
METRICS = {"accuracy": "accuracy", "macro_f1": "macro F1"}
PARTS = {"all": "evaluation", "known": "- known arrays", "unknown": "- unknown arrays"}
SCORES = (
    Column("part", "partition"),
    Column("clips", "clips", number=True),
    Column("groups", "groups", number=True),
    Column("accuracy", "accuracy", score, number=True),
    Column("macro_f1", "macro F1", score, number=True),
)
CLASSES = (
    Column("label", "class"),
    Column("clips", "clips", number=True),
    Column("mean", "F1, mean", percent, number=True),
    Column("pooled", "F1, pooled", percent, number=True),
    Column("evaluation_clips", "eval. clips", number=True),
    Column("evaluation", "F1, eval.", percent, number=True),
)
CURVE = (
    Column("c", "C", "{:g}".format, number=True),
    Column("score", "mean", percent, number=True),
    Column("folds", "folds", lambda folds: ", ".join(map(percent, folds.values()))),
    Column("converged", "converged", lambda converged: "yes" if converged else "NO"),
)
COVERAGE = (
    Column("threshold", "threshold", percent, number=True),
    Column("coverage", "labelled", percent, number=True),
    Column("accuracy", "accuracy", lambda share: NOTHING if share is None else percent(share), number=True),
)
MEMBERS = (
    Column("title", "system"),
    Column("alone", "alone", score, number=True),
    Column("without", "fusion without it", score, number=True),
    Column("adds", "it adds", signed, number=True),
)
RUNS = (
    Column("run", "run"),
    Column("accuracy", "accuracy", score, number=True),
    Column("macro_f1", "macro F1", score, number=True),
    Column("evaluation_accuracy", "eval. accuracy", score, number=True),
    Column("evaluation_macro_f1", "eval. macro F1", score, number=True),
)


def write(folder: Path, title: str, labels: Sequence[str], results: dict[str, Any]) -> None:
    """Write the report of a run.

    Args:
        folder: run directory; it exists.
        title: of the report and above the pictures.
        labels: in the order of the results.
        results: of `evaluate.summarise`.
    """
    pictures = {"confusion": ("development", results["pooled"])}
    if results["evaluation"]:
        pictures["confusion_evaluation"] = ("evaluation", results["evaluation"]["all"])
    for name, (partition, scores) in pictures.items():
        confusion.write(folder, name, f"{title}: {partition} partition", labels, scores["confusion"])
    metric = METRICS[results["metric"]]
    text = TEXT.format(
        title=plain(title),
        metric=metric,
        value=score(measured(results["mean"], results["metric"])),
        scores=markdown(SCORES, score_rows(results)),
        machines=_machines(folder, title, results),
        classes=markdown(CLASSES, class_rows(labels, results)),
        pictures="\n".join(
            f"![{partition} partition]({name}.png)\n" for name, (partition, _) in pictures.items()
        ),
    )
    files.write(folder / REPORT, text.encode())


def _machines(folder: Path, title: str, results: dict[str, Any]) -> str:
    """What is special to support vector machines, with its pictures; empty for others."""
    if "curve" not in results:
        return ""
    metric, found = METRICS[results["metric"]], results["calibration"]
    curve.draw(folder, "curve", title, results["curve"], metric)
    nested = score(measured(results["nested"], results["metric"]))
    text = CHOICE.format(
        metric=metric, nested=nested, results=results, curve=markdown(CURVE, results["curve"])
    )
    if "members" in results:
        text += FUSION.format(metric=metric, members=markdown(MEMBERS, member_rows(results)))
    if found:
        reliability.draw(folder, "calibration", title, found["before"], found["after"])
        text += CALIBRATION.format(
            results=results,
            before=percent(found["before"]["ece"]),
            after=percent(found["after"]["ece"]),
            coverage=markdown(COVERAGE, found["coverage"]),
        )
    return text


def show(folders: Sequence[Path], console: Console) -> None:
    """Print the scores of finished runs and, of several, their mean and spread.

    Args:
        folders: run directories; several differ in their seeds only.
        console: to print to.

    Raises:
        MonitorError: no run directory, a run that is not finished or of another version, or several that do
            not go together.
    """
    runs = [run.load(folder) for folder in folders]
    _check_alike(runs)
    for each in runs:
        console.print(terminal(SCORES, score_rows(each.results), str(each.folder)), "")
        console.print(terminal(CLASSES, class_rows(each.config.labels, each.results), ""), "")
    if len(runs) > 1:
        rows = run_rows([str(each.folder) for each in runs], [each.results for each in runs])
        console.print(terminal(RUNS, rows, "runs, each the mean of its folds"))


def score_rows(results: dict[str, Any]) -> list[Row]:
    """One row for the mean of the folds, each fold, all pooled, and each part of the evaluation partition."""
    parts = {
        "mean of the folds": results["mean"],
        **{f"fold {fold}": scores for fold, scores in results["folds"].items()},
        "all folds pooled": results["pooled"],
        **{PARTS[kind]: scores for kind, scores in (results["evaluation"] or {}).items()},
    }
    return [
        {"part": part, **{key: scores[key] for key in ("clips", "groups") if key in scores}, **_both(scores)}
        for part, scores in parts.items()
    ]


def class_rows(labels: Sequence[str], results: dict[str, Any]) -> list[Row]:
    """One row per class: its clips and its F1."""
    pooled, evaluation = results["pooled"], (results["evaluation"] or {}).get("all")
    rows = []
    for index, label in enumerate(labels):
        row = {
            "label": label,
            "clips": sum(pooled["confusion"][index]),
            "mean": results["mean"]["f1"][index],
            "pooled": pooled["f1"][index],
        }
        if evaluation:
            row["evaluation_clips"] = sum(evaluation["confusion"][index])
            row["evaluation"] = evaluation["f1"][index]
        rows.append(row)
    return rows


def member_rows(results: dict[str, Any]) -> list[Row]:
    """One row for each member of a fusion: what it reaches alone, and what is left without it."""
    return [
        {
            "title": member["title"],
            "alone": measured(member["mean"], results["metric"]),
            "without": measured(member["without"], results["metric"]),
            "adds": member["adds"],
        }
        for member in results["members"]
    ]


def run_rows(names: Sequence[str], several: Sequence[dict[str, Any]]) -> list[Row]:
    """One row per run and one with mean and standard deviation over all; two or more runs."""
    rows = []
    for name, results in zip(names, several, strict=True):
        row = {"run": name, **_both(results["mean"])}
        if results["evaluation"]:
            row |= {f"evaluation_{key}": value for key, value in _both(results["evaluation"]["all"]).items()}
        rows.append(row)
    shared = set.intersection(*map(set, rows)) - {"run"}
    spread = {key: over_runs([row[key] for row in rows]) for key in rows[0] if key in shared}
    return [*rows, {"run": "mean ± deviation", **spread}]


def _check_alike(runs: Sequence[run.Run]) -> None:
    configs = [each.config for each in runs]
    but_seed = [
        (config.recipe.unseeded, config.labels, config.folds, config.data["digest"]) for config in configs
    ]
    for each, settings in zip(runs, but_seed, strict=True):
        if settings != but_seed[0]:
            raise MonitorError(
                f"{safe(str(each.folder))} has another recipe, other data or other folds than "
                f"{safe(str(runs[0].folder))}; runs that are averaged must differ in their seed only"
            )


def _both(scores: dict[str, Any]) -> dict[str, Any]:
    return {key: measured(scores, key) for key in METRICS}


TEXT = """\
# {title}

Development score: {metric} {value} %, the mean of the folds.

## Scores

{scores}
In percent; macro F1 is the mean over all classes. In brackets: 95 % intervals, bootstrapped over groups of
clips that were recorded together. They say how much other recordings would have changed the scores of these
models; what another seed would change is not in them. A single group has no interval, and where a class has
only a few groups, intervals are too narrow.

{machines}## Classes

F1 in percent: the mean of the folds, of all folds pooled and, if there is one, of the evaluation partition.

{classes}
## Confusion

Row: true class; column: predicted class; in each cell the percentage of the row and the number of clips.

{pictures}"""

CHOICE = """\
## Choice of C

C = {results[c]:g} has the highest {metric}, the mean of the folds. It was chosen on the folds that are
reported, as in the paper, so the development score is optimistic. With a C for each fold that the other folds
chose it is {nested} %. "NO" under converged: in at least one fold the solver stopped at its limit of
steps.

{curve}
![{metric} against C](curve.png)

"""

CALIBRATION = """\
## Calibration

Probabilities are softmax(decision values / {results[temperature]:.3g}). With the temperature of the other
folds the expected calibration error is {after} %, without a temperature {before} %.

![calibration](calibration.png)

What it would cost to call clips unknown whose most probable class has less than a threshold, in percent:

{coverage}
"""

FUSION = """\
## Members

In percent: {metric} of each alone, and of the fusion of all others (nested). In points: by how much accuracy
falls without it. What each costs for a window on a machine, `activity-monitor bundle show` measures there,
once the fusion is exported.

{members}
"""
