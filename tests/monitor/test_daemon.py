"""The wiring: settings -> arrays, journal, loop."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from monitor import daemon
from monitor.audio.cards import Card
from monitor.config import Settings
from monitor.daemon import run
from monitor.errors import MonitorError
from monitor.stream.journal_reader import JournalReader
from monitor.stream.messages import LabelMessage, Message, from_bytes
from tests.toys import tone, write_audio


def test_a_replay_through_files_and_process(toy_bundle: Path, tmp_path: Path) -> None:
    """`run` wires everything: two files, one journal that continues on the next run."""
    for name, label in (("hall", "low"), ("kitchen", "high")):
        write_audio(tmp_path / f"{name}.wav", tone(label, 2.0))
    settings = Settings(
        replay=(str(tmp_path / "hall.wav"), str(tmp_path / "kitchen.wav")),
        speed=100.0,
        bundle=toy_bundle,
        publish="none",
        journal=tmp_path / "journal.sqlite",
    )
    for _ in range(2):
        run(settings, [lambda _: None], threading.Event())
    messages = [from_bytes(entry.body) for entry in JournalReader(tmp_path / "journal.sqlite").after(0, 1000)]
    assert [message.seq for message in messages] == list(range(1, len(messages) + 1))
    assert len({message.boot_id for message in messages}) == 2
    labels = [(m.array, m.label, m.file) for m in messages if isinstance(m, LabelMessage)]
    assert sorted(labels) == [("hall", "low", "hall.wav")] * 4 + [("kitchen", "high", "kitchen.wav")] * 4


def test_a_damaged_recording_is_raised_at_the_end(toy_bundle: Path, tmp_path: Path) -> None:
    """After everything else was monitored."""
    path = write_audio(tmp_path / "a.flac", tone("low", 3.0))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2] + bytes(20_000))
    settings = Settings(replay=(str(path),), speed=100.0, bundle=toy_bundle, publish="none")
    with pytest.raises(MonitorError, match=r"a.flac is damaged"):
        run(settings, [lambda _: None], threading.Event())


def test_arrays_of_the_same_name_are_told_apart(toy_bundle: Path, tmp_path: Path) -> None:
    """Also where a number that would be added is taken."""
    paths = [write_audio(tmp_path / f"{name}.wav", tone("low", 1.0)) for name in ("x-3", "x")]
    settings = Settings(
        replay=(str(paths[0]), str(paths[1]), str(paths[1])), speed=100.0, bundle=toy_bundle, publish="none"
    )
    messages: list[Message | None] = []
    run(settings, [messages.append], threading.Event())
    assert {message.array for message in messages if message} == {"x-3", "x", "x-4"}


@pytest.mark.parametrize(
    ("names", "expected"),
    [((), ["hall", "hall-2"]), (("hall-2",), ["hall-2", "hall"]), (("a", "b"), ["a", "b"])],
)
def test_every_array_has_a_name_of_its_own(
    toy_bundle: Path, tmp_path: Path, names: tuple[str, ...], expected: list[str]
) -> None:
    """Given names are kept; names of files get a number where they clash."""
    (tmp_path / "other").mkdir()
    paths = [write_audio(folder / "hall.wav", tone("low", 1.0)) for folder in (tmp_path, tmp_path / "other")]
    messages: list[Message | None] = []
    settings = Settings(
        replay=tuple(map(str, paths)), name=names, speed=100.0, bundle=toy_bundle, publish="none"
    )
    run(settings, [messages.append], threading.Event())
    assert list(dict.fromkeys(message.array for message in messages if message)) == expected


@pytest.mark.parametrize(
    ("device", "warnings"),
    [("hw:1", ["hw:1 may be another card after a reboot; hw:CARD=Array stays this one"]), ("array", [])],
)
def test_a_bare_card_number_is_answered_with_a_better_name(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, device: str, warnings: list[str]
) -> None:
    """It may mean another room's microphones tomorrow."""
    monkeypatch.setattr(daemon, "SoundCard", lambda *_: None)
    monkeypatch.setattr(daemon, "read_cards", lambda: [Card(1, "Array")])
    daemon.sound_card(Settings(), device, 16000)
    assert caplog.messages == warnings


def test_two_equal_names_are_refused(toy_bundle: Path, tmp_path: Path) -> None:
    """A name stands for one array."""
    path = str(write_audio(tmp_path / "hall.wav", tone("low", 1.0)))
    settings = Settings(replay=(path, path), name=("a", "a"), bundle=toy_bundle, publish="none")
    with pytest.raises(MonitorError, match="cannot have the same name"):
        run(settings, [], threading.Event())
