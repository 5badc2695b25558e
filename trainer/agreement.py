"""What a monitor said of a recording, compared with what was going on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from rich.console import Console

from monitor.errors import Exit, MonitorError, safe
from monitor.stream.journal import JournalReader
from monitor.stream.messages import GapMessage, LabelMessage, from_bytes
from trainer.evaluate import evaluate
from trainer.tables import Column, Row, percent, terminal

AT_ONCE = 10_000
"""Messages that are read from the journal at a time"""
COLUMNS = (
    Column("label", "activity"),
    Column("windows", "windows", number=True),
    Column("right", "right, %", percent, number=True),
    Column("f1", "F1, %", percent, number=True),
    Column("instead", "called instead"),
)


class Said(NamedTuple):
    """A window, and the label that it was given; without one, a gap."""

    start: float
    """Seconds from the beginning of the recording"""
    end: float
    label: str | None


@dataclass(frozen=True)
class Truth:
    """What was going on."""

    starts: npt.NDArray[np.float64]
    """`[stretches]` seconds from the beginning of the recording"""
    ends: npt.NDArray[np.float64]
    labels: list[str]

    def during(self, start: float, end: float) -> str | None:
        """What went on for most of a time; None if nothing filled half of it."""
        shared = np.minimum(self.ends, end) - np.maximum(self.starts, start)
        lengths: Counter[str] = Counter()
        for index in np.flatnonzero(shared > 0.0).tolist():
            lengths[self.labels[index]] += shared[index]
        return next((label for label, length in lengths.items() if length >= (end - start) / 2), None)


def show(truth: Path, journal: Path, console: Console) -> None:
    """Print accuracy, macro F1 and, for each activity, what it was taken for.

    Args:
        truth: begin and end in seconds and label, tabs between, as `trainer.simulate.day` writes it.
        journal: of a monitor that replayed this recording from its beginning, as its last and only one.
        console: to print on.

    Raises:
        MonitorError: a file is missing or damaged, or the two have no time in common.
    """
    known, said = read_truth(truth), _said(journal)
    pairs = [(known.during(one.start, one.end), one.label) for one in said if one.label is not None]
    result = compare([(true, label) for true, label in pairs if true is not None])
    unheard = sum(one.end - one.start for one in said if one.label is None)
    console.print(terminal(COLUMNS, result["rows"], "agreement with the truth"))
    console.print(
        f"{result['windows']} windows: accuracy {percent(result['accuracy'])} %, macro F1 "
        f"{percent(result['macro_f1'])} %; {unheard:.0f} s without a label"
    )


def compare(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """Scores of windows.

    Args:
        pairs: what went on in each window, and what it was called.

    Returns:
        JSON-ready: `windows`; `accuracy` and `macro_f1` in [0, 1], the latter over the activities that went
        on; `rows` of `COLUMNS`, one for each of these.

    Raises:
        MonitorError: there is no window.
    """
    if not pairs:
        raise MonitorError("no window of the journal is in the time that the truth is about")
    true = sorted({label for label, _ in pairs})
    labels = [*true, *sorted({label for _, label in pairs}.difference(true))]
    truth, called = (
        np.array([labels.index(label) for label in column]) for column in zip(*pairs, strict=True)
    )
    scores = evaluate(truth, called, len(labels))
    f1 = scores["f1"][: len(true)]
    rows = [_row(index, labels, scores["confusion"][index], f1[index]) for index in range(len(true))]
    return {
        "windows": len(pairs),
        "accuracy": scores["accuracy"],
        "macro_f1": float(np.mean(f1)),
        "rows": rows,
    }


def _row(index: int, labels: list[str], counts: list[int], f1: float) -> Row:
    others = Counter({label: count for label, count in zip(labels, counts, strict=True) if count})
    hits = others.pop(labels[index], 0)
    instead = ", ".join(f"{label} {count}" for label, count in others.most_common())
    return {
        "label": labels[index],
        "windows": sum(counts),
        "right": hits / sum(counts),
        "f1": f1,
        "instead": instead,
    }


def read_truth(path: Path) -> Truth:
    """Read stretches and their labels.

    Raises:
        MonitorError: exit code 66 if the file is missing, 65 if it is damaged.
    """
    try:
        starts, ends, labels = zip(*map(_stretch, path.read_text(encoding="utf-8").splitlines()), strict=True)
    except OSError as exc:
        raise MonitorError(f"{safe(str(path))}: {exc.strerror}", Exit.NO_INPUT) from exc
    except ValueError as exc:
        raise MonitorError(
            f"{safe(str(path))}: lines of begin, end and label with tabs between are needed: {safe(str(exc))}"
        ) from exc
    return Truth(np.array(starts), np.array(ends), list(labels))


def _stretch(line: str) -> tuple[float, float, str]:
    start, end, label = line.split("\t")
    if not float(start) < float(end):
        raise ValueError(f"{line!r} ends before it begins")
    return float(start), float(end), label


def _said(journal: Path) -> list[Said]:
    """Windows and gaps of the last run in a journal."""
    if not journal.is_file():
        raise MonitorError(
            f"there is no journal {safe(str(journal))}; give activity-monitor --journal", Exit.NO_INPUT
        )
    last = list(_last_run(journal))
    arrays = {message.array for message in last}
    if len(arrays) != 1:
        raise MonitorError(
            f"{safe(str(journal))}: the last run is of {len(arrays)} arrays, but the truth is about one; "
            "replay one recording"
        )
    begin = min(message.start for message in last)
    return [
        Said(
            (message.start - begin).total_seconds(),
            (message.end - begin).total_seconds(),
            message.label if isinstance(message, LabelMessage) else None,
        )
        for message in last
    ]


def _last_run(journal: Path) -> Iterator[LabelMessage | GapMessage]:
    messages = list(_messages(journal))
    for message in messages:
        if message.boot_id == messages[-1].boot_id:
            yield message


def _messages(journal: Path) -> Iterator[LabelMessage | GapMessage]:
    reader, seq = JournalReader(journal), 0
    while entries := reader.after(seq, AT_ONCE):
        seq = entries[-1].seq
        for message in (from_bytes(entry.body) for entry in entries):
            if isinstance(message, LabelMessage | GapMessage):
                yield message
