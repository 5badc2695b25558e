"""The records that every data set reader returns."""

from __future__ import annotations

import csv
import hashlib
import json
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from monitor.errors import MonitorError, safe

EVALUATION = 0
"""Instead of a fold: the partition that no model learns from and no choice is made on."""


@dataclass(frozen=True)
class Clip:
    """One labelled recording."""

    path: Path
    label: str
    fold: int
    """1 or more: the fold of the development partition that it is tested in; or `EVALUATION`"""
    group: str
    """What it was cut from (session, location, source recording): clips of one group sound alike and must not
    be torn apart by a split"""
    array: str = ""
    """The array that recorded it; empty where a data set does not say"""


@dataclass(frozen=True)
class DataSet:
    """Labels and clips of one folder."""

    name: str
    folder: Path
    labels: tuple[str, ...]
    """In the order of the models' outputs"""
    clips: tuple[Clip, ...]
    licence: str = ""
    """Empty if unknown"""
    source: str = ""
    """Where the clips come from, one line; empty if unknown"""
    metric: Literal["accuracy", "macro_f1"] = "accuracy"
    """What results on this data set are compared by"""
    notes: tuple[str, ...] = ()
    """What a user should know about this copy, a line each"""

    @property
    def folds(self) -> list[int]:
        """Fold numbers of the development partition in order."""
        return sorted({clip.fold for clip in self.clips} - {EVALUATION})

    @property
    def digest(self) -> str:
        """SHA-256 of what the lists say of every clip: the same for the same data, folds and groups."""
        lists = [[self.file(clip), clip.label, clip.fold, clip.group, clip.array] for clip in self.clips]
        return hashlib.sha256(json.dumps(lists).encode()).hexdigest()

    def limited(self, clips: int) -> DataSet:
        """At most so many clips of each class in each fold, the first ones: for a quick trial."""
        counts: Counter[tuple[int, str]] = Counter()
        some = []
        for clip in self.clips:
            counts[clip.fold, clip.label] += 1
            if counts[clip.fold, clip.label] <= clips:
                some.append(clip)
        return replace(self, clips=tuple(some))

    def file(self, clip: Clip) -> str:
        """A clip's path inside the folder, with `/`."""
        return clip.path.relative_to(self.folder).as_posix()


def refuse_torn_groups(name: str, clips: Iterable[Clip], known: Collection[str] = ()) -> None:
    """Make sure that no split crosses a group.

    Args:
        name: of the data set.
        clips: of all folds and partitions.
        known: groups that are published in two folds.

    Raises:
        MonitorError: a group is in two folds, or in a fold and the evaluation partition.
    """
    first: dict[str, Clip] = {}
    for clip in clips:
        other = first.setdefault(clip.group, clip)
        if other.fold != clip.fold and clip.group not in known:
            raise MonitorError(
                f"{safe(name)}: {safe(clip.group)} is torn apart: {safe(other.path.name)} is in "
                f"{_where(other)}, {safe(clip.path.name)} in {_where(clip)}; what was recorded together "
                "must stay in one fold"
            )


def _where(clip: Clip) -> str:
    return "the evaluation partition" if clip.fold == EVALUATION else f"fold {clip.fold}"


def list_folders(data: DataSet) -> dict[Path, set[str]]:
    """Names in every folder that has clips: asking for 73,000 files one by one is slow."""
    folders = {clip.path.parent for clip in data.clips}
    return {
        folder: {entry.name for entry in folder.iterdir()} if folder.is_dir() else set() for folder in folders
    }


def read_csv(path: Path, columns: tuple[str, ...]) -> list[dict[str, str]]:
    """Rows of a comma-separated file with a header.

    Raises:
        MonitorError: a column is missing, or a row is not complete.
    """
    try:
        # utf-8-sig and newline="": copies that spreadsheets saved have a byte-order mark and CRLF.
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            rows = list(reader)
    except (UnicodeDecodeError, csv.Error) as exc:
        raise MonitorError(f"{safe(str(path))} is not a text table: {safe(str(exc))}") from exc
    missing = [column for column in columns if column not in (reader.fieldnames or [])]
    if missing:
        raise MonitorError(f"{safe(str(path))} has no column {', '.join(missing)}")
    for number, row in enumerate(rows, start=2):
        if any(not row[column] for column in columns):
            raise MonitorError(f"{safe(str(path))}, line {number}: not all columns have a value")
    return rows


def whole_number(text: str, where: str) -> int:
    """A number of 0 or more from a table.

    Raises:
        MonitorError: it is none.
    """
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise MonitorError(f"{safe(where)}: {safe(text, 40)!r} is not a whole number of at most nine digits")
    return int(text)
