"""ESC-50 and its subsets: `meta/esc50.csv` and `audio/`, as published at github.com/karolpiczak/ESC-50."""

from __future__ import annotations

from pathlib import Path

from monitor.errors import MonitorError, safe
from trainer.datasets.clips import Clip, DataSet, read_csv, whole_number

CSV = Path("meta/esc50.csv")
COLUMNS = ("filename", "fold", "target", "category", "esc10", "src_file", "take")


def read(folder: Path) -> DataSet:
    """Clips as `meta/esc50.csv` lists them; labels in the order of their target numbers.

    A clip's group is the recording it was cut from (`src_file`). Four recordings of the full set are in two
    folds; that is how the set is published.
    """
    path = folder / CSV
    rows = read_csv(path, COLUMNS)
    if not rows:
        raise MonitorError(f"{safe(str(path))} lists no clips")
    targets = {row["category"]: whole_number(row["target"], f"{path}, target") for row in rows}
    clips = tuple(
        Clip(
            path=folder / "audio" / row["filename"],
            label=row["category"],
            fold=whole_number(row["fold"], f"{path}, fold"),
            group=row["src_file"],
        )
        for row in rows
    )
    only_esc10 = all(row["esc10"].lower() == "true" for row in rows)
    return DataSet(
        name="ESC-10" if only_esc10 else "ESC-50",
        folder=folder,
        labels=tuple(sorted(targets, key=targets.__getitem__)),
        clips=clips,
        licence="CC BY 3.0" if only_esc10 else "CC BY-NC 3.0",
        source="K. J. Piczak, ESC: Dataset for Environmental Sound Classification; clips from Freesound",
    )
