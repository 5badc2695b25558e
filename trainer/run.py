"""The run directory: what a training run leaves behind. Writer and reader of one format.

    config.json       recipe, data set, labels, folds, seed, environment: enough to repeat the run
    metrics.csv, fold<k>.pt, fold<k>.partial.pt  of a CRNN: see `trainer.folds`
    svm.npz           of support vector machines: those learnt from all folds (`monitor.inference.svm`)
    predictions.csv   every tested clip of the development partition, by a model that has not seen its fold
                      (`trainer.predictions`)
    evaluation.csv    the same for the evaluation partition, if there is one: by the mean of a CRNN's fold
                      models, or by the machines learnt from all folds
    report.md, *.png, *.svg  for readers (`trainer.report`)
    results.json      scores with intervals, as from `trainer.evaluate.summarise`; of support vector machines
                      also how C was chosen (`trainer.train_svm`)

A run is finished once `results.json` is there; every file appears whole or not at all.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from monitor.errors import Exit, MonitorError, safe
from monitor.inference import svm
from monitor.inference.svm import LinearSvm
from trainer import files, recipes
from trainer.predictions import Predictions
from trainer.recipes import Recipe

CONFIG = "config.json"
PREDICTIONS = "predictions.csv"
EVALUATION = "evaluation.csv"
RESULTS = "results.json"
SVM, SVM_NAME = "svm.npz", "svm"
WEIGHTS = "weights"
"""Key in the environment: which weights a backbone had, as from `trainer.weights.identity`"""
DATA = {"name", "path", "licence", "source", "metric", "clips", "digest", "short", "bad"}
"""Keys of what a configuration says of its data"""


@dataclass(frozen=True)
class Config:
    """What `config.json` says."""

    created: str
    """Start of the run, UTC, ISO 8601"""
    recipe: Recipe
    """As it was run: with the epochs and seed of the command line"""
    data: dict[str, Any]
    """name, path, licence, source, metric, number of clips, digest of the lists (`DataSet.digest`); short and
    bad: the files that were left out"""
    labels: tuple[str, ...]
    folds: tuple[int, ...]
    """Folds that were tested"""
    threads: int
    """Of torch; sums are rounded in another order with another number"""
    device: str
    """`cpu` or `cuda`"""
    environment: dict[str, str]
    """Versions, machine and processor; of support vector machines on a backbone, also `WEIGHTS`"""


@dataclass(frozen=True)
class Run:
    """A finished run."""

    folder: Path
    config: Config
    results: dict[str, Any]
    """What `results.json` says"""

    def predictions(self) -> tuple[Predictions, Predictions | None]:
        """Of the development partition and, if there is one, of the evaluation partition.

        Raises:
            MonitorError: a file is missing or damaged.
        """
        read = partial(Predictions.read, labels=self.config.labels, prefix=self.config.recipe.SCORES)
        held_out = self.folder / EVALUATION
        return read(self.folder / PREDICTIONS), read(held_out) if held_out.is_file() else None


def load(folder: Path) -> Run:
    """A finished run.

    Raises:
        MonitorError: no run, one that is not finished, or files that are damaged or of another version.
    """
    return Run(folder, load_config(folder), load_results(folder))


def check_new(folder: Path) -> None:
    """Make sure that a run directory would replace nothing.

    Raises:
        MonitorError: there is something in the folder already.
    """
    if folder.is_dir() and all(path.suffix == ".part" for path in folder.iterdir()):
        return  # nothing, or what a kill left of the first file
    if folder.exists():
        hint = "go on with the run in it by --resume, " if is_unfinished(folder) else ""
        raise MonitorError(f"{safe(str(folder))} is not empty; {hint}choose another --out, or remove it")


def begin(folder: Path, config: Config, *, resume: bool) -> None:
    """Start a run directory with its `config.json`, or go on with the run in it.

    Raises:
        MonitorError: the run that is gone on with was begun with another configuration, with what differs.
    """
    if resume:
        _check_same(folder, config)
        return
    folder.mkdir(parents=True, exist_ok=True)
    _write_json(folder / CONFIG, asdict(config))


def is_finished(folder: Path) -> bool:
    """Whether a run is here, with its results."""
    return (folder / RESULTS).is_file()


def check_finished(folder: Path) -> None:
    """Make sure that a run is finished.

    Raises:
        MonitorError: it is not.
    """
    if not is_finished(folder):
        raise MonitorError(f"run {safe(str(folder))} is not finished: it has no {RESULTS}")


def is_unfinished(folder: Path) -> bool:
    """Whether a run was begun here and not finished."""
    return (folder / CONFIG).is_file() and not is_finished(folder)


def check_unfinished(folder: Path) -> None:
    """Make sure that there is something to resume.

    Raises:
        MonitorError: no run, or a finished one.
    """
    load_config(folder)
    if not is_unfinished(folder):
        raise MonitorError(f"run {safe(str(folder))} is finished; there is nothing to resume")


def _check_same(folder: Path, config: Config) -> None:
    now, then = (json.loads(_json(asdict(either))) for either in (config, load_config(folder)))
    other = [key for key in now if key not in ("created", "environment") and now[key] != then[key]]
    other += [WEIGHTS] * (now["environment"].get(WEIGHTS) != then["environment"].get(WEIGHTS))
    if other:
        raise MonitorError(
            f"run {safe(str(folder))} was begun with other settings ({', '.join(other)}); "
            "resume with the same, or choose another --out"
        )


def save_predictions(folder: Path, config: Config, predictions: Predictions) -> None:
    """Write `predictions.csv`, or `evaluation.csv` if they are of that partition."""
    name = PREDICTIONS if predictions.fold.any() else EVALUATION
    predictions.write(folder / name, config.labels, config.recipe.SCORES)


def save_svm(folder: Path, machines: LinearSvm) -> None:
    """Write `svm.npz`."""
    files.write(folder / SVM, svm.to_bytes({SVM_NAME: machines}))


def load_svm(folder: Path) -> LinearSvm:
    """Read `svm.npz`.

    Raises:
        MonitorError: the file is missing or damaged.
    """
    path = folder / SVM
    try:
        return svm.from_bytes(path.read_bytes())[SVM_NAME]
    except OSError as exc:
        raise MonitorError(f"{safe(str(path))}: {exc.strerror}", Exit.NO_INPUT) from exc
    except (KeyError, ValueError) as exc:
        raise MonitorError(f"{safe(str(path))} is damaged: {safe(str(exc))}") from exc


def save_results(folder: Path, results: dict[str, Any]) -> None:
    """Write `results.json`, which finishes the run."""
    for left in folder.glob("*.part*"):  # by kills at the wrong moment
        left.unlink()
    _write_json(folder / RESULTS, results)


def load_config(folder: Path) -> Config:
    """Read `config.json`.

    Raises:
        MonitorError: not a run directory, or one of another version.
    """
    document = _read_json(folder / CONFIG)
    try:
        missing = sorted(DATA - document["data"].keys())
        if missing:
            raise MonitorError(
                f"{safe(str(folder / CONFIG))} is of another version: its data has no {', '.join(missing)}; "
                "train the run again"
            )
        return Config(
            **{
                **document,
                "recipe": recipes.from_json(document["recipe"]),
                "labels": tuple(document["labels"]),
                "folds": tuple(document["folds"]),
            }
        )
    except (AttributeError, KeyError, TypeError) as exc:
        raise MonitorError(
            f"{safe(str(folder / CONFIG))} is not of a training run: {safe(str(exc))}"
        ) from exc


def load_results(folder: Path) -> dict[str, Any]:
    """Read `results.json`.

    Raises:
        MonitorError: the run is not finished, or the file is damaged or of another version.
    """
    check_finished(folder)
    results = _read_json(folder / RESULTS)
    if not {"metric", "folds", "mean", "pooled", "evaluation"} <= results.keys():
        raise MonitorError(f"{safe(str(folder / RESULTS))} is of another version; train the run again")
    return results


def _write_json(path: Path, document: dict[str, Any]) -> None:
    files.write(path, _json(document).encode())


def _json(document: Any) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _read_json(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise MonitorError(f"no training run at {safe(str(path.parent))}", Exit.NO_INPUT) from exc
    except ValueError as exc:
        raise MonitorError(f"{safe(str(path))} is not valid JSON: {safe(str(exc))}") from exc
    if not isinstance(document, dict):
        raise MonitorError(f"{safe(str(path))} must hold an object")
    return document
