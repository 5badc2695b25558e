"""A copy of a data set compared with what its publisher says: lists, counts and the audio files' headers."""

from __future__ import annotations

import hashlib
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import soundfile
from rich.console import Console
from rich.progress import track

from monitor.errors import MonitorError, safe
from trainer import datasets
from trainer.datasets.clips import EVALUATION, Clip, DataSet, list_folders
from trainer.datasets.facts import FACTS
from trainer.datasets.folder import SUFFIXES
from trainer.datasets.published import (
    DEVELOPMENT_COLUMN,
    EVALUATION_COLUMN,
    AudioFormat,
    Published,
    describe,
)

UNKNOWN = Published(formats=(), clips={})


@dataclass(frozen=True)
class Header:
    """What an audio file says about itself."""

    rate: int
    channels: int
    subtype: str
    frames: int

    @property
    def seconds(self) -> float:
        """Length."""
        return self.frames / self.rate


def check(folder: Path) -> None:
    """Print each difference on a line of its own, then what the copy holds.

    What a copy lacks as a whole (a partition, a fold, a class) makes it a subset, which is no difference.

    Raises:
        MonitorError: exit code 66 if there is no data set, 65 if it differs or its lists disagree.
    """
    layout, home = datasets.find(folder)
    published = _published(layout, home)
    # Before the lists are read: where reading fails, a wrong digest tells why.
    differences = _show(_wrong_lists(home, published))
    data = layout.read(home)
    datasets.check_files(data)
    counts = _count(data.clips)
    headers = _headers(data)
    differences += _show(_wrong_folds(data))
    differences += _show(_wrong_counts(data, counts, published))
    differences += _show(f"{file}: missing" for file in datasets.missing(data))
    differences += _show(f"{file}: in no list" for file in _unlisted(data))
    differences += _show(_wrong_headers(headers, published.formats))

    print(f"{safe(data.name)} in {safe(str(home))}")
    for line in (*_table(data, counts), *_arrays(data), *_formats(headers.values()), *data.notes):
        print(safe(line))
    if not published.clips:
        print("data of your own: there are no published numbers to compare with")
    for line in _subset(data, counts, published):
        print(line)
    if differences:
        word = "difference" if differences == 1 else "differences"
        raise MonitorError(f"{safe(data.name)}: {differences} {word}, listed above")
    if published.clips:
        print("all of it is as published")


def _published(layout: datasets.Layout, home: Path) -> Published:
    """What to compare with: of other data in a published layout only the audio format is known."""
    if layout.PUBLISHED is None:
        return UNKNOWN
    return (
        replace(UNKNOWN, formats=layout.PUBLISHED.formats) if (home / FACTS).is_file() else layout.PUBLISHED
    )


def _show(differences: Iterable[str]) -> int:
    lines = list(differences)
    for line in lines:
        print(f"differs: {safe(line)}")
    return len(lines)


def _wrong_lists(home: Path, published: Published) -> Iterator[str]:
    for file, digest in published.md5.items():
        if (home / file).is_file():
            found = hashlib.md5((home / file).read_bytes(), usedforsecurity=False).hexdigest()
            if found != digest:
                yield f"{file}: md5 {found}, published {digest}"
    for file, lines in published.lines.items():
        if (home / file).is_file():
            number = len((home / file).read_bytes().splitlines())
            if number != lines:
                yield f"{file}: {number} lines, published {lines}"


def _wrong_folds(data: DataSet) -> Iterator[str]:
    if data.folds:  # the evaluation partition alone is a subset
        try:
            datasets.check_folds(data)
        except MonitorError as exc:
            yield str(exc)


def _count(clips: Iterable[Clip]) -> Counter[tuple[str, str]]:
    """Clips by column of the table and label."""
    counts: Counter[tuple[str, str]] = Counter()
    for clip in clips:
        for column in _columns(clip):
            counts[column, clip.label] += 1
    return counts


def _columns(clip: Clip) -> list[str]:
    if clip.fold == EVALUATION:
        return [EVALUATION_COLUMN]
    return [f"fold {clip.fold}", DEVELOPMENT_COLUMN, *filter(None, [clip.array])]


def _wrong_counts(data: DataSet, counts: Counter[tuple[str, str]], published: Published) -> Iterator[str]:
    present = {column for column, _ in counts}
    for column, labels in published.clips.items():
        for label, clips in labels.items():
            if column in present and label in data.labels and counts[column, label] != clips:
                yield f"{column}, {label}: {counts[column, label]} clips, published {clips}"
    known = {label for labels in published.clips.values() for label in labels}
    if known:
        yield from (f"class {label}: not in the published set" for label in data.labels if label not in known)


def _subset(data: DataSet, counts: Counter[tuple[str, str]], published: Published) -> Iterator[str]:
    present = {column for column, _ in counts}
    absent = [column for column in published.clips if column not in present]
    if absent:
        yield f"a subset of the published set: without {', '.join(absent)}"
    classes = {label for labels in published.clips.values() for label in labels}
    if not classes <= set(data.labels):
        yield f"a subset of the published set: {len(data.labels)} of {len(classes)} classes"


def _unlisted(data: DataSet) -> Iterator[str]:
    listed = defaultdict(set)
    for clip in data.clips:
        listed[clip.path.parent].add(clip.path.name)
    for folder, names in list_folders(data).items():
        for name in sorted(names - listed[folder]):
            if name.lower().endswith(SUFFIXES):
                yield (folder / name).relative_to(data.folder).as_posix()


def _headers(data: DataSet) -> dict[str, Header | None]:
    """Header of each file that is there, by its path in the data folder; None if it cannot be read."""
    absent = set(datasets.missing(data))
    files = [file for file in map(data.file, data.clips) if file not in absent]
    # Most of the time is spent waiting for the disk.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(lambda file: _header(data.folder / file), files)
        console = Console(stderr=True)
        return dict(
            zip(
                files,
                track(results, "headers", total=len(files), console=console, transient=True),
                strict=True,
            )
        )


def _header(path: Path) -> Header | None:
    try:
        info = soundfile.info(path)
    except soundfile.SoundFileError:
        return None
    return Header(info.samplerate, info.channels, info.subtype, info.frames)


def _wrong_headers(headers: dict[str, Header | None], formats: tuple[AudioFormat, ...]) -> Iterator[str]:
    for file, header in headers.items():
        if header is None:
            yield f"{file}: no audio file that can be read"
        elif formats and not any(_fits(header, one) for one in formats):
            length = f"{header.seconds:g} s"
            found = describe(header.rate, header.channels, header.subtype, length)
            alike = [one for one in formats if one.subtype == header.subtype] or formats
            yield f"{file}: {found}; published {' or '.join(map(str, alike))}"


def _fits(header: Header, wanted: AudioFormat) -> bool:
    return (header.rate, header.channels, header.subtype) == (
        wanted.rate,
        wanted.channels,
        wanted.subtype,
    ) and abs(header.seconds - wanted.seconds) <= wanted.tolerance


def _arrays(data: DataSet) -> Iterator[str]:
    """A line that tells which arrays of the evaluation partition no model has heard."""
    counts = Counter(clip.array for clip in data.clips if clip.array and clip.fold == EVALUATION)
    if counts:
        known = {clip.array for clip in data.clips if clip.fold != EVALUATION}
        yield "evaluation: " + ", ".join(
            f"{array}{'' if array in known else ' (not in development)'} {clips}"
            for array, clips in sorted(counts.items())
        )


def _formats(headers: Iterable[Header | None]) -> Iterator[str]:
    lengths = defaultdict(list)
    for header in filter(None, headers):
        lengths[header.rate, header.channels, header.subtype].append(header.seconds)
    for (rate, channels, subtype), seconds in sorted(lengths.items()):
        low, high = f"{min(seconds):.4g} s", f"{max(seconds):.4g} s"
        length = low if low == high else f"{low} to {high}"
        yield f"{len(seconds)} files: {describe(rate, channels, subtype, length)}"


def _table(data: DataSet, counts: Counter[tuple[str, str]]) -> Iterator[str]:
    columns = [
        *(f"fold {fold}" for fold in data.folds),
        *([DEVELOPMENT_COLUMN] if data.folds else []),
        *sorted({clip.array for clip in data.clips if clip.array and clip.fold != EVALUATION}),
        *([EVALUATION_COLUMN] if any(clip.fold == EVALUATION for clip in data.clips) else []),
    ]
    width = max(map(len, data.labels), default=0)
    yield " ".join(["clips".ljust(width), *(column.rjust(6) for column in columns)])
    for label in data.labels:
        cells = [str(counts[column, label]) for column in columns]
        yield _row(label.ljust(width), cells, columns)
    sums = [str(sum(counts[column, label] for label in data.labels)) for column in columns]
    yield _row("all".ljust(width), sums, columns)


def _row(label: str, cells: list[str], columns: list[str]) -> str:
    return " ".join(
        [label, *(cell.rjust(max(6, len(column))) for cell, column in zip(cells, columns, strict=True))]
    )
