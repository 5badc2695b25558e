from __future__ import annotations

import io
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from rich.console import Console

from monitor.errors import MonitorError
from monitor.stream.journal import Journal
from monitor.stream.messages import Message
from tests.toys import MOMENT, gap_message, health_message, label_message
from trainer.agreement import compare, read_truth, show


def said(labels: str, *, boot_id: str = "boot", first: int = 1, array: str = "kitchen") -> list[Message]:
    """A message for each letter, 10 s each; a dash is a gap."""
    names = {"c": "cooking", "e": "eating", "u": "unknown"}
    messages: list[Message] = []
    for index, letter in enumerate(labels):
        make = gap_message if letter == "-" else label_message
        start = MOMENT + timedelta(seconds=10 * index)
        message = make(first + index, boot_id=boot_id, array=array)
        message = replace(message, start=start, end=start + timedelta(seconds=10))
        messages.append(replace(message, label=names[letter]) if letter != "-" else message)
    return messages


def journal(path: Path, messages: list[Message]) -> Path:
    """A journal that holds these."""
    written = Journal(path, durable=False)
    for message in messages:
        written.append(message)
    written.close()
    return path


def truth(path: Path, *rows: tuple[float, float, str]) -> Path:
    """Labels beside a recording."""
    path.write_text("".join(f"{start}\t{end}\t{label}\n" for start, end, label in rows))
    return path


def shown(tmp_path: Path, messages: list[Message], *rows: tuple[float, float, str]) -> str:
    """What is printed."""
    console = Console(width=100, file=io.StringIO())
    show(truth(tmp_path / "day.tsv", *rows), journal(tmp_path / "day.journal", messages), console)
    return console.file.getvalue()


def test_table(tmp_path: Path) -> None:
    """A row per activity, with what it was taken for, and the scores of all windows."""
    text = shown(tmp_path, said("cccceecu-"), (0.0, 50.0, "cooking"), (50.0, 90.0, "eating"))
    lines = [line.split() for line in text.splitlines()]
    assert ["cooking", "5", "80.0", "80.0", "eating", "1"] in lines
    assert ["eating", "3", "33.3", "40.0", "cooking", "1,", "unknown", "1"] in lines
    assert text.splitlines()[-1] == "8 windows: accuracy 62.5 %, macro F1 60.0 %; 10 s without a label"


def test_a_window_belongs_to_what_fills_it(tmp_path: Path) -> None:
    """Of two activities in a window the longer one counts; time without truth is left out."""
    text = shown(tmp_path, said("ceec"), (0.0, 14.0, "cooking"), (14.0, 28.0, "eating"))
    assert text.splitlines()[-1].startswith("3 windows: accuracy 100.0 %")


def test_only_the_last_run_counts(tmp_path: Path) -> None:
    """Other messages and earlier runs in the journal change nothing."""
    messages = [*said("ee", boot_id="before"), health_message(3), *said("cc", first=4)]
    assert (
        shown(tmp_path, messages, (0.0, 20.0, "cooking"))
        .splitlines()[-1]
        .startswith("2 windows: accuracy 100.0")
    )


def test_two_arrays(tmp_path: Path) -> None:
    """One truth cannot be about two recordings."""
    messages = [*said("c"), *said("c", first=2, array="hall")]
    with pytest.raises(MonitorError, match="is of 2 arrays, but the truth is about one"):
        shown(tmp_path, messages, (0.0, 10.0, "cooking"))


def test_nothing_in_common(tmp_path: Path) -> None:
    """A truth of another time is an error, not a score."""
    with pytest.raises(MonitorError, match="no window of the journal is in the time"):
        shown(tmp_path, said("cc"), (100.0, 200.0, "cooking"))
    with pytest.raises(MonitorError, match="no window"):
        compare([])


def test_missing_files(tmp_path: Path) -> None:
    """Exit code 66, with the name."""
    there = truth(tmp_path / "day.tsv", (0.0, 1.0, "cooking"))
    for labels, messages in ((tmp_path / "no.tsv", there), (there, tmp_path / "no.journal")):
        with pytest.raises(MonitorError, match=r"no\.") as caught:
            show(labels, messages, Console(quiet=True))
        assert caught.value.exit_code == 66


def test_empty_journal(tmp_path: Path) -> None:
    """A journal without a label says nothing."""
    with pytest.raises(MonitorError, match="is of 0 arrays"):
        shown(tmp_path, [health_message(1)], (0.0, 10.0, "cooking"))


@pytest.mark.parametrize("text", ["", "a\tb\tc\n", "0.0\t1.0\n", "1.0\t0.5\tcooking\n"])
def test_damaged_truth(tmp_path: Path, text: str) -> None:
    """What is no table of begin, end and label is refused."""
    path = tmp_path / "day.tsv"
    path.write_text(text)
    with pytest.raises(MonitorError, match=r"day\.tsv: lines of begin, end and label"):
        read_truth(path)
