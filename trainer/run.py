"""The run directory: what a training run leaves behind. Writer and reader of one format.

    config.json       recipe, data set, labels, folds, seed, versions: enough to repeat the run
    fold<k>.pt        {config, state_dict} of the model that was tested on fold k and trained on the others
    predictions.csv   file,fold,label,predicted and one column p_<label> per class, for every tested clip
    results.json      scores per fold, their mean, and of all clips pooled

A run is finished once `results.json` is there; it is written last.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from monitor.errors import Exit, MonitorError, safe
from trainer import recipes
from trainer.models.crnn import Crnn, CrnnConfig
from trainer.recipes import Recipe

CONFIG = "config.json"
PREDICTIONS = "predictions.csv"
RESULTS = "results.json"


@dataclass(frozen=True)
class Config:
    """What `config.json` says."""

    created: str
    """Start of the run, UTC, ISO 8601"""
    recipe: Recipe
    """As it was run: with the epochs and seed of the command line"""
    data: dict[str, Any]
    """name, path, licence, source, clips and left_out (files that were too short)"""
    labels: tuple[str, ...]
    folds: tuple[int, ...]
    """Folds that were tested"""
    threads: int
    """Of torch; sums are rounded in another order with another number"""
    versions: dict[str, str]


def check_new(folder: Path) -> None:
    """Make sure that a run directory would replace nothing.

    Raises:
        MonitorError: there is something in the folder already.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise MonitorError(f"{safe(str(folder))} is not empty; choose another --out, or remove it")


def create(folder: Path, config: Config) -> None:
    """Start a run directory: make the folder and write `config.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    _write_json(folder / CONFIG, asdict(config))


def save_model(folder: Path, fold: int, model: Crnn) -> None:
    """Write `fold<k>.pt`."""
    torch.save({"config": asdict(model.config), "state_dict": model.state_dict()}, _model_path(folder, fold))


def save_predictions(folder: Path, labels: Iterable[str], rows: Iterable[tuple[str | float, ...]]) -> None:
    """Write `predictions.csv`; floats with all their digits."""
    with (folder / PREDICTIONS).open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["file", "fold", "label", "predicted", *(f"p_{label}" for label in labels)])
        table.writerows(rows)


def save_results(folder: Path, results: dict[str, Any]) -> None:
    """Write `results.json`, which finishes the run."""
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
    except (KeyError, TypeError) as exc:
        raise MonitorError(
            f"{safe(str(folder / CONFIG))} is not of a training run: {safe(str(exc))}"
        ) from exc


def load_results(folder: Path) -> dict[str, Any]:
    """Read `results.json`.

    Raises:
        MonitorError: the run is not finished, or the file is damaged.
    """
    if not (folder / RESULTS).is_file():
        raise MonitorError(f"run {safe(str(folder))} is not finished: it has no {RESULTS}")
    return _read_json(folder / RESULTS)


def load_models(folder: Path, folds: Iterable[int]) -> list[Crnn]:
    """The models of these folds, ready to predict.

    Raises:
        MonitorError: a file is missing or damaged.
    """
    return [_load_model(_model_path(folder, fold)) for fold in folds]


def _load_model(path: Path) -> Crnn:
    try:
        document = torch.load(path, map_location="cpu", weights_only=True)
        model = Crnn(CrnnConfig(**document["config"]))
        model.load_state_dict(document["state_dict"])
    except Exception as exc:  # torch.load raises whatever the damage leads it to
        raise MonitorError(f"model {safe(str(path))} cannot be read: {safe(str(exc), 200)}") from exc
    return model.eval()


def _model_path(folder: Path, fold: int) -> Path:
    return folder / f"fold{fold}.pt"


def _write_json(path: Path, document: dict[str, Any]) -> None:
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


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
