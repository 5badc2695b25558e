from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest

from monitor.errors import MonitorError
from tests.toy_training import LABELS, write_data
from trainer import datasets


def test_classes_are_folders(tmp_path: Path) -> None:
    """Labels are the folders' names in alphabetical order."""
    assert datasets.read(write_data(tmp_path)).labels == LABELS


def test_folds_without_a_table_are_even_and_stable(tmp_path: Path) -> None:
    """Without folds.csv every class is dealt evenly to four folds, the same way each time."""
    data = datasets.read(write_data(tmp_path))
    assert Counter((clip.label, clip.fold) for clip in data.clips) == {
        (label, fold): 2 for label in LABELS for fold in (1, 2, 3, 4)
    }
    assert datasets.read(tmp_path) == data


def test_folds_from_a_table(tmp_path: Path) -> None:
    """folds.csv decides which clips there are, their folds and their groups."""
    write_data(tmp_path, clips=2)
    rows = [f"{label}/{label}{index}.wav,{index + 5},room{index}" for label in LABELS for index in (0, 1)]
    (tmp_path / "folds.csv").write_text("\n".join(["file,fold,group", *rows]))
    data = datasets.read(tmp_path)
    assert data.folds == [5, 6]
    assert {clip.group for clip in data.clips if clip.fold == 6} == {"room1"}


def test_evaluation_partition_in_a_table(tmp_path: Path) -> None:
    """Fold 0 in folds.csv is the evaluation partition, which need not have every class."""
    write_data(tmp_path, clips=3)
    rows = [f"{label}/{label}{index}.wav,{index}" for label in LABELS for index in (0, 1, 2)]
    (tmp_path / LABELS[0] / f"{LABELS[0]}0.wav").unlink()
    (tmp_path / "folds.csv").write_text("\n".join(["file,fold", *rows[1:]]))
    data = datasets.read(tmp_path)
    assert data.folds == [1, 2]
    assert [clip.label for clip in data.clips if clip.fold == datasets.EVALUATION] == list(LABELS[1:])


def test_a_table_cannot_leave_clips_out_unnoticed(tmp_path: Path) -> None:
    """A clip that folds.csv does not name would silently be missing from the training."""
    write_data(tmp_path, clips=2)
    (tmp_path / "folds.csv").write_text(f"file,fold\n{LABELS[0]}/{LABELS[0]}0.wav,1\n")
    with pytest.raises(MonitorError, match=r"folds.csv leaves out \d+ of the audio files, such as"):
        datasets.read(tmp_path)


def test_one_class_is_none(tmp_path: Path) -> None:
    """There is nothing to tell apart."""
    write_data(tmp_path)
    for label in LABELS[1:]:
        shutil.rmtree(tmp_path / label)
    with pytest.raises(MonitorError, match="at least two classes are needed, found only high"):
        datasets.read(tmp_path)


def test_a_table_cannot_point_outside(tmp_path: Path) -> None:
    """A file in folds.csv is <class>/<clip> and nothing else."""
    write_data(tmp_path, clips=1)
    (tmp_path / "folds.csv").write_text("file,fold\n../low0.wav,1\n")
    with pytest.raises(MonitorError, match="not of the form <class>/<clip>"):
        datasets.read(tmp_path)


def test_facts_for_the_model_card(tmp_path: Path) -> None:
    """dataset.json gives name, licence and source."""
    write_data(tmp_path)
    (tmp_path / "dataset.json").write_text('{"name": "tones", "licence": "CC0", "source": "here"}')
    data = datasets.read(tmp_path)
    assert (data.name, data.licence, data.source) == ("tones", "CC0", "here")


def test_missing_folder(tmp_path: Path) -> None:
    """A folder that does not exist is exit code 66."""
    with pytest.raises(MonitorError, match="there is no data folder") as caught:
        datasets.read(tmp_path / "nowhere")
    assert caught.value.exit_code == 66


def test_folder_without_audio(tmp_path: Path) -> None:
    """A folder that is no data set says what one looks like."""
    with pytest.raises(MonitorError, match=r"looked for DCASE2018-task5-dev/, .* and <class>/\*\.wav"):
        datasets.read(tmp_path)


def test_too_few_clips_for_folds(tmp_path: Path) -> None:
    """One clip per class cannot be cross-validated."""
    with pytest.raises(MonitorError, match="at least two folds are needed, found 1"):
        datasets.read(write_data(tmp_path, clips=1))
