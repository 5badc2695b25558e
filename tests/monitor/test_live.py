"""The whole daemon on a real capture path: PulseAudio, ALSA, PortAudio, a four-channel card."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.toys import RATE, tone, write_audio
from tests.unplugged import COMPILER, Plug
from tests.virtual_card import MISSING, VirtualCard

LIMIT = 60.0
"""Seconds for anything to happen"""

pytestmark = pytest.mark.skipif(
    bool(MISSING), reason=f"needs {', '.join(MISSING)} (Debian: see .ci/debian-packages)"
)


@pytest.fixture
def card(tmp_path: Path) -> Iterator[VirtualCard]:
    """A sound card that can be fed."""
    (tmp_path / "card").mkdir()
    with VirtualCard(tmp_path / "card") as card:
        yield card


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Three tones of five seconds each."""
    samples = np.concatenate([tone(label, 5.0) for label in ("low", "high", "middle")], axis=1)
    return write_audio(tmp_path / "recording.wav", samples)


@pytest.fixture
def hum(tmp_path: Path) -> Path:
    """A tone for longer than any test takes."""
    return write_audio(tmp_path / "hum.wav", np.tile(tone("low", 1.0), 600))


class Daemon:
    """A daemon whose messages are read as they come."""

    def __init__(self, card: VirtualCard, *arguments: str) -> None:
        command = [sys.executable, "-m", "monitor.cli", "--json", *arguments]
        self.process = subprocess.Popen(command, env=card.environment, stdout=subprocess.PIPE, text=True)
        self.messages: list[dict[str, Any]] = []

    def until(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Read messages until one is as wanted; return it."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.messages.append(json.loads(line))
            if wanted(self.messages[-1]):
                return self.messages[-1]
        raise AssertionError(f"the daemon ended: {self.messages[-3:]}")

    def capture(self) -> int:
        """Its capture process."""
        tasks = Path(f"/proc/{self.process.pid}/task").iterdir()
        children = " ".join((task / "children").read_text() for task in tasks).split()
        (capture,) = [
            int(pid)
            for pid in children
            if b"monitor.audio.capture" in Path(f"/proc/{pid}/cmdline").read_bytes()
        ]
        return capture

    def stop(self) -> None:
        """SIGTERM; wait until it has ended."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.stdout is not None
        self.messages += map(json.loads, self.process.stdout)
        assert self.process.wait(LIMIT) == 0

    def timeline(self) -> list[dict[str, Any]]:
        """Labels and gaps; each begins where the one before it ended, and none is lost."""
        assert [message["seq"] for message in self.messages] == list(range(1, len(self.messages) + 1))
        items = [message for message in self.messages if message["type"] in ("label", "gap")]
        for one, other in pairwise(items):
            assert one["end"] == other["start"]
        return items


def sequence(messages: list[dict[str, Any]]) -> list[str]:
    """Labels in order, repetitions left out."""
    return [label for label, _ in groupby(m["label"] for m in messages if m["type"] == "label")]


def is_label(name: str | None = None) -> Callable[[dict[str, Any]], bool]:
    """Whether a message is a label, of the given name."""
    return lambda message: message["type"] == "label" and name in (None, message["label"])


def is_state(name: str) -> Callable[[dict[str, Any]], bool]:
    """Whether a message says that an array is in this state."""
    return lambda message: message["type"] == "health" and message["state"] == name


def start(card: VirtualCard, bundle: Path, endpoint: str) -> Daemon:
    """A daemon on the virtual card."""
    return Daemon(card, "--device", card.device, "--bundle", str(bundle), "--publish", endpoint)


def test_live_labels_equal_those_of_the_replay(
    card: VirtualCard, recording: Path, toy_bundle: Path, endpoint: str
) -> None:
    """The same file gives the same labels through the card as from disk, and silence gives none."""
    replay = Daemon(
        card, "--replay", str(recording), "--speed", "max", "--bundle", str(toy_bundle), "--publish", "none"
    )
    assert replay.process.communicate(timeout=60)[0].count('"type":"label"') == 15
    live = start(card, toy_bundle, endpoint)
    live.until(lambda message: message["type"] == "gap")
    with card.play(recording) as player:
        live.until(is_label("middle"))
        live.until(lambda message: message["type"] == "gap")
        assert player.wait(LIMIT) == 0
    live.stop()
    live.timeline()
    assert sequence(live.messages) == ["low", "high", "middle"]
    assert {m["reason"] for m in live.messages if m["type"] == "gap"} <= {"digital_silence", "stopped"}


def test_a_killed_capture_process_is_replaced(
    card: VirtualCard, hum: Path, toy_bundle: Path, endpoint: str
) -> None:
    """The missing time is a gap, and labels go on."""
    with card.play(hum) as player:
        daemon = start(card, toy_bundle, endpoint)
        daemon.until(is_label())
        killed = daemon.capture()
        os.kill(killed, signal.SIGKILL)
        daemon.until(is_state("reconnecting"))
        daemon.until(is_label())
        assert daemon.capture() != killed
        daemon.stop()
        player.kill()
    lost = [item for item in daemon.timeline() if item["type"] == "gap" and item["reason"] == "device_lost"]
    assert sum(item["lost_samples"] for item in lost) > 0


def test_a_restarted_sound_server_is_found_again(
    card: VirtualCard, hum: Path, toy_bundle: Path, endpoint: str
) -> None:
    """Retried for ever; the time without a server is in gaps."""
    with card.play(hum):
        daemon = start(card, toy_bundle, endpoint)
        daemon.until(is_label())
        card.stop()
    daemon.until(is_state("reconnecting"))
    time.sleep(1.0)
    card.start()
    with card.play(hum) as player:
        daemon.until(is_label())
        daemon.stop()
        player.kill()
    daemon.timeline()


@pytest.mark.skipif(COMPILER is None, reason="needs a C compiler")
def test_a_pulled_plug_is_a_gap_and_the_card_is_found_again(
    card: VirtualCard, hum: Path, toy_bundle: Path, endpoint: str, tmp_path: Path
) -> None:
    """What ALSA says of a card that is gone ends the capture process; a fresh one listens when it is back."""
    plug = Plug(tmp_path)
    card.environment |= plug.environment
    with card.play(hum) as player:
        daemon = start(card, toy_bundle, endpoint)
        daemon.until(is_label())
        before, pulled = daemon.capture(), datetime.now(UTC)
        plug.pull()
        daemon.until(is_state("reconnecting"))
        time.sleep(1.0)
        plug.insert()
        mended = datetime.now(UTC)
        daemon.until(is_state("listening"))
        daemon.until(is_label())
        assert daemon.capture() != before
        daemon.stop()
        player.kill()
    lost = [item for item in daemon.timeline() if item["type"] == "gap" and item["reason"] == "device_lost"]
    first, last = datetime.fromisoformat(lost[0]["start"]), datetime.fromisoformat(lost[-1]["end"])
    assert first < pulled + timedelta(seconds=1)  # with the window that it cuts
    assert mended < last
    samples = sum(item["lost_samples"] for item in lost)
    assert samples / RATE == pytest.approx(
        (last - first).total_seconds(), abs=0.002
    )  # times are rounded to 1 ms


def test_devices_lists_the_string_to_paste(card: VirtualCard) -> None:
    """The virtual card is listed by the name that opens it."""
    command = [sys.executable, "-m", "monitor.cli", "devices"]
    listed = subprocess.run(command, env=card.environment, capture_output=True, text=True, check=True).stdout
    assert any(line.split()[0] == card.device for line in listed.splitlines())


def test_check_listens_to_the_card(card: VirtualCard, hum: Path, toy_bundle: Path, endpoint: str) -> None:
    """It opens the card, and hears its four microphones for some seconds."""
    command = [sys.executable, "-m", "monitor.cli", "check", "--device", card.device, "--publish", endpoint]
    with card.play(hum) as player:
        time.sleep(1.0)  # the first second after a start can be silent
        done = subprocess.run(
            [*command, "--bundle", str(toy_bundle)],
            env=card.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        player.kill()
    assert done.returncode == 0, done.stdout
    assert re.search(r"^ok +device array: 4 channels, levels( -\d\d,?){4} dBFS$", done.stdout, re.MULTILINE)


def test_an_unknown_device_is_answered_with_those_that_exist(card: VirtualCard, toy_bundle: Path) -> None:
    """Exit code 69 and one line that names what could be opened."""
    command = [sys.executable, "-m", "monitor.cli", "--device", "hw:7", "--bundle", str(toy_bundle), "-q"]
    done = subprocess.run(command, env=card.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 69
    assert done.stderr.splitlines() == [
        "activity-monitor: error: no device hw:7; there is: array, pulse, default",
    ]
