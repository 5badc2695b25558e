from __future__ import annotations

import io
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from monitor.errors import MonitorError
from monitor.stream.journal import Journal
from monitor.stream.messages import GapMessage, LabelMessage, Message
from tests.toys import MOMENT, gap_message, health_message, label_message
from trainer.agreement import Said, Truth, compare, read_truth, show, steadiness


def said(
    labels: str, stable: str = "", *, boot_id: str = "boot", first: int = 1, array: str = "kitchen"
) -> list[Message]:
    """A message for each letter, 10 s each; a dash is a gap. Without `stable` that is the label."""
    names = {"c": "cooking", "e": "eating", "u": "unknown"}
    messages: list[Message] = []
    message: GapMessage | LabelMessage
    for index, letter in enumerate(labels):
        make = gap_message if letter == "-" else label_message
        start = MOMENT + timedelta(seconds=10 * index)
        message = make(first + index, boot_id=boot_id, array=array)
        message = replace(message, start=start, end=start + timedelta(seconds=10))
        if isinstance(message, LabelMessage):
            lasts = names[stable[index] if stable else letter]
            message = replace(message, label=names[letter], stable=lasts, since=start)
        messages.append(message)
    return messages


def journal(path: Path, messages: list[Message]) -> Path:
    """A journal that holds these."""
    written = Journal(path, durable=False)
    for message in messages:
        written.append(message)
    written.close()
    return path


COOKED_AND_EATEN = ((0.0, 45.0, "cooking"), (45.0, 100.0, "eating"))


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
    assert text.splitlines()[-1] == "8 windows, 10 s without a label; the truth changes 1 times"


def test_each_window_by_itself_and_smoothed(tmp_path: Path) -> None:
    """How right both are, how often they change, and how late they are."""
    messages = said("ccecceeuee", "cccccccueu")
    lines = [line.split() for line in shown(tmp_path, messages, *COOKED_AND_EATEN).splitlines()]
    assert ["label", "80.0", "84.4", "5", "12.5", "14.5", "0"] in lines
    assert ["stable", "60.0", "58.3", "3", "27.5", "41.5", "0"] in lines


def test_episodes(tmp_path: Path) -> None:
    """What was reported late counts from when it is said to have begun; a gap stays one."""
    messages = said("cccec-eeee", "ccccccceee")
    began = MOMENT + timedelta(seconds=60)
    later = [replace(message, since=began) for message in messages[7:] if isinstance(message, LabelMessage)]
    text = shown(tmp_path, [*messages[:7], *later], *COOKED_AND_EATEN)
    lines = [line.split() for line in text.splitlines()]
    assert ["stable", "88.9", "88.3", "1", "22.5", "32.5", "0"] in lines
    assert ["episode", "100.0", "100.0"] in lines


def test_steadiness() -> None:
    """A window counts for the stretch that its middle is in; one that was never called right is missed."""
    truth = Truth(np.array([0.0, 14.0, 50.0]), np.array([14.0, 50.0, 60.0]), ["cooking", "eating", "absence"])
    labels = ("cooking", "eating", "cooking", "eating", "eating", "eating")
    windows = [
        Said(10.0 * index, 10.0 * index + 10, label, "eating", None) for index, label in enumerate(labels)
    ]
    found = steadiness(truth, windows, "label")
    assert found == {"changes": 3, "missed": 1, "delay": 8.0, "slowest": pytest.approx(9.6)}
    assert steadiness(truth, windows, "stable") == {"changes": 0, "missed": 2, "delay": 6.0, "slowest": 6.0}
    assert steadiness(truth, windows[:0], "label") == {"changes": 0, "missed": 3}


def test_a_window_belongs_to_what_fills_it(tmp_path: Path) -> None:
    """Of two activities in a window the longer one counts; time without truth is left out."""
    text = shown(tmp_path, said("ceec"), (0.0, 14.0, "cooking"), (14.0, 28.0, "eating"))
    assert text.splitlines()[-1].startswith("3 windows,")
    assert re.search("label +100.0", text)


def test_only_the_last_run_counts(tmp_path: Path) -> None:
    """Other messages and earlier runs in the journal change nothing."""
    messages = [*said("ee", boot_id="before"), health_message(3), *said("cc", first=4)]
    text = shown(tmp_path, messages, (0.0, 20.0, "cooking"))
    assert text.splitlines()[-1].startswith("2 windows,")
    assert re.search("label +100.0", text)


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
