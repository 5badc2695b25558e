"""A labelled day of one home, recorded without a break by one array: for demonstrations and for long tests.

FILE.flac or DIR/<nn>.flac     four channels, 16 kHz; a folder holds an hour in each file, which
                               `activity-monitor --replay DIR` plays one after the other without a gap
FILE.tsv, DIR.tsv              begin and end in seconds and the activity, tabs between, no header

A recording is made in pieces of some minutes that fade into each other. From piece to piece the home, its
array and the activity stay, and what the activity is about changes: another programme, other dishes.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from monitor.errors import Exit, MonitorError, safe
from trainer import files
from trainer.download import check_disk, part_of
from trainer.simulate.dice import Dice
from trainer.simulate.plan import SECONDS
from trainer.simulate.recording import record
from trainer.simulate.rooms import draw_home
from trainer.simulate.scene import RATE
from trainer.simulate.session import Pcm, compose, to_pcm
from trainer.simulate.workers import each

# What a day in a living room with a kitchen corner is, and about how many minutes of it.
DAY = (
    ("absence", 400),
    ("other", 15),
    ("cooking", 15),
    ("eating", 20),
    ("dishwashing", 10),
    ("working", 200),
    ("vacuum_cleaner", 10),
    ("absence", 180),
    ("other", 10),
    ("social_activity", 90),
    ("cooking", 40),
    ("eating", 30),
    ("dishwashing", 15),
    ("watching_tv", 160),
    ("other", 15),
)
HOURS = 24
SHORTEST = 180.0
"""Seconds that each part of a day lasts where there is time for it"""
PIECE = 180 * RATE
"""Longest piece, in samples: what a process holds in memory"""
FADE = RATE
"""Samples in which a piece becomes the next one"""
FILE = 3600 * RATE
"""Samples of a file in a folder"""


@dataclass(frozen=True)
class Stretch:
    """A part of a day."""

    label: str
    start: int
    """In samples"""
    end: int


@dataclass(frozen=True)
class _Piece:
    label: str
    start: int
    end: int
    seed: int
    held_out: bool


def write(path: Path, hours: float, seed: int, processes: int, *, held_out: bool) -> None:
    """Write the recording and its labels.

    Args:
        path: a `.flac` file, or a folder for a file of each hour; not there yet.
        hours: length; with less than one the parts of the day get very short.
        seed: decides everything random.
        processes: that work at the same time.
        held_out: a home, voices and sounds that no data set for training has (`Dice`).

    Raises:
        MonitorError: it is there already, or is too short; exit code 74 if it cannot be written.
        OSError: it cannot be written. Nothing that looks whole is left behind.
    """
    is_file = path.suffix.lower() == ".flac"
    labels = path.with_suffix(".tsv") if is_file else path.with_name(f"{path.name}.tsv")
    for there in (path, labels):
        if there.exists():
            raise MonitorError(f"{safe(str(there))} is there already; remove it, or choose another --day")
    stretches = plan(hours, seed)
    pieces = [_Piece(*piece, seed, held_out) for piece in _pieces(stretches)]
    part = part_of(path)
    shutil.rmtree(part, ignore_errors=True)  # hours of a longer day that was broken off
    (part.parent if is_file else part).mkdir(parents=True, exist_ok=True)
    check_disk(part.parent, stretches[-1].end * 4 * 2)
    recorded = zip(pieces, _joined(pieces, processes), strict=True)
    for hour, group in groupby(recorded, lambda pair: 0 if is_file else pair[0].start // FILE):
        _write_flac(part if is_file else part / f"{hour:04}.flac", (pcm for _, pcm in group))
    files.write(labels, "".join(map(_line, stretches)).encode())
    part.replace(path)


def plan(hours: float, seed: int) -> list[Stretch]:
    """What goes on when, without a gap.

    Args:
        hours: length; of more than a day and a half, several days with durations of their own.
        seed: decides the durations.

    Raises:
        MonitorError: a part of the day would be shorter than a window.
    """
    days = max(1, round(hours / HOURS))
    parts = DAY * days
    seconds = round(hours * 3600 / SECONDS) * SECONDS
    if seconds < 2 * SECONDS * len(parts):
        least = 2 * SECONDS * len(parts) / 3600
        raise MonitorError(
            f"{hours:g} hours are too short for a day; ask for {least:.2g} or more", Exit.USAGE
        )
    dice = Dice(seed)
    shortest = min(SHORTEST, 0.8 * seconds / len(parts))
    weights = np.array([minutes * dice.between(0.6, 1.4) for _, minutes in parts])
    lengths = shortest + (seconds - shortest * len(parts)) * weights / weights.sum()
    edges = [0, *np.round(np.cumsum(lengths) * RATE).astype(int).tolist()]
    edges[-1] = seconds * RATE
    return [Stretch(label, *edge) for (label, _), edge in zip(parts, pairwise(edges), strict=True)]


def _pieces(stretches: Sequence[Stretch]) -> Iterator[tuple[str, int, int]]:
    """Label, start and end; a piece ends where a stretch or an hour does, or before."""
    for stretch in stretches:
        hours = range(stretch.start // FILE + 1, -(-stretch.end // FILE))
        for start, end in pairwise([stretch.start, *(hour * FILE for hour in hours), stretch.end]):
            count = -(-(end - start) // PIECE)
            for edges in pairwise(np.linspace(start, end, count + 1).round().astype(int).tolist()):
                yield stretch.label, *edges


def _render(piece: _Piece) -> Pcm:
    """One piece and what fades into the next one."""
    home = draw_home(Dice(piece.seed, 1, held_out=piece.held_out), nodes=1)
    samples = piece.end - piece.start + FADE
    sources = compose(piece.label, (piece.seed, 2, piece.start), samples, held_out=piece.held_out)
    return to_pcm(record(home, home.nodes[0], sources, samples, (piece.seed, 3, piece.start)))


def _joined(pieces: Sequence[_Piece], processes: int) -> Iterator[Pcm]:
    """The pieces in order, each `[4, samples]`, with the end of the one before it in its beginning."""
    gain = np.sqrt(np.linspace(0.0, 1.0, FADE))  # of unlike sounds the powers add up
    before: npt.NDArray[np.int16] = np.zeros((4, FADE), dtype=np.int16)
    for pcm in each(_render, pieces, processes, "simulate"):
        pcm[:, :FADE] = np.round(gain * pcm[:, :FADE] + gain[::-1] * before)
        before = pcm[:, -FADE:]
        yield pcm[:, :-FADE]


def _write_flac(path: Path, sound: Iterable[Pcm]) -> None:
    try:
        with soundfile.SoundFile(path, "w", RATE, 4, "PCM_16", format="FLAC") as audio:
            for pcm in sound:
                audio.write(pcm.T)
    except soundfile.SoundFileError as exc:
        raise MonitorError(f"cannot write {safe(str(path))}: {safe(str(exc))}", Exit.IO) from exc


def _line(stretch: Stretch) -> str:
    return f"{stretch.start / RATE:.3f}\t{stretch.end / RATE:.3f}\t{stretch.label}\n"
