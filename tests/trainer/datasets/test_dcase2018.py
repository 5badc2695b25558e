from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from monitor.errors import MonitorError
from tests.published import DEVELOPMENT_2018, DOMESTIC, EVALUATION_2018, write_dcase2018
from trainer import datasets
from trainer.datasets import EVALUATION, dcase2018
from trainer.datasets.published import DEVELOPMENT_COLUMN, EVALUATION_COLUMN

LABELS = ("absence", "cooking")
SETUP = f"{DEVELOPMENT_2018}/evaluation_setup"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Two classes: absence is sessions s1, s4, s5, s6 (folds 1 to 4), cooking s7 to s10."""
    return write_dcase2018(tmp_path, seconds=0.01, labels=LABELS)


def edit(path: Path, change: Callable[[list[str]], list[str]]) -> None:
    """Rewrite the lines of a list."""
    path.write_text("".join(f"{line}\n" for line in change(path.read_text().splitlines())))


def test_all_classes_and_the_metric(tmp_path: Path) -> None:
    """Nine classes in alphabetical order, compared by macro F1."""
    data = datasets.read(write_dcase2018(tmp_path, seconds=0.01))
    assert (data.labels, data.folds, data.metric) == (DOMESTIC, [1, 2, 3, 4], "macro_f1")


def test_development_clips(copy: Path) -> None:
    """Label, session and node are as listed, the fold is the one that tests the clip."""
    data = datasets.read(copy)
    clip = next(clip for clip in data.clips if clip.path.name == "DevNode3_ex4_1.wav")
    assert (clip.label, clip.fold, clip.group, clip.array) == ("absence", 2, "s4", "node3")
    assert data.file(clip) == f"{DEVELOPMENT_2018}/audio/DevNode3_ex4_1.wav"


def test_extra_segments_of_one_node(copy: Path) -> None:
    """Nodes need not have the same number of segments, nor sessions follow each other."""
    clips = [clip for clip in datasets.read(copy).clips if clip.fold != EVALUATION]
    assert Counter(clip.array for clip in clips) == {"node1": 9, "node2": 8, "node3": 8, "node4": 8}
    assert {"s2", "s3"}.isdisjoint(clip.group for clip in clips)


@pytest.mark.parametrize("swap", [False, True])
def test_evaluation_clips_are_named_by_the_map(copy: Path, *, swap: bool) -> None:
    """Node and session come from map.txt, whichever column is which; the session is not a development one."""
    if swap:
        path = copy / EVALUATION_2018 / "evaluation_setup" / "map.txt"
        edit(path, lambda lines: ["\t".join(reversed(line.split("\t"))) for line in lines])
    clips = [clip for clip in datasets.read(copy).clips if clip.fold == EVALUATION]
    assert [clip.array for clip in clips] == [f"node{node}" for node in range(1, 8)]
    assert {clip.group for clip in clips} == {"evaluation s1"}
    assert {clip.label for clip in clips} == {"absence"}


def test_evaluation_list_by_its_other_name(copy: Path) -> None:
    """The readme calls the list evaluation.txt, other programs evaluate.txt."""
    setup = copy / EVALUATION_2018 / "evaluation_setup"
    data = datasets.read(copy)
    (setup / "evaluate.txt").rename(setup / "evaluation.txt")
    assert datasets.read(copy) == data


def test_a_partition_stands_for_its_folder(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder of a partition reads the same, also as the working directory."""
    data = datasets.read(copy)
    assert datasets.read(copy / DEVELOPMENT_2018) == data
    monkeypatch.chdir(copy / EVALUATION_2018)
    assert datasets.read(Path()) == data


def test_line_ends_and_missing_sessions(copy: Path) -> None:
    """CRLF, a tab at the end and two columns instead of three change nothing."""
    data = datasets.read(copy)
    edit(
        copy / DEVELOPMENT_2018 / "meta.txt",
        lambda lines: [line.rpartition("\t")[0] + "\r" for line in lines],
    )
    edit(copy / SETUP / "fold1_test.txt", lambda lines: [line + "\t" for line in lines])
    assert datasets.read(copy) == data


def test_without_evaluation(tmp_path: Path) -> None:
    """The development partition alone can be trained on."""
    data = datasets.read(write_dcase2018(tmp_path, seconds=0.01, labels=LABELS, evaluation=False))
    assert (len(data.clips), data.notes) == (33, ())


def test_evaluation_without_labels_is_left_out(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An evaluation partition as it is published before a challenge ends is left out, and a line says so."""
    root = copy / EVALUATION_2018
    (root / "evaluation_setup" / "evaluate.txt").unlink()
    edit(root / "meta.txt", lambda lines: [line.partition("\t")[0] for line in lines])
    assert EVALUATION not in {clip.fold for clip in datasets.read(copy).clips}
    assert capsys.readouterr().err == (
        "DCASE 2018 Task 5: DCASE2018-task5-eval is left out: no list in it has labels\n"
    )


def test_evaluation_without_a_map(copy: Path) -> None:
    """Without map.txt nobody knows node and session."""
    (copy / EVALUATION_2018 / "evaluation_setup" / "map.txt").unlink()
    with pytest.raises(MonitorError, match=r"audio/1\.wav has no name like .*map\.txt"):
        datasets.read(copy)


def test_evaluation_lists_that_disagree(copy: Path) -> None:
    """Two labels for one file are refused."""
    edit(
        copy / EVALUATION_2018 / "meta.txt",
        lambda lines: [lines[0].replace("absence", "cooking"), *lines[1:]],
    )
    with pytest.raises(MonitorError, match=r"-eval: its lists have different labels for audio/1\.wav"):
        datasets.read(copy)


def test_evaluation_alone_cannot_be_learnt_from(copy: Path) -> None:
    """Without the development partition there is nothing to train on."""
    (copy / DEVELOPMENT_2018).rename(copy / "elsewhere")
    with pytest.raises(MonitorError, match="no development partition") as caught:
        datasets.read(copy)
    assert caught.value.exit_code == 66


DOCTORED: list[tuple[str, Callable[[list[str]], list[str]], str]] = [
    (
        f"{SETUP}/fold2_train.txt",
        lambda lines: [*lines, "audio/DevNode1_ex4_1.wav\tabsence\ts4"],
        r"fold 2: fold2_train\.txt and _test\.txt both list audio/DevNode1_ex4_1\.wav \(1 of 1\)",
    ),
    (
        f"{SETUP}/fold2_train.txt",
        lambda lines: lines[1:],
        r"fold 2: .* with _test\.txt, and meta\.txt, do not both list audio/DevNode1_ex10_1\.wav",
    ),
    (
        f"{SETUP}/fold3_evaluate.txt",
        lambda lines: lines[:-1],
        r"fold 3: fold3_evaluate\.txt and _test\.txt do not both list audio/DevNode4_ex9_1\.wav",
    ),
    (
        f"{SETUP}/fold3_evaluate.txt",
        lambda lines: [line.replace("absence", "eating") for line in lines],
        r"fold 3: fold3_evaluate\.txt and meta\.txt have different labels .*ex5_1\.wav \(1 of 4\)",
    ),
    (
        f"{SETUP}/fold4_train.txt",
        lambda lines: [line.replace("cooking", "eating") for line in lines],
        r"fold 4: fold4_train\.txt and meta\.txt have different labels for audio/DevNode1_ex7_1\.wav",
    ),
    (f"{SETUP}/fold4_test.txt", lambda lines: [*lines, lines[0]], r"lists audio/\S+\.wav twice"),
    (f"{SETUP}/fold4_test.txt", lambda lines: ["../secret.wav", *lines], r"not of the form audio/<name>"),
    (f"{DEVELOPMENT_2018}/meta.txt", lambda lines: ["audio/a.wav", *lines], r"meta\.txt, line 1: at least 2"),
]


@pytest.mark.parametrize(("file", "change", "message"), DOCTORED)
def test_lists_that_contradict_each_other(
    copy: Path, file: str, change: Callable[[list[str]], list[str]], message: str
) -> None:
    """A contradiction names the fold, the list and a file."""
    edit(copy / file, change)
    with pytest.raises(MonitorError, match=message) as caught:
        datasets.read(copy)
    assert caught.value.exit_code == 65


def test_file_tested_twice(copy: Path) -> None:
    """A file that leaves the training part of a second fold for its test part is refused."""
    for part, columns in (("test", 1), ("evaluate", 2)):
        moved = "\t".join(["audio/DevNode1_ex1_1.wav", "absence"][:columns])
        edit(copy / SETUP / f"fold2_{part}.txt", lambda lines, moved=moved: [*lines, moved])
    edit(
        copy / SETUP / "fold2_train.txt", lambda lines: [line for line in lines if "Node1_ex1_1" not in line]
    )
    with pytest.raises(
        MonitorError, match=r"fold 2: fold2_test\.txt and an earlier fold's both list .*ex1_1"
    ):
        datasets.read(copy)


def test_half_unpacked(copy: Path) -> None:
    """Without the archive of the lists, the missing list is named; without one of audio, five files are."""
    for path in sorted((copy / DEVELOPMENT_2018 / "audio").glob("DevNode1_*")):
        path.unlink()
    with pytest.raises(
        MonitorError, match=r"9 of 40 audio files are missing: \S+ex10_1\.wav, .*, \.\.\.; unpack"
    ):
        datasets.read(copy)
    (copy / DEVELOPMENT_2018 / "meta.txt").unlink()
    with pytest.raises(MonitorError, match=r"meta\.txt is missing; unpack the meta archive") as caught:
        datasets.read(copy)
    assert caught.value.exit_code == 66


def test_published_counts_add_up() -> None:
    """Folds and nodes add up to the development partition, and the totals are those of the readmes."""
    clips = dcase2018.PUBLISHED.clips
    for parts in ([f"fold {fold}" for fold in (1, 2, 3, 4)], [f"node{node}" for node in (1, 2, 3, 4)]):
        sums = {label: sum(clips[part][label] for part in parts) for label in DOMESTIC}
        assert sums == clips[DEVELOPMENT_COLUMN]
    assert sum(clips[DEVELOPMENT_COLUMN].values()) == 72984
    assert sum(clips[EVALUATION_COLUMN].values()) == 72972
    assert [sum(clips[f"fold {fold}"].values()) for fold in (1, 2, 3, 4)] == [18020, 17992, 19032, 17940]
