"""`activity-monitor check`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from monitor import preflight
from monitor.audio.sources import ArraySource, Block, Gap, SourceError
from monitor.config import Settings
from monitor.errors import Exit
from monitor.preflight import Finding, check
from monitor.stream import keys
from tests.toys import RATE, tone, write_audio


def settings(bundle: Path, tmp_path: Path, **others: object) -> Settings:
    """A replay that would run; nothing is published."""
    recording = write_audio(tmp_path / "a.wav", tone("low", 1.0))
    usual = {"bundle": bundle, "replay": (str(recording),), "publish": "none"}
    return Settings(**usual | others)  # type: ignore[arg-type]


def test_everything_is_well(toy_bundle: Path, tmp_path: Path, endpoint: str) -> None:
    """A line for each part, in the order of a run."""
    journal = tmp_path / "journal.sqlite"
    findings = list(check(settings(toy_bundle, tmp_path, publish=endpoint, journal=journal)))
    assert [(finding.part, finding.exit_code) for finding in findings] == [
        ("bundle", Exit.OK),
        (f"replay {tmp_path}/a.wav", Exit.OK),
        ("journal", Exit.OK),
        ("publish", Exit.OK),
    ]
    assert findings[0].text.endswith("windows of 1 s at 16000 Hz, 3 labels")
    assert findings[1].text == "1 file with 4 channels"
    assert findings[2].text == f"{journal}, 0 messages so far"
    assert findings[3].text == f"{endpoint} is free"


def test_keys_are_tried(toy_bundle: Path, tmp_path: Path, endpoint: str) -> None:
    """A gate that would let nobody in, or everybody, is found before a run."""
    options = {"publish": endpoint, "keys": tmp_path / "keys"}
    *_, finding = check(settings(toy_bundle, tmp_path, **options))
    assert (finding.part, finding.exit_code) == ("publish", Exit.CONFIG)
    assert "no keys in" in finding.text
    keys.init(tmp_path / "keys")
    *_, finding = check(settings(toy_bundle, tmp_path, **options))
    assert finding.text == f"{endpoint} is free, and keys work"


def test_what_fails_does_not_hide_the_rest(toy_bundle: Path, tmp_path: Path) -> None:
    """Each part has its own problem, in words, with the exit code that a run would have."""
    (tmp_path / "text").write_text("no database" * 100)
    found = check(
        settings(toy_bundle / "none", tmp_path, replay=(str(tmp_path / "b.wav"),), journal=tmp_path / "text")
    )
    assert [finding.exit_code for finding in found] == [Exit.NO_INPUT, Exit.NO_INPUT, Exit.IO]
    nothing = Finding("array", preflight.NOTHING, Exit.USAGE)
    assert nothing in list(check(settings(toy_bundle, tmp_path, replay=())))


class Tape(ArraySource):
    """An array that plays records."""

    sample_rate = RATE
    channels = 4

    def __init__(self, *records: Block | Gap) -> None:
        self._records = records

    def records(self) -> Iterator[Block | Gap]:
        """The records."""
        yield from self._records

    def close(self) -> None:
        """Nothing is open."""


def block(samples: np.ndarray, start: int = 0) -> Block:
    """Samples as they arrive."""
    return Block(samples.astype(np.float32), start, 0.0)


def test_the_levels_of_an_array_that_is_heard() -> None:
    """Three seconds are enough."""
    assert preflight._heard(Tape(block(tone("low", 4.0)))) == "4 channels, levels -23, -23, -23, -23 dBFS"


DEAD = tone("low", 3.0)
DEAD[2] = 0.0


@pytest.mark.parametrize(
    ("records", "message", "code"),
    [
        ([block(np.zeros((4, 3 * RATE)))], "only zeros arrive; is it muted?", Exit.DATA),
        ([block(DEAD)], "microphone 2 is dead; a run would leave it out", Exit.DATA),
        (
            [block(tone("low", 1.5)), Gap(24000, 32000, "device_lost")],
            "audio does not arrive: device lost",
            Exit.UNAVAILABLE,
        ),
        ([], "audio does not arrive: nothing in 10 s", Exit.UNAVAILABLE),
    ],
)
def test_an_array_that_would_not_be_understood(records: list[Block | Gap], message: str, code: Exit) -> None:
    """Muted, with a bad microphone, breaking off, or silent for ever."""
    with pytest.raises(SourceError) as error:
        preflight._heard(Tape(*records))
    assert message in str(error.value)
    assert error.value.exit_code == code


def test_a_card_that_opens_but_gives_nothing_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, toy_bundle: Path, tmp_path: Path
) -> None:
    """The limit ends it."""
    monkeypatch.setattr(preflight, "START_LIMIT", 0.5)
    shutil.copy(Path(__file__).parents[1] / "fake_sounddevice.py", tmp_path / "sounddevice.py")
    card = {"name": "A (hw:1,0)", "max_input_channels": 4, "default_samplerate": 16000}
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("FAKE_CARDS", json.dumps([card | {"silent_until": str(tmp_path / "never")}]))
    options = {"replay": (), "device": ("hw:1",), "journal": tmp_path / "journal.sqlite"}
    findings = {each.part: each for each in check(settings(toy_bundle, tmp_path, **options))}
    assert findings["device hw:1"].text == "it opens, but its audio does not arrive: nothing in 0.5 s"


def test_the_command(toy_bundle: Path, tmp_path: Path) -> None:
    """One line for each part; the exit code is that of the first problem."""
    recording = write_audio(tmp_path / "a.wav", tone("low", 1.0))
    command = [sys.executable, "-m", "monitor.cli", "check", "--bundle", str(toy_bundle), "--publish", "none"]
    for path, code, words in ((recording, 0, "ok      "), (tmp_path / "b.wav", 66, "PROBLEM ")):
        done = subprocess.run(
            [*command, "--replay", str(path)], capture_output=True, text=True, check=False, env=os.environ
        )
        assert (done.returncode, done.stderr) == (code, "")
        lines = done.stdout.splitlines()
        assert len(lines) == 3
        assert lines[1].startswith(f"{words} replay {path}: ")
