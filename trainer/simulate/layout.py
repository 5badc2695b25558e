"""The lists of a data set in the layout of DCASE 2018 Task 5; `trainer.datasets.dcase` reads them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from trainer import files
from trainer.datasets import EVALUATION
from trainer.datasets.dcase import FOLDS, SETUP
from trainer.datasets.dcase2018 import ROOTS
from trainer.simulate.plan import Session

Row = tuple[str, ...]


def write_lists(folder: Path, sessions: Sequence[Session]) -> None:
    """Write all lists of both partitions.

    Args:
        folder: of the data set.
        sessions: of both partitions; their audio is written.

    Raises:
        OSError: a list cannot be written.
    """
    development = [session for session in sessions if session.fold != EVALUATION]
    evaluation = [session for session in sessions if session.fold == EVALUATION]
    _write_development(folder / ROOTS.development, development)
    _write_evaluation(folder / ROOTS.evaluation, evaluation)


def _write_development(root: Path, sessions: Sequence[Session]) -> None:
    _write(root / "meta.txt", _rows(sessions))
    for fold in FOLDS:
        train = _rows(session for session in sessions if session.fold != fold)
        test = _rows(session for session in sessions if session.fold == fold)
        for part, rows in (
            ("train", train),
            ("test", [row[:1] for row in test]),
            ("evaluate", [row[:2] for row in test]),
        ):
            _write(root / SETUP / f"fold{fold}_{part}.txt", rows)


def _write_evaluation(root: Path, sessions: Sequence[Session]) -> None:
    rows = _rows(sessions)
    names = {segment.file: f"audio/{segment.name}" for session in sessions for segment in session.segments}
    _write(root / "meta.txt", rows)
    _write(root / SETUP / "evaluate.txt", rows)
    _write(root / SETUP / "test.txt", [row[:1] for row in rows])
    _write(root / SETUP / "map.txt", [(file, names[f"{root.name}/{file}"]) for file, *_ in rows])


def _rows(sessions: Iterable[Session]) -> list[Row]:
    """File, label and session of every segment, in the order of the files' names."""
    return sorted(
        (segment.file.partition("/")[2], session.label, f"s{session.number}")
        for session in sessions
        for segment in session.segments
    )


def _write(path: Path, rows: Iterable[Row]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    files.write(path, "".join("\t".join(row) + "\n" for row in rows).encode())
