"""ESC-50 and its subsets: `meta/esc50.csv` and `audio/`, as published at github.com/karolpiczak/ESC-50."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from monitor.errors import MonitorError, safe
from trainer.datasets.clips import EVALUATION, Clip, DataSet, read_csv, refuse_torn_groups, whole_number
from trainer.datasets.published import EVALUATION_COLUMN, AudioFormat, Published

ROOT = "ESC-50-master"
"""The folder in the published archive"""
CSV = Path("meta/esc50.csv")
COLUMNS = ("filename", "fold", "target", "category", "esc10", "src_file", "take")


DEVELOPMENT_FOLDS = (1, 2, 3, 4)
HELD_OUT_FOLD = 5
"""The paper's test partition: it cross-validates on the other four"""
IN_TWO_FOLDS = ("131943", "134049", "209698", "234879")
"""Source recordings that gave clips of two classes, each in another fold, as published"""


def home(folder: Path) -> Path | None:
    """The folder that holds `meta/esc50.csv`: this one, or the archive's in it."""
    return next((path for path in (folder, folder / ROOT) if (path / CSV).is_file()), None)


def read(folder: Path) -> DataSet:
    """Clips as `meta/esc50.csv` lists them; labels in the order of their target numbers.

    Folds 1 to 4 are the development partition, fold 5 is the evaluation partition. A clip's group is the
    recording it was cut from (`src_file`).

    Raises:
        MonitorError: the table is damaged, or has other recordings in two folds than the published one.
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
            fold=_fold(row["fold"], f"{path}, fold"),
            group=row["src_file"],
        )
        for row in rows
    )
    only_esc10 = all(row["esc10"].lower() == "true" for row in rows)
    name = "ESC-10" if only_esc10 else "ESC-50"
    refuse_torn_groups(name, clips, known=IN_TWO_FOLDS)
    return DataSet(
        name=name,
        folder=folder,
        labels=tuple(sorted(targets, key=targets.__getitem__)),
        clips=clips,
        licence="CC BY 3.0" if only_esc10 else "CC BY-NC 3.0",
        source="K. J. Piczak, ESC: Dataset for Environmental Sound Classification; clips from Freesound",
        notes=_notes(clips),
    )


def _notes(clips: Sequence[Clip]) -> tuple[str, ...]:
    held_out = {clip.group for clip in clips if clip.fold == EVALUATION}
    both = sorted(held_out & {clip.group for clip in clips if clip.fold != EVALUATION})
    if not both:
        return ()
    return (f"as published, recordings are in both partitions, with different classes: {', '.join(both)}",)


def _fold(text: str, where: str) -> int:
    fold = whole_number(text, where)
    if fold not in (*DEVELOPMENT_FOLDS, HELD_OUT_FOLD):
        raise MonitorError(f"{safe(where)}: there are folds 1 to {HELD_OUT_FOLD}, found {fold}")
    return EVALUATION if fold == HELD_OUT_FOLD else fold


# In the order of their target numbers; as a list they would fill fifty lines.
_LABELS = """
    dog rooster pig cow frog cat hen insects sheep crow rain sea_waves crackling_fire crickets
    chirping_birds water_drops wind pouring_water toilet_flush thunderstorm crying_baby sneezing
    clapping breathing coughing footsteps laughing brushing_teeth snoring drinking_sipping
    door_wood_knock mouse_click keyboard_typing door_wood_creaks can_opening washing_machine
    vacuum_cleaner clock_alarm clock_tick glass_breaking helicopter chainsaw siren car_horn engine
    train church_bells airplane fireworks hand_saw
""".split()  # noqa: SIM905
PUBLISHED = Published(
    formats=(
        AudioFormat(44100, 1, "PCM_16", 5.0),
        # The edition of 2015; lengths change a little in Ogg Vorbis.
        AudioFormat(44100, 1, "VORBIS", 5.0, tolerance=0.25),
    ),
    clips={
        **{f"fold {fold}": dict.fromkeys(_LABELS, 8) for fold in DEVELOPMENT_FOLDS},
        EVALUATION_COLUMN: dict.fromkeys(_LABELS, 8),
    },
)
