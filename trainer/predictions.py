"""What models said about clips, and the table that keeps it.

file,fold,group,array,label,predicted and one column for each class: p_<label> for posteriors, d_<label> for
decision values; a row for each clip, floats in full
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from monitor.errors import Exit, MonitorError, safe
from trainer import files

Floats = npt.NDArray[np.floating[Any]]
Indices = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Predictions:
    """What models said about the clips of one partition."""

    file: tuple[str, ...]
    fold: npt.NDArray[np.intp]
    """`[clips]`; `trainer.datasets.EVALUATION` in the evaluation partition"""
    group: tuple[str, ...]
    """What a clip was cut from; clips of one group are resampled together"""
    array: tuple[str, ...]
    """The array that recorded it; empty where a data set does not say"""
    truth: npt.NDArray[np.intp]
    """`[clips]`"""
    scores: Floats
    """Posteriors or decision values `[clips, labels]`"""

    @property
    def predicted(self) -> npt.NDArray[np.intp]:
        """The class with the highest score of every clip, `[clips]`."""
        best: npt.NDArray[np.intp] = self.scores.argmax(axis=1)
        return best

    @classmethod
    def concatenate(cls, parts: Sequence[Predictions]) -> Predictions:
        """The clips of several partitions as one, such as those of all folds."""
        return cls(
            file=tuple(file for part in parts for file in part.file),
            fold=np.concatenate([part.fold for part in parts]),
            group=tuple(group for part in parts for group in part.group),
            array=tuple(array for part in parts for array in part.array),
            truth=np.concatenate([part.truth for part in parts]),
            scores=np.concatenate([part.scores for part in parts]),
        )

    def take(self, rows: Indices, scores: Floats) -> Predictions:
        """Some of the clips, with other scores `[rows, labels]`."""
        chosen = rows.tolist()
        return Predictions(
            file=tuple(self.file[row] for row in chosen),
            fold=self.fold[rows],
            group=tuple(self.group[row] for row in chosen),
            array=tuple(self.array[row] for row in chosen),
            truth=self.truth[rows],
            scores=scores,
        )

    def write(self, path: Path, labels: Sequence[str], prefix: str) -> None:
        """Write the table.

        Args:
            path: of the file.
            labels: in the order of the scores.
            prefix: before each of them in the header: `SCORES` of the recipe.
        """
        header = ["file", "fold", "group", "array", "label", "predicted", *_names(labels, prefix)]
        rows = zip(
            self.file,
            self.fold.tolist(),
            self.group,
            self.array,
            [labels[truth] for truth in self.truth.tolist()],
            [labels[predicted] for predicted in self.predicted.tolist()],
            *self.scores.T.tolist(),
            strict=True,
        )
        files.write_csv(path, header, rows)

    @classmethod
    def read(cls, path: Path, labels: Sequence[str], prefix: str) -> Predictions:
        """Predictions from their table.

        Args:
            path: of the file.
            labels: in the order that the scores shall have.
            prefix: before each of them in the header.

        Raises:
            MonitorError: exit code 66 if the file is missing, 65 if it is damaged.
        """
        number = {label: index for index, label in enumerate(labels)}
        try:
            with path.open(encoding="utf-8", newline="") as file:
                rows = list(csv.DictReader(file))
            return cls(
                file=tuple(row["file"] for row in rows),
                fold=np.array([int(row["fold"]) for row in rows]),
                group=tuple(row["group"] for row in rows),
                array=tuple(row["array"] for row in rows),
                truth=np.array([number[row["label"]] for row in rows]),
                scores=np.array([[float(row[name]) for name in _names(labels, prefix)] for row in rows]),
            )
        except OSError as exc:
            raise MonitorError(f"{safe(str(path))}: {exc.strerror}", Exit.NO_INPUT) from exc
        except (KeyError, ValueError, TypeError, csv.Error) as exc:
            raise MonitorError(f"{safe(str(path))} is damaged: {safe(str(exc))}") from exc


def _names(labels: Sequence[str], prefix: str) -> list[str]:
    return [f"{prefix}_{label}" for label in labels]
