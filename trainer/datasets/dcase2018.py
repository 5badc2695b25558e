"""DCASE 2018 Task 5, domestic activities: 10 s of four microphones; four nodes, seven in evaluation."""

from __future__ import annotations

import re
from pathlib import Path

from monitor.errors import MonitorError, safe
from trainer.datasets import dcase
from trainer.datasets.clips import EVALUATION, Clip, DataSet, refuse_torn_groups
from trainer.datasets.facts import read_facts
from trainer.datasets.published import DEVELOPMENT_COLUMN, EVALUATION_COLUMN, AudioFormat, Published

NAME = "DCASE 2018 Task 5"
SOURCE = "DCASE 2018 Challenge Task 5, a derivative of the SINS database of KU Leuven"
ROOTS = dcase.Roots("DCASE2018-task5-dev", "DCASE2018-task5-eval")
FILE_NAME = re.compile(r"([A-Za-z]*Node[0-9A-Za-z]+)_ex(\d+)_\d+\.wav")


def home(folder: Path) -> Path | None:
    """The folder that holds the partitions, if they are there."""
    return dcase.home(folder, ROOTS)


def read(folder: Path) -> DataSet:
    """Clips as the lists have them; labels in alphabetical order.

    A clip's group is its session, which all nodes recorded at once, and its array is the node. Other data in
    the same layout, such as simulated, says what it is in `dataset.json` (`trainer.datasets.facts`).

    Raises:
        MonitorError: the lists are missing, or contradict each other.
    """
    entries, notes = dcase.read(folder, ROOTS)
    clips = tuple(map(_clip, entries))
    facts = read_facts(folder)
    name = facts.get("name", NAME)
    refuse_torn_groups(name, clips)
    return DataSet(
        name=name,
        folder=folder,
        labels=tuple(sorted({clip.label for clip in clips})),
        clips=clips,
        licence=facts.get("licence", "non-commercial, see EULA.pdf"),
        source=facts.get("source", SOURCE),
        metric="macro_f1",
        notes=notes,
    )


def _clip(entry: dcase.Entry) -> Clip:
    match = FILE_NAME.fullmatch(entry.name)
    if match is None:
        raise MonitorError(
            f"{safe(str(entry.path))} has no name like DevNode1_ex1_1.wav, "
            "neither by itself nor by evaluation_setup/map.txt; unpack the meta archive again"
        )
    node, number = match.groups()
    session = entry.place or f"s{number}"
    # Session numbers start again in the evaluation partition: its s1 is not the s1 of development.
    group = f"evaluation {session}" if entry.fold == EVALUATION else session
    # What the new arrays of evaluation are called is not known; another name is another array.
    return Clip(entry.path, entry.label, entry.fold, group, re.sub("^DevNode", "node", node))


_LABELS = (
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
_CLIPS = {
    "fold 1": (4732, 1284, 356, 572, 520, 1036, 240, 4576, 4704),
    "fold 2": (4708, 1276, 344, 572, 508, 1048, 264, 4692, 4580),
    "fold 3": (4780, 1320, 360, 584, 516, 1652, 228, 4840, 4752),
    "fold 4": (4640, 1244, 364, 580, 516, 1208, 240, 4540, 4608),
    DEVELOPMENT_COLUMN: (18860, 5124, 1424, 2308, 2060, 4944, 972, 18648, 18644),
    # 212 segments of session 1 are of this node only; see fold 3 of the published lists.
    "node1": (4874, 1281, 356, 577, 515, 1236, 243, 4662, 4661),
    "node2": (4662, 1281, 356, 577, 515, 1236, 243, 4662, 4661),
    "node3": (4662, 1281, 356, 577, 515, 1236, 243, 4662, 4661),
    "node4": (4662, 1281, 356, 577, 515, 1236, 243, 4662, 4661),
    EVALUATION_COLUMN: (21112, 4221, 1477, 2100, 1960, 3815, 868, 21116, 16303),
}
# Of the lists as corrected in May 2018; earlier ones hold duplicates.
_MD5 = {
    "meta.txt": "ba6c1d061842f0eaebef15aea929e8fe",
    "evaluation_setup/fold1_train.txt": "240967f7fd0647f03e8e1070c08fb7b5",
    "evaluation_setup/fold1_test.txt": "0078f29a6657ae55bb9e65407b2a5674",
    "evaluation_setup/fold1_evaluate.txt": "0be5dfcffeececec69e2e7b7ac3c8079",
    "evaluation_setup/fold2_train.txt": "87493dde493a631494ec17289d80a629",
    "evaluation_setup/fold2_test.txt": "ca9513050028a60ee78badedd6d69d08",
    "evaluation_setup/fold2_evaluate.txt": "7d4cf0fde627ee056e8cd63789b8b984",
    "evaluation_setup/fold3_train.txt": "6d7760918891cb3a2c5536b25a04d99e",
    "evaluation_setup/fold3_test.txt": "0a1677ef430f54f42b39377a21ed80ab",
    "evaluation_setup/fold3_evaluate.txt": "aa947eaee81df1efc9b14bf9ad09064e",
    "evaluation_setup/fold4_train.txt": "072e20b75504887d93dd491496f9e306",
    "evaluation_setup/fold4_test.txt": "87f4854a11cc6be3a1cb01ad641043a9",
    "evaluation_setup/fold4_evaluate.txt": "517db9db2f3aa473401e5adcce3f1abf",
}
PUBLISHED = Published(
    formats=(AudioFormat(16000, 4, "PCM_16", 10.0),),
    clips={column: dict(zip(_LABELS, counts, strict=True)) for column, counts in _CLIPS.items()},
    md5={f"{ROOTS.development}/{file}": digest for file, digest in _MD5.items()},
)
