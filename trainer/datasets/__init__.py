"""Data sets: a folder on disk -> labels and clips. One file per layout."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import Protocol

from monitor.errors import Exit, MonitorError, safe
from trainer.datasets import dcase2017, dcase2018, esc50, folder
from trainer.datasets.clips import EVALUATION, Clip, DataSet, list_folders
from trainer.datasets.published import Published

__all__ = ["EVALUATION", "Clip", "DataSet", "check_folds", "read", "some"]


class Layout(Protocol):
    """What the file of a layout offers."""

    @property
    def PUBLISHED(self) -> Published | None:  # noqa: N802
        """Numbers to compare a copy with."""

    def read(self, folder: Path, /) -> DataSet:
        """Clips by the lists in the folder; the audio files are not looked at."""


def read(path: Path) -> DataSet:
    """The data set in a folder; its layout is recognised.

    Notes about the copy are printed to stderr.

    Raises:
        MonitorError: exit code 66 if there is no data set or audio is missing, else 65 with what is wrong.
    """
    layout, home = find(path)
    data = layout.read(home)
    check_files(data)
    check_folds(data)
    absent = missing(data)
    if absent:
        raise MonitorError(
            f"{safe(data.name)}: {len(absent)} of {len(data.clips)} audio files are missing: {some(absent)}"
            "; unpack all archives of the data set",
            Exit.NO_INPUT,
        )
    for note in data.notes:
        print(safe(f"{data.name}: {note}"), file=sys.stderr)
    return data


def find(path: Path) -> tuple[Layout, Path]:
    """The layout of a data set and the folder that its paths start from.

    Raises:
        MonitorError: exit code 66 if there is no such folder, 65 if it holds several data sets.
    """
    if not path.is_dir():
        raise MonitorError(f"there is no data folder {safe(str(path))}", Exit.NO_INPUT)
    homes: list[tuple[Layout, Path | None]] = [
        (dcase2018, dcase2018.home(path)),
        (dcase2017, dcase2017.home(path)),
        (esc50, esc50.home(path)),
    ]
    found = [(layout, home) for layout, home in homes if home]
    if len(found) > 1:
        raise MonitorError(
            f"{safe(str(path))} holds {len(found)} data sets; name the folder in it that is the one you mean"
        )
    return found[0] if found else (folder, path)


def missing(data: DataSet) -> list[str]:
    """Clips that are listed and not there, by their paths in the data folder."""
    names = list_folders(data)
    return [data.file(clip) for clip in data.clips if clip.path.name not in names[clip.path.parent]]


def check_files(data: DataSet) -> None:
    """Make sure that the lists name files in the data folder, each once, that every table can hold.

    Raises:
        MonitorError: they do not.
    """
    seen = set()
    for clip in data.clips:
        try:
            file = data.file(clip)
        except ValueError:
            file = str(clip.path)
        if Path(file).is_absolute() or ".." in Path(file).parts or not file.isprintable():
            raise MonitorError(
                f"{safe(data.name)} lists {safe(file)!r}; files must be in its folder, with printable names"
            )
        if file in seen:
            raise MonitorError(f"{safe(data.name)} lists {safe(file)} twice")
        seen.add(file)


def check_folds(data: DataSet) -> None:
    """Make sure that the development partition can be cross-validated; evaluation may lack classes.

    Raises:
        MonitorError: it cannot.
    """
    name = safe(data.name)
    if not data.folds:
        raise MonitorError(f"{name}: there is no development partition to learn from", Exit.NO_INPUT)
    if len(data.labels) < 2:
        raise MonitorError(
            f"{name}: at least two classes are needed, found only {some(data.labels)}; {folder.LOOKED_FOR}"
        )
    if len(data.folds) < 2:
        raise MonitorError(f"{name}: at least two folds are needed, found {len(data.folds)}")
    counts = Counter((clip.fold, clip.label) for clip in data.clips)
    for fold in data.folds:
        absent = [label for label in data.labels if not counts[fold, label]]
        if absent:
            raise MonitorError(f"{name}: fold {fold} has no clips of {some(absent)}")


def some(names: Collection[str]) -> str:
    """A few of many texts from outside, for a message."""
    return ", ".join(map(safe, list(names)[:5])) + (", ..." if len(names) > 5 else "")
