"""What a monitor said of a recording, compared with what was going on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from rich.console import Console

from monitor.errors import Exit, MonitorError, safe
from monitor.stream.journal_reader import JournalReader
from monitor.stream.messages import GapMessage, LabelMessage, from_bytes
from trainer.evaluate import evaluate
from trainer.tables import Column, Row, percent, terminal

SLOWEST = 90
"""Percentile of the delays that stands beside their median"""
AT_ONCE = 10_000
"""Messages that are read from the journal at a time"""
COLUMNS = (
    Column("label", "activity"),
    Column("windows", "windows", number=True),
    Column("right", "right, %", percent, number=True),
    Column("f1", "F1, %", percent, number=True),
    Column("instead", "called instead"),
)
STEADINESS = (
    Column("of", ""),
    Column("accuracy", "right, %", percent, number=True),
    Column("macro_f1", "macro F1, %", percent, number=True),
    Column("changes", "changes", number=True),
    Column("delay", "delay, s", "{:.1f}".format, number=True),
    Column("slowest", f"{SLOWEST} % within, s", "{:.1f}".format, number=True),
    Column("missed", "missed", number=True),
)


class Said(NamedTuple):
    """A window, and what it was called; without that, a gap."""

    start: float
    """Seconds from the beginning of the recording"""
    end: float
    label: str | None
    """Of the window by itself"""
    stable: str | None
    """The smoothed activity"""
    episode: str | None
    """The smoothed activity as later windows tell: they may say that it began earlier than it was reported"""


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
    """Print what each activity was taken for, how right, steady and late labels and `stable` are, and how
    right episodes are in the end.

    Args:
        truth: begin and end in seconds and label, tabs between, as `trainer.simulate.day` writes it.
        journal: of a monitor that replayed this recording from its beginning, as its last and only one.
        console: to print on.

    Raises:
        MonitorError: a file is missing or damaged, or the two have no time in common.
    """
    known, said = read_truth(truth), _said(journal)
    heard = [(one, true) for one in said if one.label and (true := known.during(one.start, one.end))]
    label, stable, episode = (
        {"of": what, **compare([(true, str(getattr(one, what))) for one, true in heard])}
        for what in ("label", "stable", "episode")
    )
    console.print(terminal(COLUMNS, label["rows"], "agreement with the truth"))
    rows = [
        label | steadiness(known, [one for one, _ in heard], "label"),
        stable | steadiness(known, [one for one, _ in heard], "stable"),
        episode,  # nothing of it is reported in its time
    ]
    console.print(terminal(STEADINESS, rows, "each window by itself, smoothed, and known afterwards"))
    unheard = sum(one.end - one.start for one in said if one.label is None)
    console.print(
        f"{label['windows']} windows, {unheard:.0f} s without a label; the truth changes "
        f"{len(known.labels) - 1} times"
    )


def steadiness(truth: Truth, said: list[Said], what: Literal["label", "stable"]) -> Row:
    """How often what is said changes, and how late it is.

    Args:
        truth: what went on.
        said: windows, in order.
        what: that is looked at.

    Returns:
        `changes` from window to window; `missed`, stretches of the truth in which no window was called right;
        of the others `delay` and `slowest`, median and 90th percentile of the seconds from the beginning of
        the stretch to the end of the first window that was.
    """
    called = [(one.start / 2 + one.end / 2, one.end, getattr(one, what)) for one in said]
    delays = [
        next((end - start for middle, end, label in called if start <= middle < stop and label == true), None)
        for start, stop, true in zip(truth.starts, truth.ends, truth.labels, strict=True)
    ]
    found = [delay for delay in delays if delay is not None]
    late = {"delay": np.median(found), "slowest": np.percentile(found, SLOWEST)} if found else {}
    return {
        "changes": sum(one[2] != other[2] for one, other in pairwise(called)),
        "missed": len(delays) - len(found),
        **late,
    }


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
            message.stable if isinstance(message, LabelMessage) else None,
            episode,
        )
        for message, episode in zip(last, _episodes(last), strict=True)
    ]


def _episodes(messages: list[LabelMessage | GapMessage]) -> list[str | None]:
    """The activity in the time of each message, as it is known in the end; of a gap None."""
    found: list[str | None] = []
    known: LabelMessage | None = None
    for message in reversed(messages):
        if isinstance(message, GapMessage):
            found.append(None)
            continue
        if known is None or message.start < known.since:
            known = message
        found.append(known.stable)
    return found[::-1]


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
