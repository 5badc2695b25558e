"""DCASE 2017 Task 1, TUT Acoustic Scenes 2017: 10 s pieces of binaural recordings of 15 scenes."""

from __future__ import annotations

from pathlib import Path

from trainer.datasets import dcase
from trainer.datasets.clips import EVALUATION, Clip, DataSet, refuse_torn_groups
from trainer.datasets.published import DEVELOPMENT_COLUMN, EVALUATION_COLUMN, AudioFormat, Published

NAME = "TUT Acoustic Scenes 2017"
ROOTS = dcase.Roots("TUT-acoustic-scenes-2017-development", "TUT-acoustic-scenes-2017-evaluation")


def home(folder: Path) -> Path | None:
    """The folder that holds the partitions, if they are there."""
    return dcase.home(folder, ROOTS)


def read(folder: Path) -> DataSet:
    """Clips as the lists have them; labels in alphabetical order.

    A clip's group is the location it was recorded at. A file that several folds test belongs to the one that
    tests most of its location, so that each clip is tested once. Evaluation clips are anonymous; without a
    `map.txt` each is a group of its own.

    Raises:
        MonitorError: the lists are missing, or contradict each other.
    """
    # The published test lists hold 1170 + 1173 + 1173 + 1170 files, six more than there are in the set.
    entries, notes = dcase.read(folder, ROOTS, repeats=True)
    clips = tuple(map(_clip, entries))
    refuse_torn_groups(NAME, clips)
    return DataSet(
        name=NAME,
        folder=folder,
        labels=tuple(sorted({clip.label for clip in clips})),
        clips=clips,
        licence="see EULA.pdf",
        source="TUT Acoustic Scenes 2017, Tampere University of Technology; DCASE 2017 Challenge Task 1",
        notes=notes,
    )


def _clip(entry: dcase.Entry) -> Clip:
    # Names are <location>_<start>_<end>.wav.
    location = entry.place or entry.name.partition("_")[0] or entry.path.name
    # The partitions number their locations apart: the same number need not be the same place.
    group = f"evaluation {location}" if entry.fold == EVALUATION else location
    return Clip(entry.path, entry.label, entry.fold, group)


_LABELS = (
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
_FOLDS = {1: (3510, 1170), 2: (3507, 1173), 3: (3507, 1173), 4: (3510, 1170)}
PUBLISHED = Published(
    formats=(AudioFormat(44100, 2, "PCM_24", 10.0),),
    clips={
        DEVELOPMENT_COLUMN: dict.fromkeys(_LABELS, 312),
        EVALUATION_COLUMN: dict.fromkeys(_LABELS, 108),
    },
    lines={
        f"{ROOTS.development}/evaluation_setup/fold{fold}_{part}.txt": lines
        for fold, sizes in _FOLDS.items()
        for part, lines in zip(("train", "test"), sizes, strict=True)
    },
)
