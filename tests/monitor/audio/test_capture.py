"""The capture process, with cards that are made up."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monitor.audio.soundcard import SoundCard
from monitor.audio.sources import Block, Gap, SourceError
from monitor.errors import Exit

RESPEAKER = {
    "name": "ReSpeaker 4 Mic Array (UAC1.0): USB Audio (hw:1,0)",
    "max_input_channels": 6,
    "default_samplerate": 16000,
}
SPEAKER = {"name": "Loudspeaker (hw:0,0)", "max_input_channels": 0, "default_samplerate": 48000}


@pytest.fixture
def cards(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """A function that plugs cards in."""
    shutil.copy(Path(__file__).parents[2] / "fake_sounddevice.py", tmp_path / "sounddevice.py")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    def plug(*cards: dict[str, Any]) -> None:
        monkeypatch.setenv("FAKE_CARDS", json.dumps(cards))

    return plug


def first_frame(card: SoundCard) -> list[float]:
    """The first frame that arrives."""
    record = next(card.records())
    card.close()
    assert isinstance(record, Block)
    return [round(float(value), 3) for value in record.samples[:, -1]]


def test_six_channels_are_not_cut_to_four(cards: Any) -> None:
    """ReSpeaker's six-channel firmware has the microphones on 1 to 4; nothing is dropped unasked."""
    cards(SPEAKER, RESPEAKER)
    with pytest.raises(
        SourceError, match=r"device hw:1 has 6 channels, 4 wanted; .*--channel-map 1,2,3,4"
    ) as error:
        SoundCard("hw:1", 16000, 4)
    assert error.value.exit_code == Exit.DATA
    assert first_frame(SoundCard("hw:1", 16000, 4, (1, 2, 3, 4))) == [0.1, 0.2, 0.3, 0.4]


@pytest.mark.parametrize("channels", [(0, 1, 2, 3, 4, 5), (1, 2, 3, 4), (4, 0), (5,)])
def test_a_channel_map_says_which_come_in_which_order(cards: Any, channels: tuple[int, ...]) -> None:
    """Each with its own samples."""
    cards(RESPEAKER)
    with closing(SoundCard("hw:1", 16000, len(channels), channels)) as card:
        block = next(record for record in card.records() if isinstance(record, Block))
    assert block.samples.shape == (len(channels), 1600)
    np.testing.assert_allclose(
        block.samples, np.repeat([[k / 10] for k in channels], 1600, axis=1), rtol=1e-6
    )


def test_a_card_of_another_rate_is_resampled(cards: Any) -> None:
    """The card runs at its own rate, and the core makes the bundle's of it."""
    cards(RESPEAKER | {"default_samplerate": 48000})
    card = SoundCard("hw:1", 16000, 6)
    received = 0
    for record in card.records():
        if isinstance(record, Gap):  # a machine that is too busy to read in time
            continue
        received += record.samples.shape[1]
        if received > 8000:
            break
    card.close()
    np.testing.assert_allclose(record.samples[:, 0], np.arange(6) / 10, atol=1e-3)


@pytest.mark.parametrize(
    ("error", "message", "code"),
    [
        ("Device unavailable [PaErrorCode -9985]", "device hw:1 is busy", Exit.UNAVAILABLE),
        (
            "Permission denied",
            "device hw:1 may not be opened; is this user in the group audio",
            Exit.NO_PERMISSION,
        ),
        ("Unanticipated host error [PaErrorCode -9999]", "device hw:1: Unanticipated", Exit.UNAVAILABLE),
    ],
)
def test_why_a_card_cannot_be_opened(cards: Any, error: str, message: str, code: Exit) -> None:
    """Busy, not permitted and anything else are told apart."""
    cards(RESPEAKER | {"error": error})
    with pytest.raises(SourceError, match=message) as raised:
        SoundCard("hw:1", 16000, 6)
    assert raised.value.exit_code == code


def test_devices_lists_what_a_run_would_find(cards: Any) -> None:
    """`activity-monitor devices` asks each card for its rates, and knows the wanted channels."""
    cards(SPEAKER, RESPEAKER, {"name": "pulse", "max_input_channels": 32, "default_samplerate": 44100})
    command = [sys.executable, "-m", "monitor.cli", "--channels", "6", "devices"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ).stdout
    assert listed.splitlines() == [
        f"hw:1                           6 channels  16 kHz  {RESPEAKER['name']}",
        "pulse                         32 channels  any rate  pulse",
        "    is a plugin, which may mix channels and resample unasked; prefer a card",
    ]


def test_a_missing_portaudio_is_explained(cards: Any) -> None:
    """Only a card needs it; the message names the package."""
    cards()
    for arguments in (["devices"], ["--device", "hw:1"]):
        command = [sys.executable, "-m", "monitor.cli", "-q", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)
        assert done.returncode == 69
        assert "Traceback" not in done.stderr
        assert done.stderr.splitlines()[-1] == (
            "activity-monitor: error: the PortAudio library is missing; "
            "install it (Debian: apt install libportaudio2)"
        )
