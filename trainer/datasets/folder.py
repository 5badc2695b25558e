"""A plain folder of classes: `<class>/<clip>.wav|flac|ogg`, with two files that may be missing.

folds.csv       columns file,fold[,group]; file is `<class>/<clip>`; fold 0 is the evaluation partition, which
                nothing is learnt from. Without the file: four folds, by name
dataset.json    what a model card says about the clips (`trainer.datasets.facts`)
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from monitor.errors import Exit, MonitorError, safe
from trainer.datasets.clips import Clip, DataSet, read_csv, refuse_torn_groups, whole_number
from trainer.datasets.facts import read_facts

PUBLISHED = None
FOLDS = "folds.csv"
SUFFIXES = (".wav", ".flac", ".ogg")
DEFAULT_FOLDS = 4
"""As in the paper's cross-validations."""
LOOKED_FOR = (
    "looked for DCASE2018-task5-dev/, TUT-acoustic-scenes-2017-development/, ESC-50-master/, meta/esc50.csv "
    "and <class>/*.wav, .flac or .ogg"
)


def read(folder: Path) -> DataSet:
    """Clips of a folder of classes; labels in alphabetical order."""
    files = [path for path in sorted(folder.glob("*/*")) if path.suffix.lower() in SUFFIXES]
    if not files:
        raise MonitorError(f"no data set in {safe(str(folder))}: {LOOKED_FOR}", Exit.NO_INPUT)
    clips = _listed(folder, files) if (folder / FOLDS).is_file() else _dealt(files)
    facts = read_facts(folder)
    name = facts.get("name", folder.resolve().name)
    refuse_torn_groups(name, clips)
    return DataSet(
        name=name,
        folder=folder,
        labels=tuple(sorted({clip.label for clip in clips})),
        clips=clips,
        licence=facts.get("licence", ""),
        source=facts.get("source", ""),
    )


def _listed(folder: Path, files: list[Path]) -> tuple[Clip, ...]:
    rows = read_csv(folder / FOLDS, ("file", "fold"))
    clips = []
    for row in rows:
        file = Path(row["file"])
        if len(file.parts) != 2 or file.is_absolute() or ".." in file.parts:
            raise MonitorError(f"{FOLDS}: {safe(row['file'])!r} is not of the form <class>/<clip>")
        fold = whole_number(row["fold"], f"{FOLDS}, {row['file']}")
        clips.append(Clip(folder / file, file.parts[0], fold, row.get("group") or row["file"]))
    unlisted = set(files) - {clip.path for clip in clips}
    if unlisted:
        example = safe(str(min(unlisted).relative_to(folder)))
        raise MonitorError(
            f"{FOLDS} leaves out {len(unlisted)} of the audio files, such as {example}; "
            "list them, or move them away"
        )
    return tuple(clips)


def _dealt(files: list[Path]) -> tuple[Clip, ...]:
    """Each class's clips dealt out to the folds like cards, in the order of their names."""
    dealt: dict[str, int] = defaultdict(int)
    clips = []
    for path in files:
        label = path.parent.name
        clips.append(Clip(path, label, 1 + dealt[label] % DEFAULT_FOLDS, f"{label}/{path.name}"))
        dealt[label] += 1
    return tuple(clips)
