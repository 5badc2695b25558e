"""The run directory: what a training run leaves behind. Writer and reader of one format.

    config.json          recipe, data set, labels, folds, seed, environment: enough to repeat the run
    metrics.csv          fold,epoch,loss,learning_rate,seconds,input_seconds (waited for examples)
    fold<k>.pt           {config, state_dict} of the model that is tested on fold k and trained on the others
    fold<k>.partial.pt   the last epoch's state while fold k is trained: what --resume goes on from
    predictions.csv      file,fold,group,array,label,predicted and one column p_<label> per class: every
                         tested clip of the development partition, by the model that has not seen its fold
    evaluation.csv       the same for the evaluation partition, if there is one: the fold models' mean
    report.md, confusion*.png, .svg  the same for readers (`trainer.report`)
    results.json         scores with intervals, as from `trainer.evaluate.summarise`

A run is finished once `results.json` is there; every file appears whole or not at all.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from monitor.errors import Exit, MonitorError, safe
from trainer import files, recipes
from trainer.evaluate import Predictions
from trainer.models.crnn import Crnn, CrnnConfig
from trainer.recipes import Recipe

CONFIG = "config.json"
METRICS = "metrics.csv"
PREDICTIONS = "predictions.csv"
EVALUATION = "evaluation.csv"
RESULTS = "results.json"


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
    """Versions, machine and processor"""


@dataclass(frozen=True)
class Epoch:
    """A row of `metrics.csv`."""

    fold: int
    epoch: int
    """1 or more"""
    loss: float
    """Mean over the epoch's updates"""
    learning_rate: float
    """Of the last update"""
    seconds: float
    input_seconds: float
    """Part of `seconds` in which the model waited for examples"""


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


def create(folder: Path, config: Config) -> None:
    """Start a run directory: make the folder and write `config.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    _write_json(folder / CONFIG, asdict(config))


def is_finished(folder: Path) -> bool:
    """Whether a run is here, with its results."""
    return (folder / RESULTS).is_file()


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


def check_same(folder: Path, config: Config) -> None:
    """Make sure that a run was begun with the configuration that it would be gone on with.

    Raises:
        MonitorError: it was not, with what differs.
    """
    now, then = (json.loads(_json(asdict(either))) for either in (config, load_config(folder)))
    other = [key for key in now if key not in ("created", "environment") and now[key] != then[key]]
    if other:
        raise MonitorError(
            f"run {safe(str(folder))} was begun with other settings ({', '.join(other)}); "
            "resume with the same, or choose another --out"
        )


def save_model(folder: Path, fold: int, model: Crnn) -> None:
    """Write `fold<k>.pt` and remove the partial one."""
    _save(_model_path(folder, fold), {"config": asdict(model.config), "state_dict": model.state_dict()})
    _partial_path(folder, fold).unlink(missing_ok=True)


def save_partial(folder: Path, fold: int, state: dict[str, Any]) -> None:
    """Write `fold<k>.partial.pt`."""
    _save(_partial_path(folder, fold), state)


def load_partial(folder: Path, fold: int) -> dict[str, Any] | None:
    """Read `fold<k>.partial.pt`; None if there is none.

    Raises:
        MonitorError: it is damaged.
    """
    path = _partial_path(folder, fold)
    return _load(path) if path.is_file() else None


def save_metrics(folder: Path, epochs: Iterable[Epoch]) -> None:
    """Write `metrics.csv`."""
    rows = [asdict(epoch) for epoch in epochs]
    _write_csv(folder / METRICS, list(rows[0]), [list(row.values()) for row in rows])


def load_metrics(folder: Path) -> list[Epoch]:
    """Read `metrics.csv`; empty if there is none.

    Raises:
        MonitorError: it is damaged.
    """
    path = folder / METRICS
    if not path.is_file():
        return []
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return [
                Epoch(int(row.pop("fold")), int(row.pop("epoch")), **{key: float(row[key]) for key in row})
                for row in csv.DictReader(file)
            ]
    except (KeyError, ValueError, TypeError, csv.Error) as exc:
        raise MonitorError(
            f"{safe(str(path))} is damaged; a run can go on without it: {safe(str(exc))}"
        ) from exc


def save_predictions(folder: Path, labels: Sequence[str], predictions: Predictions) -> None:
    """Write `predictions.csv`, or `evaluation.csv` if they are of that partition; floats in full."""
    header = ["file", "fold", "group", "array", "label", "predicted", *(f"p_{label}" for label in labels)]
    rows = [
        [file, fold, group, array, labels[truth], labels[predicted], *scores]
        for file, fold, group, array, truth, predicted, scores in zip(
            predictions.file,
            predictions.fold.tolist(),
            predictions.group,
            predictions.array,
            predictions.truth.tolist(),
            predictions.predicted.tolist(),
            predictions.scores.tolist(),
            strict=True,
        )
    ]
    _write_csv(folder / (PREDICTIONS if predictions.fold.any() else EVALUATION), header, rows)


def save_results(folder: Path, results: dict[str, Any]) -> None:
    """Write `results.json`, which finishes the run."""
    for partial in folder.glob("*.part*"):  # what kills at the wrong moment left
        partial.unlink()
    _write_json(folder / RESULTS, results)


def load_config(folder: Path) -> Config:
    """Read `config.json`.

    Raises:
        MonitorError: not a run directory.
    """
    document = _read_json(folder / CONFIG)
    try:
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


def load_predictions(folder: Path) -> tuple[Predictions, Predictions | None]:
    """Read `predictions.csv` and, if there is one, `evaluation.csv`.

    Raises:
        MonitorError: a file is missing or damaged.
    """
    labels = load_config(folder).labels
    evaluation = folder / EVALUATION
    return (
        _read_predictions(folder / PREDICTIONS, labels),
        _read_predictions(evaluation, labels) if evaluation.is_file() else None,
    )


def _read_predictions(path: Path, labels: tuple[str, ...]) -> Predictions:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        return Predictions(
            file=tuple(row["file"] for row in rows),
            fold=np.array([int(row["fold"]) for row in rows]),
            group=tuple(row["group"] for row in rows),
            array=tuple(row["array"] for row in rows),
            truth=np.array([labels.index(row["label"]) for row in rows]),
            scores=np.array(
                [[float(row[f"p_{label}"]) for label in labels] for row in rows], dtype=np.float32
            ),
        )
    except OSError as exc:
        raise MonitorError(f"{safe(str(path))}: {exc.strerror}", Exit.NO_INPUT) from exc
    except (KeyError, ValueError, TypeError, csv.Error) as exc:
        raise MonitorError(f"{safe(str(path))} is damaged: {safe(str(exc))}") from exc


def load_results(folder: Path) -> dict[str, Any]:
    """Read `results.json`.

    Raises:
        MonitorError: the run is not finished, or the file is damaged or of another version.
    """
    if not is_finished(folder):
        raise MonitorError(f"run {safe(str(folder))} is not finished: it has no {RESULTS}")
    results = _read_json(folder / RESULTS)
    if not {"metric", "folds", "mean", "pooled", "evaluation"} <= results.keys():
        raise MonitorError(f"{safe(str(folder / RESULTS))} is of another version; train the run again")
    return results


def has_model(folder: Path, fold: int) -> bool:
    """Whether the training of this fold is done."""
    return _model_path(folder, fold).is_file()


def load_models(folder: Path, folds: Iterable[int]) -> list[Crnn]:
    """The models of these folds, ready to predict.

    Raises:
        MonitorError: a file is missing or damaged.
    """
    return [_load_model(_model_path(folder, fold)) for fold in folds]


def _load_model(path: Path) -> Crnn:
    document = _load(path)
    try:
        model = Crnn(CrnnConfig(**document["config"]))
        model.load_state_dict(document["state_dict"])
    except (KeyError, TypeError, ValueError, RuntimeError) as exc:
        raise MonitorError(f"model {safe(str(path))} cannot be read: {safe(str(exc), 200)}") from exc
    return model.eval()


def _load(path: Path) -> dict[str, Any]:
    try:
        document = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as exc:  # torch.load raises whatever the damage leads it to
        raise MonitorError(f"model {safe(str(path))} cannot be read: {safe(str(exc), 200)}") from exc
    if not isinstance(document, dict):
        raise MonitorError(f"model {safe(str(path))} cannot be read: it holds no checkpoint")
    return document


def _save(path: Path, document: dict[str, Any]) -> None:
    buffer = io.BytesIO()
    torch.save(document, buffer)
    files.write(path, buffer.getvalue())


def _model_path(folder: Path, fold: int) -> Path:
    return folder / f"fold{fold}.pt"


def _partial_path(folder: Path, fold: int) -> Path:
    return folder / f"fold{fold}.partial.pt"


def _write_csv(path: Path, header: list[str], rows: Iterable[Sequence[Any]]) -> None:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(header)
    table.writerows(rows)
    files.write(path, text.getvalue().encode())


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
