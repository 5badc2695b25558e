from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import soundfile

from tests import published
from tests.toy_training import write_data
from tests.toys import SHARED
from trainer.cli import main
from trainer.datasets import dcase2017, dcase2018, esc50
from trainer.datasets.published import AudioFormat, Published

SECONDS = 0.01
LABELS = ("absence", "cooking")
META = f"{published.DEVELOPMENT_2018}/meta.txt"


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """DCASE 2018 in miniature, and its numbers as if they had been published."""
    folder = published.write_dcase2018(tmp_path, seconds=SECONDS, labels=LABELS)
    columns = ["fold 1", "fold 2", "fold 3", "fold 4", "node1", "node2", "node3", "node4", "development"]
    absence, cooking = [5, 4, 4, 4, 5, 4, 4, 4, 17], [4, 4, 4, 4, 4, 4, 4, 4, 16]
    numbers = Published(
        formats=(AudioFormat(*published.FORMAT_2018, SECONDS),),
        clips={
            **{c: {"absence": a, "cooking": b} for c, a, b in zip(columns, absence, cooking, strict=True)},
            "evaluation": {"absence": 7, "cooking": 0},
        },
        md5={META: hashlib.md5((folder / META).read_bytes(), usedforsecurity=False).hexdigest()},
    )
    monkeypatch.setattr(dcase2018, "PUBLISHED", numbers)
    return folder


def differences(out: str) -> list[str]:
    """What the command said differs."""
    return [line.removeprefix("differs: ") for line in out.splitlines() if line.startswith("differs: ")]


def test_a_copy_as_published(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every number is right: a table, the formats, the nodes no model has heard, exit code 0."""
    assert main(["data", "check", str(copy)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == [
        *("clips", "fold", "1", "fold", "2", "fold", "3", "fold", "4", "development"),
        *("node1", "node2", "node3", "node4", "evaluation"),
    ]
    assert lines[2].split() == ["absence", "5", "4", "4", "4", "17", "5", "4", "4", "4", "7"]
    assert lines[4].split() == ["all", "9", "8", "8", "8", "33", "9", "8", "8", "8", "7"]
    assert "node4 1, node5 (not in development) 1" in lines[5]
    assert lines[6:] == ["40 files: 16000 Hz, 4 channels, PCM_16, 0.01 s", "all of it is as published"]


def test_each_difference_is_a_line(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Missing, unlisted, damaged and converted files and changed lists are named; the exit code is 65."""
    audio = copy / published.DEVELOPMENT_2018 / "audio"
    (audio / "DevNode1_ex1_1.wav").unlink()
    (audio / "DevNode1_ex1_2.wav").write_bytes(b"")
    samples, _ = soundfile.read(audio / "DevNode1_ex4_1.wav")
    soundfile.write(audio / "DevNode1_ex4_1.wav", samples[:, 0], 8000)
    (audio / "spare.wav").write_bytes(b"")
    (audio / "notes.txt").write_text("no audio")
    with (audio / "DevNode1_ex5_1.wav").open("r+b") as file:
        file.truncate(44 + 80 * 8)
    (copy / META).write_text((copy / META).read_text().replace("\ts4", "\ts04"))
    assert main(["data", "check", str(copy)]) == 65
    done = capsys.readouterr()
    found = [line.removeprefix(f"{published.DEVELOPMENT_2018}/") for line in differences(done.out)]
    wanted = "published 16000 Hz, 4 channels, PCM_16, 0.01 s"
    assert found[0].startswith("meta.txt: md5 ")
    assert found[1:] == [
        "audio/DevNode1_ex1_1.wav: missing",
        "audio/spare.wav: in no list",
        "audio/DevNode1_ex1_2.wav: no audio file that can be read",
        f"audio/DevNode1_ex4_1.wav: 8000 Hz, 1 channel, PCM_16, 0.02 s; {wanted}",
        f"audio/DevNode1_ex5_1.wav: 16000 Hz, 4 channels, PCM_16, 0.005 s; {wanted}",
    ]
    assert done.err.endswith("activity-trainer: error: DCASE 2018 Task 5: 6 differences, listed above\n")


def test_a_partition_alone_is_a_subset(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is left out as a whole is told, and is no difference."""
    (copy / published.DEVELOPMENT_2018).rename(copy / "elsewhere")
    assert main(["data", "check", str(copy)]) == 0
    assert "a subset of the published set: without fold 1, fold 2," in capsys.readouterr().out


def test_lists_that_contradict_each_other(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong digest is told before the contradiction that follows from it."""
    with (copy / META).open("a") as file:
        file.write("audio/DevNode1_ex99_1.wav\tcooking\ts99\n")
    assert main(["data", "check", str(copy)]) == 65
    done = capsys.readouterr()
    assert len(differences(done.out)) == 1
    assert "do not both list audio/DevNode1_ex99_1.wav" in done.err


@pytest.mark.parametrize("year", [2017, 2018])
def test_toys_are_not_the_real_sets(tmp_path: Path, capsys: pytest.CaptureFixture[str], year: int) -> None:
    """The real numbers find fault with every list, class and clip of a toy."""
    write, layout = {
        2017: (published.write_dcase2017, dcase2017),
        2018: (published.write_dcase2018, dcase2018),
    }[year]
    assert main(["data", "check", str(write(tmp_path, seconds=SECONDS))]) == 65
    lines = differences(capsys.readouterr().out)
    for file in (*layout.PUBLISHED.md5, *layout.PUBLISHED.lines):
        assert any(line.startswith(f"{file}: ") for line in lines)
    assert any(line.startswith("evaluation, ") for line in lines)


def test_clips_of_published_length(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With ten seconds each, no clip of the 2017 layout differs in format; only the counts do."""
    copy = published.write_dcase2017(tmp_path, labels=("bus", "home"), evaluation=False)
    assert main(["data", "check", str(copy)]) == 65
    assert not [line for line in differences(capsys.readouterr().out) if ".wav" in line]


def test_esc50_with_fewer_classes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whole classes and folds may be absent; those that are there must be complete."""
    per_class = dict.fromkeys([*published.TARGETS, "hand_saw"], 2)
    columns = ["fold 1", "fold 2", "fold 3", "fold 4", "evaluation"]
    numbers = Published((AudioFormat(*published.FORMAT_ESC50, SECONDS),), dict.fromkeys(columns, per_class))
    monkeypatch.setattr(esc50, "PUBLISHED", numbers)
    copy = published.write_esc50(tmp_path, seconds=SECONDS, evaluation=False)
    assert main(["data", "check", str(copy)]) == 0
    out = capsys.readouterr().out
    assert "a subset of the published set: without evaluation\n" in out
    assert "a subset of the published set: 6 of 7 classes\n" in out


def test_plain_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder without published numbers is described; a damaged clip is found all the same."""
    write_data(tmp_path, clips=4)
    assert main(["data", "check", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "no published numbers" in out
    assert "12 files: 8000 Hz, 1 channel, FLOAT, 1 s" in out
    (tmp_path / "low" / "low0.wav").write_bytes(b"RIFF")
    assert main(["data", "check", str(tmp_path)]) == 65
    assert differences(capsys.readouterr().out) == ["low/low0.wav: no audio file that can be read"]


def test_no_data_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An empty folder is exit code 66, and what was looked for is told."""
    assert main(["data", "check", str(tmp_path)]) == 66
    assert "looked for DCASE2018-task5-dev/" in capsys.readouterr().err


def test_real_esc10(capsys: pytest.CaptureFixture[str]) -> None:
    """The real clips are ten complete classes; three clips that are not five seconds long are named."""
    if not (SHARED / "esc10").is_dir():
        pytest.skip("needs the ESC-10 clips in ../shared/data/esc10")
    assert main(["data", "check", str(SHARED / "esc10")]) == 65
    out = capsys.readouterr().out
    assert "a subset of the published set: 10 of 50 classes" in out
    assert [line.split(":")[0] for line in differences(out)] == [
        "audio/1-172649-F-40.ogg",
        "audio/1-17808-B-12.ogg",
        "audio/4-164661-B-12.ogg",
    ]
