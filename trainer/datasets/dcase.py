"""What the DCASE sets share: a folder for each partition, and tab-separated lists without a header.

    <development>/meta.txt                              file, label[, session or location]
    <development>/evaluation_setup/fold<k>_train.txt    file, label[, ...]
    <development>/evaluation_setup/fold<k>_test.txt     file
    <development>/evaluation_setup/fold<k>_evaluate.txt file, label: the files of _test
    <evaluation>/evaluation_setup/evaluate.txt          file, label[, ...]; evaluation.txt in some editions
    <evaluation>/evaluation_setup/test.txt              file
    <evaluation>/evaluation_setup/map.txt               file and the name it would have in development

A file is `audio/<name>`. The lists are believed, and compared with each other.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from monitor.errors import Exit, MonitorError, safe
from trainer.datasets.clips import EVALUATION

FOLDS = (1, 2, 3, 4)
SETUP = "evaluation_setup"
FILE = re.compile(r"audio/[^/\\]+")


class Roots(NamedTuple):
    """Names of the folders of the two partitions."""

    development: str
    evaluation: str


@dataclass(frozen=True)
class Entry:
    """One file as the lists have it."""

    path: Path
    label: str
    fold: int
    name: str
    """Its development-style name, without folder; empty for evaluation files without a `map.txt`"""
    place: str
    """Third column of a development list: session or location; empty where there is none"""


def home(folder: Path, roots: Roots) -> Path | None:
    """The folder that holds the partitions: this one or, if this is a partition itself, the one above it."""
    if any((folder / root).is_dir() for root in roots):
        return folder
    return folder.absolute().parent if folder.absolute().name in roots else None


def read(folder: Path, roots: Roots, *, repeats: bool = False) -> tuple[list[Entry], tuple[str, ...]]:
    """Files of the partitions that are there, and notes for the user.

    With `repeats` a file may be in the test lists of several folds; it belongs to the one that tests most of
    its place.

    An evaluation partition without labels is left out with a note. It is no error: it is published like that
    until a challenge is over, and training needs the development partition only.

    Raises:
        MonitorError: a list is missing (exit code 66), unreadable, or disagrees with another.
    """
    entries: list[Entry] = []
    notes: tuple[str, ...] = ()
    if (folder / roots.development).is_dir():
        entries = _development(folder / roots.development, repeats=repeats)
    if (folder / roots.evaluation).is_dir():
        evaluation = _evaluation(folder / roots.evaluation)
        entries += evaluation
        if not evaluation:
            notes = (f"{roots.evaluation} is left out: no list in it has labels",)
    return entries, notes


def _development(root: Path, *, repeats: bool) -> list[Entry]:
    meta = _list(root / "meta.txt", columns=2)
    folds_of = _folds(root, {file: label for file, (label, *_) in meta.items()}, repeats=repeats)
    places = {
        file: rest[0] if rest else Path(file).name.partition("_")[0] for file, (_, *rest) in meta.items()
    }
    tested = Counter((places[file], fold) for file, folds in folds_of.items() for fold in folds)
    return [
        Entry(
            root / file,
            label,
            max(folds_of[file], key=lambda fold: tested[places[file], fold]),
            Path(file).name,
            place=rest[0] if rest else "",
        )
        for file, (label, *rest) in meta.items()
    ]


def _folds(root: Path, labels: Mapping[str, str], *, repeats: bool) -> dict[str, list[int]]:
    """The folds that test each file; raises if the lists of a fold are not the partition they should be."""
    folds_of: dict[str, list[int]] = {}
    for fold in FOLDS:
        train, test, evaluate = (
            _list(root / SETUP / f"fold{fold}_{part}.txt", columns)
            for part, columns in (("train", 2), ("test", 1), ("evaluate", 2))
        )
        here = f"{root.name}, fold {fold}: fold{fold}_"
        _refuse(train.keys() & test.keys(), f"{here}train.txt and _test.txt both list")
        _refuse(evaluate.keys() ^ test.keys(), f"{here}evaluate.txt and _test.txt do not both list")
        _refuse(
            labels.keys() ^ (train.keys() | test.keys()),
            f"{here}train.txt with _test.txt, and meta.txt, do not both list",
        )
        for part, rows in (("train", train), ("evaluate", evaluate)):
            wrong = {file for file, (label, *_) in rows.items() if label != labels[file]}
            _refuse(wrong, f"{here}{part}.txt and meta.txt have different labels for")
        if not repeats:
            _refuse(test.keys() & folds_of.keys(), f"{here}test.txt and an earlier fold's both list")
        for file in test:
            folds_of.setdefault(file, []).append(fold)
    _refuse(labels.keys() - folds_of.keys(), f"{root.name}: of folds 1 to {FOLDS[-1]}, no _test.txt lists")
    return folds_of


def _evaluation(root: Path) -> list[Entry]:
    setup = root / SETUP
    candidates = (setup / "evaluate.txt", setup / "evaluation.txt", root / "meta.txt")
    lists = [_list(path, columns=1) for path in candidates if path.is_file()]
    labelled = [rows for rows in lists if rows and all(rows.values())]
    if not labelled:
        return []
    labels = {file: label for file, (label, *_) in labelled[0].items()}
    for rows in labelled[1:]:
        other = {file: label for file, (label, *_) in rows.items()}
        wrong = {file for file, _ in labels.items() ^ other.items()}
        _refuse(wrong, f"{root.name}: its lists have different labels for")
    if (setup / "test.txt").is_file():
        test = _list(setup / "test.txt", columns=1)
        _refuse(test.keys() ^ labels.keys(), f"{root.name}: test.txt and the list of labels do not both list")
    names = _names(setup / "map.txt", labels)
    return [
        Entry(root / file, label, EVALUATION, names.get(file, ""), place="") for file, label in labels.items()
    ]


def _names(path: Path, files: Iterable[str]) -> dict[str, str]:
    """Development-style names of the files by `map.txt`, whose columns are found in either order."""
    if not path.is_file():
        return {}
    file_of = {Path(file).name: file for file in files}
    names = {}
    for columns in _rows(path, columns=2):
        first, second = (Path(column).name for column in columns[:2])
        if first in file_of:
            names[file_of[first]] = second
        elif second in file_of:
            names[file_of[second]] = first
    _refuse(set(file_of.values()) - names.keys(), f"{path.parent.parent.name}: map.txt does not list")
    return names


def _list(path: Path, columns: int) -> dict[str, list[str]]:
    """File -> the columns after it."""
    rows: dict[str, list[str]] = {}
    for file, *rest in _rows(path, columns):
        if not FILE.fullmatch(file):
            raise MonitorError(f"{safe(str(path))}: {safe(file)!r} is not of the form audio/<name>")
        if file in rows:
            raise MonitorError(f"{safe(str(path))} lists {safe(file)} twice")
        rows[file] = rest
    return rows


def _rows(path: Path, columns: int) -> Iterable[list[str]]:
    """Lines of at least so many columns; carriage returns and tabs at their ends are no columns."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError as exc:
        raise MonitorError(
            f"{safe(str(path))} is missing; unpack the meta archive of the data set", Exit.NO_INPUT
        ) from exc
    except UnicodeDecodeError as exc:
        raise MonitorError(f"{safe(str(path))} is not a text file: {safe(str(exc))}") from exc
    for number, line in enumerate(lines, start=1):
        row = line.rstrip().split("\t")
        if row == [""]:
            continue
        if len(row) < columns or not all(row):
            raise MonitorError(
                f"{safe(str(path))}, line {number}: at least {columns} columns with tabs between are needed, "
                f"found {safe(line, 80)!r}"
            )
        yield row


def _refuse(files: Iterable[str], what: str) -> None:
    found = sorted(files)
    if found:
        raise MonitorError(f"{what} {safe(found[0])} (1 of {len(found)}); unpack the meta archive again")
