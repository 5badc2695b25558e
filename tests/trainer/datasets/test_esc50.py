from __future__ import annotations

from pathlib import Path

import pytest
import soundfile

from monitor.errors import MonitorError
from tests.published import write_esc50
from tests.toy_training import sound
from tests.toys import SHARED
from trainer import datasets

HEADER = "filename,fold,target,category,esc10,src_file,take"
ROWS = [
    "1-500-A-4.wav,1,4,low,False,500,A",
    "1-501-A-2.wav,1,2,high,False,501,A",
    "2-502-A-4.wav,2,4,low,False,502,A",
    "2-503-B-2.wav,2,2,high,False,503,B",
]


def write(folder: Path, rows: list[str], header: str = HEADER, end: str = "\n") -> Path:
    """A data set in the ESC-50 layout."""
    (folder / "meta").mkdir()
    (folder / "audio").mkdir()
    (folder / "meta" / "esc50.csv").write_bytes((end.join([header, *rows]) + end).encode())
    for row in rows:
        name, _, _, label, *_ = row.split(",")
        soundfile.write(folder / "audio" / name, sound(label, 0.1, 0), 8000)
    return folder


def test_labels_are_in_the_order_of_their_targets(tmp_path: Path) -> None:
    """A label's number follows the published target numbers, not the alphabet or the rows."""
    assert datasets.read(write(tmp_path, ROWS)).labels == ("high", "low")


def test_groups_are_source_recordings(tmp_path: Path) -> None:
    """A clip's group is the recording it was cut from."""
    data = datasets.read(write(tmp_path, ROWS))
    assert [clip.group for clip in data.clips] == ["500", "501", "502", "503"]
    assert [clip.fold for clip in data.clips] == [1, 1, 2, 2]
    assert data.file(data.clips[0]) == "audio/1-500-A-4.wav"


def test_windows_line_ends_and_byte_order_mark(tmp_path: Path) -> None:
    """A table that a spreadsheet saved reads the same."""
    data = datasets.read(write(tmp_path, ROWS, header="\ufeff" + HEADER, end="\r\n"))
    assert [clip.label for clip in data.clips] == ["low", "high", "low", "high"]


def test_missing_column_is_named(tmp_path: Path) -> None:
    """A table without a needed column is refused, and the column named."""
    write(tmp_path, ROWS, header=HEADER.replace("src_file", "source"))
    with pytest.raises(MonitorError, match=r"esc50\.csv has no column src_file"):
        datasets.read(tmp_path)


def test_incomplete_row_is_named(tmp_path: Path) -> None:
    """A row that ends early is refused with its line number."""
    write(tmp_path, ROWS)
    with (tmp_path / "meta" / "esc50.csv").open("a") as file:
        file.write("3-504-A-4.wav,3,4\n")
    with pytest.raises(MonitorError, match="line 6: not all columns have a value"):
        datasets.read(tmp_path)


def test_fold_that_is_no_number(tmp_path: Path) -> None:
    """A fold must be a whole number."""
    with pytest.raises(MonitorError, match="fold: 'one' is not a whole number"):
        datasets.read(write(tmp_path, [*ROWS, "x.wav,one,4,low,False,504,A"]))


def test_fold_that_is_not_published(tmp_path: Path) -> None:
    """There are folds 1 to 5; 0 must not become an evaluation partition by accident."""
    with pytest.raises(MonitorError, match="there are folds 1 to 5, found 0"):
        datasets.read(write(tmp_path, [*ROWS, "0-504-A-4.wav,0,4,low,False,504,A"]))


def test_fold_5_is_the_evaluation_partition(tmp_path: Path) -> None:
    """The paper cross-validates on folds 1 to 4; fold 5 is held out. The archive's folder may be left out."""
    data = datasets.read(write_esc50(tmp_path, seconds=0.01))
    assert (data.name, data.folds, data.metric) == ("ESC-50", [1, 2, 3, 4], "accuracy")
    assert data.folder == tmp_path / "ESC-50-master"
    held_out = {clip.path.name[0] for clip in data.clips if clip.fold == datasets.EVALUATION}
    assert held_out == {"5"}


def test_published_sources_in_two_folds(tmp_path: Path) -> None:
    """Two recordings of the real set are in fold 4 and in fold 5; they are read as published."""
    data = datasets.read(write_esc50(tmp_path, seconds=0.01))
    folds = {clip.fold for clip in data.clips if clip.group == "209698"}
    assert folds == {4, datasets.EVALUATION}


def test_another_source_in_two_folds(tmp_path: Path) -> None:
    """Any other recording in two folds is refused."""
    rows = [*ROWS, "2-500-B-4.wav,2,4,low,False,500,B"]
    with pytest.raises(
        MonitorError, match=r"500 is torn apart: 1-500-A-4\.wav is in fold 1, 2-500-B-4\.wav in"
    ):
        datasets.read(write(tmp_path, rows))


def test_missing_audio_is_counted_and_named(tmp_path: Path) -> None:
    """Audio files that the table lists and the folder lacks are counted and named."""
    write(tmp_path, ROWS)
    (tmp_path / "audio" / "2-502-A-4.wav").unlink()
    with pytest.raises(
        MonitorError, match=r"1 of 4 audio files are missing: audio/2-502-A-4\.wav; unpack"
    ) as caught:
        datasets.read(tmp_path)
    assert caught.value.exit_code == 66


def test_class_missing_from_a_fold(tmp_path: Path) -> None:
    """Every fold needs every class, else its score means nothing."""
    with pytest.raises(MonitorError, match="fold 2 has no clips of high"):
        datasets.read(write(tmp_path, ROWS[:3]))


def test_real_esc10() -> None:
    """The real ESC-10 folder has ten classes in four folds, and no recording in two of them."""
    if not (SHARED / "esc10").is_dir():
        pytest.skip("needs the ESC-10 clips in ../shared/data/esc10")
    data = datasets.read(SHARED / "esc10")
    assert data.name == "ESC-10"
    assert data.labels[:3] == ("dog", "rooster", "rain")
    assert (len(data.clips), data.folds) == (320, [1, 2, 3, 4])
    folds_of: dict[tuple[str, str], set[int]] = {}
    for clip in data.clips:
        folds_of.setdefault((clip.group, clip.label), set()).add(clip.fold)
    assert all(len(folds) == 1 for folds in folds_of.values())


@pytest.mark.parametrize("name", ["../a.wav", "/somewhere/a.wav", "a\rb.wav", "a\x1bb.wav"])
def test_names_that_cannot_be_used(tmp_path: Path, name: str) -> None:
    """A file outside the folder, or one that no table can name, is refused."""
    folder = write_esc50(tmp_path, seconds=0.1, labels=("dog", "rain"))
    table = folder / "ESC-50-master" / "meta" / "esc50.csv"
    lines = table.read_text().splitlines()
    lines[1] = ",".join([f'"{name}"', *lines[1].split(",")[1:]])
    table.write_text("\n".join(lines))
    with pytest.raises(MonitorError, match=r"lists '.*'; files must be in its folder, with printable names"):
        datasets.read(folder)


def test_a_file_in_two_folds(tmp_path: Path) -> None:
    """A file that is listed twice would be tested by a model that has learnt it."""
    folder = write_esc50(tmp_path, seconds=0.1, labels=("dog", "rain"))
    table = folder / "ESC-50-master" / "meta" / "esc50.csv"
    lines = table.read_text().splitlines()
    file, fold, *rest = lines[1].split(",")
    again = [file, "2" if fold == "1" else "1", *rest[:3], "77777", rest[-1]]
    table.write_text("\n".join([*lines, ",".join(again)]))
    with pytest.raises(MonitorError, match=rf"lists audio/{file} twice"):
        datasets.read(folder)
