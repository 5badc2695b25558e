"""Data sets: a folder on disk -> labels and clips. One file per layout."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from monitor.errors import Exit, MonitorError, safe
from trainer.datasets import esc50, folder
from trainer.datasets.clips import EVALUATION, Clip, DataSet

__all__ = ["EVALUATION", "Clip", "DataSet", "read"]


def read(path: Path) -> DataSet:
    """The data set in a folder; its layout is recognised.

    Raises:
        MonitorError: exit code 66 if there is no such folder or no audio in it, else 65 with what is wrong.
    """
    if not path.is_dir():
        raise MonitorError(f"there is no data folder {safe(str(path))}", Exit.NO_INPUT)
    data = esc50.read(path) if (path / esc50.CSV).is_file() else folder.read(path)
    _check(data)
    return data


def _check(data: DataSet) -> None:
    missing = [clip.path.name for clip in data.clips if not clip.path.is_file()]
    if missing:
        some = ", ".join(map(safe, missing[:5])) + (", ..." if len(missing) > 5 else "")
        raise MonitorError(
            f"{data.name}: {len(missing)} of {len(data.clips)} audio files are missing: {some}", Exit.NO_INPUT
        )
    if len(data.labels) < 2:
        raise MonitorError(f"{data.name}: at least two classes are needed, found {len(data.labels)}")
    if len(data.folds) < 2:
        raise MonitorError(f"{data.name}: at least two folds are needed, found {len(data.folds)}")
    counts = Counter((clip.fold, clip.label) for clip in data.clips)
    for fold in data.folds:
        absent = [label for label in data.labels if not counts[fold, label]]
        if absent:
            raise MonitorError(f"{data.name}: fold {fold} has no clips of {', '.join(map(safe, absent))}")
