"""Small data sets in exactly the layout that their publishers chose, with the oddities of the real ones.

Every class is a tone of its own, so that a model can learn them. Each writer returns what `--data` takes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import soundfile

DOMESTIC = (
    "absence",
    "cooking",
    "dishwashing",
    "eating",
    "other",
    "social_activity",
    "vacuum_cleaner",
    "watching_tv",
    "working",
)
SCENES = (
    "beach",
    "bus",
    "cafe/restaurant",
    "car",
    "city_center",
    "forest_path",
    "grocery_store",
    "home",
    "library",
    "metro_station",
    "office",
    "park",
    "residential_area",
    "train",
    "tram",
)
TARGETS = {"dog": 0, "rooster": 1, "hen": 6, "rain": 10, "clock_alarm": 37, "clock_tick": 38}
"""Some classes of ESC-50; among them those of the sources that are in two folds"""
FOLDS = (1, 2, 3, 4)
Format = tuple[int, int, str]
"""Sample rate in Hz, channels, sample format"""
FORMAT_2018: Format = (16000, 4, "PCM_16")
FORMAT_2017: Format = (44100, 2, "PCM_24")
FORMAT_ESC50: Format = (44100, 1, "PCM_16")
DEVELOPMENT_2018, EVALUATION_2018 = "DCASE2018-task5-dev", "DCASE2018-task5-eval"
DEVELOPMENT_2017 = "TUT-acoustic-scenes-2017-development"
EVALUATION_2017 = "TUT-acoustic-scenes-2017-evaluation"


def write_dcase2018(
    folder: Path, *, seconds: float = 10.0, labels: Sequence[str] = DOMESTIC, evaluation: bool = True
) -> Path:
    """DCASE 2018 Task 5: a session per class and fold, a segment on each of four nodes; seven in evaluation.

    As in the real set there are no sessions 2 and 3, and session 1 has a segment more on node 1.
    """
    root = folder / DEVELOPMENT_2018
    sessions = [number for number in range(1, len(labels) * len(FOLDS) + 3) if number not in (2, 3)]
    fold_of: dict[str, int] = {}
    rows: list[tuple[str, ...]] = []
    for index, session in enumerate(sessions):
        label, fold = labels[index // len(FOLDS)], FOLDS[index % len(FOLDS)]
        segments = [(node, 1) for node in (1, 2, 3, 4)] + ([(1, 2)] if session == 1 else [])
        for node, segment in segments:
            file = f"audio/DevNode{node}_ex{session}_{segment}.wav"
            rows.append((file, label, f"s{session}"))
            fold_of[file] = fold
            _write(root / file, labels.index(label), seconds, FORMAT_2018)
    _write_folds(root, sorted(rows), fold_of)
    if evaluation:
        _write_evaluation_2018(folder / EVALUATION_2018, seconds, labels)
    return folder


def _write_evaluation_2018(root: Path, seconds: float, labels: Sequence[str]) -> None:
    """Anonymous names; sessions count from 1 again; all but the last class are recorded."""
    rows, names = [], []
    for session, label in enumerate(labels[:-1] or labels, start=1):
        for node in range(1, 8):
            file = f"audio/{len(rows) + 1}.wav"
            rows.append((file, label, f"s{session}"))
            names.append((file, f"audio/DevNode{node}_ex{session}_1.wav"))
            _write(root / file, labels.index(label), seconds, FORMAT_2018)
    _write_table(root / "meta.txt", rows)
    _write_table(root / "evaluation_setup" / "evaluate.txt", rows)
    _write_table(root / "evaluation_setup" / "test.txt", [(file,) for file, *_ in rows])
    _write_table(root / "evaluation_setup" / "map.txt", names)


def write_dcase2017(
    folder: Path, *, seconds: float = 10.0, labels: Sequence[str] = SCENES, evaluation: bool = True
) -> Path:
    """DCASE 2017 Task 1: a location per class and fold with two clips; evaluation has one clip per class.

    As in the real set some files, here those of the first location, are in the test lists of two folds.
    """
    root = folder / DEVELOPMENT_2017
    fold_of: dict[str, int] = {}
    rows: list[tuple[str, ...]] = []
    for index in range(len(labels) * len(FOLDS)):
        label, location = labels[index // len(FOLDS)], f"b{index + 1:03}"
        for start in (0, 10):
            file = f"audio/{location}_{start}_{start + 10}.wav"
            rows.append((file, label, location))
            fold_of[file] = FOLDS[index % len(FOLDS)]
            _write(root / file, labels.index(label), seconds, FORMAT_2017)
    _write_folds(root, rows, fold_of, again={file: 2 for file, _, location in rows if location == "b001"})
    (root / "error.txt").write_text("audio/b001_0_10.wav\terror\t1.991448\t2.446579\n")
    if evaluation:
        root = folder / EVALUATION_2017
        listed = [(f"audio/{index}.wav", label) for index, label in enumerate(labels)]
        for file, label in listed:
            _write(root / file, labels.index(label), seconds, FORMAT_2017)
        _write_table(root / "evaluation_setup" / "evaluate.txt", listed)
        _write_table(root / "evaluation_setup" / "test.txt", [(file,) for file, _ in listed])
    return folder


def write_esc50(
    folder: Path, *, seconds: float = 5.0, labels: Iterable[str] = TARGETS, evaluation: bool = True
) -> Path:
    """ESC-50: two clips per class and fold; fold 5 is the paper's evaluation partition.

    With `hen`, `rooster` and the clocks, the two sources are in it that the real set has in folds 4 and 5.
    """
    root = folder / "ESC-50-master"
    torn = {("clock_alarm", 4): 209698, ("clock_tick", 5): 209698, ("hen", 4): 234879, ("rooster", 5): 234879}
    rows = [("filename", "fold", "target", "category", "esc10", "src_file", "take")]
    for fold in (*FOLDS, 5) if evaluation else FOLDS:
        for label in labels:
            for clip in (0, 1):
                target = TARGETS[label]
                source = 1000 * fold + 10 * target + clip
                if clip == 0:
                    source = torn.get((label, fold), source)
                name = f"{fold}-{source}-A-{target}.wav"
                is_esc10 = str(label in ("dog", "rooster", "rain", "clock_tick"))
                rows.append((name, str(fold), str(target), label, is_esc10, str(source), "A"))
                _write(root / "audio" / name, target, seconds, FORMAT_ESC50)
    _write_table(root / "meta" / "esc50.csv", rows, separator=",")
    return folder


def _write_folds(
    root: Path,
    rows: list[tuple[str, ...]],
    fold_of: dict[str, int],
    again: dict[str, int] | None = None,
) -> None:
    """`meta.txt` and the lists of four folds; `again` is a second fold that tests a file."""
    _write_table(root / "meta.txt", rows)
    for fold in FOLDS:
        test = [row for row in rows if fold in (fold_of[row[0]], (again or {}).get(row[0]))]
        train = [row for row in rows if row not in test]
        setup = root / "evaluation_setup"
        _write_table(setup / f"fold{fold}_train.txt", train)
        _write_table(setup / f"fold{fold}_test.txt", [row[:1] for row in test])
        _write_table(setup / f"fold{fold}_evaluate.txt", [row[:2] for row in test])


def _write_table(path: Path, rows: Iterable[tuple[str, ...]], separator: str = "\t") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(separator.join(row) + "\n" for row in rows))


def _write(path: Path, pitch: int, seconds: float, audio_format: Format) -> None:
    """A tone, a little out of tune from file to file, under noise that differs from channel to channel."""
    rate, channels, subtype = audio_format
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(list(path.name.encode()))
    time = np.arange(round(seconds * rate)) / rate
    tone = np.sin(2 * np.pi * 150 * 1.1**pitch * rng.uniform(0.99, 1.01) * time)
    noise = 0.001 * rng.standard_normal((len(time), channels))
    soundfile.write(path, 0.1 * tone[:, None] + noise, rate, subtype=subtype)
