from __future__ import annotations

from pathlib import Path

import pytest

from monitor.errors import MonitorError
from tests.published import DEVELOPMENT_2017, EVALUATION_2017, SCENES, write_dcase2017
from trainer import datasets
from trainer.datasets import EVALUATION

LABELS = ("bus", "cafe/restaurant")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Two classes: bus is locations b001 to b004 (folds 1 to 4), cafe/restaurant b005 to b008."""
    return write_dcase2017(tmp_path, seconds=0.01, labels=LABELS)


def test_all_classes_and_the_metric(tmp_path: Path) -> None:
    """Fifteen classes, one with a slash in its name, compared by accuracy."""
    data = datasets.read(write_dcase2017(tmp_path, seconds=0.001))
    assert (data.labels, data.folds, data.metric) == (SCENES, [1, 2, 3, 4], "accuracy")


def test_development_clips(copy: Path) -> None:
    """A clip's group is its location."""
    clip = next(clip for clip in datasets.read(copy).clips if clip.path.name == "b006_10_20.wav")
    assert (clip.label, clip.fold, clip.group, clip.array) == ("cafe/restaurant", 2, "b006", "")


def test_location_without_its_column(copy: Path) -> None:
    """Where meta.txt has two columns, the location is in the name."""
    data = datasets.read(copy)
    meta = copy / DEVELOPMENT_2017 / "meta.txt"
    meta.write_text("".join(line.rpartition("\t")[0] + "\n" for line in meta.read_text().splitlines()))
    assert datasets.read(copy) == data


def test_files_that_two_folds_test(copy: Path) -> None:
    """As published, some files are tested twice; they are in the data set once, in the first of the folds."""
    for fold in (1, 2):
        tested = (copy / DEVELOPMENT_2017 / "evaluation_setup" / f"fold{fold}_test.txt").read_text()
        assert "audio/b001_0_10.wav\n" in tested
    clips = [clip for clip in datasets.read(copy).clips if clip.group == "b001"]
    assert [clip.fold for clip in clips] == [1, 1]


def test_evaluation_without_a_map(copy: Path) -> None:
    """Anonymous clips are groups of their own."""
    clips = [clip for clip in datasets.read(copy).clips if clip.fold == EVALUATION]
    assert [(clip.label, clip.group) for clip in clips] == [
        ("bus", "evaluation 0.wav"),
        ("cafe/restaurant", "evaluation 1.wav"),
    ]


def test_evaluation_with_a_map(copy: Path) -> None:
    """map.txt tells the location, which is none of the development partition even if its number is."""
    path = copy / EVALUATION_2017 / "evaluation_setup" / "map.txt"
    path.write_text("audio/b001_0_10.wav\taudio/0.wav\naudio/b001_10_20.wav\taudio/1.wav\n")
    clips = [clip for clip in datasets.read(copy).clips if clip.fold == EVALUATION]
    assert {clip.group for clip in clips} == {"evaluation b001"}


def test_map_that_leaves_files_out(copy: Path) -> None:
    """A map of half the files is refused."""
    (copy / EVALUATION_2017 / "evaluation_setup" / "map.txt").write_text("audio/0.wav\taudio/b201_0_10.wav\n")
    with pytest.raises(MonitorError, match=r"-evaluation: map\.txt does not list audio/1\.wav \(1 of 1\)"):
        datasets.read(copy)


def test_two_data_sets_in_one_folder(copy: Path) -> None:
    """Which of two sets is meant must be said."""
    (copy / "DCASE2018-task5-dev").mkdir()
    with pytest.raises(MonitorError, match="holds 2 data sets; name the folder in it"):
        datasets.read(copy)
    assert datasets.read(copy / DEVELOPMENT_2017).name == "TUT Acoustic Scenes 2017"
