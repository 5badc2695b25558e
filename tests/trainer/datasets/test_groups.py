"""What was recorded together stays together, whoever wrote the data set."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest

from monitor.errors import MonitorError
from tests.published import write_dcase2017, write_dcase2018, write_esc50
from tests.toy_training import LABELS, write_data
from trainer import datasets
from trainer.datasets import esc50


def write_folder(folder: Path) -> Path:
    """A plain folder whose clips belong to rooms."""
    write_data(folder, clips=6)
    rows = [
        f"{label}/{label}{index}.wav,{index // 2},room{index // 2}" for label in LABELS for index in range(6)
    ]
    (folder / "folds.csv").write_text("\n".join(["file,fold,group", *rows]))
    return folder


def write_published(name: str, folder: Path) -> Path:
    """A data set by its name."""
    if name == "folder":
        return write_folder(folder)
    if name == "esc50":
        return write_esc50(folder, seconds=0.01)
    write = {"dcase2018": write_dcase2018, "dcase2017": write_dcase2017}[name]
    return write(folder, seconds=0.01, labels=("bus", "home"))


@pytest.mark.parametrize("name", ["dcase2018", "dcase2017", "esc50", "folder"])
def test_no_split_crosses_a_group(tmp_path: Path, name: str) -> None:
    """A group is in one development fold or in evaluation, but for the sources published otherwise."""
    data = datasets.read(write_published(name, tmp_path))
    parts = defaultdict(set)
    for clip in data.clips:
        parts[clip.group].add(clip.fold)
    assert len({fold for folds in parts.values() for fold in folds}) == len(data.folds) + 1
    torn = {group for group, folds in parts.items() if len(folds) > 1}
    assert torn == ({"209698", "234879"} if name == "esc50" else set())
    assert torn <= set(esc50.IN_TWO_FOLDS)


@pytest.mark.parametrize(
    ("name", "one", "other", "message"),
    [
        ("dcase2018", "DevNode2_ex4_1.wav", "DevNode2_ex5_1.wav", r"s4 is torn .* in fold 2, .* in fold 3"),
        ("dcase2017", "b002_10_20.wav", "b003_0_10.wav", r"b002 is torn .* in fold 2, .* in fold 3"),
    ],
)
def test_lists_that_tear_a_group_are_refused(
    tmp_path: Path, name: str, one: str, other: str, message: str
) -> None:
    """Two files that change places in every fold's lists leave no other trace than torn groups."""
    copy = write_published(name, tmp_path)
    for path in copy.glob("*/evaluation_setup/fold*.txt"):
        text = path.read_text().replace(one, "here").replace(other, one)
        path.write_text(text.replace("here", other))
    with pytest.raises(MonitorError, match=message):
        datasets.read(copy)


@pytest.mark.parametrize(
    ("name", "table", "old", "new"),
    [
        ("folder", "folds.csv", "high1.wav,0", "high1.wav,1"),
        ("esc50", "*/meta/esc50.csv", ",5000,", ",1000,"),
    ],
)
def test_tables_that_tear_a_group_are_refused(
    tmp_path: Path, name: str, table: str, old: str, new: str
) -> None:
    """A group that is in a development fold and in evaluation is torn, too."""
    copy = write_published(name, tmp_path)
    (path,) = copy.glob(table)
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(MonitorError, match=r"is torn apart: .* in the evaluation partition"):
        datasets.read(copy)
