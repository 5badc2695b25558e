"""What the training of a CRNN leaves of each fold in its run directory. Writer and reader of one format.

metrics.csv          fold,epoch,loss,learning_rate,seconds,input_seconds (waited for examples)
fold<k>.pt           {config, state_dict} of the model that is tested on fold k and trained on the others
fold<k>.partial.pt   the last epoch's state while fold k is trained: what --resume goes on from
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from monitor.errors import MonitorError, safe
from trainer import files
from trainer.models.crnn import Crnn, CrnnConfig

METRICS = "metrics.csv"


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
    files.write_csv(folder / METRICS, list(rows[0]), [list(row.values()) for row in rows])


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
