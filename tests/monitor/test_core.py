"""The loop: every second between start and stop is in a label or a gap, whatever goes wrong."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from monitor.array import Array
from monitor.audio.backlog import LIMIT
from monitor.audio.sources import ArraySource, Block, Gap, SourceError
from monitor.config import ConfigError, Settings
from monitor.core import Core
from monitor.inference import bundle
from monitor.inference.graph import ModelError
from monitor.inference.recognise import Recogniser, Recognition
from monitor.stream.journal import Journal
from monitor.stream.journal_reader import JournalReader
from monitor.stream.messages import (
    EventMessage,
    GapMessage,
    HealthMessage,
    LabelMessage,
    Message,
    to_bytes,
)
from tests.toys import RATE, tone

SECOND = RATE


class Scripted(ArraySource):
    """A source that yields what it is told."""

    def __init__(self, *records: Block | Gap | Exception) -> None:
        self.sample_rate, self.channels = RATE, 4
        self.script = records

    def records(self) -> Iterator[Block | Gap]:
        """The script; an exception in it is raised."""
        for record in self.script:
            if isinstance(record, Exception):
                raise record
            yield record

    def close(self) -> None:
        """Nothing to close."""


@dataclass
class Moody:
    """A recogniser that fails at the given windows, and may be slow."""

    inner: Recogniser
    failing: set[int]
    delay: float = 0.0
    """Seconds that every window takes"""
    seen: int = -1
    tags: npt.NDArray[np.float64] | None = None
    """What a PANN would tell"""

    @property
    def bundle(self) -> bundle.Bundle:
        """The inner one's."""
        return self.inner.bundle

    def recognise(self, samples: npt.NDArray[np.float32]) -> Recognition:
        """Fail, or recognise."""
        self.seen += 1
        time.sleep(self.delay)
        if self.seen in self.failing:
            raise ModelError("member tones gave no probabilities (sum nan)")
        return replace(self.inner.recognise(samples), tags=self.tags)


def speech(start: float, seconds: float, label: str = "low") -> Block:
    """A block of a tone that begins `start` seconds into the run."""
    return Block(tone(label, seconds), round(start * SECOND), 0.0)


def monitor(
    toy_bundle: Path,
    tmp_path: Path,
    *sources: Scripted,
    failing: set[int] | None = None,
    delay: float = 0.0,
    live: bool = False,
    tags: npt.NDArray[np.float64] | None = None,
    **settings: object,
) -> list[Message]:
    """Messages of a run over the sources."""
    recogniser = Moody(Recogniser(bundle.load(toy_bundle)), failing or set(), delay, tags=tags)
    messages: list[Message | None] = []
    core = Core(
        Settings(node="attic", **settings),  # type: ignore[arg-type]
        recogniser=recogniser,  # type: ignore[arg-type]
        arrays=[Array(f"a{number}", source, live) for number, source in enumerate(sources)],
        journal=Journal(tmp_path / "journal.sqlite", durable=False),
        doorbell=None,
        sinks=[messages.append],
    )
    core.run(threading.Event())
    published = [message for message in messages if message is not None]
    stored = JournalReader(tmp_path / "journal.sqlite").after(0, 1000)
    assert [entry.body for entry in stored] == [to_bytes(message) for message in published]
    return published


def timeline(messages: list[Message]) -> list[str]:
    """Label or gap reason with its length, checked to be without a hole."""
    items = [message for message in messages if isinstance(message, LabelMessage | GapMessage)]
    gaps_overlap_nothing = [(one.end, other.start) for one, other in pairwise(items)]
    for item, (end, start) in zip(items[1:], gaps_overlap_nothing, strict=True):
        assert start == end or (isinstance(item, LabelMessage) and start < end)
    return [
        f"{item.label if isinstance(item, LabelMessage) else item.reason}"
        f" {(item.end - item.start).total_seconds():g}"
        for item in items
    ]


def test_labels_and_gaps_in_order(toy_bundle: Path, tmp_path: Path) -> None:
    """Windows become labels; lost time, and the part of a window before it, a gap."""
    source = Scripted(
        speech(0, 2.5),
        Gap(40000, 48000, "overflow"),
        speech(3, 1.25, "high"),
        Gap(68000, 68000, "end_of_file"),
    )
    messages = monitor(toy_bundle, tmp_path, source)
    assert timeline(messages) == ["low 1", "low 1", "overflow 1", "high 1", "end_of_file 0.25"]
    (first, second) = (message for message in messages if isinstance(message, GapMessage))
    assert (first.lost_samples, second.lost_samples) == (16000, 4000)


def test_tags_of_a_label(toy_bundle: Path, tmp_path: Path) -> None:
    """The five most probable classes of AudioSet, by index, of equal ones the first; no PANN, no tags."""
    heard = np.linspace(0.0, 0.1, 527)
    heard[[400, 3, 7]] = 0.9, 0.5, 0.5
    (message,) = (
        message
        for message in monitor(toy_bundle, tmp_path, Scripted(speech(0, 1)), tags=heard)
        if isinstance(message, LabelMessage)
    )
    found = [(tag.index, tag.probability) for tag in message.tags or ()]
    assert found == [(400, 0.9), (3, 0.5), (7, 0.5), (526, 0.1), (525, round(0.1 * 525 / 526, 6))]
    (tmp_path / "plain").mkdir()
    plain = monitor(toy_bundle, tmp_path / "plain", Scripted(speech(0, 1)))
    assert all(message.tags is None for message in plain if isinstance(message, LabelMessage))


def test_a_failing_model_gives_a_gap(toy_bundle: Path, tmp_path: Path) -> None:
    """The window has no label, and the next one is tried again."""
    messages = monitor(toy_bundle, tmp_path, Scripted(speech(0, 3)), failing={1})
    assert timeline(messages) == ["low 1", "model_error 1", "low 1"]


@pytest.mark.parametrize(
    ("failing", "gaps"),
    [
        ({1}, []),
        ({3, 4, 5, 6}, ["model_error 0.25"]),
        ({7, 8}, ["model_error 0.5"]),
        ({0, 1, 2, 3}, ["model_error 0.25"] * 4),
    ],
)
def test_overlapping_windows_cover_for_each_other(
    toy_bundle: Path, tmp_path: Path, failing: set[int], gaps: list[str]
) -> None:
    """With a hop of a quarter, time is a gap only if no window over it has a label."""
    messages = monitor(toy_bundle, tmp_path, Scripted(speech(0, 3)), failing=failing, hop=0.25)
    assert [item for item in timeline(messages) if not item.startswith("low")] == gaps
    spans = [message for message in messages if isinstance(message, LabelMessage | GapMessage)]
    assert (max(message.end for message in spans) - spans[0].start).total_seconds() == 3.0


def channels(messages: list[Message]) -> list[tuple[list[int], dict[str, str]]]:
    """Microphones that each label rests on, and the faults of the rest."""
    return [(m.channels.used, m.channels.faults) for m in messages if isinstance(m, LabelMessage)]


def test_a_faulty_microphone_is_named_and_left_out(toy_bundle: Path, tmp_path: Path) -> None:
    """The labels rest on the others until it has been well for three windows; health says degraded."""
    dead = tone("low", 1.0)
    dead[1] = 0.0
    source = Scripted(Block(dead, 0, 0.0), speech(1, 4))
    messages = monitor(toy_bundle, tmp_path, source)
    assert channels(messages) == [([0, 2, 3], {"1": "dead"})] * 3 + [([0, 1, 2, 3], {})] * 2
    first = next(message for message in messages if isinstance(message, LabelMessage))
    assert first.level_dbfs == pytest.approx(-23.0, abs=0.1)
    degraded = [m for m in messages if isinstance(m, HealthMessage) and m.state == "degraded"]
    assert [channel.fault for channel in degraded[0].channels] == [None, "dead", None, None]


def test_a_gradual_fault_is_confirmed_first(toy_bundle: Path, tmp_path: Path) -> None:
    """An offset must last for three windows before the microphone leaves."""
    offset = tone("low", 4.0)
    offset[3] += 0.1
    messages = monitor(toy_bundle, tmp_path, Scripted(Block(offset, 0, 0.0), speech(4, 3)))
    faulty = ([0, 1, 2], {"3": "dc_offset"})
    assert channels(messages) == [([0, 1, 2, 3], {})] * 2 + [faulty] * 4 + [([0, 1, 2, 3], {})]


def test_without_a_healthy_microphone_there_is_a_gap(toy_bundle: Path, tmp_path: Path) -> None:
    """Arrays have labels as long as one microphone is well."""
    stuck = np.full((4, SECOND), 0.25, dtype=np.float32)
    messages = monitor(toy_bundle, tmp_path, Scripted(Block(stuck, 0, 0.0), speech(1, 3)))
    assert timeline(messages) == ["no_healthy_channel 1"] * 3 + ["low 1"]


def test_digital_silence_is_no_label_and_no_fault(toy_bundle: Path, tmp_path: Path) -> None:
    """A muted array has heard nothing, which is not that nobody is there."""
    silence = np.zeros((4, SECOND), dtype=np.float32)
    messages = monitor(toy_bundle, tmp_path, Scripted(Block(silence, 0, 0.0), speech(1, 1)))
    assert timeline(messages) == ["digital_silence 1", "low 1"]
    assert channels(messages) == [([0, 1, 2, 3], {})]


def chord(start: float, seconds: float) -> Block:
    """Two tones at once: the model is as sure of the one as of the other."""
    return Block(tone("low", seconds) + tone("high", seconds), round(start * SECOND), 0.0)


def test_what_is_not_probable_enough_is_unknown(toy_bundle: Path, tmp_path: Path) -> None:
    """Such a window is labelled `unknown`, with its scores as they are; it ends no activity."""
    source = Scripted(speech(0, 2), chord(2, 2), speech(4, 1))
    messages = monitor(toy_bundle, tmp_path, source, unknown_below=0.9)
    labels = [message for message in messages if isinstance(message, LabelMessage)]
    assert [label.label for label in labels] == ["low", "low", "unknown", "unknown", "low"]
    assert [label.stable for label in labels] == ["low"] * 5
    assert all(label.confidence == max(label.scores.values()) for label in labels)
    assert all((label.confidence < 0.9) == (label.label == "unknown") for label in labels)
    assert list(labels[2].scores) == ["low", "middle", "high"]
    (tmp_path / "off").mkdir()
    off = monitor(toy_bundle, tmp_path / "off", Scripted(chord(0, 1)))
    assert all(message.label != "unknown" for message in off if isinstance(message, LabelMessage))


def test_a_class_called_unknown(toy_bundle: Path, tmp_path: Path) -> None:
    """A bundle may have one, but not together with the option: nobody could tell the two apart."""
    loaded = bundle.load(toy_bundle)
    manifest = dataclasses.replace(loaded.manifest, labels=("low", "unknown", "high"))
    bundle.write(tmp_path / "unknown.bundle", manifest, loaded.files)
    assert monitor(tmp_path / "unknown.bundle", tmp_path, Scripted(speech(0, 1, "middle")))
    with pytest.raises(
        ConfigError, match=r"has a class called 'unknown' itself.* --unknown-below; leave that out"
    ):
        monitor(tmp_path / "unknown.bundle", tmp_path, Scripted(speech(0, 1)), unknown_below=0.5)


def test_health_at_start_and_end(toy_bundle: Path, tmp_path: Path) -> None:
    """The first message says starting, the last one stopped, with the counts."""
    messages = monitor(toy_bundle, tmp_path, Scripted(speech(0, 2.5)))
    health = [message for message in messages if isinstance(message, HealthMessage)]
    assert isinstance(messages[0], HealthMessage)
    assert health[0].state == "starting"
    assert (health[-1].state, health[-1].windows, health[-1].gaps) == ("stopped", 2, 1)
    assert [channel.fault for channel in health[-1].channels] == [None] * 4
    assert messages[-1] is health[-1]


def story(messages: list[Message]) -> list[str]:
    """Every event, with the seconds of its episode since the first label; stable labels are checked with it.

    An episode begins and ends once, before the next one; labels tell the one that goes on.
    """
    origin = next(message.start for message in messages if isinstance(message, LabelMessage))
    going: EventMessage | None = None
    lines = []
    for message in messages:
        if isinstance(message, LabelMessage):
            assert going is not None
            assert (message.stable, message.since) == (going.activity, going.start)
        elif isinstance(message, EventMessage) and message.event_type == "started":
            assert (going, message.end, message.duration_s) == (None, None, None)
            going = message
            lines.append(f"{message.activity} {(message.start - origin).total_seconds():g}")
        elif isinstance(message, EventMessage):
            assert going is not None
            assert (going.activity, going.start) == (message.activity, message.start)
            assert message.end is not None
            assert message.end > message.start
            assert message.duration_s == pytest.approx(
                (message.end - message.start).total_seconds(), abs=1e-3
            )
            going = None
            lines.append(f"end {(message.end - origin).total_seconds():g}")
    assert going is None
    return lines


def test_events(toy_bundle: Path, tmp_path: Path) -> None:
    """An episode ends where the next one starts; the end of the run ends the last one with its last label."""
    source = Scripted(speech(0, 3), speech(3, 1, "high"), speech(4, 1), speech(5, 3.5, "high"))
    messages = monitor(toy_bundle, tmp_path, source)
    assert story(messages) == ["low 0", "end 5", "high 5", "end 8"]
    kinds = [message.type for message in messages if not isinstance(message, HealthMessage)]
    assert kinds == ["event", *["label"] * 6, "event", "event", "label", "label", "gap", "event"]
    assert messages[-2].type == "event"


def test_a_replay_tells_the_same_episodes_every_time(toy_bundle: Path, tmp_path: Path) -> None:
    """The activities and their times depend on the sound only."""
    stories = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        source = Scripted(speech(0, 3), chord(3, 4), speech(7, 3, "middle"))
        stories.append(story(monitor(toy_bundle, tmp_path / name, source, hop=0.25)))
    assert stories[0] == stories[1]
    assert len(stories[0]) >= 4


def test_a_least_duration(toy_bundle: Path, tmp_path: Path) -> None:
    """What ends before is no episode."""
    source = Scripted(speech(0, 3), speech(3, 3, "high"), speech(6, 3), speech(9, 5, "high"))
    messages = monitor(toy_bundle, tmp_path, source, min_duration=(("high", 4.0),))
    assert story(messages) == ["low 0", "end 9", "high 9", "end 14"]


def test_a_least_duration_of_what_there_is_not(toy_bundle: Path, tmp_path: Path) -> None:
    """The bundle may have been changed, or the name mistyped."""
    with pytest.raises(ConfigError, match="min_duration: bundle toy has no activity hihg; did you mean high"):
        monitor(toy_bundle, tmp_path, Scripted(speech(0, 1)), min_duration=(("hihg", 4.0),))


def test_a_gap_of_three_windows_ends_the_activity(toy_bundle: Path, tmp_path: Path) -> None:
    """With the last that was heard; a shorter one does not."""
    source = Scripted(
        speech(0, 2),
        Gap(32000, 76000, "overflow"),
        speech(4.75, 1),
        Gap(92000, 140000, "overflow"),
        speech(8.75, 1),
    )
    messages = monitor(toy_bundle, tmp_path, source)
    assert story(messages) == ["low 0", "end 5.75", "low 8.75", "end 9.75"]
    assert timeline(messages) == ["low 1", "low 1", "overflow 2.75", "low 1", "overflow 3", "low 1"]


def test_only_gaps_tell_no_episode(toy_bundle: Path, tmp_path: Path) -> None:
    """Nothing was heard, so nothing started."""
    messages = monitor(toy_bundle, tmp_path, Scripted(Gap(0, 80000, "overflow")))
    assert not [message for message in messages if isinstance(message, EventMessage)]


@pytest.mark.parametrize("hop", [1.0, 0.25])
def test_gaps_that_add_up_to_three_windows_end_the_activity(
    toy_bundle: Path, tmp_path: Path, hop: float
) -> None:
    """As when a lost card is reported piece by piece, or every overlapping window fails."""
    pieces = [Gap(start, start + 4000, "device_lost") for start in range(16000, 64000, 4000)]
    source = Scripted(speech(0, 1), *pieces, speech(4, 1))
    messages = monitor(toy_bundle, tmp_path, source, hop=hop)
    assert story(messages) == ["low 0", "end 1", "low 4", "end 5"]
    other = tmp_path / "models"
    other.mkdir()
    failing = set(range(1, 4)) if hop == 1.0 else set(range(4, 19))
    labels = [
        m
        for m in monitor(toy_bundle, other, Scripted(speech(0, 6)), failing=failing, hop=hop)
        if isinstance(m, LabelMessage)
    ]
    assert (labels[-1].since - labels[0].start).total_seconds() >= 4.0


def test_what_was_heard_before_an_error_is_accounted_for(toy_bundle: Path, tmp_path: Path) -> None:
    """A recording that turns out to be damaged ends with a gap up to the damage."""
    source = Scripted(speech(0, 1.75), SourceError("a.flac is damaged after 28000 frames"))
    assert timeline(monitor(toy_bundle, tmp_path, source)) == ["low 1", "end_of_file 0.75"]


def test_one_bad_source_does_not_end_the_others(toy_bundle: Path, tmp_path: Path) -> None:
    """The other array is monitored to its end."""
    bad = Scripted(speech(0, 1), SourceError("a.flac is damaged after 16000 frames"))
    messages = monitor(toy_bundle, tmp_path, bad, Scripted(speech(0, 3)))
    assert sum(message.array == "a1" for message in messages if isinstance(message, LabelMessage)) == 3
    assert sum(message.array == "a0" for message in messages if isinstance(message, LabelMessage)) == 1


def test_times_follow_the_clock_and_not_the_cards_crystal(toy_bundle: Path, tmp_path: Path) -> None:
    """A card 0.02 % slow: the times say so to the millisecond, without holes between labels."""
    slow = [Block(tone("low", 1.0), k * SECOND, 1.0002 * (k + 1)) for k in range(5)]
    messages = monitor(toy_bundle, tmp_path, Scripted(*slow), live=True)
    labels = [message for message in messages if isinstance(message, LabelMessage)]
    assert [one.end for one in labels[:-1]] == [other.start for other in labels[1:]]
    assert (labels[-1].end - labels[0].end).total_seconds() == pytest.approx(4.0008, abs=1e-5)


def test_a_change_of_latency_does_not_bend_the_windows(toy_bundle: Path, tmp_path: Path) -> None:
    """A sound server that delivers 0.15 s later from now on is followed by 0.05 % at most."""
    later = [Block(tone("low", 1.0), k * SECOND, k + 1.0 + 0.15 * (k > 1)) for k in range(5)]
    messages = monitor(toy_bundle, tmp_path, Scripted(*later), live=True)
    labels = [message for message in messages if isinstance(message, LabelMessage)]
    lengths = [(label.end - label.start).total_seconds() for label in labels]
    assert lengths == pytest.approx([1.0] * 5, abs=0.00051)


@pytest.mark.parametrize("hop", [1.0, 0.5])
def test_a_slow_bundle_skips_the_oldest_windows(toy_bundle: Path, tmp_path: Path, hop: float) -> None:
    """Overload is a gap where no label covers it; what is skipped is counted, and nothing is late."""
    source = Scripted(*(Block(tone("low", 1.0), k * SECOND, k + 1.0) for k in range(60)))
    messages = monitor(toy_bundle, tmp_path, source, live=True, delay=0.02, hop=hop)
    labels = [message for message in messages if isinstance(message, LabelMessage)]
    gaps = [message for message in messages if isinstance(message, GapMessage)]
    assert timeline(messages)[-1] == "low 1"
    spans = sorted((message.start, message.end) for message in labels + gaps)
    assert (spans[-1][1] - spans[0][0]).total_seconds() == 60.0
    assert {gap.reason for gap in gaps} == {"overload"}
    windows = 60 if hop == 1.0 else 119
    assert isinstance(stopped := messages[-1], HealthMessage)
    assert (stopped.windows, stopped.skipped) == (len(labels), windows - len(labels))
    assert all(message.queue <= LIMIT for message in messages if isinstance(message, HealthMessage))


def test_suspended_time_is_within_the_times_of_the_messages(toy_bundle: Path, tmp_path: Path) -> None:
    """The clock of the samples goes on while the machine sleeps, so nothing jumps afterwards."""
    source = Scripted(Block(tone("low", 1.0), 0, 1.0), Gap(SECOND, 3601 * SECOND, "suspend"), speech(3601, 1))
    messages = monitor(toy_bundle, tmp_path, source)
    assert timeline(messages) == ["low 1", "suspend 3600", "low 1"]


class Crystal(Scripted):
    """A card that knows how fast it is."""

    @property
    def drift_ppm(self) -> float | None:
        """Parts per million."""
        return 41.26


def test_the_drift_of_a_card_is_published(toy_bundle: Path, tmp_path: Path) -> None:
    """In health, once it is known."""
    for source, drift in ((Scripted(), None), (Crystal(), 41.3)):
        folder = tmp_path / str(drift)
        folder.mkdir()
        health = [m for m in monitor(toy_bundle, folder, source) if isinstance(m, HealthMessage)]
        assert {message.drift_ppm for message in health} == {drift}
